"""Characters written as escapes, read as themselves in place: `\\u5c0f` of JSON and code, `&#23567;` and `&eacute;` of HTML,
`\\'e` and `\\alpha` of LaTeX.

No byte moves: behind the character stand as many invisible ones as its escape was longer, so that what is found in the
text has its place in the document. The normalisation skips those, also inside a word (`caf\\u00e9`). An escape that is
less than two bytes longer than its character, such as `\\pi`, stays.
"""

from __future__ import annotations

from html.entities import name2codepoint
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from winnow.filters.kernels.bytes import Bytes, Offsets, byte_at, inlined, kernel
from winnow.filters.kernels.machine import BLOCK, block_mask, trailing_zeros

LONGEST_NAME = 8
_escape_mask = block_mask((0x26, 0x26), (0x5C, 0x5C))
_ONE = np.uint64(1)


class Letters(NamedTuple):
    """The names of letters in HTML, packed into uint64 in little-endian order, sorted, and their code points."""

    names: npt.NDArray[np.uint64]
    points: npt.NDArray[np.int64]


def named_letters() -> Letters:
    """The 191 names of letters that HTML 4 gives; LaTeX has the Greek ones too."""
    letters = {name: point for name, point in name2codepoint.items() if chr(point).isalpha()}
    packed = np.array([int.from_bytes(name.encode(), "little") for name in letters], np.uint64)
    order = np.argsort(packed)
    table = Letters(packed[order], np.array(list(letters.values()), np.int64)[order])
    for column in table:
        column.flags.writeable = False
    return table


@inlined
def _letter(byte: int) -> bool:
    return 0x61 <= byte | 0x20 <= 0x7A


@inlined
def _digits(data: Bytes, at: int, end: int, base: int, most: int) -> tuple[int, int]:
    """The number that at most so many digits from `at` on write, and where they end."""
    value = byte_at(data, at) * 0  # an int64
    stop = at
    while stop < min(end, at + most):
        byte = byte_at(data, stop)
        digit = (byte | 0x20) - 0x57 if _letter(byte) else byte - 0x30 if byte <= 0x39 else base
        if not 0 <= digit < base:
            break
        value = value * base + digit
        stop += 1
    return value, stop


@inlined
def _named(data: Bytes, at: int, end: int, letters: Letters) -> tuple[int, int]:
    """The code point of the letter whose name begins at `at`, and where the name ends; 0 for no name."""
    packed = np.uint64(0)
    stop = at
    while stop < end and stop - at <= LONGEST_NAME:
        byte = byte_at(data, stop)
        if not (_letter(byte) or 0x30 <= byte <= 0x39):
            break
        if stop - at < LONGEST_NAME:
            packed |= np.uint64(byte) << np.uint64(8 * (stop - at))
        stop += 1
    place = np.searchsorted(letters.names, packed)
    if 0 < stop - at <= LONGEST_NAME and place < letters.names.size and letters.names[place] == packed:
        return letters.points[place], stop
    return byte_at(data, at) * 0, at


@inlined
def _reference(data: Bytes, at: int, end: int, letters: Letters) -> tuple[int, int]:
    """The character of the reference that begins with the `&` at `at`, and where it ends; `at` for none."""
    point, stop = _named(data, at + 1, end, letters)
    if at + 3 < end and data[at + 1] == 0x23:
        if data[at + 2] | 0x20 == 0x78:
            point, stop = _digits(data, at + 3, end, 16, 6)
            stop = stop if stop > at + 4 else at
        else:
            point, stop = _digits(data, at + 2, end, 10, 7)
            stop = stop if stop > at + 3 else at
    if stop < end and stop > at + 1 and data[stop] == 0x3B:
        return point, stop + 1
    return point, at


