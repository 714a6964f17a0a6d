"""What rows of Arrow columns come to once they are written out as values, told before they are.

A dictionary, runs, nulls and views say a long value many times in a few bytes: 307 bytes of Parquet ask for 20 GB. So the
size of each row is reckoned from the lengths alone, a batch is written out piece by piece, and a file that swells beyond
its `Limits` ends as `Broken`, as a compressed stream does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import IO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from winnow.formats.containers.bounds import RECORD_BYTES
from winnow.formats.containers.inflate import Broken, Limits

BATCH_ROWS = 1024
CELL = 8  # least bytes of a value: what a list of Python takes for it
TEXTS = ("STRING", "NONE", "JSON", "ENUM", "BSON")
PIECE_BYTES = 64 << 20  # written out at once

Sizes = npt.NDArray[np.int64]


class Unreadable(ValueError):
    """A value of a record that can't be had, and why: it stands in the value's place, for who needs it to refuse."""


class Allowance:
    """What a file of `packed` bytes may still be written out to."""

    def __init__(self, packed: int, limits: Limits) -> None:
        self._left = self._whole = int(limits.slack + limits.ratio * packed)
        self._packed = packed

    def spare(self, size: int) -> None:
        """Raises `Broken` where the file may not say `size` bytes."""
        if size > self._left:
            raise Broken("bomb", f"{self._packed} bytes that say more than {self._whole}")

    def take(self, size: int) -> None:
        """Raises `Broken` where the file comes to more than it may."""
        self.spare(size)
        self._left -= size


def pieces(batch: pa.RecordBatch, allowance: Allowance) -> Iterator[tuple[int, pa.RecordBatch | None]]:
    """The batch in pieces of at most `BATCH_ROWS` rows and `PIECE_BYTES` written out, each with its first row.

    A row of more than `RECORD_BYTES` comes as None. Raises `Broken` where the file has said more than `allowance`.
    """
    for first in range(0, len(batch), BATCH_ROWS):
        stack = [(first, min(BATCH_ROWS, len(batch) - first))]
        while stack:
            at, rows = stack.pop()
            part = batch.slice(at, rows)
            size = int(_row_sizes(part).sum())
            if size > PIECE_BYTES and rows > 1:
                stack += [(at + rows // 2, rows - rows // 2), (at, rows // 2)]
                continue
            allowance.take(size)
            yield at, part if size <= RECORD_BYTES else None


def _row_sizes(batch: pa.RecordBatch) -> Sizes:
    total = np.full(len(batch), CELL, np.int64)
    for column in batch.columns:
        total += value_sizes(column)
    return total


def value_sizes(array: pa.Array) -> Sizes:
    """Bytes of each value of an array once it is written out; at least that where the whole is above `PIECE_BYTES`."""
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        return value_sizes(array.storage)
    if pa.types.is_dictionary(kind):
        known = value_sizes(array.dictionary)
        places = array.indices.fill_null(0).to_numpy(zero_copy_only=False)
        return known[places] if len(known) else np.full(len(array), CELL, np.int64)
    if pa.types.is_run_end_encoded(kind):
        first, count = array.find_physical_offset(), array.find_physical_length()
        ends = array.run_ends.to_numpy()[first : first + count]
        runs = np.searchsorted(ends, np.arange(array.offset, array.offset + len(array)), side="right")
        return value_sizes(array.values.slice(first, count))[runs]
    if pa.types.is_struct(kind):
        total = np.full(len(array), CELL, np.int64)
        for index in range(kind.num_fields):
            total += value_sizes(array.field(index))
        return total
    if pa.types.is_fixed_size_list(kind):
        return _list_sizes(array.offset + np.arange(len(array)), kind.list_size, array.values)
    if pa.types.is_list_view(kind) or pa.types.is_large_list_view(kind):
        lengths = array.sizes.to_numpy().astype(np.int64)
        return _list_sizes(array.offsets.to_numpy().astype(np.int64), lengths, array.values)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_map(kind):
        offsets = array.offsets.to_numpy().astype(np.int64)
        child = array.values
        return _list_sizes(offsets[:-1], np.diff(offsets), child)
    if pa.types.is_union(kind):
        widest = sum(int(value_sizes(array.field(index)).max(initial=0)) for index in range(kind.num_fields))
        return np.full(len(array), CELL + widest, np.int64)
    if pa.types.is_fixed_size_binary(kind):
        return np.full(len(array), CELL + kind.byte_width, np.int64)
    if not _is_text(kind):
        return np.full(len(array), CELL, np.int64)
    if pa.types.is_string_view(kind) or pa.types.is_binary_view(kind):
        views = np.frombuffer(array.buffers()[1], np.int32).reshape(-1, 4)
        held: Sizes = CELL + views[array.offset : array.offset + len(array), 0].astype(np.int64)
        return held
    lengths = pc.binary_length(array).fill_null(0)
    sizes: Sizes = CELL + lengths.to_numpy(zero_copy_only=False).astype(np.int64)
    return sizes


def _is_text(kind: pa.DataType) -> bool:
    types = pa.types
    known = (types.is_string, types.is_large_string, types.is_binary, types.is_large_binary)
    return any(is_kind(kind) for is_kind in (*known, types.is_string_view, types.is_binary_view))


def _list_sizes(starts: Sizes, lengths: Sizes | int, values: pa.Array) -> Sizes:
    lengths = np.broadcast_to(np.asarray(lengths, np.int64), starts.shape)
    least = CELL + CELL * lengths
    if not len(starts) or int(least.sum()) > PIECE_BYTES:
        return least
    first, last = int(starts.min()), int((starts + lengths).max())
    if (last - first) * CELL > 4 * PIECE_BYTES:  # views far apart: one by one
        held = [int(value_sizes(values.slice(at, n)).sum()) for at, n in zip(starts, lengths, strict=True)]
        return CELL + np.array(held, np.int64)
    before = np.concatenate([[0], np.cumsum(value_sizes(values.slice(first, last - first)))])
    sizes: Sizes = CELL + before[starts + lengths - first] - before[starts - first]
    return sizes


def parquet_batches(
    stream: IO[bytes], groups: Sequence[int], columns: Sequence[str] | None, allowance: Allowance
) -> Iterator[pa.RecordBatch]:
    """Batches of row groups in which texts that stand in dictionaries stay in them.

    Raises `Broken` for lists of more values than the file may say, before they are read.
    """
    footer = pq.read_metadata(stream)
    for group in groups:
        flat: set[str] = set()
        nested: set[str] = set()
        listed, widest = 0, 1
        for index in range(footer.row_group(group).num_columns):
            chunk, column = footer.row_group(group).column(index), footer.schema.column(index)
            name = chunk.path_in_schema
            if columns is not None and name.split(".")[0] not in columns:
                continue
            if column.max_repetition_level:
                listed += CELL * chunk.num_values
            if column.physical_type == "BYTE_ARRAY" and chunk.has_dictionary_page and column.logical_type.type in TEXTS:
                (nested if "." in name else flat).add(name)
                widest = max(widest, chunk.total_uncompressed_size if "." in name else 1)
        allowance.spare(listed)
        given = 0
        try:
            for batch in _batches(stream, footer, flat | nested, group, columns, BATCH_ROWS):
                given += len(batch)
                yield batch
        except pa.ArrowNotImplementedError:  # within lists and structs, where a dictionary ends amid a batch
            rows = max(1, min(BATCH_ROWS, 4 * PIECE_BYTES // widest))
            for batch in _batches(stream, footer, flat, group, columns, rows):
                known = min(given, len(batch))
                given -= known
                yield batch.slice(known)


def _batches(
    stream: IO[bytes], footer: pq.FileMetaData, kept: set[str], group: int, columns: Sequence[str] | None, rows: int
) -> Iterator[pa.RecordBatch]:
    stream.seek(0)
    file = pq.ParquetFile(stream, metadata=footer, read_dictionary=sorted(kept))
    yield from file.iter_batches(rows, row_groups=[group], columns=columns)
