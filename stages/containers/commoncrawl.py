"""Common Crawl by its lists and indexes: which archives there are, and which records of them are asked for.

An index is a CDXJ file (one line for a capture: key, time stamp, JSON) or a Parquet file of the columnar index. A row
names archive, offset and length; only the selected rows are fetched, each by one ranged read.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

import fsspec
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict

from stages.containers.inflate import Broken, Inflated
from stages.containers.records import LIMITS, opened
from stages.containers.warc import Fault, Record, records
from stages.ingest.source import Split

CDX = (".cdx", ".cdxj", ".cdx.gz", ".cdxj.gz")
ROWS = 10_000
COLUMNAR = {
    "url": "url",
    "filename": "warc_filename",
    "offset": "warc_record_offset",
    "length": "warc_record_length",
    "mime": "content_mime_detected",
    "status": "fetch_status",
    "languages": "content_languages",
}


class Selection(BaseModel):
    """Which captures of an index are wanted; an empty tuple wants all. Domains count with everything below them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    domains: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()  # ISO 639-3, as the index gives them; the first of a page's is its main one
    mimes: tuple[str, ...] = ("text/html", "application/xhtml+xml")
    statuses: tuple[int, ...] = (200,)

    def wants(self, row: Mapping[str, Any]) -> bool:
        if self.statuses and str(row.get("status")) not in map(str, self.statuses):
            return False
        if self.mimes and row.get("mime") not in self.mimes:
            return False
        if self.languages and str(row.get("languages") or "").split(",")[0] not in self.languages:
            return False
        host = urlsplit(str(row.get("url") or "")).hostname or ""
        return not self.domains or any(host == domain or host.endswith(f".{domain}") for domain in self.domains)


def listed(path: str, base: str) -> list[str]:
    """The archives that a `*.paths` list names, one a line, each under `base`. Raises `ValueError` for a list cut short."""
    try:
        names = b"".join(_lines(path)).decode("utf-8").split()
    except Broken as broken:
        raise ValueError(f"{path}: {broken.rule} ({broken.value}); fetch the list of archives again") from broken
    return [f"{base.rstrip('/')}/{name}" for name in names]


def is_index(path: str) -> bool:
    return path.lower().endswith((*CDX, ".parquet"))


def index_splits(path: str) -> list[Split]:
    """Parquet by row groups, CDXJ by ten thousand lines (the file is counted once).

    What is lost of a file that breaks off counts as one line more, so that reading the last piece meets it and says so.
    """
    if path.lower().endswith(".parquet"):
        with opened(path, "parquet") as stream:
            return [Split(path, group, group + 1) for group in range(pq.ParquetFile(stream).num_row_groups)]
    lines = 0
    try:
        for _ in _lines(path):
            lines += 1
    except Broken:
        lines += 1
    return [Split(path, first, min(first + ROWS, lines)) for first in range(0, lines, ROWS)]


def selected(split: Split, selection: Selection, base: str, limit: int) -> Iterator[tuple[str, Record | Fault]]:
    """The locator and record of each wanted row of a piece of an index; faults of the index stand at its own lines."""
    for line, row in _rows(split):
        if isinstance(row, Fault):
            yield f"{split.path}@{line}", row
            continue
        if not selection.wants(row):
            continue
        try:
            name, offset, length = str(row["filename"]), int(row["offset"]), int(row["length"])
        except (KeyError, TypeError, ValueError) as error:
            yield f"{split.path}@{line}", Fault(str(line), "index", f"{type(error).__name__}: {error}")
            continue
        place = f"{base.rstrip('/')}/{name}"
        filesystem, path = fsspec.core.url_to_fs(place)
        content = filesystem.cat_file(path, start=offset, end=offset + length)
        found = next(records(io.BytesIO(content), limit=limit), Fault(str(offset), "truncated", "nothing there"))
        yield f"{place}@{offset}", found


def _rows(split: Split) -> Iterator[tuple[int, Mapping[str, Any] | Fault]]:
    """The rows of a piece by their place in it (Parquet) or in the file (lines)."""
    if split.path.lower().endswith(".parquet"):
        with opened(split.path, "parquet") as stream:
            table = pq.ParquetFile(stream).read_row_groups(
                list(range(split.start, split.stop)), columns=list(COLUMNAR.values())
            )
        for number, row in enumerate(table.to_pylist()):
            yield number, {name: row.get(column) for name, column in COLUMNAR.items()}
        return
    number = split.start
    try:
        for number, line in enumerate(islice(_lines(split.path), split.start, split.stop), split.start):
            if b"{" in line:  # a header has none
                yield number, _capture(line, number)
    except Broken as broken:
        yield number, Fault("end", broken.rule, str(broken.value))


def _capture(line: bytes, number: int) -> Mapping[str, Any] | Fault:
    try:
        row = json.loads(line[line.index(b"{") :])
    except ValueError as error:
        return Fault(str(number), "index", f"not JSON: {error}")
    return {**row, "mime": row.get("mime-detected") or row.get("mime")}


def _lines(path: str) -> Iterator[bytes]:
    """The lines of a file that may be compressed. Raises `Broken` where it breaks off."""
    with fsspec.open(path, "rb") as stream:
        yield from io.BufferedReader(Inflated(stream, LIMITS))
