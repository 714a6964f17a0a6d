"""Which tests reach a module? Those with its name, then those that import it, then those that import what imports it.

    python -m tests.reach filters/accounts.py
    pytest $(python -m tests.reach filters/accounts.py)

A command and whatever else is looked up by its name is reached by the tests that write that name.
"""

from __future__ import annotations

import argparse
import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.test_architecture import PACKAGE, ROOT, edges, imports, modules_under


def reaching(module: str) -> list[Path]:
    """Test files that reach a module (`filters.accounts`), from the nearest importer; the module's own come first."""
    named = ROOT / "tests" / Path(*module.split(".")).with_name(f"test_{module.rpartition('.')[2]}.py")
    found = [named] if named.exists() else []
    reached, ring = {module}, {module}
    while ring and not found:
        found = sorted(path for path, taken in imported_by_tests().items() if taken & ring)
        ring = {importer for name in ring for importer in importers()[name]} - reached
        reached |= ring
    names = {name.rpartition(".")[2] for name in reached}
    found = found or sorted(path for path, words in words_of_tests().items() if words & names)
    near = [path for path in found if path.parent.relative_to(ROOT / "tests").parts == tuple(module.split(".")[:-1])]
    return near or found


def test_files() -> Iterator[Path]:
    return (path for path in sorted((ROOT / "tests").rglob("test_*.py")) if path.parent.name != "tests")


@cache
def importers() -> dict[str, set[str]]:
    """Who imports a module, by the module; faces (`__init__`) hand nothing on and don't count."""
    modules = modules_under(ROOT) | {path.stem: path for path in (ROOT / "src" / PACKAGE).glob("*.py")}
    found: dict[str, set[str]] = defaultdict(set)
    for importer, imported in edges(modules):
        found[imported].add(importer)
    return found


@cache
def imported_by_tests() -> dict[Path, set[str]]:
    return {
        path: {name for source, taken in imports(path) for name in (source, f"{source}.{taken}".removeprefix("."))}
        for path in test_files()
    }


@cache
def words_of_tests() -> dict[Path, set[str]]:
    """The words of every string in a test: names of commands, of kinds, of formats."""
    return {
        path: {
            word
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
            for word in node.value.split()
        }
        for path in test_files()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help=f"a module of {PACKAGE}, as filters/accounts.py")
    file = parser.parse_args().file
    module = ".".join((ROOT / file).resolve().relative_to(ROOT).with_suffix("").parts)
    if module not in modules_under(ROOT):
        parser.error(f"{file} is no module of {PACKAGE}")
    for path in reaching(module):
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
