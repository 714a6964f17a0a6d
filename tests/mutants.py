"""Would a test notice? Small faults are put into the modules that decide what is in a shard, one at a time.

    python tests/mutants.py                        8 faults in each module (make mutants: an hour on two cores)
    python tests/mutants.py --each 40 stages/shards/pack.py

Each fault (`<` for `<=`, `max` for `min`, another constant, a statement left out …) is written into a copy of the tree,
and the module's own tests are run there until one fails. Faults that none notices are printed as survivors: either a
test is missing, or the fault changes nothing that can be seen.
"""

from __future__ import annotations

import argparse
import ast
import copy
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
TESTS = {
    "stages/mixing/mixture.py": ["tests/stages/mixing"],
    "stages/mixing/balance.py": ["tests/stages/mixing"],
    "stages/mixing/bounds.py": ["tests/stages/mixing"],
    "stages/mixing/mix.py": ["tests/stages/mixing"],
    "stages/shards/patterns.py": ["tests/stages/shards/test_pack.py"],
    "stages/shards/pack.py": ["tests/stages/shards/test_pack.py"],
    "stages/shards/pages.py": ["tests/stages/shards/test_pages.py"],
    "stages/shards/emit.py": ["tests/stages/shards"],
    "stages/deduplicate/exact.py": ["tests/stages/deduplicate/test_exact.py"],
    "stages/deduplicate/verify.py": ["tests/stages/deduplicate"],
    "stages/deduplicate/components.py": ["tests/stages/deduplicate"],
    "stages/deduplicate/survivor.py": ["tests/stages/deduplicate"],
    "stages/tokens/encode.py": ["tests/stages/tokens"],
    "stages/tokens/cuts.py": ["tests/stages/tokens/test_cuts.py", "tests/stages/tokens/test_encode.py"],
    "pipeline/record/ledger.py": ["tests/pipeline/record/test_ledger.py"],
    "pipeline/record/receipt.py": ["tests/pipeline/proof/test_seal.py", "tests/pipeline/record/test_receipt.py"],
    "trainer/loss.py": ["tests/trainer/test_model.py"],
}
COPIED = ("src", "tests", *sorted(link.name for link in (ROOT / "src/winnow").iterdir() if link.is_symlink()))
SWAPPED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.Div: ast.Mult,
}  # fmt: skip
RENAMED = {"min": "max", "max": "min", "any": "all", "all": "any", "minimum": "maximum", "maximum": "minimum"}
PATIENCE = 4.0
"""A run that takes this many times as long as without a fault has noticed it: the fault made a loop endless."""


class Mutant(NamedTuple):
    module: str
    line: int
    what: str
    source: str


def mutants(module: str) -> list[Mutant]:
    """Every fault that can be put into a module, in the order of its lines."""
    tree = ast.parse((ROOT / module).read_text("utf-8"))
    found = []
    decorators = (each for node in ast.walk(tree) for each in getattr(node, "decorator_list", ()))
    passed_over = {
        node for each in decorators for node in ast.walk(each)
    }  # `frozen=True`: nothing that a test could see
    for number, node in enumerate(ast.walk(tree)):
        if node in passed_over:
            continue
        for what, change in _changes(node):
            changed = copy.deepcopy(tree)
            change(next(twin for place, twin in enumerate(ast.walk(changed)) if place == number))
            source = ast.unparse(ast.fix_missing_locations(changed))
            found.append(Mutant(module, getattr(node, "lineno", 0), what, source))
    return sorted(found, key=lambda mutant: (mutant.line, mutant.what))


Change = Callable[[ast.AST], None]


