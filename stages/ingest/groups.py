"""Rows that make one document together: verses a chapter, articles a law, entries a page of a dictionary."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

GROUP_CHARACTERS = 16 << 20  # a document ends before the row with which it would be longer


@dataclass(frozen=True)
class Row:
    """One row as a document has it. `key`: what it shares with the others of its document. `headings`: what it lies under."""

    place: str
    text: str
    key: tuple[Any, ...] = ()
    headings: tuple[str, ...] = ()
    fields: dict[str, str | None] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)


def grouped(rows: Iterable[Row], separator: str, most: int | None) -> Iterator[Row]:
    """Rows one after another with one key as one row, at most `most` of them; place and fields are those of the first.

    A heading stands before the first row under it, and again where one above it has changed. How many rows there are is
    the metadata's `rows`.
    """
    gathered: list[Row] = []
    size = 0
    for row in rows:
        full = len(gathered) == most or size + len(row.text) > GROUP_CHARACTERS
        if gathered and (row.key != gathered[0].key or full):
            yield _one(gathered, separator)
            gathered, size = [], 0
        gathered.append(row)
        size += len(row.text)
    if gathered:
        yield _one(gathered, separator)


def _one(rows: Sequence[Row], separator: str) -> Row:
    first = rows[0]
    parts: list[str] = []
    above: tuple[str, ...] = ()
    for row in rows:
        same = 0
        while same < len(above) and above[same] == row.headings[same]:
            same += 1
        parts += [heading for heading in row.headings[same:] if heading]
        parts.append(row.text)
        above = row.headings
    text = separator.join(part for part in parts if part)
    return Row(first.place, text, fields=first.fields, metadata=first.metadata | {"rows": len(rows)})
