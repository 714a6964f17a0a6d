"""The rows of Parquet and Arrow files, as Python has them, and the pieces that such files are cut into."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from winnow.formats.containers.archives import Reject
from winnow.formats.containers.bounds import RECORD_BYTES
from winnow.formats.containers.decoded import Allowance, Unreadable, parquet_batches, pieces
from winnow.formats.containers.inflate import Limits
from winnow.formats.splits import Split

LIMITS = Limits(total_bytes=1 << 50, ratio=1000.0)  # tables repeat themselves: 100 to 1 is usual for logs
UNHELD = (ValueError, OverflowError, KeyError, NotImplementedError, pa.ArrowException)
BINARY = {pa.string(): pa.binary(), pa.large_string(): pa.large_binary(), pa.string_view(): pa.binary_view()}
MICROSECONDS = {pa.time64("ns"): pa.time64("us"), pa.duration("ns"): pa.duration("us")}


def column_pieces(stream: IO[bytes], kind: str, split_bytes: int) -> Iterator[tuple[int, int]]:
    if kind == "parquet":
        footer = pq.read_metadata(stream)
        sizes = [footer.row_group(index).total_byte_size for index in range(footer.num_row_groups)]
    else:
        reader = _arrow_file(stream)
        if reader is None:
            yield 0, -1
            return
        average = stream.seek(0, io.SEEK_END) // max(reader.num_record_batches, 1)
        sizes = [average] * reader.num_record_batches
    first, pending = 0, 0
    for index, size in enumerate(sizes):
        if pending and pending + size > split_bytes:
            yield first, index
            first, pending = index, 0
        pending += size
    yield first, len(sizes)


def parquet_rows(
    stream: IO[bytes], split: Split, columns: Sequence[str] | None, reject: Reject
) -> Iterator[tuple[str, dict[str, Any]]]:
    file = pq.ParquetFile(stream)
    groups = range(split.start, file.num_row_groups if split.stop < 0 else split.stop)
    row = sum(file.metadata.row_group(index).num_rows for index in range(split.start))
    present = None if columns is None else [name for name in columns if name in file.schema_arrow.names]
    allowance = Allowance(stream.seek(0, io.SEEK_END), LIMITS)
    stream.seek(0)
    for batch in parquet_batches(stream, groups, present, allowance):
        for place, record in _bounded_rows(batch, allowance):
            if record is None:
                reject(f"row {row + place}", "size", f"> {RECORD_BYTES}")
            else:
                yield f"row {row + place}", record
        row += len(batch)


def arrow_rows(stream: IO[bytes], split: Split, reject: Reject) -> Iterator[tuple[str, dict[str, Any]]]:
    allowance = Allowance(stream.seek(0, io.SEEK_END), LIMITS)
    reader = _arrow_file(stream)
    if reader is None:
        stream.seek(0)
        batches: Any = ((str(place), batch) for place, batch in enumerate(pa.ipc.open_stream(stream)))
    else:
        stop = reader.num_record_batches if split.stop < 0 else split.stop
        batches = ((str(place), reader.get_batch(place)) for place in range(split.start, stop))
    for place, batch in batches:
        if (fault := _misshapen(batch)) is not None:
            reject(f"batch {place}", "corrupt", fault)
            continue
        for row, record in _bounded_rows(batch, allowance):
            if record is None:
                reject(f"batch {place} row {row}", "size", f"> {RECORD_BYTES}")
            else:
                yield f"batch {place} row {row}", record


def _misshapen(batch: pa.RecordBatch) -> str | None:
    """Why a batch's values can't be looked at without reading past its buffers, which would end the process; else None.

    Arrow's reader checks what a message says of its buffers, not the offsets in them. Text that isn't UTF-8 is left to
    its cell.
    """
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        held = column.view(BINARY[column.type]) if column.type in BINARY else column
        try:
            held.validate(full=True)
        except pa.ArrowException as error:
            return f"{name}: {error}"
    return None


def _bounded_rows(batch: pa.RecordBatch, allowance: Allowance) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """The rows by their place in the batch; None for one too large to be written out."""
    for first, piece in pieces(batch, allowance):
        if piece is None:
            yield first, None
            continue
        yield from enumerate(_rows(piece), first)


def _arrow_file(stream: IO[bytes]) -> Any:
    """A reader of the random-access format, or None when the file is a stream."""
    stream.seek(0)
    if stream.read(6) != b"ARROW1":
        return None
    return pa.ipc.open_file(stream)


def _rows(batch: pa.RecordBatch) -> Iterator[dict[str, Any]]:
    """The rows of a batch. A cell that Python can't hold comes as `_spelled`, what it should say or why it can't be said.

    Maps are objects, as their JSON is. Of two columns of one name neither can be meant.
    """
    names = batch.schema.names
    twice = {name for name in names if names.count(name) > 1}
    columns = {
        name: [Unreadable(f"{name} is the name of two columns")] * len(batch) if name in twice else _column(column)
        for name, column in zip(names, batch.columns, strict=True)
    }
    for place in range(len(batch)):
        yield {name: column[place] for name, column in columns.items()}


def _column(column: pa.Array) -> list[Any]:
    """The values of a column as Python has them, all at once where that goes."""
    if not pa.types.is_temporal(column.type) or getattr(column.type, "unit", "us") != "ns":
        with suppress(*UNHELD):
            return list(column.to_pylist(maps_as_pydicts="strict"))
    return [_spelled(cell) for cell in column]


def _spelled(cell: pa.Scalar) -> Any:
    """A cell as Python has it; a time that Python can't hold in ISO 8601; else why it can't be read, as `Unreadable`."""
    try:
        if not pa.types.is_temporal(cell.type):
            return cell.as_py(maps_as_pydicts="strict")
        if getattr(cell.type, "unit", "us") != "ns":
            return cell.as_py()
        kind = pa.timestamp("us", cell.type.tz) if pa.types.is_timestamp(cell.type) else MICROSECONDS[cell.type]
        return cell.cast(kind).as_py()
    except UNHELD as error:
        if pa.types.is_timestamp(cell.type) or pa.types.is_date(cell.type):
            spelled = str(cell.cast(pa.string()).as_py())
            return Unreadable(spelled) if spelled.startswith("<") else spelled.replace(" ", "T", 1)
        return Unreadable(f"{type(error).__name__}: {error}")