def _changes(node: ast.AST) -> Iterator[tuple[str, Change]]:
    """What can be changed at a node: how it reads, and the change to a copy of the node."""
    match node:
        case ast.Compare(ops=[operator, *_]) if type(operator) in SWAPPED:
            yield _read(node), _setting("ops", [SWAPPED[type(operator)](), *node.ops[1:]])
        case ast.BinOp(op=operator) | ast.BoolOp(op=operator) if type(operator) in SWAPPED:
            yield _read(node), _setting("op", SWAPPED[type(operator)]())
        case ast.UnaryOp(op=ast.Not()):
            yield _read(node), _setting("op", ast.UAdd())  # +True is 1: the negation is gone
        case ast.Call(func=ast.Name(id=name)) if name in RENAMED:
            yield _read(node), _setting("func", ast.Name(RENAMED[name], ast.Load()))
        case ast.Call(func=ast.Attribute(value=owner, attr=name)) if name in RENAMED:
            yield _read(node), _setting("func", ast.Attribute(owner, RENAMED[name], ast.Load()))
        case ast.Constant(value=bool(value)):
            yield _read(node), _setting("value", not value)
        case ast.Constant(value=int(value)):
            yield _read(node), _setting("value", value + 1)
        case ast.AugAssign():
            yield _read(node), _setting("value", ast.Constant(0))
        case ast.Expr(value=ast.Call()):
            yield f"{_read(node)} left out", _setting("value", ast.Constant(None))
        case ast.If():
            yield f"if {_read(node.test)}: never", _setting("test", ast.Constant(False))


def _setting(field: str, value: object) -> Change:
    return lambda twin: setattr(twin, field, value)


def _read(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 70 else text[:69] + "…"


class Tree:
    """A copy of the checkout in which a module can be spoilt and its tests run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "winnow"
        for name in COPIED:
            shutil.copytree(
                ROOT / name, self.folder / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__")
            )
        shutil.copy(ROOT / "pyproject.toml", self.folder)
        (self.folder / "data").symlink_to(ROOT / "data")
        (folder / "shared").symlink_to(ROOT.parent / "shared")

    def passes(self, module: str, source: str | None, seconds: float | None = None) -> bool:
        """Whether the module's tests pass with this source in its place (None: as it is)."""
        path = self.folder / module
        kept = path.read_text("utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-n0", "-p", "no:cacheprovider", *TESTS[module]]
        environment = {**os.environ, "PYTHONPATH": str(self.folder / "src"), "OMP_NUM_THREADS": "1"}
        try:
            if source is not None:
                path.write_text(source, "utf-8")
            run = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, timeout=seconds)
            return run.returncode == 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            path.write_text(kept, "utf-8")


def survivors(tree: Tree, module: str, each: int, seed: int) -> tuple[int, list[Mutant]]:
    """How many faults were tried in a module, and those that its tests didn't notice."""
    if not tree.passes(module, None):  # and kernels are compiled
        raise SystemExit(f"the tests of {module} fail without any fault")
    start = time.monotonic()
    tree.passes(module, None)
    limit = PATIENCE * (time.monotonic() - start) + 30
    possible = mutants(module)
    chosen = random.Random(f"{seed} {module}").sample(possible, min(each, len(possible)))
    return len(chosen), [mutant for mutant in chosen if tree.passes(module, mutant.source, limit)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="by default all of them")
    parser.add_argument("--each", type=int, default=8, help="faults in each module")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    if unknown := set(arguments.modules) - set(TESTS):
        parser.error(f"no tests are named for {', '.join(sorted(unknown))}")

    def work(module: str) -> tuple[str, int, list[Mutant]]:
        with tempfile.TemporaryDirectory() as folder:
            return module, *survivors(Tree(Path(folder)), module, arguments.each, arguments.seed)

    tried = survived = 0
    with ThreadPoolExecutor(arguments.workers) as pool:
        for module, number, left in pool.map(work, arguments.modules or list(TESTS)):
            tried, survived = tried + number, survived + len(left)
            print(f"{module}: {number - len(left)} of {number} noticed", flush=True)
            for mutant in sorted(left, key=lambda mutant: mutant.line):
                print(f"  {mutant.module}:{mutant.line}  {mutant.what}", flush=True)
    print(f"{tried - survived} of {tried} faults noticed")


if __name__ == "__main__":
    main()
