"""Hard-wrapped paragraphs are one line each: joined line by line, as one would by hand."""

from __future__ import annotations

import re
from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from winnow.formats.markup.boilerplate import reflow

LINES = st.lists(
    st.text("ab 河水，。\u3000\x0b", max_size=6).map(lambda end: f"{'x' * 50}{end}"), min_size=2, max_size=9
)


def glued(whole: str, line: str) -> str:
    return whole + ("" if re.fullmatch(r"[\u3000-\u9fff\uff00-\uffef]", whole[-1:]) else " ") + line.strip()


@given(LINES)
def test_lines_of_a_paragraph_are_joined_by_a_blank_but_behind_chinese(lines: list[str]) -> None:
    assert reflow("\n".join(lines)) == reduce(glued, lines[1:], lines[0].rstrip())


def test_a_log_of_megabytes_is_one_paragraph_and_keeps_every_line() -> None:
    lines = [f"2024-05-06 12:00:00.{number:09} the mill answered nothing" for number in range(60_000)]
    assert reflow("\n".join(lines)) == " ".join(lines)
