"""The records of tables: Parquet, Arrow, JSON lines, JSON arrays and CSV, read piece by piece as dictionaries.

The format follows from the file's name (`.parquet`, `.arrow`, `.feather`, `.jsonl`, `.ndjson`, `.json`, `.csv`, `.tsv`,
each text format also `.gz`, `.bz2`, `.xz`, `.zst`). Parquet is cut by row groups, Arrow files by record batches, plain
JSON lines by bytes; an array, and what is compressed or quoted across lines, is one piece of any size.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from winnow.formats.addresses import filesystem_of
from winnow.formats.charset.decision import UnknownCharset
from winnow.formats.charset.streams import as_utf_8, charset_of, is_utf_8
from winnow.formats.containers.archives import Reject, ignore
from winnow.formats.containers.bounds import RECORD_BYTES, TooLarge, lines_within, skip_line
from winnow.formats.containers.decoded import Allowance, parquet_batches, pieces
from winnow.formats.containers.delimited import comma_separated, tab_separated
from winnow.formats.containers.inflate import Broken, Inflated, Limits
from winnow.formats.containers.json_stream import values
from winnow.formats.containers.json_text import read_json
from winnow.formats.containers.line_ends import HEAD_BYTES, WithNewlines, ends_in_returns, with_newlines
from winnow.formats.splits import SPLIT_BYTES, Split, byte_splits

LATER_BYTES = 1 << 20  # looked at for a charset where the beginning is plain ASCII
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
BROKEN = (ValueError, pa.ArrowException)

SPREAD = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:\[|\{\s*[\r\n])")  # an array, or objects over many lines

UNHELD = (ValueError, OverflowError, KeyError, NotImplementedError, pa.ArrowException)
MICROSECONDS = {pa.time64("ns"): pa.time64("us"), pa.duration("ns"): pa.duration("us")}

Record = Mapping[str, Any]


class Unreadable(ValueError):
    """A value of a record that can't be had, and why: it stands in the value's place, for who needs it to refuse."""


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
        with opened_table(path, kind) as stream:
            return [Split(path, *bounds) for bounds in _column_pieces(stream, kind, split_bytes)]
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        return [Split(path)]  # not a table after all; reading it says so as a rejection


def opened_table(path: str, kind: str) -> Any:
    """A file to read as `kind`. Of Parquet on a store no byte is fetched beyond what is asked for."""
    filesystem, name = filesystem_of(path)
    remote = "file" not in filesystem.protocol
    return filesystem.open(name, "rb", **({"cache_type": "none"} if kind == "parquet" and remote else {}))


def read_records(
    split: Split, reject: Reject, columns: Sequence[str] | None = None, charset: str | None = None
) -> Iterator[tuple[str, Record]]:
    """Yields `(place, record)` for each record of the piece; place is `row 17` or `byte 4711` within the file.

    A record that can't be read, or a file that ends early, is told to `reject(place, rule, value)`, never raised.
    `columns` limits what is read of columnar files, `charset` is what the user says a text is written in.
    """
    kind = _known_format(split.path)
    with opened_table(split.path, kind) as stream:
        try:
            if kind == "parquet":
                yield from _parquet(stream, split, columns, reject)
            elif kind == "arrow":
                yield from _arrow(stream, split, reject)
            else:
                yield from read_text_records(stream, kind, split.start, split.stop, reject, charset)
        except Broken as broken:
            reject("end", broken.rule, broken.value)
        except BROKEN as error:
            reject("end", "corrupt", f"{type(error).__name__}: {error}")
        except OSError as error:
            if error.errno is not None:
                raise
            reject("end", "corrupt", error)


def read_text_records(
    stream: IO[bytes], kind: str, start: int, stop: int, reject: Reject, charset: str | None = None
) -> Iterator[tuple[str, Record]]:
    """The records of an open text table (`lines`, `json`, `csv`, `tsv`), compressed or not, in any charset.

    One that isn't UTF-8 is read as a whole by its first piece; its places are those of the text in UTF-8.
    """
    stream.seek(start)
    piece = stream.read(HEAD_BYTES) if start > 0 else b""
    if not is_utf_8(piece) or (start > 0 and charset is not None):
        stream.seek(0)
        if _charset(stream.read(HEAD_BYTES), charset, ignore) != "utf-8":
            return
    plain = start > 0 and not ends_in_returns(piece)  # the file's head, which may be far, isn't asked
    inflated = Inflated(stream, LIMITS)
    if inflated.compressed:
        start, stop, plain = 0, -1, False
    if start == 0:
        head = inflated.peek(HEAD_BYTES)
        if (told := _charset(head if not head.isascii() else inflated.peek(LATER_BYTES), charset, reject)) is None:
            return
        if told != "utf-8":
            inflated = Inflated(as_utf_8(inflated, told), LIMITS)
            stop = -1
    if kind == "json" and SPREAD.match(inflated.peek(256)):
        yield from _objects(inflated, reject)
    elif kind in ("lines", "json"):
        yield from _lines(inflated if plain else with_newlines(inflated), start, stop, reject)
    else:
        lines = io.BufferedReader(with_newlines(inflated))
        text = io.TextIOWrapper(lines, encoding="utf-8-sig", errors="surrogateescape", newline="\n")
        yield from _delimited(text, kind, reject)


def _charset(head: bytes, option: str | None, reject: Reject) -> str | None:
    """What a text table is written in, by its beginning; None (told to `reject`) where that can't be told."""
    try:
        return charset_of(head, option)
    except UnknownCharset as error:
        if not error.candidates or _mostly_utf_8(head):  # each record says what is wrong with it
            return "utf-8"
        reject("end", "encoding", error)
    except ValueError as error:
        reject("end", "encoding", error)
    return None


