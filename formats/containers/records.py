"""The records of tables: Parquet, Arrow, JSON lines, JSON arrays and CSV, read piece by piece as dictionaries.

The format follows from the file's name (`.parquet`, `.arrow`, `.feather`, `.jsonl`, `.ndjson`, `.json`, `.csv`, `.tsv`,
each text format also `.gz`, `.bz2`, `.xz`, `.zst`). Parquet is cut by row groups, Arrow files by record batches, plain
JSON lines by bytes; an array, and what is compressed or quoted across lines, is one piece of any size.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

import fsspec
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from winnow.formats.containers.archives import Reject
from winnow.formats.containers.inflate import Broken, Inflated, Limits
from winnow.formats.containers.json_stream import values
from winnow.formats.splits import SPLIT_BYTES, Split, byte_splits

BATCH_ROWS = 1024
RECORD_BYTES = 64 << 20
LIMITS = Limits(total_bytes=1 << 50, ratio=1000.0)  # tables repeat themselves: 100 to 1 is usual for logs
PACKED = re.compile(r"\.(gz|bz2|xz|zst)$")
FORMATS = {
    "parquet": "parquet",
    "arrow": "arrow",
    "feather": "arrow",
    "ipc": "arrow",
    "jsonl": "lines",
    "ndjson": "lines",
    "jsonlines": "lines",
    "json": "json",
    "csv": "csv",
    "tsv": "tsv",
}
BROKEN = (ValueError, csv.Error, pa.ArrowException)

SPREAD = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:\[|\{\s*[\r\n])")  # an array, or objects over many lines

Record = Mapping[str, Any]
Row = tuple[str, Record | ValueError]  # with its place; or why it can't be read


def table_format(path: str) -> str | None:
    """Which of `FORMATS` the name of a file tells, or None for a file that is no table."""
    name = PACKED.sub("", path.lower())
    return FORMATS.get(name.rsplit(".", 1)[-1])


def record_splits(path: str, split_bytes: int = SPLIT_BYTES) -> list[Split]:
    """Pieces of about `split_bytes`. Raises `ValueError` when the name tells no format."""
    kind = _known_format(path)
    if kind == "lines" and not PACKED.search(path.lower()):
        return byte_splits(path, split_bytes)
    if kind not in ("parquet", "arrow"):
        return [Split(path)]
    try:
        with opened(path, kind) as stream:
            return [Split(path, *bounds) for bounds in _column_pieces(stream, kind, split_bytes)]
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        return [Split(path)]  # not a table after all; reading it says so as a rejection


def opened(path: str, kind: str) -> fsspec.core.OpenFile:
    """A file to read as `kind`. Of Parquet on a store no byte is fetched beyond what is asked for."""
    return fsspec.open(path, "rb", **({"cache_type": "none"} if kind == "parquet" else {}))


def read_records(split: Split, reject: Reject, columns: Sequence[str] | None = None) -> Iterator[tuple[str, Record]]:
    """Yields `(place, record)` for each record of the piece; place is `row 17` or `byte 4711` within the file.

    A record that can't be read, or a file that ends early, is told to `reject(place, rule, value)`, never raised.
    `columns` limits what is read of columnar files.
    """
    kind = _known_format(split.path)
    with opened(split.path, kind) as stream:
        try:
            if kind == "parquet":
                yield from _told(_parquet(stream, split, columns), reject)
            elif kind == "arrow":
                yield from _told(_arrow(stream, split), reject)
            else:
                yield from read_text_records(stream, kind, split.start, split.stop, reject)
        except Broken as broken:
            reject("end", broken.rule, broken.value)
        except BROKEN as error:
            reject("end", "corrupt", f"{type(error).__name__}: {error}")
        except OSError as error:
            if error.errno is not None:
                raise
            reject("end", "corrupt", error)


def read_text_records(
    stream: IO[bytes], kind: str, start: int, stop: int, reject: Reject
) -> Iterator[tuple[str, Record]]:
    """The records of an open text table (`lines`, `json`, `csv`, `tsv`), compressed or not."""
    inflated = Inflated(stream, LIMITS)
    if inflated.compressed:
        start, stop = 0, -1
    if kind == "json" and SPREAD.match(inflated.peek(256)):
        yield from _objects(inflated, reject)
    elif kind in ("lines", "json"):
        yield from _lines(inflated, start, stop, reject)
    else:
        text = io.TextIOWrapper(io.BufferedReader(inflated), encoding="utf-8-sig", errors="surrogateescape", newline="")
        yield from _csv(text, "\t" if kind == "tsv" else ",", reject)


def _known_format(path: str) -> str:
    kind = table_format(path)
    if kind is None:
        raise ValueError(f"{path}: the name tells no table format; there are {', '.join(sorted(FORMATS))}")
    return kind


def _column_pieces(stream: IO[bytes], kind: str, split_bytes: int) -> Iterator[tuple[int, int]]:
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


def _told(rows: Iterator[Row], reject: Reject) -> Iterator[tuple[str, Record]]:
    for place, row in rows:
        if isinstance(row, ValueError):
            reject(place, "encoding", row)
        else:
            yield place, row


def _parquet(stream: IO[bytes], split: Split, columns: Sequence[str] | None) -> Iterator[Row]:
    file = pq.ParquetFile(stream)
    groups = range(split.start, file.num_row_groups if split.stop < 0 else split.stop)
    row = sum(file.metadata.row_group(index).num_rows for index in range(split.start))
    present = None if columns is None else [name for name in columns if name in file.schema_arrow.names]
    for batch in file.iter_batches(BATCH_ROWS, row_groups=list(groups), columns=present):
        for record in _rows(batch):
            yield f"row {row}", record
            row += 1


def _arrow(stream: IO[bytes], split: Split) -> Iterator[Row]:
    reader = _arrow_file(stream)
    if reader is None:
        stream.seek(0)
        batches: Any = ((str(place), batch) for place, batch in enumerate(pa.ipc.open_stream(stream)))
    else:
        stop = reader.num_record_batches if split.stop < 0 else split.stop
        batches = ((str(place), reader.get_batch(place)) for place in range(split.start, stop))
    for place, batch in batches:
        for row, record in enumerate(_rows(batch)):
            yield f"batch {place} row {row}", record


def _arrow_file(stream: IO[bytes]) -> Any:
    """A reader of the random-access format, or None when the file is a stream."""
    stream.seek(0)
    if stream.read(6) != b"ARROW1":
        return None
    return pa.ipc.open_file(stream)


def _rows(batch: pa.RecordBatch) -> Iterator[Record | ValueError]:
    """The rows of a batch; one that holds what isn't UTF-8 as its error."""
    try:
        rows = batch.to_pylist()
    except ValueError:
        for place in range(len(batch)):
            try:
                yield batch.slice(place, 1).to_pylist()[0]
            except ValueError as error:
                yield error
    else:
        yield from rows


