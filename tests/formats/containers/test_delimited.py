"""Rows of CSV are the same however many lines are cut together."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from winnow.formats.containers import delimited


def rows(text: str, together: int) -> list[object]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(delimited, "TOGETHER", together)
        patched.setattr(delimited, "VAIN", 3)
        found: list[object] = []
        try:
            given = delimited.comma_separated(io.StringIO(text, newline="\n"))
            found.extend(str(row) if isinstance(row, ValueError) else row for row in given)
        except ValueError as error:
            found.append(f"raised {error}")
        return found


@settings(max_examples=300)
@given(st.lists(st.sampled_from(['"', '""', ",", "\n", "\r\n", "\r", "a", "bc", ";", "\t"]), max_size=40).map("".join))
@example('a,b\n"c\nd",e\n"f" g\nh,i\n"j\nk')
def test_rows_do_not_depend_on_how_many_lines_are_cut_together(text: str) -> None:
    one_by_one = rows(text, together=0)
    assert rows(text, together=1) == rows(text, together=2) == rows(text, together=1 << 18) == one_by_one


def test_a_row_over_many_lines_is_read_where_lines_are_cut_together() -> None:
    written = io.StringIO(newline="")
    wanted = [["a", "\n".join("b" * n for n in range(700)), "c"], ["d", "e", ""], ["", "", ""]] * 3
    csv.writer(written).writerows(wanted)
    assert rows(written.getvalue(), together=1 << 18) == wanted


@pytest.mark.parametrize("together", [0, 1, 3, 4, 5, 50])
def test_a_line_that_is_too_long_is_no_row_however_many_cells_it_has(
    monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    monkeypatch.setattr(delimited, "RECORD_BYTES", 100)
    found = rows("a,b\n" + "c," * 80 + "\nd,e\n", together=together)
    assert found == [["a", "b"], "> 100 characters", ["d", "e"]]
