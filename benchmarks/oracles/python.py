"""Python's own word: `ast` reads the imports, `importlib`'s path finder looks the modules up. Nothing is executed."""

from __future__ import annotations

import ast
import importlib
import os
import warnings
from collections.abc import Iterator
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path

Edges = set[tuple[str, str]]


def edges(root: Path, files: list[str]) -> Edges:
    """Pairs (dependent, dependency) relative to `root`.

    The path that is searched is what a developer's would be: the folder above the file's outermost package, the folders
    that the distribution's `top_level.txt` names its packages in, the project and its `src`.
    """
    importlib.invalidate_caches()
    libraries = _libraries(root)

    @cache
    def find(name: str, own: str) -> str | None:
        where: list[str] | None = list(dict.fromkeys([own, *libraries]))
        spec, parts = None, name.split(".")
        for count in range(1, len(parts) + 1):
            spec = PathFinder.find_spec(parts[count - 1], where)
            if spec is None:
                return None
            where = list(spec.submodule_search_locations or [])
        return spec.origin if spec is not None and spec.origin and spec.origin.endswith(".py") else None

    found: Edges = set()
    for file in files:
        path = root / file
        above = _above(path)
        for module, name, folder in _imports(path):
            own = folder or above
            origin = (name and find(f"{module}.{name}", own)) or find(module, own)
            if origin and not os.path.relpath(origin, root).startswith("..") and origin != str(path):
                found.add((file, os.path.relpath(origin, root)))
    return found


def _above(path: Path) -> str:
    """The folder above the outermost package of a file."""
    folder = path.parent
    while (folder / "__init__.py").exists():
        folder = folder.parent
    return str(folder)


def _imports(path: Path) -> Iterator[tuple[str, str, str]]:
    """(module, name, folder): the folder is where a relative import starts, else empty."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "", "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base, start = node.module or "", ""
            if node.level:
                package = path.parents[node.level - 1]
                base, start = ".".join([package.name, *([base] if base else [])]), str(package.parent)
            yield from ((base, "" if alias.name == "*" else alias.name, start) for alias in node.names)


def _libraries(root: Path) -> list[str]:
    found = [root, root / "src"]
    for listing in sorted(root.rglob("top_level.txt")):
        for name in listing.read_text().split():
            found += [path.parent for path in (listing.parent.parent / name, root / "lib" / name) if path.is_dir()]
    for project in sorted([*root.rglob("pyproject.toml"), *root.rglob("setup.py")], key=lambda path: len(path.parts)):
        found += [project.parent, project.parent / "src"]
    return [str(path) for path in dict.fromkeys(found) if path.is_dir()]
