"""Valid but unusual files: whatever a writer may do, the records are those that the format's own library reads.

`make fuzz` draws for as long as one likes (`WINNOW_FUZZ`: examples for each test).
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import os
import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from backports import zstd
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.formats.containers.decoded import Unreadable
from winnow.formats.containers.delimited import tab_separated
from winnow.formats.containers.json_text import read_json
from winnow.formats.containers.records import read_records, record_splits

EXAMPLES = int(os.environ.get("WINNOW_FUZZ", "60"))
SIGNS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
ODD = st.text(st.one_of(st.sampled_from("\"'\t\r\n,;\\ ’“é水"), SIGNS), max_size=12)
PACKERS: dict[str, Callable[[bytes, int], bytes]] = {
    "": lambda content, _: content,
    ".gz": lambda content, level: gzip.compress(content, level),
    ".bz2": lambda content, level: bz2.compress(content, max(level, 1)),
    ".xz": lambda content, level: lzma.compress(content, preset=level % 3),
    ".zst": lambda content, level: zstd.compress(content, level),
}


def read(name: str, content: bytes, split_bytes: int = 1 << 20) -> tuple[list[Mapping[str, Any]], list[object]]:
    """All records of a file of that name, and what was rejected."""
    told: list[object] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        splits = record_splits(str(path), split_bytes)
        found = [record for split in splits for _, record in read_records(split, lambda *why: told.append(why))]
    return found, told


@st.composite
def packed(draw: st.DrawFn, content: bytes) -> tuple[str, bytes]:
    """A suffix and the content packed by it, in one or in several streams."""
    suffix = draw(st.sampled_from(list(PACKERS)))
    cut = draw(st.integers(0, len(content)))
    pieces = (content[:cut], content[cut:]) if suffix and draw(st.booleans()) else (content,)
    return suffix, b"".join(PACKERS[suffix](piece, draw(st.integers(0, 9))) for piece in pieces)


def tables(least: int = 1) -> st.SearchStrategy[list[list[str]]]:
    """A header and rows of as many cells, no row a single empty cell, which no CSV can say."""
    names = st.lists(st.text("abcdef", min_size=1, max_size=4), min_size=least, max_size=4, unique=True)
    return names.flatmap(
        lambda header: st.lists(
            st.lists(ODD, min_size=len(header), max_size=len(header)).filter(lambda row: row != [""]), max_size=6
        ).map(lambda rows: [header, *rows])
    )


@settings(max_examples=EXAMPLES)
@given(tables(2), st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]), st.sampled_from(["\n", "\r\n"]), st.booleans(), st.data())  # fmt: skip
def test_csv_is_what_the_csv_module_reads(
    rows: list[list[str]], quoting: Any, ends: str, mark: bool, data: st.DataObject
) -> None:
    if quoting == csv.QUOTE_MINIMAL:  # by which a lone carriage return isn't quoted: nobody can read that back
        rows = [[cell.replace("\r", "\r\n") for cell in row] for row in rows]
    text = io.StringIO(newline="")
    csv.writer(text, quoting=quoting, lineterminator=ends).writerows(rows)
    header, *expected = csv.reader(io.StringIO(text.getvalue(), newline=""), strict=True)
    suffix, content = data.draw(packed(b"\xef\xbb\xbf" * mark + text.getvalue().encode()))
    assert read(f"a.csv{suffix}", content) == ([dict(zip(header, row, strict=True)) for row in expected], [])


@settings(max_examples=EXAMPLES)
@given(tables(), st.sampled_from(["\n", "\r\n", "\r"]), st.booleans(), st.data())
def test_tsv_is_what_stands_between_its_tabs(rows: list[list[str]], ends: str, last: bool, data: st.DataObject) -> None:
    plain = [[cell.translate({ord(sign): " " for sign in "\t\r\n"}).replace('""', '"') for cell in row] for row in rows]
    plain = [row for row in plain if any(cell.strip() for cell in row)]
    suffix, content = data.draw(packed((ends.join(map("\t".join, plain)) + ends * last).encode()))
    found, told = read(f"a.tsv{suffix}", content)
    assert ([list(record.values()) for record in found], told) == (plain[1:], [])


@settings(max_examples=EXAMPLES)
@given(tables(2), st.sampled_from(["\n", "\r\n"]))
def test_tsv_that_was_quoted_like_csv_is_what_the_csv_module_reads(rows: list[list[str]], ends: str) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter="\t", quoting=csv.QUOTE_ALL, lineterminator=ends).writerows(rows)
    lines = io.StringIO(text.getvalue(), newline="\n")
    expected = list(csv.reader(io.StringIO(text.getvalue(), newline=""), delimiter="\t", strict=True))
    assert list(tab_separated(lines)) == expected


NUMBERS = st.one_of(st.integers(), st.integers(-(10**40), 10**40), st.floats(allow_nan=False))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, st.text(SIGNS, max_size=8), st.sampled_from(['":', 'a":"b', '\\":'])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(SIGNS, max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)
RECORDS = st.lists(st.dictionaries(st.text(SIGNS, max_size=4), VALUES, max_size=4), max_size=6)


@settings(max_examples=EXAMPLES)
@given(RECORDS, st.booleans(), st.sampled_from([(", ", ": "), (",", ":"), (" ,", "\t:  ")]), st.sampled_from(["\n", "\r\n", "\r", "\n\n"]), st.data())  # fmt: skip
def test_json_lines_are_what_the_json_module_reads(
    records: list[dict[str, Any]], ascii_only: bool, signs: tuple[str, str], ends: str, data: st.DataObject
) -> None:
    lines = [json.dumps(record, ensure_ascii=ascii_only, separators=signs) for record in records]
    suffix, content = data.draw(packed("".join(line + ends for line in lines).encode()))
    found, told = read(f"a.jsonl{suffix}", content, data.draw(st.sampled_from([1, 40, 1 << 20])))
    assert told == []
    assert [repr(record) for record in found] == [repr(json.loads(line)) for line in lines]


@settings(max_examples=EXAMPLES)
@given(RECORDS, st.sampled_from([None, 0, 2]), st.data())
def test_json_arrays_are_what_the_json_module_reads(
    records: list[dict[str, Any]], indent: int | None, data: st.DataObject
) -> None:
    text = json.dumps(records, indent=indent)
    suffix, content = data.draw(packed(text.encode()))
    found, told = read(f"a.json{suffix}", content)
    assert (repr(found), told) == (repr(json.loads(text)), [])


@settings(max_examples=EXAMPLES)
@given(VALUES, st.booleans())
def test_a_key_that_stands_twice_is_never_read(value: Any, spaced: bool) -> None:
    inner = json.dumps(value)
    for text in (f'{{"a": {inner}, "a": {inner}}}', f'[{inner}, {{"b" : 1, "b":{inner}}}]'):
        for given_text in (text, text.encode()):
            try:
                read_json(given_text)
            except ValueError as error:
                assert "stands twice" in str(error)
            else:
                raise AssertionError(text)


def test_what_json_cannot_say_but_files_do_is_read_as_python_reads_it() -> None:
    content = b'{"a": NaN, "b": -Infinity, "c": "\\ud800", "d": 1e999}\n{"a": 18446744073709551616}\n'
    (first, second), told = read("a.jsonl", content)
    assert told == []
    assert (str(first["a"]), first["b"], first["c"]) == ("nan", float("-inf"), "\ud800")
    assert second == {"a": 18446744073709551616}


WHEN = st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30))
CELLS: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "large": (pa.large_string(), ODD),
    "view": (pa.string_view(), ODD),
    "binary": (pa.binary(), st.binary(max_size=5)),
    "large_binary": (pa.large_binary(), st.binary(max_size=5)),
    "words": (pa.dictionary(pa.int32(), pa.string()), st.sampled_from(["a", "b", "水"])),
    "decimal": (pa.decimal128(20, 3), st.integers(-(10**16), 10**16).map(lambda whole: Decimal(whole) / 1000)),
    "when": (pa.timestamp("us", "UTC"), WHEN.map(lambda when: when.replace(tzinfo=UTC))),
    "day": (pa.date32(), WHEN.map(datetime.date)),
    "span": (pa.duration("us"), st.integers(-(10**9), 10**9).map(lambda count: timedelta(microseconds=count))),
    "half": (pa.float32(), st.integers(-1000, 1000).map(float)),
    "big": (pa.uint64(), st.integers(0, 2**64 - 1)),
    "list": (pa.large_list(pa.string()), st.lists(ODD, max_size=3)),
    "struct": (
        pa.struct([("x", pa.int64()), ("y", pa.list_(pa.bool_()))]),
        st.fixed_dictionaries({"x": st.integers(-9, 9), "y": st.lists(st.booleans(), max_size=2)}),
    ),
}


@settings(max_examples=EXAMPLES)
@given(st.data(), st.integers(1, 5), st.sampled_from(["none", "snappy", "gzip", "zstd", "lz4", "brotli"]), st.sampled_from(["1.0", "2.0"]), st.booleans())  # fmt: skip
def test_columnar_files_are_what_arrow_reads(
    data: st.DataObject, rows: int, compression: str, page: Any, words: bool
) -> None:
    names = data.draw(st.lists(st.sampled_from(list(CELLS)), min_size=1, unique=True))
    columns = {
        name: pa.array(data.draw(st.lists(st.none() | CELLS[name][1], min_size=rows, max_size=rows)), CELLS[name][0])
        for name in names
    }
    columns["map"] = pa.array(
        data.draw(st.lists(st.dictionaries(ODD, st.none() | ODD, max_size=3), min_size=rows, max_size=rows)),
        pa.map_(pa.string(), pa.string()),
    )
    table = pa.table(columns)
    sink = io.BytesIO()
    pq.write_table(table, sink, row_group_size=2, compression=compression, data_page_version=page, use_dictionary=words)
    arrow = io.BytesIO()
    with pa.ipc.new_file(arrow, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    stream = io.BytesIO()
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    expected = table.to_pylist(maps_as_pydicts="strict")
    for name, content in (("a.parquet", sink), ("a.arrow", arrow), ("a.ipc", stream)):
        assert read(name, content.getvalue(), 1) == (expected, []), name


def test_times_beyond_what_python_holds_are_said_as_arrow_says_them() -> None:
    table = pa.table(
        {
            "far": pa.array([10**11 * 3, 0, None], pa.timestamp("s")),
            "day": pa.array([10**7, 0, None], pa.date32()),
            "fine": pa.array([1, 1000, None], pa.timestamp("ns")),
            "span": pa.array([1, 1000, None], pa.duration("ns")),
        }
    )
    sink = io.BytesIO()
    pq.write_table(table, sink)
    found, told = read("a.parquet", sink.getvalue())
    assert told == []
    assert found[0]["far"] == "11476-08-15T05:20:00.000"  # ISO 8601, whether Python can hold it or not
    assert found[0]["day"] == table["day"].cast(pa.string())[0].as_py()
    assert found[0]["fine"] == "1970-01-01T00:00:00.000000001"
    assert isinstance(found[0]["span"], Unreadable)
    assert (found[1]["fine"], found[1]["span"]) == (datetime(1970, 1, 1, 0, 0, 0, 1), timedelta(microseconds=1))
    assert set(found[2].values()) == {None}
