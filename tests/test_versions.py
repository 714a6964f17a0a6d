"""Code that shapes bytes and the versions that stand for it: neither changes without the other, or equal bytes are confirmed.

For each step, level or kind of source `versions.json` keeps its versions and the digest of the modules that shape its
bytes: where its work begins and all that this imports of ours, comments and docstrings left out. When a digest changes,
bump a version of the group (units are worked again), or make sure that the bytes are the same; then `make confirm-bytes`
writes the file anew.
"""

from __future__ import annotations

import ast
import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from winnow.filters.recipes import recipes
from winnow.stages import passes
from winnow.stages.ingest.source import kinds
from winnow.stages.run.code import imports_of
from winnow.stages.run.unit import GROUND_VERSION, Step

ROOT = Path(__file__).parents[1]
KEPT = Path(__file__).with_name("versions.json")
FLOORS = ("filters", "formats", "stages", "tokenizer")
GROUND = ("winnow.stages.run.", "winnow.stages.document")
"""What all steps stand on: told of once, as it would else be told of for each."""
SHARED = ("winnow.stages.ingest.source", "winnow.filters.recipes", "winnow.filters.measure")

Group = dict[str, Any]


def test_what_shapes_bytes_has_changed_with_its_version_or_is_confirmed() -> None:
    kept, here = json.loads(KEPT.read_text()), groups()
    changed = [name for name in sorted({*kept, *here}) if kept.get(name) != here.get(name)]
    unbumped = [name for name in changed if kept.get(name, {}).get("versions") == here.get(name, {}).get("versions")]
    assert not changed, (
        f"code that shapes bytes has changed: {', '.join(changed)}. Bump the version of "
        f"{', '.join(unbumped) or 'none of them'} with a comment why, or see that the bytes are equal; "
        "then `make confirm-bytes`"
    )


def test_comments_and_docstrings_do_not_count_and_everything_else_does() -> None:
    text = 'VALUE = 1\n\n\ndef f(a):\n    """Says."""\n    return a + VALUE\n'
    same = '"""New."""\nVALUE = 1  # why\n"""Of it."""\ndef f(a):\n    return (a + VALUE)\n'
    assert code_of(text) == code_of(same)
    for old, new in (("= 1", "= 2"), ("a + V", "a - V"), ("f(a)", "f(a, b=0)"), ("return", "yield")):
        assert code_of(text.replace(old, new)) != code_of(text), new


@pytest.mark.parametrize(
    ("group", "held", "not_held"),
    [
        ("ingest.web", "winnow.formats.html.extraction", "winnow.formats.markup.latex"),
        ("ingest.mathematics", "winnow.formats.markup.latex", "winnow.stages.mixing.mix"),
        ("encode", "winnow.tokenizer.chat", "winnow.formats.html.extraction"),
        ("deduplicate.minhash", "winnow.filters.kernels.minima", "winnow.stages.tokens.encode"),
        ("measure", "winnow.filters.kernels.words", "winnow.formats.html.extraction"),
    ],
)
def test_a_group_holds_what_its_work_imports(group: str, held: str, not_held: str) -> None:
    modules = set(closure(entries()[group][1]))
    assert held in modules and not_held not in modules
    assert group == "measure" or not any(module.startswith(GROUND) for module in modules)


def groups() -> dict[str, Group]:
    """Versions and digest of every group."""
    return {
        name: {"versions": versions, "digest": digest(closure(begin, within_ground=name == "ground"))}
        for name, (versions, begin) in sorted(entries().items())
    }


def entries() -> dict[str, tuple[Mapping[str, int], list[str]]]:
    """Of each group the versions that stand for it, and the modules where its work begins."""
    found: dict[str, tuple[dict[str, int], list[str]]] = {}
    for name in kinds():
        module = import_module(f"winnow.stages.ingest.{name}")
        assert hasattr(module, "VERSION"), f"kind {name} needs a VERSION, to be bumped when it reads otherwise"
        found[f"ingest.{name}"] = ({"kind": module.VERSION}, [module.__name__])
    editing = {recipe.edit.__module__ for recipe in recipes().values() if recipe.edit is not None}
    found["edits"] = ({"edits": passes.EDITS_VERSION}, sorted(editing))
    for step in steps():
        parts = step.name.split(".")
        group = ".".join(parts[:2]) if parts[0] == "deduplicate" else parts[0]
        versions, begin = found.setdefault(group, ({}, []))
        versions[step.name] = step.version
        begin.append(step.work.__module__)
    measuring = {recipe.measure.__module__ for recipe in recipes().values() if recipe.measure is not None}
    found["measure"][1].extend(sorted(measuring))
    found["ingest"][1].append("winnow.stages.ingest.source")
    found["measure"][1].extend(SHARED[1:])
    found["decide"][1].append("winnow.filters.recipes")
    found["ground"] = ({"ground": GROUND_VERSION}, sorted(name for name in modules() if name.startswith(GROUND)))
    return found


def steps() -> Iterator[Step[Any]]:
    """Every step that a module of `stages` names."""
    seen = set()
    for name in sorted(modules()):
        if name.startswith("winnow.stages.") and not name.endswith("exporters"):
            for value in vars(import_module(name)).values():
                if isinstance(value, Step) and id(value) not in seen:
                    seen.add(id(value))
                    yield value


@cache
def modules() -> Mapping[str, Path]:
    """Every module of the floors that shape bytes: dotted path → file."""
    found = {}
    for floor in FLOORS:
        for path in sorted((ROOT / floor).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(["winnow", *(part for part in parts if part != "__init__")])] = path
    return found


def closure(begin: list[str], *, within_ground: bool = False) -> list[str]:
    """The modules from which these are made, by what they import, without what all stand on."""
    found: set[str] = set()
    waiting = list(begin)
    while waiting:
        name = waiting.pop()
        left_out = name.startswith(GROUND) and not within_ground
        if name in found or name not in modules() or left_out or (name in SHARED and name not in begin):
            continue
        found.add(name)
        if not within_ground:
            waiting.extend(imported(name))
    return sorted(found)


@cache
def imported(name: str) -> tuple[str, ...]:
    path = modules()[name]
    return tuple(imports_of(path.read_bytes(), name, is_package=path.name == "__init__.py"))


def digest(names: list[str]) -> str:
    summary = hashlib.blake2b(digest_size=12)
    for name in names:
        summary.update(f"{name} {_code(name)}\n".encode())
    return summary.hexdigest()


@cache
def _code(name: str) -> str:
    return code_of(modules()[name].read_text("utf-8"))


def code_of(source: str) -> str:
    """A digest of what a module does: its syntax tree without docstrings, in a form that Python versions share."""
    return hashlib.blake2b(repr(_plain(ast.parse(source))).encode(), digest_size=12).hexdigest()


def _plain(node: Any) -> Any:
    if isinstance(node, list):
        return [_plain(inner) for inner in node if not _is_docstring(inner)]
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = [(name, _plain(value)) for name, value in ast.iter_fields(node) if value is not None and value != []]
    return (type(node).__name__, [(name, value) for name, value in fields if value != []])


def _is_docstring(node: Any) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def confirm() -> None:
    """Writes what is here as confirmed."""
    KEPT.write_text(json.dumps(groups(), indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    confirm()
    sys.stdout.write(f"{KEPT.relative_to(ROOT)} holds {len(groups())} groups\n")
