"""Ids and masks decoded from pages: as pyarrow reads them, whatever wrote them, and no flipped bit believed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.pages import PageError, list_columns
from winnow.stages.shards.pages import read_rows as read_column
from winnow.stages.shards.sequences import SEGMENT, Sequences
from winnow.stages.shards.shard import write_shard

AS_OURS = {"use_dictionary": False, "write_page_checksum": True, "compression": "zstd"}
SPLIT = {"column_encoding": {"input_ids.list.element": "BYTE_STREAM_SPLIT"}}


def listed(values: np.ndarray) -> pa.ListArray:
    offsets = np.arange(len(values) + 1, dtype=np.int32) * np.int32(values.shape[1])
    kind = pa.list_(pa.field("element", pa.from_numpy_dtype(values.dtype), nullable=False))
    return pa.ListArray.from_arrays(offsets, pa.array(values.reshape(-1)), type=kind)


def write(path: Path, columns: dict[str, np.ndarray], **options: Any) -> pq.ParquetFile:
    arrays = {name: listed(values) for name, values in columns.items()}
    schema = pa.schema([pa.field(name, array.type, nullable=False) for name, array in arrays.items()])
    pq.write_table(pa.Table.from_arrays(list(arrays.values()), schema=schema), path, **options)
    return pq.ParquetFile(path, page_checksum_verification=True)


def read_rows(file: pq.ParquetFile, content: bytes, group: int, name: str, length: int) -> np.ndarray | None:
    return read_column(file, pa.py_buffer(content), group, list_columns(file, [name])[0], length)


def ids(rows: int, length: int, kind: type) -> np.ndarray:
    return np.random.default_rng(5).integers(0, np.iinfo(kind).max, (rows, length), dtype=kind, endpoint=True)


@pytest.mark.parametrize("compression", ["none", "zstd", "snappy", "gzip", "brotli"])
@pytest.mark.parametrize("options", [{}, SPLIT], ids=["plain", "split"])
@pytest.mark.parametrize("page", [400, 5_000, 1 << 20], ids="pages of {} bytes".format)
@pytest.mark.parametrize("kind", [np.uint16, np.uint32])
def test_ids_and_masks_are_those_that_were_written(
    tmp_path: Path, compression: str, options: dict[str, Any], page: int, kind: type
) -> None:
    """Rows of 1, 7 and 300, of which pages of some hundred bytes cut many."""
    for length in (1, 7, 300):
        written = ids(29, length, kind)
        mask = written % 3 == 0
        shaped = AS_OURS | options | {"compression": compression, "data_page_size": page, "write_batch_size": 10}
        columns = {"input_ids": written, "loss_mask": mask}
        file = write(tmp_path / "s.parquet", columns, row_group_size=11, **shaped)
        content = (tmp_path / "s.parquet").read_bytes()
        for name, values in columns.items():
            found = [read_rows(file, content, group, name, length) for group in range(3)]
            parts = [part for part in found if part is not None]
            assert len(parts) == 3
            assert parts[0].dtype == values.dtype
            np.testing.assert_array_equal(np.concatenate(parts), values)


@pytest.mark.parametrize(
    "options",
    [
        {"use_dictionary": True},
        {"data_page_version": "2.0"},
        {"write_page_checksum": False},
        {"compression": "lz4"},
        {"column_encoding": {"input_ids.list.element": "DELTA_BINARY_PACKED"}},
    ],
    ids=lambda options: next(iter(options)),
)
def test_what_others_wrote_is_left_to_pyarrow(tmp_path: Path, options: dict[str, Any]) -> None:
    file = write(tmp_path / "s.parquet", {"input_ids": ids(5, 8, np.uint16)}, **AS_OURS | options)
    content = (tmp_path / "s.parquet").read_bytes()
    assert read_rows(file, content, 0, "input_ids", 8) is None


def test_rows_of_another_length_are_refused(tmp_path: Path) -> None:
    """Of the same number of values, too."""
    lists = pa.array([[1] * 7, [2] * 9], pa.list_(pa.field("element", pa.uint16(), nullable=False)))
    table = pa.table([lists], schema=pa.schema([pa.field("input_ids", lists.type, nullable=False)]))
    pq.write_table(table, tmp_path / "s.parquet", **AS_OURS)
    file = pq.ParquetFile(tmp_path / "s.parquet")
    content = (tmp_path / "s.parquet").read_bytes()
    with pytest.raises(PageError, match="a row isn't 8 values long"):
        read_rows(file, content, 0, "input_ids", 8)
    with pytest.raises(PageError, match="16 values in 2 rows of 4"):
        read_rows(file, content, 0, "input_ids", 4)


def test_no_flipped_bit_of_a_column_is_believed(tmp_path: Path) -> None:
    """Every bit of two small columns, headers included: refused, left to pyarrow, or without an effect."""
    workspace = Workspace(str(tmp_path))
    written = ids(6, 16, np.uint16)
    values = [["a"] * 6, ["web"] * 6, ["en"] * 6, [0] * 6, [16] * 6, [0] * 6, [False] * 6]
    segments = pa.StructArray.from_arrays(list(map(pa.array, values)), fields=list(SEGMENT))
    rows = Sequences(input_ids=written, segments=segments, bounds=np.arange(7), loss_mask=written % 2 == 0)
    write_shard(workspace, "s.parquet", rows)
    content = (tmp_path / "s.parquet").read_bytes()
    file = pq.ParquetFile(pa.BufferReader(content))
    refused = flips = 0
    for number, name, values in ((0, "input_ids", written), (8, "loss_mask", rows.loss_mask)):
        column = file.metadata.row_group(0).column(number)
        for bit in range(column.data_page_offset * 8, (column.data_page_offset + column.total_compressed_size) * 8):
            changed = bytearray(content)
            changed[bit // 8] ^= 1 << bit % 8
            flips += 1
            try:
                found = read_rows(file, bytes(changed), 0, name, 16)
            except PageError:
                refused += 1
            else:
                assert found is None or (found == values).all()
    assert refused > 0.8 * flips
