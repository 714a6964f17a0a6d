"""Syntax nodes as spans of characters, and the bounds of what is parsed."""

from __future__ import annotations

import ast
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from winnow.formats.languages import parsing

SOURCE = "# 汉字 🙂\ndef größe(x):\n    return x + '中'\n\nclass A:\n    y = größe(1)\n"


def test_spans_are_characters_whatever_bytes_they_take() -> None:
    found = {SOURCE[start:stop] for start, stop in parsing.spans(SOURCE, "Python").tolist()}
    assert {
        "# 汉字 🙂",
        "def größe(x):\n    return x + '中'",
        "return x + '中'",
        "größe(1)",
        "y = größe(1)",
        "'中'",
    } <= found


def test_every_function_and_class_of_python_is_a_span() -> None:
    source = Path(ast.__file__).read_text("utf-8")
    spans = {tuple(span) for span in parsing.spans(source, "Python").tolist()}
    lines = [0]
    for line in source.splitlines(keepends=True):
        lines.append(lines[-1] + len(line))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Return | ast.If):
            assert node.end_lineno is not None and node.end_col_offset is not None
            start, stop = lines[node.lineno - 1] + node.col_offset, lines[node.end_lineno - 1] + node.end_col_offset
            is_elif = isinstance(node, ast.If) and source.startswith("elif", start)
            assert is_elif or any(begin == start and end >= stop for begin, end in spans)


@given(st.text(max_size=200))
def test_spans_lie_inside_the_source(source: str) -> None:
    spans = parsing.spans(source.encode("utf-8", "ignore").decode(), "JavaScript")
    assert spans.shape[1] == 2
    assert ((spans[:, 0] < spans[:, 1]) & (spans[:, 1] <= len(source))).all()


def test_what_is_too_large_or_too_deep_is_not_parsed() -> None:
    assert parsing.parse(b"x = 1\n", "Python") is not None
    assert parsing.parse(b"x = 1\n" * (parsing.MAXIMAL_BYTES // 6 + 1), "Python") is None
    assert parsing.parse(b"(" * 2000 + b")" * 2000, "Python") is None
    assert parsing.parse(b"()" * 2000, "Python") is not None
    assert parsing.parse(b"x", "Haskell") is None
    assert len(parsing.spans("x", "Haskell")) == 0