def _mostly_utf_8(head: bytes) -> bool:
    """Whether most lines are UTF-8: then a few damaged ones cost themselves, not the file."""
    lines = head.splitlines()
    return sum(_is_utf_8(line) for line in lines) * 2 > len(lines)


def _is_utf_8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


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


def _parquet(
    stream: IO[bytes], split: Split, columns: Sequence[str] | None, reject: Reject
) -> Iterator[tuple[str, Record]]:
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


def _arrow(stream: IO[bytes], split: Split, reject: Reject) -> Iterator[tuple[str, Record]]:
    allowance = Allowance(stream.seek(0, io.SEEK_END), LIMITS)
    reader = _arrow_file(stream)
    if reader is None:
        stream.seek(0)
        batches: Any = ((str(place), batch) for place, batch in enumerate(pa.ipc.open_stream(stream)))
    else:
        stop = reader.num_record_batches if split.stop < 0 else split.stop
        batches = ((str(place), reader.get_batch(place)) for place in range(split.start, stop))
    for place, batch in batches:
        for row, record in _bounded_rows(batch, allowance):
            if record is None:
                reject(f"batch {place} row {row}", "size", f"> {RECORD_BYTES}")
            else:
                yield f"batch {place} row {row}", record


def _bounded_rows(batch: pa.RecordBatch, allowance: Allowance) -> Iterator[tuple[int, Record | None]]:
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


def _rows(batch: pa.RecordBatch) -> Iterator[Record]:
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


def _objects(stream: Inflated, reject: Reject) -> Iterator[tuple[str, Record]]:
    """The objects of an array, or of a file that writes each over many lines."""
    for place, value in enumerate(values(stream)):
        if isinstance(value, dict):
            yield f"item {place}", value
        else:
            why = value if isinstance(value, ValueError) else f"{type(value).__name__}, not an object"
            reject(f"item {place}", "size" if isinstance(value, TooLarge) else "json", why)


def _lines(stream: Inflated | WithNewlines, start: int, stop: int, reject: Reject) -> Iterator[tuple[str, Record]]:
    """JSON objects, one a line: those that begin in bytes `[start, stop)`."""
    buffered: IO[bytes] = io.BufferedReader(stream, 1 << 18)
    position = start
    if start:
        stream.seek(start - 1)
        position = start - 1 + skip_line(buffered)
    for size, line in lines_within(buffered):
        if 0 <= stop <= position:
            return
        place = f"byte {position}"
        position += size
        if line is None:
            reject(place, "size", f"> {RECORD_BYTES}")
            continue
        if place == "byte 0":
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line or line.isspace():
            continue
        try:
            record = read_json(line)
        except ValueError as error:
            reject(place, "size" if isinstance(error, TooLarge) else "json", error)
            continue
        if isinstance(record, dict):
            yield place, record
        else:
            reject(place, "json", f"{type(record).__name__}, not an object")


def _delimited(text: IO[str], kind: str, reject: Reject) -> Iterator[tuple[str, Record]]:
    """The rows of CSV or TSV below their header. What a name that stands twice holds can't be told: it is `Unreadable`."""
    rows = comma_separated(text) if kind == "csv" else tab_separated(text)
    header = next(rows, None)
    if header is None:
        return
    if isinstance(header, ValueError):
        raise header
    twice = {name: Unreadable(f"{name} stands twice in the header") for name in header if header.count(name) > 1}
    for index, row in enumerate(rows):
        if isinstance(row, ValueError):
            reject(f"row {index}", "size" if isinstance(row, TooLarge) else "csv", row)
        elif len(row) != len(header):
            if row and row != [""]:
                reject(f"row {index}", "columns", f"{len(row)}, the header has {len(header)}")
        else:
            yield f"row {index}", dict(zip(header, row, strict=True)) | twice
