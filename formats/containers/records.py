"""The records of tables: Parquet, Arrow, SQLite, spreadsheets, JSON and CSV, read piece by piece as dictionaries.

The format follows from the file's name (`.parquet`, `.arrow`, `.feather`, `.sqlite`, `.db`, `.jsonl`, `.ndjson`, `.json`,
`.csv`, `.tsv`, `.xlsx`, `.xls`, `.ods`, those of text, SQLite and spreadsheets also `.gz`, `.bz2`, `.xz`, `.zst`). Parquet
is cut by row groups, Arrow files by record batches, SQLite by tables, a spreadsheet by sheets, plain JSON lines by bytes; an
array, and what is compressed or quoted across lines, is one piece of any size. A `.txt` read as a table has one column,
`text`, and each line that isn't blank is a record.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import IO, Any

import pyarrow as pa

from winnow.formats.addresses import filesystem_of
from winnow.formats.charset.decision import UnknownCharset
from winnow.formats.charset.streams import as_utf_8, charset_of, is_utf_8
from winnow.formats.containers import sheets, sqlite
from winnow.formats.containers.archives import Reject, ignore
from winnow.formats.containers.bounds import RECORD_BYTES, TooLarge, lines_within, skip_line
from winnow.formats.containers.columnar import LIMITS, arrow_rows, column_pieces, parquet_rows
from winnow.formats.containers.decoded import Unreadable
from winnow.formats.containers.delimited import comma_separated, tab_separated
from winnow.formats.containers.inflate import Broken, Inflated
from winnow.formats.containers.json_stream import values
from winnow.formats.containers.json_text import read_json
from winnow.formats.containers.line_ends import HEAD_BYTES, WithNewlines, ends_in_returns, with_newlines
from winnow.formats.splits import SPLIT_BYTES, Split, byte_splits

LATER_BYTES = 1 << 20  # looked at for a charset where the beginning is plain ASCII
PACKED = re.compile(r"\.(gz|bz2|xz|zst)$")
FORMATS = {
    "parquet": "parquet",
    "arrow": "arrow",
    "feather": "arrow",
    "ipc": "arrow",
    "sqlite": "sqlite",
    "sqlite3": "sqlite",
    "db": "sqlite",
    "db3": "sqlite",
    "xlsx": "sheets",
    "xlsm": "sheets",
    "xlsb": "sheets",
    "xls": "sheets",
    "ods": "sheets",
    "jsonl": "lines",
    "ndjson": "lines",
    "jsonlines": "lines",
    "json": "json",
    "csv": "csv",
    "tsv": "tsv",
}
COLUMNAR = ("parquet", "arrow", "sqlite", "sheets")  # formats whose values have types: no charset is asked for
TABLES_WITHIN = ("sqlite", "sheets")  # formats of which a file holds several tables, each a piece
LINES_OF_TEXT = re.compile(r"\.txt(\.(gz|bz2|xz|zst))?$", re.IGNORECASE)
BROKEN = (ValueError, pa.ArrowException)

SPREAD = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:\[|\{\s*[\r\n])")  # an array, or objects over many lines

Record = Mapping[str, Any]


def table_format(path: str) -> str | None:
    """Which of `FORMATS` the name of a file tells, or None for a file that is no table."""
    name = PACKED.sub("", path.lower())
    return FORMATS.get(name.rsplit(".", 1)[-1])


def record_splits(path: str, split_bytes: int = SPLIT_BYTES) -> list[Split]:
    """Pieces of about `split_bytes`, of a folder those of its files; a file in it that is no table is a piece to be rejected.

    Raises `ValueError` when the name of a file, or of all files of a folder, tells no format.
    """
    filesystem, root = filesystem_of(path)
    if os.path.isdir(root) if "file" in filesystem.protocol else filesystem.isdir(root):
        return _folder(path, filesystem, root.rstrip("/"), split_bytes)
    kind = _known_format(path)
    if kind in ("lines", "text") and not PACKED.search(path.lower()):
        return byte_splits(path, split_bytes)
    if kind in TABLES_WITHIN:
        return [split for _, split in table_splits(path)] or [Split(path)]
    if kind not in ("parquet", "arrow"):
        return [Split(path)]
    try:
        with opened_table(path, kind) as stream:
            return [Split(path, *bounds) for bounds in column_pieces(stream, kind, split_bytes)]
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        return [Split(path)]  # not a table after all; reading it says so as a rejection


def _folder(path: str, filesystem: Any, root: str, split_bytes: int) -> list[Split]:
    names = [f"{path.rstrip('/')}{name.removeprefix(root)}" for name in sorted(filesystem.find(root))]
    if not any(map(_format, names)):
        raise ValueError(f"{path}: no file in it is a table by its name; there are {', '.join(sorted(FORMATS))}")
    return [split for name in names for split in (record_splits(name, split_bytes) if _format(name) else [Split(name)])]


def table_splits(path: str) -> list[tuple[str, Split]]:
    """The tables of a SQLite database, or the sheets of a spreadsheet, by name, each a piece.

    None where the file can't be opened, which reading it will say. Raises `ValueError` for a database that a log beside it
    must first be written into.
    """
    names = sheets.sheet_names if table_format(path) == "sheets" else sqlite.table_names
    try:
        return [(name, Split(path, place, place + 1)) for place, name in enumerate(names(path))]
    except sqlite.BROKEN:
        return []


def opened_table(path: str, kind: str) -> Any:
    """A file to read as `kind`. Of Parquet on a store no byte is fetched beyond what is asked for."""
    filesystem, name = filesystem_of(path)
    remote = "file" not in filesystem.protocol
    return filesystem.open(name, "rb", **({"cache_type": "none"} if kind == "parquet" and remote else {}))


def read_records(
    split: Split, reject: Reject, columns: Sequence[str] | None = None, charset: str | None = None
) -> Iterator[tuple[str, Record]]:
    """Yields `(place, record)` for each record of the piece; place is `row 17` or `byte 4711` within the file.

    Of a database or a spreadsheet it is `articles row 17`. A record that can't be read, or a file that ends early, is told to
    `reject(place, rule, value)`, never raised. `columns` limits what is read of columnar files, `charset` is what the user
    says a text is written in.
    """
    kind = _format(split.path)
    if kind is None:
        reject("end", "format", "no table by its name")
        return
    if kind == "sqlite":
        yield from sqlite.read_rows(split.path, split.start, split.stop, reject)
        return
    if kind == "sheets":
        yield from sheets.sheet_rows(split.path, split.start, split.stop, reject)
        return
    with opened_table(split.path, kind) as stream:
        try:
            if kind == "parquet":
                yield from parquet_rows(stream, split, columns, reject)
            elif kind == "arrow":
                yield from arrow_rows(stream, split, reject)
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
    """The records of an open text table (`lines`, `json`, `csv`, `tsv`, `text`), compressed or not, in any charset.

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
    elif kind in ("lines", "json", "text"):
        lines = _lines(inflated if plain else with_newlines(inflated), start, stop, reject)
        yield from _texts(lines, reject) if kind == "text" else _json_objects(lines, reject)
    else:
        raw = io.BufferedReader(with_newlines(inflated))
        text = io.TextIOWrapper(raw, encoding="utf-8-sig", errors="surrogateescape", newline="\n")
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


