"""Where Dolma and DCLM count otherwise than Gopher's other readers: bullets, ellipses, symbols, the median word."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from winnow.filters.kernels.bytes import Bytes, Offsets, decode, decode_before, inlined, kernel
from winnow.filters.kernels.characters import Classes
from winnow.filters.kernels.lines import find_newline, skip_space, trim_space
from winnow.filters.kernels.words import Bounds

Counts = npt.NDArray[np.int64]

STRIPPED_BULLETS = 0  # filled lines that begin with ● • * or - once stripped (DCLM)
STRIPPED_ELLIPSES = 1  # filled lines that end in ... or . . . or … once stripped (DCLM)
RAW_BULLETS = 2  # lines that begin with * or - as they stand (Dolma)
RAW_ELLIPSES = 3  # lines that end in … as they stand (Dolma)
SPACED_ELLIPSES = 4  # ". . ." in the text, not overlapping (DCLM)
SYMBOL_WORDS = 5  # words that hold # or … (Dolma)
TWICE_MEDIAN = 6  # twice the median length of words in characters (Dolma)
VARIANT_COUNTS = 7

_HASH, _STAR, _HYPHEN, _FULL_STOP, _SPACE = 0x23, 0x2A, 0x2D, 0x2E, 0x20
_ELLIPSIS, _BULLET, _BLACK_CIRCLE = 0x2026, 0x2022, 0x25CF
_LONGEST = 256
"""Lengths of words are counted one by one up to here; longer ones all count as this long."""


@inlined
def _spaced_ellipsis(data: Bytes, at: int, end: int) -> bool:
    """Whether `. . .` stands at `at`."""
    if at + 5 > end or data[at] != _FULL_STOP or data[at + 2] != _FULL_STOP or data[at + 4] != _FULL_STOP:
        return False
    return bool(data[at + 1] == _SPACE and data[at + 3] == _SPACE)


@inlined
def _ends_in_ellipsis(data: Bytes, start: int, end: int) -> bool:
    if decode_before(data, end, start)[0] == _ELLIPSIS:
        return True
    if end - start >= 3 and data[end - 1] == _FULL_STOP and data[end - 2] == _FULL_STOP and data[end - 3] == _FULL_STOP:
        return True
    return end - start >= 5 and _spaced_ellipsis(data, end - 5, end)


@inlined
def _count_lines(data: Bytes, start: int, end: int, classes: Classes, row: Counts) -> None:
    while start < end:
        stop = find_newline(data, start, end)
        if stop > start:
            row[RAW_BULLETS] += data[start] == _STAR or data[start] == _HYPHEN
            row[RAW_ELLIPSES] += decode_before(data, stop, start)[0] == _ELLIPSIS
        first = skip_space(data, start, stop, classes)
        if first < stop:
            sign = decode(data, first)[0]
            row[STRIPPED_BULLETS] += sign in (_STAR, _HYPHEN, _BULLET, _BLACK_CIRCLE)
            row[STRIPPED_ELLIPSES] += _ends_in_ellipsis(data, first, trim_space(data, first, stop, classes))
        start = stop + 1


@inlined
def _count_spaced(data: Bytes, start: int, end: int, row: Counts) -> None:
    at = start
    while at < end:
        if _spaced_ellipsis(data, at, end):
            row[SPACED_ELLIPSES] += 1
            at += 5
        else:
            at += 1


@inlined
def _has_symbol(data: Bytes, start: int, end: int) -> bool:
    for at in range(start, end):
        if data[at] == _HASH or (data[at] == 0xE2 and data[at + 1] == 0x80 and data[at + 2] == 0xA6):
            return True
    return False


@inlined
def _twice_median(lengths: Counts, words: int) -> int:
    """Twice the middle length, or the sum of the two middle ones, from how many words have each length."""
    if words == 0:
        return 0
    lower, upper = (words - 1) // 2, words // 2
    total = 0
    seen = 0
    for length in range(_LONGEST + 1):
        before = seen
        seen += lengths[length]
        total += length * ((before <= lower < seen) + (before <= upper < seen))
    return total


@kernel
def measure(
    data: Bytes, offsets: Offsets, classes: Classes, bounds: Bounds, ends: Counts, word_offsets: Offsets,
    lengths: Counts, counts: Counts,
) -> None:  # fmt: skip
    """Counts every string into `counts` (n × `VARIANT_COUNTS`, int64) from the words that `words.measure` found.

    `lengths` is scratch of 257 entries.
    """
    for document in range(offsets.size - 1):
        row = counts[document]
        row[:] = 0
        lengths[:] = 0
        _count_lines(data, offsets[document], offsets[document + 1], classes, row)
        _count_spaced(data, offsets[document], offsets[document + 1], row)
        for word in range(word_offsets[document], word_offsets[document + 1]):
            length = ends[word] - (ends[word - 1] if word > 0 else 0)
            lengths[min(length, _LONGEST)] += 1
            row[SYMBOL_WORDS] += _has_symbol(data, bounds[2 * word], bounds[2 * word + 1])
        row[TWICE_MEDIAN] = _twice_median(lengths, word_offsets[document + 1] - word_offsets[document])
