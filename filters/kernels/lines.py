"""Lines and signs: how lines begin and end, how long they are, and how often a few signs stand in a text.

There are two kinds of line here, as in the published filters: pieces between line feeds (`text.split("\\n")`), and what
`str.splitlines` gives, which also cuts at carriage returns, form feeds and the separators of Unicode.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from winnow.filters.kernels.bytes import Bytes, Offsets, count_characters, decode, decode_before, inlined, kernel
from winnow.filters.kernels.characters import SPACE, TERMINAL, Classes
from winnow.filters.kernels.machine import (
    BLOCK,
    block_mask,
    newline_mask,
    non_ascii_mask,
    population_count,
    trailing_zeros,
)
from winnow.filters.kernels.words import keep_below

Counts = npt.NDArray[np.int64]

# What `measure` counts, as columns of its `counts`.
CHARACTERS = 0  # code points of the whole text
NEWLINES = 1
HASHES = 2  # #
ELLIPSES = 3  # "..." (not overlapping) and "…"
SPLIT_LINES = 4  # str.splitlines
BULLET_LINES = 5  # of those, after whitespace: • or -
ELLIPSIS_LINES = 6  # of those, before whitespace: ... or …
FILLED_LINES = 7  # pieces between line feeds that aren't blank
TERMINAL_LINES = 8  # of those, the last character ends a sentence
SHORT_LINES = 9  # of those, at most `SHORT_LINE` characters
PIECES = 10  # pieces between line feeds, blank ones too
LONG_LINES = 11  # of those, at least `LONG_LINE` characters
LINE_COUNTS = 12

SHORT_LINE = 30
LONG_LINE = 200

_ONE = np.uint64(1)
_LINE_FEED, _CARRIAGE_RETURN = 0x0A, 0x0D
_FULL_STOP, _HYPHEN = 0x2E, 0x2D
_BULLET, _ELLIPSIS = 0x2022, 0x2026

_hash_mask = block_mask((0x23, 0x23))
_full_stop_mask = block_mask((0x2E, 0x2E))
_narrow_break_mask = block_mask((0x0A, 0x0D), (0x1C, 0x1E))
_c2 = block_mask((0xC2, 0xC2))
_e2 = block_mask((0xE2, 0xE2))
_80 = block_mask((0x80, 0x80))
_85 = block_mask((0x85, 0x85))
_a6 = block_mask((0xA6, 0xA6))
_separator_end = block_mask((0xA8, 0xA9))


@inlined
def inside(block: int, end: int) -> np.uint64:
    """The bits of the block that lie before `end`."""
    return ~np.uint64(0) if block + BLOCK <= end else keep_below(end - block)


def finder(mask: Callable[[Bytes, int], np.uint64]) -> Callable[[Bytes, int, int], int]:
    """Makes `find(data, at, end)`: the first byte from `at` on that `mask` (`block_mask`) marks, or `end`."""

    @inlined
    def find(data: Bytes, at: int, end: int) -> int:
        while at < end:
            found = mask(data, at)
            if found != 0:
                return int(min(at + trailing_zeros(found), end))
            at += BLOCK
        return end

    return find


find_newline = finder(newline_mask)


@inlined
def find_line_break(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """The first break of `str.splitlines` from `at` on and its length in bytes; (`end`, 0) when there is none."""
    while at < end:
        found = _narrow_break_mask(data, at)
        if non_ascii_mask(data, at) != 0:
            found |= _c2(data, at) & _85(data, at + 1)
            found |= _e2(data, at) & _80(data, at + 1) & _separator_end(data, at + 2)
        if found != 0:
            position = at + trailing_zeros(found)
            if position >= end:
                return end, 0
            first = data[position]
            if first == _CARRIAGE_RETURN and position + 1 < end and data[position + 1] == _LINE_FEED:
                return position, 2
            return position, 1 if first < 0x80 else 2 if first == 0xC2 else 3
        at += BLOCK
    return end, 0


@inlined
def skip_space(data: Bytes, start: int, end: int, classes: Classes) -> int:
    """Where `data[start:end]` begins once whitespace is stripped from its left; `end` when it is blank."""
    while start < end:
        code_point, length = decode(data, start)
        if not classes[code_point] & SPACE:
            return start
        start += length
    return end


@inlined
def trim_space(data: Bytes, start: int, end: int, classes: Classes) -> int:
    """Where `data[start:end]` ends once whitespace is stripped from its right."""
    while end > start:
        code_point, begin = decode_before(data, end, start)
        if not classes[code_point] & SPACE:
            return end
        end = begin
    return end


@inlined
def _ends_in_ellipsis(data: Bytes, start: int, end: int) -> bool:
    if end - start < 3:
        return False
    if data[end - 1] == _FULL_STOP:
        return bool(data[end - 2] == _FULL_STOP and data[end - 3] == _FULL_STOP)
    return decode_before(data, end, start)[0] == _ELLIPSIS


@inlined
def _count_split_line(data: Bytes, first: int, stop: int, classes: Classes, row: Counts) -> None:
    """A line of `str.splitlines` that isn't blank and whose leading whitespace ends at `first`."""
    row[BULLET_LINES] += data[first] == _HYPHEN or decode(data, first)[0] == _BULLET
    row[ELLIPSIS_LINES] += _ends_in_ellipsis(data, first, trim_space(data, first, stop, classes))


