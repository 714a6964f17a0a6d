"""Words by the word boundaries of Unicode (UAX #29), those that begin with a letter or digit: what DCLM calls a word.

Letters and digits hold together, across one ' . : or the like between letters and one . , ; or the like between digits;
each Chinese character and each hiragana is a word of its own, katakana run together, and marks belong to what they
mark.
"""

from __future__ import annotations

import unicodedata
from functools import cache

import numpy as np
import numpy.typing as npt

from winnow.filters.kernels.bytes import Bytes, Offsets, decode, inlined, kernel
from winnow.filters.kernels.characters import ALPHANUMERIC, HAN_RANGES, UPPER, Classes
from winnow.filters.kernels.words import Bounds

Kinds = npt.NDArray[np.uint8]

OTHER, LETTER, NUMERIC, KATAKANA, JOINER, MID_LETTER, MID_NUMBER, MID_BOTH, EXTEND = range(9)

_MID_LETTER = ":·\u0387\u055f\u05f4\u2027\ufe13\ufe55："
_MID_NUMBER = ",;\u037e\u0589\u060c\u060d\u066c\u07f8\u2044\ufe10\ufe14\ufe50\ufe54，；"
_MID_BOTH = ".'\u2018\u2019\u2024\ufe52＇．"
_JOINERS = "_\u202f\u203f\u2040\u2054\ufe33\ufe34\ufe4d\ufe4e\ufe4f＿"
_KATAKANA_RANGES = (
    (0x3031, 0x3035),
    (0x309B, 0x309C),
    (0x30A0, 0x30FA),
    (0x30FC, 0x30FF),
    (0x31F0, 0x31FF),
    (0xFF66, 0xFF9D),
)
_ALONE_RANGES = (*HAN_RANGES, (0x3041, 0x3096), (0x309D, 0x309F))
"""Ideographs and hiragana."""
_COMPLEX_RANGES = (
    (0x0E00, 0x0EFF),
    (0x1000, 0x109F),
    (0x1780, 0x17FF),
    (0x1950, 0x19DF),
    (0x1A20, 0x1AAF),
    (0xAA60, 0xAADF),
)
"""Scripts without spaces of South East Asia, which only a dictionary could cut."""
_LAST_LETTER = 0x32400


@cache
def word_kinds() -> Kinds:
    """The kind of each code point, uint8; read only."""
    table = np.zeros(0x110000, np.uint8)
    for code_point in range(_LAST_LETTER):
        category = unicodedata.category(chr(code_point))
        if category[0] == "L" or category == "Nl":
            table[code_point] = LETTER
        elif category == "Nd":
            table[code_point] = NUMERIC
        elif category[0] == "M" or category == "Cf":
            table[code_point] = EXTEND
    for low, high in (*_ALONE_RANGES, *_COMPLEX_RANGES):
        kinds = table[low : high + 1]
        kinds[kinds == LETTER] = OTHER
    for low, high in _KATAKANA_RANGES:
        table[low : high + 1] = KATAKANA
    for kind, characters in (
        (MID_LETTER, _MID_LETTER),
        (MID_NUMBER, _MID_NUMBER),
        (MID_BOTH, _MID_BOTH),
        (JOINER, _JOINERS),
    ):
        for character in characters:
            table[ord(character)] = kind
    table[0xE0100:0xE01F0] = EXTEND  # variation selectors
    table.flags.writeable = False
    return table


@inlined
def _holds(before: int, after: int) -> bool:
    """Whether no boundary lies between neighbours of these kinds."""
    if before in (LETTER, NUMERIC):
        return after in (LETTER, NUMERIC, JOINER)
    if before == KATAKANA:
        return after in (KATAKANA, JOINER)
    return before == JOINER and (after in (LETTER, NUMERIC, KATAKANA, JOINER))


@inlined
def _skip_extends(data: Bytes, at: int, end: int, kinds: Kinds) -> int:
    while at < end:
        code_point, length = decode(data, at)
        if kinds[code_point] != EXTEND:
            break
        at += length
    return at


@inlined
def _bridges(middle: int, before: int, after: int) -> bool:
    """Whether a mark in the middle holds both sides together."""
    if before == LETTER and after == LETTER:
        return middle in (MID_LETTER, MID_BOTH)
    return before == NUMERIC and after == NUMERIC and (middle in (MID_NUMBER, MID_BOTH))


@inlined
def word_end(data: Bytes, at: int, end: int, kinds: Kinds) -> int:
    """Where the segment that begins at `at` ends."""
    code_point, length = decode(data, at)
    kind = int(kinds[code_point])
    at = _skip_extends(data, at + length, end, kinds)
    while at < end:
        code_point, length = decode(data, at)
        following = int(kinds[code_point])
        behind = _skip_extends(data, at + length, end, kinds)
        if not _holds(kind, following):
            if behind >= end or kind not in (LETTER, NUMERIC):
                return at
            code_point, length = decode(data, behind)
            after = int(kinds[code_point])
            if not _bridges(following, kind, after):
                return at
            following = after
            behind = _skip_extends(data, behind + length, end, kinds)
        kind = following
        at = behind
    return at


@kernel
def split_documents(
    data: Bytes, offsets: Offsets, classes: Classes, kinds: Kinds, bounds: Bounds, word_offsets: Offsets
) -> int:
    """The words of every string, laid out as `winnow.filters.kernels.words.split_documents` does; returns their number."""
    at = 0
    word_offsets[0] = 0
    for document in range(offsets.size - 1):
        place, end = offsets[document], offsets[document + 1]
        while place < end:
            stop = word_end(data, place, end, kinds)
            if classes[decode(data, place)[0]] & ALPHANUMERIC:
                bounds[at] = place
                bounds[at + 1] = stop
                at += 2
            place = stop
        word_offsets[document + 1] = at >> 1
    return at >> 1


@kernel
def count_capitals(
    data: Bytes, bounds: Bounds, word_offsets: Offsets, classes: Classes, counts: npt.NDArray[np.int64]
) -> None:
    """How many words of each string, laid out by any splitter, begin with a capital, into `counts` (n)."""
    for document in range(word_offsets.size - 1):
        found = 0
        for word in range(word_offsets[document], word_offsets[document + 1]):
            found += classes[decode(data, bounds[2 * word])[0]] & UPPER != 0
        counts[document] = found
