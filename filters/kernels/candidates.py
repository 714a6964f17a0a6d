"""Places in a text where an address or a number of a person could stand, so that only those are looked at closely.

A candidate is a run of bytes around an `@` between two words, of digits with the signs that people write between
them, of capitals and digits, of hexadecimal digits and colons, or a bracket with `at` in it. Everything else, nearly all
of a text, is passed over 64 bytes at a time.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import numpy.typing as npt

from winnow.filters.kernels.bytes import Bytes, Offsets, inlined, kernel
from winnow.filters.kernels.machine import BLOCK, block_mask, trailing_zeros


class Candidate(IntEnum):
    """What a candidate looks like."""

    AT = 0
    NUMBER = (
        1  # at least `FEWEST_DIGITS` digits, three full stops between digits, or digits amid capitals: RSSMRA85T10A562S
    )
    COLONS = 2  # at least two colons among hexadecimal digits
    SPELLED = 3  # [at], (AT)
    WECHAT = 4  # 微信, 薇信, V信, WeChat


FEWEST_DIGITS = 7
LONGEST_GAP = 3  # signs between two digits of one number: ") -" and the like
CAPITALS = 4  # before the first digit of a code that names a person, as Italy's and Mexico's do
CODE = 10  # capitals and digits from its first digit on
LONGEST_WORD = 254  # bytes on either side of an @, the longest address that RFC 5321 allows

# Digits, ":", "@", opening brackets, the "W" of WeChat, the last byte of 信.
interesting_mask = block_mask(
    (0x28, 0x28), (0x30, 0x3A), (0x40, 0x40), (0x57, 0x57), (0x5B, 0x5B), (0x7B, 0x7B), (0xA1, 0xA1)
)


def find_candidates(data: Bytes, offsets: Offsets) -> npt.NDArray[np.int64]:
    """All candidates in order, int64 of shape (m, 4): text, first byte, byte after the last, `Candidate`."""
    room = 1024 + int(offsets[-1] - offsets[0]) // 256
    while True:
        found = np.empty((room, 4), np.int64)
        count = _find(data, offsets, found)
        if count <= room:
            return found[:count]
        room = count


@inlined
def _is_digit(byte: int) -> bool:
    return 0x30 <= byte <= 0x39


@inlined
def _is_hexadecimal(byte: int) -> bool:
    return 0x30 <= byte <= 0x39 or 0x41 <= byte <= 0x46 or 0x61 <= byte <= 0x66


@inlined
def _is_address(byte: int) -> bool:
    """Letters, digits and what else stands in e-mail addresses; any byte above ASCII too."""
    return (
        0x30 <= byte <= 0x39
        or 0x41 <= byte <= 0x5A
        or 0x61 <= byte <= 0x7A
        or byte >= 0x80
        or byte == 0x2E  # .
        or byte == 0x2D  # -
        or byte == 0x5F  # _
        or byte == 0x2B  # +
        or byte == 0x25  # %
    )


@inlined
def _joins_digits(byte: int) -> bool:
    """Space, parentheses, `-`, `.`, `/`, and the bytes of U+00A0 and U+2010 to U+2013."""
    return (
        byte == 0x20
        or byte == 0x28
        or byte == 0x29
        or byte == 0x2D
        or byte == 0x2E
        or byte == 0x2F
        or byte == 0xC2
        or byte == 0xA0
        or byte == 0xE2
        or (0x80 <= byte <= 0x93)
    )


@kernel
def _find(data: Bytes, offsets: Offsets, found: npt.NDArray[np.int64]) -> int:
    """Fills `found` as far as it goes and returns how many candidates there are."""
    count = np.int64(0)
    for text in range(offsets.size - 1):
        start, end = offsets[text], offsets[text + 1]
        at = start
        while at < end:
            skipped = trailing_zeros(interesting_mask(data, at))
            at += skipped
            if skipped == BLOCK:
                continue
            if at >= end:
                break
            first, last, kind = at, at + 1, np.int64(-1)
            if data[at] == 0x40:
                while first > start and at - first < LONGEST_WORD and _is_address(data[first - 1]):
                    first -= 1
                while last < end and last - at <= LONGEST_WORD and _is_address(data[last]):
                    last += 1
                if first < at and last > at + 1:
                    kind = np.int64(0)
            elif data[at] == 0x3A:
                first, last, kind = _colons(data, at, start, end)
            elif _is_digit(data[at]):
                last, kind = _number(data, at, end)
                if kind < 0 and _is_code(data, at, start, end):
                    kind = np.int64(1)
            elif data[at] == 0x57 or data[at] == 0xA1:
                if _is_wechat(data, at, start, end):
                    kind = np.int64(4)
            elif _is_spelled(data, at, end):
                kind = np.int64(3)
            if kind >= 0:
                if count < found.shape[0]:
                    found[count, 0], found[count, 1], found[count, 2], found[count, 3] = text, first, last, kind
                count += 1
            at = max(last, at + 1)
    return count


@inlined
def _number(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """End and kind of the run of digits and joining signs from the digit at `at`; kind -1 when it is too little."""
    digits, stops, gap = 0, 0, 0
    last = at
    index = at
    while index < end:
        byte = data[index]
        if _is_digit(byte):
            digits += 1
            gap = 0
            last = index + 1
        elif gap < LONGEST_GAP and _joins_digits(byte):
            stops += byte == 0x2E
            gap += 1
        else:
            break
        index += 1
    if last < end and data[last] == 0x3A and digits <= 4:
        return at + 1, np.int64(-1)  # hexadecimal groups follow: the colon will find them
    return last, np.int64(1) if digits >= FEWEST_DIGITS or stops >= 3 else np.int64(-1)


@inlined
def _is_capital(byte: int) -> bool:
    return 0x41 <= byte <= 0x5A


@inlined
def _is_code(data: Bytes, at: int, start: int, end: int) -> bool:
    """Whether capitals precede the digit at `at`, and capitals and digits follow."""
    if at - CAPITALS < start or at + CODE > end:
        return False
    for index in range(at - CAPITALS, at):
        if not _is_capital(data[index]):
            return False
    for index in range(at, at + CODE):
        if not (_is_capital(data[index]) or _is_digit(data[index])):
            return False
    return True


@inlined
def _is_spelled(data: Bytes, at: int, end: int) -> bool:
    """Whether the bracket at `at` holds `at`, in letters of any case, a space or none around."""
    index = at + 1
    if index < end and data[index] == 0x20:
        index += 1
    if index + 2 >= end or (data[index] | 0x20) != 0x61 or (data[index + 1] | 0x20) != 0x74:
        return False
    index += 2
    if data[index] == 0x20:
        index += 1
    return index < end and (data[index] == 0x29 or data[index] == 0x5D or data[index] == 0x7D)


@inlined
def _is_wechat(data: Bytes, at: int, start: int, end: int) -> bool:
    """Whether `WeChat` or `Wechat` begins at `at`, or 微信, 薇信 or V信 ends there."""
    if data[at] == 0x57:
        return (
            at + 6 <= end
            and data[at + 1] == 0x65
            and (data[at + 2] | 0x20) == 0x63
            and data[at + 3] == 0x68
            and data[at + 4] == 0x61
            and data[at + 5] == 0x74
        )
    if at - 3 < start or data[at - 1] != 0xBF or data[at - 2] != 0xE4:
        return False
    before: int = data[at - 3]
    return before == 0x56 or before == 0xAE or before == 0x87


@inlined
def _colons(data: Bytes, at: int, start: int, end: int) -> tuple[int, int, int]:
    """The run of hexadecimal digits, colons and full stops around the colon at `at`, if it has two colons or more."""
    first, last, colons = at, at, 0
    while first > start and _is_hexadecimal(data[first - 1]) and at - first < 4:
        first -= 1
    while last < end and (_is_hexadecimal(data[last]) or data[last] == 0x3A or data[last] == 0x2E):
        colons += data[last] == 0x3A
        last += 1
    if colons >= 2:
        return first, last, np.int64(2)
    return first, at + 1, np.int64(-1)
