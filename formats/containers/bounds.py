"""The most that one record may ask for, in one place: a longer line, value, cell, member or unit is a rejection.

A file is a stranger's: a line without an end, or a value that is short to write and large to hold, must cost itself
alone, in memory as in time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO

RECORD_BYTES = 64 << 20
"""Of a row, a line, a value, a member of an archive or a unit of a memory; of a text, so many characters."""
MOST_VALUES = 2_000_000
"""Values in one of JSON, or elements in one document of markup: they take some 200 bytes each, and 3 to write."""
SKIPPED = 1 << 20
STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?+', re.DOTALL)  # without an end it goes to that of the text


class TooLarge(ValueError):
    """A record above a bound: what it is, and the bound."""


def lines_within(stream: IO[bytes], most: int = RECORD_BYTES) -> Iterator[tuple[int, bytes | None]]:
    """The lines of a stream and how many bytes each has, its end included; None for one of more than `most`."""
    while line := stream.readline(most + 1):
        if len(line) <= most:
            yield len(line), line
        else:
            yield len(line) + (0 if line.endswith(b"\n") else skip_line(stream)), None


def skip_line(stream: IO[bytes]) -> int:
    """Reads on to the end of the line without holding it; tells how many bytes that was."""
    skipped = 0
    while piece := stream.readline(SKIPPED):
        skipped += len(piece)
        if piece.endswith(b"\n"):
            break
    return skipped


def check_json(text: bytes) -> None:
    """Raises `TooLarge` for JSON of more than `MOST_VALUES` values, before any of them is made.

    What stands in strings is looked at only where all its commas and brackets would be too many.
    """
    if len(text) > MOST_VALUES and _values(text) > MOST_VALUES and _values(STRING.sub(b"", text)) > MOST_VALUES:
        raise TooLarge(f"> {MOST_VALUES:,} values")


def check_markup(text: bytes) -> None:
    """Raises `TooLarge` for markup of more than `MOST_VALUES` tags."""
    if text.count(b"<") > MOST_VALUES:
        raise TooLarge(f"> {MOST_VALUES:,} tags")


def _values(text: bytes) -> int:
    return text.count(b",") + text.count(b"[") + text.count(b"{")
