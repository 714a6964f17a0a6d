"""Tree-sitter over untrusted source: which grammar, how large, how deep, and the spans of its nodes.

A parse has no time-out and some walks over a tree recurse, so what is parsed is bounded beforehand: a file of at most
1 MiB, with brackets nested at most 1,000 deep. What lies outside isn't parsed; it keeps its place by path. Nodes are
found by looking up positions that a regular expression proposes (`import`, `use`, `require`), so that the tree decides
what is code and what is a comment or a string at the cost of one descent per candidate, not of a walk over all nodes.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import tree_sitter

MAXIMAL_BYTES = 1 << 20
MAXIMAL_DEPTH = 1000
MAXIMAL_SPANS = 100_000

GRAMMARS: dict[str, tuple[str, str]] = {
    "C": ("tree_sitter_c", "language"),
    "C#": ("tree_sitter_c_sharp", "language"),
    "C++": ("tree_sitter_cpp", "language"),
    "Cuda": ("tree_sitter_cpp", "language"),
    "Go": ("tree_sitter_go", "language"),
    "Java": ("tree_sitter_java", "language"),
    "JavaScript": ("tree_sitter_javascript", "language"),
    "Kotlin": ("tree_sitter_kotlin", "language"),
    "Objective-C": ("tree_sitter_c", "language"),
    "Objective-C++": ("tree_sitter_cpp", "language"),
    "PHP": ("tree_sitter_php", "language_php"),
    "Python": ("tree_sitter_python", "language"),
    "Ruby": ("tree_sitter_ruby", "language"),
    "Rust": ("tree_sitter_rust", "language"),
    "TSX": ("tree_sitter_typescript", "language_tsx"),
    "TypeScript": ("tree_sitter_typescript", "language_typescript"),
}

_NESTING = np.zeros(256, dtype=np.int8)
_NESTING[list(b"([{")] = 1
_NESTING[list(b")]}")] = -1


@cache
def _parser(grammar: str) -> tree_sitter.Parser:
    import tree_sitter

    module, function = GRAMMARS[grammar]
    return tree_sitter.Parser(tree_sitter.Language(getattr(importlib.import_module(module), function)()))


@cache
def _query(grammar: str, pattern: str) -> tree_sitter.Query:
    import tree_sitter

    language = _parser(grammar).language
    if language is None:
        raise LookupError(f"no grammar for {grammar}")
    return tree_sitter.Query(language, pattern)


def parse(content: bytes, grammar: str) -> tree_sitter.Tree | None:
    """The syntax tree of UTF-8 source; None where there is no grammar or the source is past the bounds above."""
    if grammar not in GRAMMARS or len(content) > MAXIMAL_BYTES or depth(content) > MAXIMAL_DEPTH:
        return None
    return _parser(grammar).parse(content)


def depth(content: bytes) -> int:
    """How deep the brackets of the source nest, counted over all its bytes, strings and comments too."""
    if len(content) < MAXIMAL_DEPTH:
        return 0
    steps = _NESTING[np.frombuffer(content, dtype=np.uint8)]
    return int(np.cumsum(steps, dtype=np.int32).max(initial=0))


def captures(tree: tree_sitter.Tree, grammar: str, pattern: str) -> dict[str, list[tree_sitter.Node]]:
    """The nodes that a query of tree-sitter's language captures, by capture name."""
    import tree_sitter

    return tree_sitter.QueryCursor(_query(grammar, pattern)).captures(tree.root_node)


def tokens(tree: tree_sitter.Tree, content: bytes, pattern: re.Pattern[bytes]) -> Iterator[tree_sitter.Node]:
    """The node at every match of `pattern`, in order: the keyword's own leaf where it is code."""
    root = tree.root_node
    for match in pattern.finditer(content):
        node = root.descendant_for_byte_range(match.start(), match.end())
        if node is not None:
            yield node


def text(node: tree_sitter.Node | None) -> str:
    """The source of a node; ``""`` for no node."""
    return "" if node is None or node.text is None else node.text.decode("utf-8", "replace")


def string_value(node: tree_sitter.Node | None) -> str | None:
    """What a plain string literal says, without its quotes; None for anything else, interpolation included."""
    if node is None or node.type not in ("string", "string_literal", "encapsed_string", "interpreted_string_literal"):
        return None
    value = text(node)
    if len(value) < 2 or value[0] not in "'\"" or value[0] != value[-1] or "${" in value or "#{" in value:
        return None
    return value[1:-1]


def without(content: bytes, nodes: list[tree_sitter.Node]) -> bytes:
    """The source with these nodes (comments, strings) blanked out."""
    kept, position = [], 0
    for node in sorted(nodes, key=lambda node: node.start_byte):
        if node.start_byte >= position:
            kept.append(content[position : node.start_byte])
            position = node.end_byte
    kept.append(content[position:])
    return b" ".join(kept)


def spans(source: str, language: str) -> np.ndarray:
    """The named syntax nodes of a file as character ranges `[start, stop)`: int64 of shape (n, 2), in order of start.

    What fill-in-the-middle cuts at. Nodes that span the whole file are left out; at most 100,000 are given; none
    where the language has no grammar or the source is past the bounds of `parse`.
    """
    content = source.encode("utf-8")
    tree = parse(content, language)
    found: list[tuple[int, int]] = []
    if tree is not None:
        cursor, whole = tree.walk(), (0, len(content))
        descending = cursor.goto_first_child()
        while descending and len(found) < MAXIMAL_SPANS:
            node = cursor.node
            if node is not None and node.is_named and node.end_byte > node.start_byte:
                span = (node.start_byte, node.end_byte)
                if span != whole and (not found or found[-1] != span):
                    found.append(span)
            if cursor.goto_first_child():
                continue
            while not cursor.goto_next_sibling():
                if not cursor.goto_parent():
                    descending = False
                    break
    ranges = np.array(found, dtype=np.int64).reshape(-1, 2)
    if len(content) == len(source):
        return ranges
    leading = (np.frombuffer(content, dtype=np.uint8) & 0xC0) != 0x80
    character = np.concatenate([[0], np.cumsum(leading, dtype=np.int64)])
    return character[ranges]
