"""The house rules of docs/architecture.md: who may import whom, how long a file may be, what no file is called."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOORS = {
    "pipeline": {"pipeline", "stages", "filters", "tokenizer"},
    "stages": {"stages", "filters", "tokenizer"},
    "filters": {"filters"},
    "tokenizer": {"tokenizer", "filters.kernels"},
    "trainer": {"trainer", "stages.shards", "stages.reader", "stages.sequences", "stages.workspace", "tokenizer"},
    "dags": set[str](),
}
LONGEST = 300
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "misc"}
MODULES = sorted(path for folder in FLOORS for path in (ROOT / folder).rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_there_are_modules_to_hold_the_rules_against() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in MODULES} == set(FLOORS)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_downwards(path: Path) -> None:
    folder = path.relative_to(ROOT).parts[0]
    ours = {name for name in imported(path) if name.partition(".")[0] in FLOORS}
    wrong = [
        name
        for name in ours
        if not any(
            name == floor or name.startswith(floor + ".") or floor.startswith(name + ".") for floor in FLOORS[folder]
        )
    ]
    assert not wrong


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_one_room(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= LONGEST
    assert path.stem not in EMPTY_NAMES


def test_no_package_imports_itself_in_a_circle() -> None:
    graph = {
        module_name(path): {
            name for name in imported_at_top(path) if (ROOT / name.replace(".", "/")).with_suffix(".py").exists()
        }
        for path in MODULES
    }
    done: set[str] = set()

    def visit(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, " → ".join((*way[way.index(module) :], module))
        if module not in done:
            for other in sorted(graph.get(module, ())):
                visit(other, (*way, module))
            done.add(module)

    for module in graph:
        visit(module, ())


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def imported_at_top(path: Path) -> Iterator[str]:
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
