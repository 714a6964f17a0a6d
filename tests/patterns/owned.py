"""Every regular expression of the project, with the ways in which it is used.

What stands as `re.search("…")` in a function is found in the syntax trees, what modules hold compiled, in whatever they
hold it, in the modules themselves.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.test_architecture import PACKAGE, ROOT, modules_under

ONCE = ("search", "match", "fullmatch")
METHODS = (*ONCE, "sub", "subn", "split", "findall", "finditer")


@dataclass
class Owned:
    """A pattern, where it stands and the methods that are called on it."""

    place: str
    pattern: re.Pattern[Any]
    methods: set[str] = field(default_factory=set)


def _name(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


def _held(value: Any, place: str, depth: int = 0) -> Iterator[tuple[str, re.Pattern[Any], str]]:
    """Patterns within `value`, bound methods of patterns included: where, the pattern, the method or an empty name."""
    if isinstance(value, re.Pattern):
        yield place, value, ""
    elif isinstance(getattr(value, "__self__", None), re.Pattern):
        yield place, value.__self__, value.__name__
    elif depth > 4:
        return
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _held(key, f"{place}[{key!r:.20}]", depth + 1)
            yield from _held(item, f"{place}[{key!r:.20}]", depth + 1)
    elif isinstance(value, tuple | list | set | frozenset):
        for index, item in enumerate(value):
            yield from _held(item, f"{place}[{index}]", depth + 1)
    elif getattr(type(value), "__module__", "").startswith("winnow.") or (
        isinstance(value, type) and value.__module__.startswith("winnow.")
    ):
        slots = [name for name in getattr(type(value), "__slots__", ()) if isinstance(name, str)]
        inner = dict(getattr(value, "__dict__", {})) | {name: getattr(value, name, None) for name in slots}
        for key, item in inner.items():
            yield from _held(item, f"{place}.{key}", depth + 1)


def owned() -> list[Owned]:
    """Every pattern of the project once, with the ways in which it is used."""
    found: dict[tuple[Any, int], Owned] = {}
    calls: dict[str, set[str]] = {}  # name of a pattern: methods called on it, anywhere
    trees = [(f"{PACKAGE}.{module}", path, path.read_text("utf-8")) for module, path in modules_under(ROOT).items()]
    modules = []
    for module, path, text in trees:
        if not re.search(r"\bre\b|Pattern|[a-z]\.(?:search|match|fullmatch|sub|finditer|findall)\(", text):
            continue
        in_module: set[str] = set()
        tree = ast.parse(text)
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            method, target = node.func.attr, _name(node.func.value)
            if target == "re":
                _constant(node, method, f"{path.relative_to(ROOT)}:{node.lineno}", found)
            elif method in METHODS:
                in_module.add(method)
                calls.setdefault(target, set()).add(method)
        if re.search(r"\bre\b", text):
            modules.append((module, path, in_module))
    for module, path, in_module in modules:
        for name, value in vars(importlib.import_module(module)).items():
            for place, pattern, method in _held(value, name):
                entry = found.setdefault(
                    (pattern.pattern, pattern.flags), Owned(f"{path.relative_to(ROOT)}:{place}", pattern)
                )
                last = re.split(r"[.\[]", place)[-1] if place.endswith("]") else place.rsplit(".", 1)[-1]
                entry.methods |= {method} if method else calls.get(last, set()) or in_module or {"search"}
    for entry in found.values():
        entry.methods = entry.methods or {"search"}
    return list(found.values())


def _constant(node: ast.Call, method: str, place: str, found: dict[tuple[Any, int], Owned]) -> None:
    if method not in (*METHODS, "compile") or not node.args:
        return
    try:
        source = ast.literal_eval(node.args[0])
    except ValueError:
        return
    position = {"sub": 4, "subn": 4, "split": 3, "compile": 1}.get(method, 2)
    options = [word.value for word in node.keywords if word.arg == "flags"] + node.args[position : position + 1]
    flags = 0
    for option in options:
        for part in ast.walk(option):
            if isinstance(part, ast.Attribute):
                flags |= getattr(re, part.attr)
    pattern = re.compile(source, flags)
    entry = found.setdefault((pattern.pattern, pattern.flags), Owned(place, pattern))
    if method != "compile":
        entry.methods.add(method)