@inlined
def _count_piece(
    data: Bytes, start: int, stop: int, blank: bool, narrow: bool, classes: Classes, row: Counts
) -> None:  # fmt: skip
    """A piece between line feeds; `narrow` says that each of its characters is one byte."""
    length = stop - start
    known = narrow or length <= SHORT_LINE
    row[LONG_LINES] += length >= LONG_LINE and (narrow or count_characters(data, start, stop) >= LONG_LINE)
    if not blank:
        row[FILLED_LINES] += 1
        row[TERMINAL_LINES] += classes[decode_before(data, stop, start)[0]] & TERMINAL != 0
        long = length > 4 * SHORT_LINE  # no character has more than four bytes
        row[SHORT_LINES] += not long and (length if known else count_characters(data, start, stop)) <= SHORT_LINE


@inlined
def _count_lines(data: Bytes, start: int, end: int, classes: Classes, row: Counts) -> None:
    """Both kinds of line in one visit: most breaks are line feeds, and then the two are the same."""
    narrow = row[CHARACTERS] == end - start
    piece = start
    while start < end:
        stop, width = find_line_break(data, start, end)
        first = skip_space(data, start, stop, classes)
        row[SPLIT_LINES] += 1
        if first < stop:
            _count_split_line(data, first, stop, classes, row)
        behind = stop + width
        if behind == end or data[behind - 1] == _LINE_FEED:
            fed = behind if data[behind - 1] != _LINE_FEED else behind - 1
            blank = first >= stop if piece == start else skip_space(data, piece, fed, classes) == fed
            _count_piece(data, piece, fed, blank, narrow, classes, row)
            piece = behind
        start = behind


@inlined
def _count_signs(data: Bytes, start: int, end: int, row: Counts) -> None:
    block = start
    free = start  # where the next "..." may begin
    while block < end:
        valid = inside(block, end)
        row[NEWLINES] += population_count(newline_mask(data, block) & valid)
        row[HASHES] += population_count(_hash_mask(data, block) & valid)
        dots = _full_stop_mask(data, block) & valid
        if dots != 0:
            dots &= _full_stop_mask(data, block + 1) & _full_stop_mask(data, block + 2)
            while dots != 0:
                position = block + trailing_zeros(dots)
                if position >= free and position + 3 <= end:
                    row[ELLIPSES] += 1
                    free = position + 3
                dots &= dots - _ONE
        if non_ascii_mask(data, block) & valid != 0:
            ellipses = _e2(data, block) & _80(data, block + 1) & _a6(data, block + 2)
            row[ELLIPSES] += population_count(ellipses & valid)
        block += BLOCK


@kernel
def measure(data: Bytes, offsets: Offsets, classes: Classes, counts: Counts) -> None:
    """Counts lines and signs of every string into `counts` (n × `LINE_COUNTS`, int64), columns as named above."""
    for document in range(offsets.size - 1):
        start, end = offsets[document], offsets[document + 1]
        row = counts[document]
        row[:] = 0
        row[CHARACTERS] = count_characters(data, start, end)
        _count_signs(data, start, end, row)
        row[PIECES] = row[NEWLINES] + 1
        _count_lines(data, start, end, classes, row)