def _objects(stream: Inflated, reject: Reject) -> Iterator[tuple[str, Record]]:
    """The objects of an array, or of a file that writes each over many lines."""
    for place, value in enumerate(values(stream)):
        if isinstance(value, dict):
            yield f"item {place}", value
        else:
            why = value if isinstance(value, ValueError) else f"{type(value).__name__}, not an object"
            reject(f"item {place}", "json", why)


def _lines(stream: Inflated, start: int, stop: int, reject: Reject) -> Iterator[tuple[str, Record]]:
    """JSON objects, one a line: those that begin in bytes `[start, stop)`."""
    buffered: IO[bytes] = io.BufferedReader(stream, 1 << 18)
    position = start
    if start:
        stream.seek(start - 1)
        position = start - 1 + skip_line(buffered)
    while stop < 0 or position < stop:
        line = buffered.readline(RECORD_BYTES)
        if not line:
            return
        place = f"byte {position}"
        position += len(line)
        if len(line) == RECORD_BYTES and not line.endswith(b"\n"):
            position += skip_line(buffered)
            reject(place, "size", f"> {RECORD_BYTES}")
            continue
        if place == "byte 0":
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line or line.isspace():
            continue
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            reject(place, "json", error)
            continue
        if isinstance(record, dict):
            yield place, record
        else:
            reject(place, "json", f"{type(record).__name__}, not an object")


def skip_line(stream: IO[bytes]) -> int:
    """Reads on to the end of the line without holding it; tells how many bytes that was."""
    skipped = 0
    while piece := stream.readline(1 << 20):
        skipped += len(piece)
        if piece.endswith(b"\n"):
            break
    return skipped


def _csv(text: io.TextIOWrapper, delimiter: str, reject: Reject) -> Iterator[tuple[str, Record]]:
    csv.field_size_limit(RECORD_BYTES)
    rows = csv.reader(text, delimiter=delimiter, strict=False)
    header = next(rows, None)
    for index, row in enumerate(rows):
        if not row:
            continue
        if len(row) != len(header or ()):
            reject(f"row {index}", "columns", f"{len(row)}, the header has {len(header or ())}")
        else:
            yield f"row {index}", dict(zip(header or (), row, strict=True))
