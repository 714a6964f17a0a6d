"""Columns that say a long value many times are bounded before they are written out; others are read as they were."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from winnow.formats.containers.decoded import RECORD_BYTES, Allowance, pieces, value_sizes
from winnow.formats.containers.inflate import Limits
from winnow.formats.containers.records import Record, read_records
from winnow.formats.splits import Split

LONG = "x" * (1 << 20)
ROWS = 20_000  # of a mebibyte each: 20 GB
PEAK = 320 << 20

Told = list[tuple[str, str]]


def read(path: Path) -> tuple[int, Told, int]:
    """Rows, rejections and the most memory held while they were read, Arrow's and Python's, in bytes."""
    told: Told = []
    before = pa.total_allocated_bytes()
    most = 0
    tracemalloc.start()
    rows = 0
    for _ in read_records(
        Split(str(path)), lambda place, rule, value: told.append((place, rule if rule != "corrupt" else str(value)))
    ):
        rows += 1
        most = max(most, pa.total_allocated_bytes() - before)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return rows, told, peak + most


def dictionary(rows: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array([LONG]))


def runs(rows: int) -> pa.Array:
    return pa.RunEndEncodedArray.from_arrays(pa.array([rows], pa.int64()), pa.array([LONG]))


def views(rows: int) -> pa.Array:
    view = np.array([[1 << 20, 0x78787878, 0, 0]], np.int32).repeat(rows, axis=0)
    return pa.Array.from_buffers(
        pa.string_view(), rows, [None, pa.py_buffer(view.tobytes()), pa.py_buffer(LONG.encode())]
    )


def lists(rows: int) -> pa.Array:
    ends = pa.array([0, rows], pa.int64())
    return pa.LargeListArray.from_arrays(ends, pa.nulls(rows))


@pytest.mark.parametrize("nested", [False, True])
def test_a_parquet_dictionary_of_one_long_value_ends_as_a_bomb(tmp_path: Path, nested: bool) -> None:
    column = dictionary(ROWS)
    if nested:
        column = pa.StructArray.from_arrays([column], ["content"])
    path = tmp_path / "bomb.parquet"
    pq.write_table(pa.table({"text": column}), path, compression="zstd", write_statistics=False)
    assert path.stat().st_size < 10_000
    rows, told, peak = read(path)
    assert told == [("end", "bomb")]
    assert rows < 100
    assert peak < PEAK


@pytest.mark.parametrize("form", [dictionary, runs, views])
@pytest.mark.parametrize("stream", [False, True])
def test_arrow_of_one_long_value_ends_as_a_bomb(tmp_path: Path, form: object, stream: bool) -> None:
    table = pa.table({"text": form(ROWS)})  # type: ignore[operator]
    path = tmp_path / "bomb.arrow"
    write = pa.ipc.new_stream if stream else pa.ipc.new_file
    with write(path, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    rows, told, peak = read(path)
    assert told == [("end", "bomb")]
    assert rows < 6_000
    assert peak < PEAK


def test_a_list_of_millions_of_nothings_is_one_rejected_row(tmp_path: Path) -> None:
    table = pa.table({"text": lists(1 << 26)})
    path = tmp_path / "nulls.arrow"
    with pa.ipc.new_file(path, table.schema) as writer:
        writer.write_table(table)
    rows, told, peak = read(path)
    assert (rows, told) == (0, [("end", "bomb")])
    assert peak < PEAK


def test_a_row_beyond_the_limit_is_rejected_and_the_next_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large.parquet"
    noise = np.random.default_rng(1).integers(97, 123, RECORD_BYTES + 1, np.uint8).tobytes().decode()
    pq.write_table(pa.table({"text": ["a", noise, "b"]}), path, compression="none")
    rows, told, _ = read(path)
    assert (rows, told) == (2, [("row 1", "size")])


def test_rows_are_read_the_same_from_dictionaries(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    words = ["", "一", "two", None, "x" * 3000]
    picked = [words[place] for place in rng.integers(0, len(words), 5000)]
    table = pa.table(
        {
            "plain": picked,
            "bytes": pa.array([None if word is None else word.encode() for word in picked]),
            "large": pa.array(picked, pa.large_string()),
            "many": [[word, "y"] if word else None for word in picked],
            "turns": [[{"role": "user", "content": word}] * (place % 3) for place, word in enumerate(picked)],
            "map": pa.array([[("k", word)] for word in picked], pa.map_(pa.string(), pa.string())),
            "number": list(range(5000)),
        }
    )
    path = tmp_path / "plain.parquet"
    pq.write_table(table, path, row_group_size=1700)
    got: list[Record] = []
    places = []
    for place, record in read_records(Split(str(path)), lambda *told: pytest.fail(str(told))):
        places.append(place)
        got.append(record)
    assert got == table.to_pylist(maps_as_pydicts="strict")
    assert places == [f"row {row}" for row in range(5000)]


def test_sizes_are_those_of_the_values_written_out() -> None:
    values = ["ab", None, "", "xyz", "ab"] * 4
    plain = pa.array(values)
    listed = pa.array([[value, "q"] for value in values])
    forms = [
        (plain.dictionary_encode(), plain),
        (plain.cast(pa.string_view()), plain),
        (pa.array([{"a": value} for value in values]), None),
        (listed, None),
        (pa.ListViewArray.from_arrays(listed.offsets[:-1], pa.array([2] * 20, pa.int32()), listed.values), listed),
    ]
    for form, peer in forms:
        for start, length in [(0, 20), (3, 9), (19, 1), (5, 0)]:
            part = form.slice(start, length)
            sizes = value_sizes(part)
            assert len(sizes) == length
            if peer is not None and not pa.types.is_dictionary(form.type):
                assert sizes.tolist() == value_sizes(peer.slice(start, length)).tolist()
            total = sum(len(str(value or "").encode()) for value in part.to_pylist())
            if form is forms[0][0]:
                assert total <= sizes.sum() <= total + 12 * length
    runs_of = pa.RunEndEncodedArray.from_arrays(pa.array([3, 10, 20], pa.int32()), pa.array(["a", "bcd", ""]))
    assert (value_sizes(runs_of.slice(2, 9)) - 8).tolist() == [1, *[3] * 7, 0]


def test_pieces_cover_a_batch_in_order() -> None:
    batch = pa.record_batch({"text": pa.array(["x" * 50_000] * 3000).dictionary_encode()})
    found = list(pieces(batch, Allowance(1 << 30, Limits())))
    assert [first for first, _ in found] == np.cumsum([0, *(len(piece) for _, piece in found if piece)])[:-1].tolist()
    assert sum(len(piece) for _, piece in found if piece is not None) == 3000
