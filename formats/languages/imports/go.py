"""Imports of Go: packages of the repository's own modules, by the module paths that `go.mod` declares."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

from winnow.formats.languages import parsing
from winnow.formats.languages.imports.facts import Facts, Tree, parent

LANGUAGES = ("Go",)
MANIFESTS = ("go.mod",)

_HEADING = re.compile(rb"^(?:package|import)\b", re.MULTILINE)
_DECLARATION = re.compile(rb"^(?:func|type|var|const)\b", re.MULTILINE)
_MODULE = re.compile(r"^\s*module\s+\"?([^\s\"]+)", re.MULTILINE)


def read(content: bytes, path: str, language: str) -> Facts:
    """References are import paths; `package` is the name in the package clause."""
    tree = parsing.parse(_head(content), "Go")
    if tree is None:
        return Facts(path=path, language=language)
    package = ""
    found: dict[str, None] = {}
    for node in tree.root_node.named_children:
        if node.type == "package_clause":
            package = parsing.text(node.named_child(0))
        elif node.type == "import_declaration":
            listed = node.named_children
            specs = listed[0].named_children if listed and listed[0].type == "import_spec_list" else listed
            for spec in specs:
                found[parsing.text(spec.child_by_field_name("path")).strip('"`')] = None
        elif node.type not in ("comment", "ERROR"):
            break  # the language wants imports before everything else
    return Facts(path=path, language=language, package=package, references=tuple(found), parsed=True)


def _head(content: bytes) -> bytes:
    """The file up to its first declaration: imports stand before it, and what follows is most of what a parse costs."""
    last = 0
    for match in _HEADING.finditer(content):
        last = match.end()
    declared = _DECLARATION.search(content, last)
    return content[: declared.start()] if declared else content


def read_manifest(content: bytes, path: str) -> Facts:
    said = content.decode("utf-8", "replace")
    module = _MODULE.search(said)
    settings: dict[str, object] = {"module": module[1]} if module else {}
    return Facts(path=path, language="Go Module", settings=settings)


class Resolver:
    """An import path names a folder; the edge goes to every file of the package in it, tests left out."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree

    @cached_property
    def modules(self) -> list[tuple[str, str]]:
        """(module path, folder), the longest module path first."""
        found = []
        for path in self.tree.by_name.get("go.mod", ()):
            module = self.tree.files[path].settings.get("module")
            if isinstance(module, str):
                found.append((module, parent(path)))
        return sorted(found, key=lambda item: (-len(item[0]), item[1].count("/"), item[1]))

    @cached_property
    def packages(self) -> dict[str, list[str]]:
        """The Go files of each folder that another package sees."""
        found: dict[str, list[str]] = {}
        for facts in self.tree.of("Go"):
            if not facts.path.endswith("_test.go"):
                found.setdefault(parent(facts.path), []).append(facts.path)
        return found

    def targets(self, facts: Facts) -> Iterator[str]:
        for reference in facts.references:
            folder = self._folder(reference)
            if folder is not None and folder != parent(facts.path):
                yield from self.packages.get(folder, ())
        if facts.path.endswith("_test.go") and facts.package:
            yield from (path for path in self.packages.get(parent(facts.path), ()) if self._tests(facts, path))

    def _tests(self, facts: Facts, path: str) -> bool:
        """Whether a test file sees this file of its own folder: the one it is named after, or all from `x_test`."""
        package = self.tree.files[path].package
        return facts.package == f"{package}_test" or path == facts.path.removesuffix("_test.go") + ".go"

    def _folder(self, reference: str) -> str | None:
        for module, home in self.modules:
            if reference == module:
                return home
            if reference.startswith(module + "/"):
                return f"{home}/{reference[len(module) + 1 :]}".lstrip("/")
        if self.modules or "." not in reference.partition("/")[0]:
            return None
        parts = reference.split("/")  # a repository without go.mod, from the days of GOPATH
        return next(
            (folder for cut in range(1, len(parts)) if (folder := "/".join(parts[cut:])) in self.packages), None
        )
