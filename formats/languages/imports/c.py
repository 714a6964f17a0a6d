"""Includes of C, C++, Objective-C and CUDA: beside the file, from include folders, or by the end of the path."""

from __future__ import annotations

import re
from collections.abc import Iterator

from winnow.formats.languages import parsing
from winnow.formats.languages.imports.facts import Facts, Tree, join, nearness, parent

LANGUAGES = ("C", "C++", "Cuda", "Objective-C", "Objective-C++")
INCLUDE_FOLDERS = ("include", "inc", "src", "source", "lib")

_INCLUDE = re.compile(rb"^[ \t]*#[ \t]*(?:include|include_next|import)\b", re.MULTILINE)
_LINE = re.compile(rb"[ \t]*#[ \t]*\w+[ \t]*([\"<])([^\">\n]+)[\">]")


def read(content: bytes, path: str, language: str) -> Facts:
    """References as written: `"a/b.h"` with its quotes, `<a/b.h>` with its angles."""
    tree = parsing.parse(_head(content), language)
    if tree is None:
        return Facts(path=path, language=language)
    found: dict[str, None] = {}
    root = tree.root_node
    for match in _INCLUDE.finditer(content):
        node = root.descendant_for_byte_range(match.end() - 1, match.end())
        said = _LINE.match(content, match.start())
        if said and node is not None and "comment" not in node.type and "string" not in node.type:
            quote = '"' if said[1] == b'"' else "<"
            found[
                quote + said[2].decode("utf-8", "replace").strip().replace("\\", "/") + (quote if quote == '"' else ">")
            ] = None
    return Facts(path=path, language=language, references=tuple(found), parsed=True)


def _head(content: bytes) -> bytes:
    """The file up to the end of its last include's line; a comment that is open there is closed.

    What follows changes nothing of what stands before it, and is most of what a parse costs.
    """
    last = 0
    for match in _INCLUDE.finditer(content):
        last = match.end()
    end = content.find(b"\n", last) + 1 if last else 0
    return content[:end] + b"/**/\n" if end else content[: len(content) if last else 0]


class Resolver:
    """`"x.h"`: beside the file, else the nearest file whose path ends so; `<x.h>`: only below an include folder."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree

    def targets(self, facts: Facts) -> Iterator[str]:
        folder = parent(facts.path)
        for reference in facts.references:
            name, quoted = reference[1:-1], reference[0] == '"'
            beside = join(folder, name) if quoted else None
            if beside is not None and beside in self.tree:
                yield beside
                continue
            name = re.sub(r"^(?:\.{1,2}/)+", "", name)
            matches = [
                path for path in self.tree.by_name.get(name.rsplit("/", 1)[-1], ()) if f"/{path}".endswith(f"/{name}")
            ]
            if not quoted:
                matches = [path for path in matches if self._included(path, name)]
            if matches:
                yield min(matches, key=lambda path: nearness(folder, path))

    @staticmethod
    def _included(path: str, name: str) -> bool:
        home = path[: len(path) - len(name)].rstrip("/")
        return (not home and "/" in name) or home.rsplit("/", 1)[-1] in INCLUDE_FOLDERS
