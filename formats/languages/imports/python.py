"""Imports of Python: modules under the source roots of the repository, relative ones too."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import cached_property

from winnow.formats.languages import parsing
from winnow.formats.languages.imports.facts import Facts, Tree, ancestors, join, parent

LANGUAGES = ("Python", "Cython")
SUFFIXES = (".py", ".pyx", ".pyi")
LIBRARY_FOLDERS = ("src", "lib", "python")
PROJECT_FILES = ("setup.py", "setup.cfg", "pyproject.toml")

_IMPORT = re.compile(rb"\bimport\b")


def read(content: bytes, path: str, language: str) -> Facts:
    """`import a.b` is the reference `a.b`; `from ..a import b` is `..a:b`; a star is the name `*`."""
    if language == "Python" and not _IMPORT.search(content):
        return Facts(path=path, language=language, parsed=True)
    tree = parsing.parse(content, "Python") if language == "Python" else None
    if tree is None:
        return Facts(path=path, language=language)
    found: dict[str, None] = {}
    for node in parsing.tokens(tree, content, _IMPORT):
        statement = node.parent
        if node.type != "import" or statement is None:
            continue
        names = [_plain(name) for name in statement.children_by_field_name("name")]
        if statement.type == "import_statement":
            found.update(dict.fromkeys(names))
        elif statement.type == "import_from_statement":
            module = parsing.text(statement.child_by_field_name("module_name")).replace(" ", "")
            found.update(dict.fromkeys(f"{module}:{name}" for name in names or ["*"]))
    return Facts(path=path, language=language, references=tuple(found), parsed=True)


def _plain(node: object) -> str:
    aliased = node.child_by_field_name("name") if node.type == "aliased_import" else None  # type: ignore[attr-defined]
    return re.sub(r"\s|\\", "", parsing.text(aliased or node))  # type: ignore[arg-type]


class Resolver:
    """Finds modules as an interpreter would whose path holds the repository's source roots.

    A root is the folder above the outermost package (`__init__.py`), a project's folder, and its `src`. A file's own
    root comes first, then the roots above it, then the repository's other libraries; a name of the standard library
    is the repository's only in the file's own root.
    """

    def __init__(self, tree: Tree) -> None:
        self.tree = tree

    @cached_property
    def packages(self) -> frozenset[str]:
        """Folders with an `__init__`: seen, or told by `Facts.package`, or implied by a relative import in them."""
        marks = (path for suffix in SUFFIXES for path in self.tree.by_name.get(f"__init__{suffix}", ()))
        found = {parent(path) for path in marks}
        for facts in self.tree.of(*LANGUAGES):
            levels = len(facts.package.split(".")) if facts.package else 0
            for reference in facts.references:
                if reference.startswith("."):
                    levels = max(levels, len(reference) - len(reference.lstrip(".")))
            found.update(folder for folder in list(ancestors(parent(facts.path)))[:levels] if folder)
        return frozenset(found)

    @cached_property
    def libraries(self) -> list[str]:
        """Roots that any file may import from: shallow first."""
        roots = {self.root(folder) for folder in self.packages}
        projects = {parent(path) for name in PROJECT_FILES for path in self.tree.by_name.get(name, ())} | {""}
        for project in projects:
            roots.add(project)
            roots.update(
                folder for name in LIBRARY_FOLDERS if (folder := f"{project}/{name}".lstrip("/")) in self.tree.folders
            )
        return sorted(roots - self.packages, key=lambda root: (root.count("/") + bool(root), root))

    def root(self, folder: str) -> str:
        """The folder above the outermost package that `folder` is in."""
        while folder in self.packages and folder:
            folder = parent(folder)
        return folder

    def targets(self, facts: Facts) -> Iterator[str]:
        for reference in facts.references:
            module, _, name = reference.partition(":")
            dots = len(module) - len(module.lstrip("."))
            if dots:
                base = join(parent(facts.path), "../" * (dots - 1))
                starts = [] if base is None else [base]
            else:
                starts = self._starts(facts, module.partition(".")[0])
            for start in starts:
                found = self._find(start, module[dots:].split(".") if module[dots:] else [], name)
                if found is not None:
                    yield found
                    break

    def _starts(self, facts: Facts, top: str) -> list[str]:
        own = self.root(parent(facts.path))
        if top in sys.stdlib_module_names:
            return [own] if self._module(f"{own}/{top}".lstrip("/")) or own in self.libraries else []
        above = [folder for folder in ancestors(own) if folder in self._library_set]
        return list(dict.fromkeys([own, *above, *self.libraries]))

    @cached_property
    def _library_set(self) -> frozenset[str]:
        return frozenset(self.libraries)

    def _find(self, start: str, parts: list[str], name: str) -> str | None:
        """The file of module `parts` below `start`, or of its submodule `name` where it has one."""
        base = "/".join(([start] if start else []) + parts)
        if name and name != "*" and base in self.tree.folders and (not parts or self._plain_module(base) is None):
            submodule = self._module(f"{base}/{name}".lstrip("/"))
            if submodule is not None:
                return submodule
        return self._module(base)

    def _module(self, base: str) -> str | None:
        package = self.tree.first(f"{base}/__init__{suffix}".lstrip("/") for suffix in SUFFIXES)
        return package or (self._plain_module(base) if base else None)

    def _plain_module(self, base: str) -> str | None:
        if base in self.packages:
            return None
        return self.tree.first(base + suffix for suffix in SUFFIXES)