@inlined
def _unicode(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """The character of the `\\u` at `at`: four digits, two surrogates, eight digits or digits in braces."""
    if at + 4 < end and data[at + 2] == 0x7B:
        point, stop = _digits(data, at + 3, end, 16, 6)
        if stop > at + 4 and stop < end and data[stop] == 0x7D:
            return point, stop + 1
        return point, at
    point, stop = _digits(data, at + 2, end, 16, 4)
    if stop != at + 6:
        return point, at
    if data[at + 1] == 0x55 and point < 0x11:
        low, behind = _digits(data, stop, end, 16, 4)
        if behind == stop + 4:
            return point << 16 | low, behind
    if 0xD800 <= point < 0xDC00 and stop + 6 <= end and data[stop] == 0x5C and data[stop + 1] | 0x20 == 0x75:
        low, behind = _digits(data, stop + 2, end, 16, 4)
        if behind == stop + 6 and 0xDC00 <= low < 0xE000:
            return 0x10000 + ((point - 0xD800) << 10) + low - 0xDC00, behind
    return point, stop


@inlined
def _accented(data: Bytes, at: int, end: int, braced: bool) -> tuple[int, int]:
    """The letter under the LaTeX accent at `at`, without it as the normalisation folds it; `don\\'t` of code has none."""
    none = byte_at(data, at) * 0
    if at + 3 > end:
        return none, at
    sign = data[at + 1]
    quote = sign in (0x27, 0x60, 0x5E, 0x22, 0x7E)
    if not quote and sign not in (0x63, 0x76, 0x48, 0x6B, 0x72, 0x75):  # c v H k r u
        return none, at
    letter = byte_at(data, at + 2)
    if letter == 0x7B:
        if at + 5 <= end and _letter(data[at + 3]) and data[at + 4] == 0x7D:
            return byte_at(data, at + 3), at + 5
    elif quote and (letter | 0x20 in (0x61, 0x65, 0x69, 0x6F, 0x75, 0x79, 0x6E, 0x63) or (braced and _letter(letter))):
        return letter, at + 3
    return none, at


@inlined
def _escaped(data: Bytes, at: int, end: int, braced: bool, letters: Letters) -> tuple[int, int]:
    """The character of the escape at `at`, and where it ends; `at` where it is none."""
    if data[at] == 0x26:
        return _reference(data, at, end, letters)
    point, stop = _accented(data, at, end, braced)
    if stop == at and at + 2 < end and data[at + 1] | 0x20 == 0x75:
        point, stop = _unicode(data, at, end)
    if stop == at and at + 1 < end:
        point, behind = _named(data, at + 1, end, letters)
        if point >= 0x370:  # Greek
            stop = behind
    return point, stop


@inlined
def _write(resolved: Bytes, at: int, end: int, point: int) -> bool:
    """Writes a character and what fills its place up to `end`; False where it is none or has too little room."""
    size = 1 if point < 0x80 else 2 if point < 0x800 else 3 if point < 0x10000 else 4
    if point < 0x20 or 0xD800 <= point < 0xE000 or point > 0x10FFFF or at + size + 2 > end:
        return False
    if size == 1:
        resolved[at] = point
    else:
        resolved[at] = (0xF00 >> size) & 0xFF | point >> 6 * (size - 1)
        for behind in range(1, size):
            resolved[at + behind] = 0x80 | (point >> 6 * (size - 1 - behind)) & 0x3F
    at += size
    if (end - at) & 1:  # a zero-width space, then soft hyphens
        resolved[at], resolved[at + 1], resolved[at + 2] = 0xE2, 0x80, 0x8B
        at += 3
    while at < end:
        resolved[at], resolved[at + 1] = 0xC2, 0xAD
        at += 2
    return True


@kernel
def write_escapes(data: Bytes, offsets: Offsets, letters: Letters, resolved: Bytes) -> None:
    """Writes over the escapes of `resolved`, which begins as a copy of `data`. `letters` are those of `named_letters`."""
    for document in range(offsets.size - 1):
        at = offsets[document]
        end = offsets[document + 1]
        behind = at  # of the last escape
        while at < end:
            marks = _escape_mask(data, at)
            if at + BLOCK > end:
                marks &= (_ONE << np.uint64(end - at)) - _ONE
            while marks:
                place = at + trailing_zeros(marks)
                marks &= marks - _ONE
                if place < behind:
                    continue
                braced = place > behind and data[place - 1] == 0x7B
                point, stop = _escaped(data, place, end, braced, letters)
                if stop == place:
                    continue
                first = place
                if braced and data[place] == 0x5C and stop < end and data[stop] == 0x7D:
                    first, stop = place - 1, stop + 1
                if _write(resolved, first, stop, point):
                    behind = stop
            at += BLOCK
