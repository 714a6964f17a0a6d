"""Arrays of any size and objects over many lines: every value read, and what is none told."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.formats.containers import json_stream as module
from winnow.formats.containers.columnar import LIMITS
from winnow.formats.containers.decoded import Unreadable
from winnow.formats.containers.inflate import Inflated
from winnow.formats.containers.json_stream import values
from winnow.formats.containers.records import read_records
from winnow.formats.splits import Split

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
Told = list[tuple[str, str, str]]


def read(content: str | bytes) -> list[object]:
    return list(values(Inflated(io.BytesIO(content.encode() if isinstance(content, str) else content), LIMITS)))


def records(path: Path) -> tuple[list[tuple[str, Any]], Told]:
    told: Told = []
    found = list(read_records(Split(str(path)), lambda place, rule, value: told.append((place, rule, str(value)))))
    return found, told


@given(st.lists(VALUES, max_size=6), st.sampled_from([None, 0, 2]), st.integers(1, 40))
def test_any_array_is_read_whole_in_blocks_of_any_size(items: list[Any], indent: int | None, block: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK", block)
        assert read(f" {json.dumps(items, ensure_ascii=False, indent=indent)}\n") == items


@given(st.lists(st.dictionaries(st.text(), VALUES, min_size=1, max_size=3), min_size=1, max_size=4), st.integers(1, 40))
def test_objects_over_many_lines_are_read_one_by_one(items: list[Any], block: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK", block)
        assert read("\n".join(json.dumps(item, indent=2) for item in items)) == items


@pytest.mark.parametrize(
    ("broken", "before"),
    [
        ('[{"a": 1}, {"a": 2', 1),
        ('[{"a": 1} {"a": 2}]', 0),
        ('[{"a": 1}', 0),
        ("[1, 2] [3]", 2),
        ("[1, x, 2]", 1),
        ("[", 0),
    ],
)
def test_what_stands_before_a_break_is_read_and_the_break_is_told(broken: str, before: int) -> None:
    found = values(Inflated(io.BytesIO(broken.encode()), LIMITS))
    with pytest.raises(ValueError, match=r"value|array|comma"):
        for _ in range(before + 1):
            next(found)
            before -= 1
    assert before <= 0


def test_an_array_beyond_64_mb_is_read_and_an_item_that_is_no_object_costs_itself_alone(tmp_path: Path) -> None:
    item = json.dumps({"text": "x" * 10_000})
    path = tmp_path / "talks.json"
    path.write_text(f'[{",".join([item] * 7_000)},5,{{"text":1,"text":2}},{{"text":"last"}}]')
    found, told = records(path)
    assert len(found) == 7_001 and found[-1] == ("item 7002", {"text": "last"})
    assert [(place, rule) for place, rule, _ in told] == [("item 7000", "json"), ("item 7001", "json")]


def test_a_row_that_is_not_utf8_costs_itself_alone(tmp_path: Path) -> None:
    rows = pa.array([b"one", b"tw\xff", b"three"], pa.binary())
    text = pa.Array.from_buffers(pa.string(), 3, rows.buffers())
    pq.write_table(pa.table({"text": text}), tmp_path / "rows.parquet")
    found, told = records(tmp_path / "rows.parquet")
    assert [found[0], found[2]] == [("row 0", {"text": "one"}), ("row 2", {"text": "three"})]
    assert "can't decode byte 0xff" in str(found[1][1]["text"])
    assert isinstance(found[1][1]["text"], Unreadable) and not told


def test_a_line_of_csv_in_another_charset_leaves_the_others(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_bytes("text\none\ncafé\nthree\n".encode("latin-1"))
    found, told = records(tmp_path / "rows.csv")
    assert [record["text"] for _, record in found] == ["one", "caf\udce9", "three"] and not told