def _format(path: str) -> str | None:
    """`table_format`, or `text` for a plain file that was named as a table."""
    return "text" if LINES_OF_TEXT.search(path) else table_format(path)


def _known_format(path: str) -> str:
    kind = _format(path)
    if kind is None:
        raise ValueError(f"{path}: the name tells no table format; there are {', '.join(sorted(FORMATS))}")
    return kind


def _objects(stream: Inflated, reject: Reject) -> Iterator[tuple[str, Record]]:
    """The objects of an array, or of a file that writes each over many lines."""
    for place, value in enumerate(values(stream)):
        if isinstance(value, dict):
            yield f"item {place}", value
        else:
            why = value if isinstance(value, ValueError) else f"{type(value).__name__}, not an object"
            reject(f"item {place}", "size" if isinstance(value, TooLarge) else "json", why)


def _lines(stream: Inflated | WithNewlines, start: int, stop: int, reject: Reject) -> Iterator[tuple[str, bytes]]:
    """The lines that begin in bytes `[start, stop)` and aren't blank, each with its place."""
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
        if line and not line.isspace():
            yield place, line


def _json_objects(lines: Iterable[tuple[str, bytes]], reject: Reject) -> Iterator[tuple[str, Record]]:
    for place, line in lines:
        try:
            record = read_json(line)
        except ValueError as error:
            reject(place, "size" if isinstance(error, TooLarge) else "json", error)
            continue
        if isinstance(record, dict):
            yield place, record
        else:
            reject(place, "json", f"{type(record).__name__}, not an object")


def _texts(lines: Iterable[tuple[str, bytes]], reject: Reject) -> Iterator[tuple[str, Record]]:
    for place, line in lines:
        try:
            yield place, {"text": line.decode("utf-8").strip()}
        except UnicodeDecodeError as error:
            reject(place, "encoding", error)


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
