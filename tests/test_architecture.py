"""The house rules of docs/architecture.md: who may import whom, and what no file is called.

They are read from the syntax tree of every module: imports inside functions, under `TYPE_CHECKING` and in `__init__`
files count like any other. Files that want to be two rooms are printed, not forbidden.
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = "winnow"
FLOORS = """
    bounded_yaml · python_syntax · formats.addresses · formats.listing
    filters.kernels · formats.charset · formats.formulas · formats.languages · formats.splits
    stages.document · stages.training
    filters · tokenizer · formats.html · formats.languages.imports · stages.run
    filters.adapters · formats.licences · stages.consumed · stages.decide · stages.preferences
    formats.containers
    formats.html.learning · formats.markup
    formats.dialogues
    formats.translations
    stages.ingest
    stages.layout · stages.passes
    stages.measuring
    stages.deduplicate
    stages.decontaminate · stages.generate · stages.handoff · stages.rejection_sampling · stages.tokens
    stages.mixing · stages.repositories
    stages.shards
    feeds · stages.shards.exporters · trainer · pipeline.credentials · pipeline.record
    pipeline.configuration · pipeline.terminal
    pipeline.drafting · pipeline.planning · pipeline.proof
    pipeline.running
    pipeline.reports
    pipeline
    experiments · viewer
    pipeline.commands
"""
"""From the ground up: a room imports from itself and from lower lines, never from its neighbours on the same one."""
NEVER = {
    "trainer": ("pipeline", "formats", "stages.ingest", "stages.deduplicate", "stages.mixing", "stages.tokens"),
    "stages": ("pipeline", "trainer"),
    "formats": ("pipeline", "trainer", "stages", "tokenizer"),
    "filters": ("pipeline", "trainer", "stages", "tokenizer", "formats"),
    "tokenizer": ("pipeline", "trainer", "stages", "formats"),
    "pipeline": ("trainer", "feeds"),
    "feeds": ("pipeline", "trainer", "formats", "filters", "tokenizer"),
    "viewer": ("trainer", "feeds", "pipeline.commands"),
    "experiments": ("feeds", "pipeline.commands", "formats", "stages.ingest"),
}
LONG = 300
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "misc"}
FOLDERS = ("experiments", "feeds", "filters", "formats", "pipeline", "stages", "tokenizer", "trainer", "viewer")

Modules = Mapping[str, Path]


def modules_under(root: Path) -> dict[str, Path]:
    """Every module below the folders of the package: its dotted name without the package's, and its file."""
    found = {}
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path) -> Iterator[tuple[str, str | None]]:
    """Modules of the package that a file imports from, wherever in it, with the name that it takes."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names = [(alias.name, None) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [(node.module, alias.name) for alias in node.names]
        else:
            continue
        for module, name in names:
            if module.partition(".")[0] == PACKAGE:
                yield module.removeprefix(PACKAGE).removeprefix("."), name


def edges(modules: Modules) -> Iterator[tuple[str, str]]:
    """Which module imports which."""
    for module, path in modules.items():
        for source, name in imports(path):
            inner = f"{source}.{name}".removeprefix(".")
            target = inner if name and inner in modules else source
            if target != module:
                yield module, target


def room_of(module: str, rooms: Mapping[str, int]) -> str:
    """The innermost room of the plan that the module lies in. Raises `KeyError` where the plan has none."""
    for end in range(module.count(".") + 1, 0, -1):
        place = ".".join(module.split(".")[:end])
        if place in rooms:
            return place
    raise KeyError(f"{module} has no room in the plan")


def floors() -> dict[str, int]:
    lines = FLOORS.strip().splitlines()
    return {room: floor for floor, line in enumerate(lines) for room in line.strip().split(" · ")}


def upward(modules: Modules) -> list[str]:
    """Imports that don't run downwards."""
    rooms = floors()
    wrong = []
    for module, target in edges(modules):
        if target in ("", "stages", "formats"):  # faces without a line of code
            continue
        here = room_of(module, rooms) if module not in ("stages", "formats") else "filters.kernels"
        there = room_of(target, rooms)
        if here != there and rooms[here] <= rooms[there]:
            wrong.append(f"{module} → {target}")
        top, other = module.partition(".")[0], target
        if any(other == never or other.startswith(never + ".") for never in NEVER[top]):
            wrong.append(f"{module} → {target} (never)")
    return sorted(wrong)


def circles(modules: Modules) -> list[str]:
    """Modules that import each other, directly or by way of others."""
    graph: dict[str, set[str]] = {module: set() for module in modules}
    for module, target in edges(modules):
        graph[module].add(target)
    found: list[str] = []
    done: set[str] = set()

    def visit(module: str, way: tuple[str, ...]) -> None:
        if module in way:
            found.append(" → ".join((*way[way.index(module) :], module)))
        elif module not in done:
            for other in sorted(graph.get(module, ())):
                visit(other, (*way, module))
            done.add(module)

    for module in graph:
        visit(module, ())
    return found


