"""Repeated lines and paragraphs, in the two ways the field counts them.

For lines A, A, B one tool says that a third is repeated (what comes again after the first copy), another that two
thirds are (every copy of what comes more than once). Both are counted here, over lines or over paragraphs, stripped or
not.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from winnow.filters.kernels.bytes import Bytes, Offsets, count_characters, first_slot, hash_bytes, inlined, kernel
from winnow.filters.kernels.characters import Classes
from winnow.filters.kernels.lines import find_newline, finder, inside, skip_space, trim_space
from winnow.filters.kernels.machine import BLOCK, newline_mask, population_count
from winnow.filters.kernels.words import is_ascii

Counts = npt.NDArray[np.int64]
Slots = npt.NDArray[np.int32]
Keys = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.uint8]

# What `measure` counts, as columns of its `counts`.
PIECES = 0  # lines or paragraphs
PIECE_CHARACTERS = 1
REPEATS = 2  # pieces that came before
REPEAT_CHARACTERS = 3
BLANK_REPEAT_CHARACTERS = 4  # of those, characters of pieces of nothing but whitespace
COPIES = 5  # pieces that come more than once, the first copy too
COPY_CHARACTERS = 6
REPEAT_COUNTS = 7

EMPTY = -1
_LINE_FEED = 0x0A


@inlined
def table_size(items: int) -> int:
    """The power of two that holds `items` in a table at most half full."""
    size = 16
    while size < 2 * items:
        size <<= 1
    return size


@inlined
def clear(slots: Slots, size: int) -> None:
    """Empties the first `size` slots."""
    for slot in range(size):
        slots[slot] = EMPTY


@inlined
def find_or_insert(slots: Slots, size: int, keys: Keys, index: int) -> int:
    """The earlier index with the key `keys[index]`; when there is none, `index` goes in and `EMPTY` comes back.

    Keys are 64-bit hashes and are compared in full.
    """
    key = keys[index]
    slot = first_slot(key, size)
    while slots[slot] != EMPTY:
        if keys[slots[slot]] == key:
            return int(slots[slot])
        slot = (slot + 1) & (size - 1)
    slots[slot] = index
    return EMPTY


@inlined
def _blank_line_mask(data: Bytes, at: int) -> np.uint64:
    return np.uint64(newline_mask(data, at) & newline_mask(data, at + 1))


_find_blank_line = finder(_blank_line_mask)


@inlined
def _find_separator(data: Bytes, at: int, end: int, newlines: int) -> tuple[int, int]:
    """Where the first run of at least `newlines` (1 or 2) line feeds begins and ends; (`end`, `end`) without one."""
    start = _find_blank_line(data, at, end) if newlines > 1 else find_newline(data, at, end)
    stop = start
    while stop < end and data[stop] == _LINE_FEED:
        stop += 1
    return (start, stop) if stop - start >= newlines else (end, end)


@inlined
def _add_piece(
    data: Bytes, start: int, end: int, narrow: bool, classes: Classes, slots: Slots, size: int, keys: Keys,
    copied: Flags, row: Counts,
) -> None:  # fmt: skip
    """`narrow` says that each character of the text is one byte."""
    index = row[PIECES]
    characters = end - start if narrow else count_characters(data, start, end)
    row[PIECES] += 1
    row[PIECE_CHARACTERS] += characters
    keys[index] = hash_bytes(data, start, end)
    copied[index] = 0
    first = find_or_insert(slots, size, keys, index)
    if first == EMPTY:
        return
    row[REPEATS] += 1
    row[REPEAT_CHARACTERS] += characters
    if skip_space(data, start, end, classes) == end:
        row[BLANK_REPEAT_CHARACTERS] += characters
    copies = 1 if copied[first] else 2
    copied[first] = 1
    row[COPIES] += copies
    row[COPY_CHARACTERS] += copies * characters


@inlined
def _count_newlines(data: Bytes, start: int, end: int) -> int:
    found = 0
    for block in range(start, end, BLOCK):
        found += population_count(newline_mask(data, block) & inside(block, end))
    return found


@kernel
def measure(
    data: Bytes,
    offsets: Offsets,
    classes: Classes,
    newlines: int,
    strip_text: bool,
    strip_pieces: bool,
    slots: Slots,
    keys: Keys,
    copied: Flags,
    counts: Counts,
) -> None:
    """Cuts each string at runs of at least `newlines` (1 or 2) line feeds and counts what comes again.

    `strip_text` strips the whole text first. `strip_pieces` strips each piece and leaves out the empty ones; without it
    an empty piece is a piece, as in Python's `re.split`. `counts` (n × `REPEAT_COUNTS`, int64) gets the columns named
    above. Scratch for p line feeds in a string: `keys` and `copied` of p + 1, `slots` of `table_size(p + 1)`.
    """
    for document in range(offsets.size - 1):
        start, end = offsets[document], offsets[document + 1]
        row = counts[document]
        row[:] = 0
        if strip_text:
            start = skip_space(data, start, end, classes)
            end = trim_space(data, start, end, classes)
        narrow = is_ascii(data, start, end)
        size = table_size(_count_newlines(data, start, end) + 1)
        clear(slots, size)
        more = True
        while more:
            stop, following = _find_separator(data, start, end, newlines)
            more = following > stop
            last = stop
            if strip_pieces:
                start = skip_space(data, start, stop, classes)
                last = trim_space(data, start, stop, classes)
            if last > start or not strip_pieces:
                _add_piece(data, start, last, narrow, classes, slots, size, keys, copied, row)
            start = following
