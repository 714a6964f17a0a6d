"""Strangers' Python: each source has one answer, whatever other threads parse, and no room asks the parser itself."""

from __future__ import annotations

import ast
import gc
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from winnow import python_syntax

ROOT = Path(__file__).parents[1]
DEEP = "x = " + "(" * 60 + "1" + ",)" * 60


class Circle:
    """Garbage that runs Python when it goes, so that another thread may take over in the middle of a tree."""

    def __init__(self) -> None:
        self.self = self

    def __del__(self) -> None:
        for _ in range(50):
            pass


@contextmanager
def eager() -> Iterator[None]:
    interval, thresholds = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(1e-6)
    gc.set_threshold(5)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        gc.set_threshold(*thresholds)


def test_a_source_is_sound_whatever_other_threads_parse() -> None:
    """Of CPython 3.11 and 3.12 `ast.parse` raises `SystemError` for some of these."""
    wrong: list[object] = []

    def work() -> None:
        end = time.monotonic() + 1
        while time.monotonic() < end:
            Circle()
            try:
                if python_syntax.parse(DEEP) is None or python_syntax.literal("[1, 'two']") != [1, "two"]:
                    wrong.append("unsound")
            except Exception as error:
                wrong.append(error)

    with eager():
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


@pytest.mark.parametrize("source", ["print 1", "\0", "(" * 5000, "x = " + "-" * 100_000 + "1", "def f(:", "'\ud800"])
def test_what_is_no_python_is_none(source: str) -> None:
    assert python_syntax.parse(source) is None and python_syntax.expression(source) is None
    with pytest.raises(ValueError):
        python_syntax.literal(source)


def test_a_literal_is_what_pythons_own_reader_has() -> None:
    for source in ("1", " 'a\\nb'", "{'a': [1, 2.5, None, True], (1,): {3}}", "-3+4j", "b'x'"):
        assert python_syntax.literal(source) == ast.literal_eval(source)
    for source in ("f(1)", "name", "1 + 1", "[x for x in y]", ""):
        with pytest.raises(ValueError):
            python_syntax.literal(source)


def test_no_room_that_reads_inputs_asks_the_parser_itself() -> None:
    asked = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for room in ("filters", "formats", "stages/ingest", "stages/tokens", "stages/repositories")
        for path in sorted((ROOT / room).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("ast.parse", "ast.literal_eval", "compile", "literal_eval")
    ]
    assert asked == []