def handed_on(modules: Modules) -> list[str]:
    """Names taken from a module that has them from another one: the reader is sent to the wrong room."""
    own = {module: _imported_names(path) for module, path in modules.items()}
    return sorted(
        f"{module} takes {name} from {source}"
        for module, path in modules.items()
        for source, name in imports(path)
        if name and f"{source}.{name}".removeprefix(".") not in modules and name in own.get(source, ())
    )


def _imported_names(path: Path) -> set[str]:
    body = ast.parse(path.read_text("utf-8")).body
    return {alias.asname or alias.name for node in body if isinstance(node, ast.ImportFrom) for alias in node.names}


MODULES = modules_under(ROOT)


def test_every_room_of_the_plan_exists() -> None:
    assert len(MODULES) > 300
    for room in floors():
        assert room in MODULES or (ROOT / "src" / PACKAGE / f"{room}.py").exists(), room


def test_imports_run_downwards() -> None:
    assert not upward(MODULES)


def test_no_module_imports_itself_in_a_circle() -> None:
    assert not circles(MODULES)


def test_names_are_imported_from_where_they_are_defined() -> None:
    assert not handed_on(MODULES)


def test_names_say_something() -> None:
    assert not [module for module in MODULES if module.rpartition(".")[2] in EMPTY_NAMES]


def test_nothing_is_imported_past_the_package() -> None:
    """`from filters import …` would work in the checkout, as a second copy of everything, and nowhere else."""
    files = [path for folder in (*FOLDERS, "tests", "benchmarks") for path in (ROOT / folder).rglob("*.py")]
    wrong = []
    for path in files:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            wrong += [f"{path.name}: {name}" for name in names if name.partition(".")[0] in FOLDERS]
    assert not wrong


def test_the_package_links_to_the_folders() -> None:
    linked = {path.name: path.resolve() for path in (ROOT / "src" / PACKAGE).iterdir() if path.is_symlink()}
    assert linked == {name: ROOT / name for name in (*FOLDERS, "manifests")}


def test_the_dag_imports_nothing_of_ours() -> None:
    assert not [name for path in (ROOT / "dags").glob("*.py") for name in imports(path)]


def test_long_files_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    """A limit that shapes the split is worse than a long file; a list keeps them in sight."""
    lengths = {module: len(path.read_text("utf-8").splitlines()) for module, path in MODULES.items()}
    with capsys.disabled():
        for module, length in sorted(lengths.items(), key=lambda item: -item[1]):
            if length > LONG:
                print(f"\n{module} has {length} lines", end="")


# The rules themselves, on houses that break them.

PLANTED = {
    "an upward import in a face": {
        "filters/__init__.py": "from winnow.stages.ingest import web",
        "stages/ingest/web.py": "",
    },
    "an upward import inside a function": {
        "formats/markup/latex.py": "def read():\n    from winnow.stages.ingest.web import page",
        "stages/ingest/web.py": "page = 1",
    },
    "an import of a neighbour": {
        "stages/layout/a.py": "import winnow.stages.passes",
        "stages/passes.py": "",
    },
}


def planted(root: Path, files: Mapping[str, str]) -> dict[str, Path]:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / "__init__.py").touch()
        path.write_text(textwrap.dedent(text))
    return modules_under(root)


@pytest.mark.parametrize("files", PLANTED.values(), ids=PLANTED)
def test_an_upward_import_is_found(files: dict[str, str], tmp_path: Path) -> None:
    assert upward(planted(tmp_path, files))


def test_a_lazy_circle_is_found(tmp_path: Path) -> None:
    files = {
        "filters/a.py": "from winnow.filters.b import f",
        "filters/b.py": "def f():\n    from winnow.filters import a",
    }
    assert circles(planted(tmp_path, files)) == ["filters.a → filters.b → filters.a"]


def test_a_circle_through_a_face_is_found(tmp_path: Path) -> None:
    files = {
        "filters/__init__.py": "from winnow.filters.a import f",
        "filters/a.py": "from winnow.filters import f as g",
    }
    assert circles(planted(tmp_path, files))


def test_a_face_that_hands_names_on_is_found(tmp_path: Path) -> None:
    files = {
        "filters/__init__.py": "from winnow.filters.a import f",
        "filters/a.py": "def f(): ...",
        "stages/run/b.py": "from winnow.filters import f",
    }
    assert handed_on(planted(tmp_path, files)) == ["stages.run.b takes f from filters"]
