"""The rows of SQLite databases, table by table, as a stranger's file may be read: never written, no code of it run.

A file on this machine is opened as it lies, read-only and immutable; one at an address, or compressed, is copied to a
temporary file first. Views and virtual tables, which are programs, aren't read.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from winnow.formats.addresses import filesystem_of, opened
from winnow.formats.containers.archives import Reject
from winnow.formats.containers.bounds import RECORD_BYTES
from winnow.formats.containers.columnar import LIMITS
from winnow.formats.containers.decoded import Unreadable
from winnow.formats.containers.inflate import BLOCK, Broken, Inflated

BROKEN = (sqlite3.Error, Broken)
HEADER = b"SQLite format 3\0"
LOG = "-wal"
TABLES = """SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'
    AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name"""


def table_names(path: str) -> list[str]:
    """The tables of a database, sorted. Raises `sqlite3.Error` or `Broken` for what is none."""
    with _database(path) as database:
        return [name for (name,) in database.execute(TABLES)]


def read_rows(path: str, start: int, stop: int, reject: Reject) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yields `(place, row)` of the tables `[start, stop)` of `table_names`; a place is `articles row 5`, by the rowid.

    A row above `RECORD_BYTES`, and the rest of a table that is damaged, are told to `reject(place, rule, value)`.
    """
    try:
        with _database(path) as database:
            names = [name for (name,) in database.execute(TABLES)]
            for name in names[start : None if stop < 0 else stop]:
                yield from _rows(database, name, reject)
    except Broken as broken:
        reject("end", broken.rule, broken.value)
    except sqlite3.Error as error:
        reject("end", "corrupt", f"{type(error).__name__}: {error}")


@contextmanager
def _database(path: str) -> Iterator[sqlite3.Connection]:
    """The database, opened so that it can neither be changed nor change anything.

    Raises `ValueError` where a log of changes that aren't in it yet lies beside it: without them it is another database.
    """
    with _local(path) as name:
        if os.path.exists(name + LOG) and os.path.getsize(name + LOG):
            raise ValueError(f"{path}: changes in {name}{LOG} aren't in it yet; close it, or run PRAGMA wal_checkpoint")
        address = f"{Path(name).absolute().as_uri()}?mode=ro&immutable=1"
        with closing(sqlite3.connect(address, uri=True)) as database:
            database.execute("PRAGMA trusted_schema = OFF")
            database.execute("PRAGMA cell_size_check = ON")
            database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, RECORD_BYTES)
            database.text_factory = _text
            yield database


@contextmanager
def _local(path: str) -> Iterator[str]:
    """The name of the plain database on this machine's disk."""
    filesystem, name = filesystem_of(path)
    with opened(path) as stream:
        local = "file" in filesystem.protocol
        if local and stream.read(len(HEADER)) == HEADER:
            yield name
            return
        with tempfile.TemporaryDirectory() as folder:
            copy = os.path.join(folder, "copy")
            with open(copy, "wb") as target:
                shutil.copyfileobj(Inflated(stream, LIMITS), target, BLOCK)
            yield copy


def _text(content: bytes) -> Any:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        return Unreadable(f"text that isn't UTF-8: {error}")


def _rows(database: sqlite3.Connection, table: str, reject: Reject) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The rows in the order of their rowid; those of a table without one in the order of its key, to the first too large."""
    quoted = _quoted(table)
    columns = [name for name, *_ in database.execute(f"SELECT * FROM {quoted} LIMIT 0").description]
    place = _row_id(columns)
    if place is None or not _has(database, quoted, place):
        yield from _keyed(database, table, reject)
        return
    many = f"SELECT {place}, * FROM {quoted}"
    last: int | None = None
    while True:
        after = "" if last is None else f"WHERE {place} > {last}"
        try:
            for found, *row in database.execute(f"{many} {after} ORDER BY {place}"):
                if last is not None and found <= last:  # a damaged tree may lead round in a circle
                    reject(f"{table} end", "corrupt", f"row {found} stands behind row {last}")
                    return
                last = found
                yield f"{table} row {last}", dict(zip(columns, row, strict=True))
            return
        except sqlite3.DatabaseError:
            pass  # of one of the next two rows: Python has the row after in hand before it gives one
        after = "" if last is None else f"WHERE {place} > {last}"
        try:
            [last] = database.execute(f"SELECT min({place}) FROM {quoted} {after}").fetchone()
            found = database.execute(f"{many} WHERE {place} = {last}").fetchone()
            if found is None:
                raise sqlite3.DatabaseError("a row that can't be found again")
            yield f"{table} row {last}", dict(zip(columns, found[1:], strict=True))
        except sqlite3.DataError as error:
            reject(f"{table} row {last}", "size", error)
        except sqlite3.DatabaseError as error:
            reject(f"{table} end", "corrupt", f"{type(error).__name__}: {error}, behind row {last}")
            return


def _keyed(database: sqlite3.Connection, table: str, reject: Reject) -> Iterator[tuple[str, Mapping[str, Any]]]:
    row = -1
    try:
        [pages], [size] = (database.execute(f"PRAGMA {what}").fetchone() for what in ("page_count", "page_size"))
        found = database.execute(f"SELECT * FROM {_quoted(table)}")
        columns = [name for name, *_ in found.description]
        for row, values in enumerate(found):
            if row > pages * size:  # a damaged tree may lead round in a circle
                reject(f"{table} end", "corrupt", f"more rows than the file has bytes, {pages * size}")
                return
            yield f"{table} row {row}", dict(zip(columns, values, strict=True))
    except sqlite3.DatabaseError as error:
        reject(f"{table} end", "corrupt", f"{type(error).__name__}: {error}, behind row {row}")


def _row_id(columns: list[str]) -> str | None:
    """The first of SQLite's names for the rowid that no column has taken."""
    taken = {name.lower() for name in columns}
    return next((name for name in ("rowid", "oid", "_rowid_") if name not in taken), None)


def _has(database: sqlite3.Connection, quoted: str, place: str) -> bool:
    try:
        database.execute(f"SELECT {place} FROM {quoted} LIMIT 0")
    except sqlite3.OperationalError:
        return False
    return True


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
