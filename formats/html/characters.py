"""Small moves over the bytes of a page that the tokeniser is made of: searching, naming, writing characters."""

from __future__ import annotations

import numpy as np

from winnow.filters.kernels.bytes import inlined, kernel
from winnow.filters.kernels.machine import load64, trailing_zeros
from winnow.formats.html.tags import FNV_OFFSET, FNV_PRIME, SLOT_SHIFT

_EVERY_BYTE = np.uint64(0x0101010101010101)
_HIGH_BITS = np.uint64(0x8080808080808080)
_OFFSET, _PRIME = np.uint64(FNV_OFFSET), np.uint64(FNV_PRIME)
_SHIFT = np.uint64(SLOT_SHIFT)
AMPERSAND, SEMICOLON, HASH, BACKTICK = 0x26, 0x3B, 0x23, 0x60
LONGEST_NAME = 32  # no entity has a longer one
LAST_CODE_POINT = 0x10FFFF


@inlined
def lower(byte):
    return byte + 32 if 65 <= byte <= 90 else byte


@inlined
def is_letter(byte):
    return 97 <= lower(byte) <= 122


@inlined
def is_name(byte):
    """Letters, digits and hyphens: what a tag's name is made of."""
    return 97 <= lower(byte) <= 122 or 48 <= byte <= 57 or byte == 45


@kernel
def find_byte(data, at, end, byte):
    """Where `byte` first stands in `data[at:end]`, 8 bytes at a time; `end` where it doesn't."""
    pattern = np.uint64(byte) * _EVERY_BYTE
    while at + 8 <= end:
        word = load64(data, at) ^ pattern
        found = (word - _EVERY_BYTE) & ~word & _HIGH_BITS
        if found:
            return at + (trailing_zeros(found) >> 3)
        at += 8
    while at < end and data[at] != byte:
        at += 1
    return at


@inlined
def hash_start():
    return _OFFSET


@inlined
def hash_byte(state, byte):
    return (state ^ np.uint64(byte)) * _PRIME


@inlined
def find_key(keys, key):
    """The slot of a key in a hash table of `markup`, -1 where it isn't there."""
    mask = np.int64(keys.size - 1)
    slot = np.int64(key >> _SHIFT) & mask
    while keys[slot] != np.uint64(0):
        if keys[slot] == key:
            return slot
        slot = (slot + 1) & mask
    return np.int64(-1)


@kernel
def hash_name(data, at, end):
    """The hash of the tag name at `at`, in lower case, and where it ends."""
    state = _OFFSET
    while at < end and is_name(data[at]):
        state = hash_byte(state, lower(data[at]))
        at += 1
    return state, at


@inlined
def put(out, at, code_point):
    """Writes a code point as UTF-8 and returns where the next goes."""
    if code_point < 0x80:
        out[at] = code_point
        return at + 1
    if code_point < 0x800:
        out[at] = 0xC0 | code_point >> 6
        out[at + 1] = 0x80 | code_point & 63
        return at + 2
    if code_point < 0x10000:
        out[at] = 0xE0 | code_point >> 12
        out[at + 1] = 0x80 | code_point >> 6 & 63
        out[at + 2] = 0x80 | code_point & 63
        return at + 3
    out[at] = 0xF0 | code_point >> 18
    out[at + 1] = 0x80 | code_point >> 12 & 63
    out[at + 2] = 0x80 | code_point >> 6 & 63
    out[at + 3] = 0x80 | code_point & 63
    return at + 4


@inlined
def put_blank(out, start, at, pending):
    """Writes the blank that is pending, if one is, between what was written since `start` and what comes next."""
    if pending and at > start:
        out[at] = 32
        return at + 1
    return at


@kernel
def read_number(data, at, end):
    """The number of a reference behind its `&#`, -1 for none, and where it ends; numbers too large stay too large."""
    hexadecimal = at < end and lower(data[at]) == 120
    digits = stop = at + hexadecimal
    point = np.int64(0)
    while stop < end:
        digit = np.int64(lower(data[stop]))
        if 48 <= digit <= 57:
            digit -= 48
        elif hexadecimal and 97 <= digit <= 102:
            digit -= 87
        else:
            break
        point = min(point * (16 if hexadecimal else 10) + digit, LAST_CODE_POINT + 1)
        stop += 1
    if stop == digits:
        return np.int64(-1), at
    return point, stop + (stop < end and data[stop] == SEMICOLON)


@kernel
def read_entity(data, at, end, keys, values, windows):
    """The character reference at `at`: its one or two code points, 0 for none, and where it ends. HTML, section 13.2.5.72.

    `windows` are the code points of bytes 128 … 159 in windows-1252, which numeric references to these mean.
    """
    stop = at + 1
    if stop < end and data[stop] == HASH:
        point, stop = read_number(data, stop + 1, end)
        if point < 0:
            return np.int64(0), np.int64(0), at
        if 0xD800 <= point <= 0xDBFF and stop + 1 < end and data[stop] == AMPERSAND and data[stop + 1] == HASH:
            low, after = read_number(data, stop + 2, end)
            if 0xDC00 <= low <= 0xDFFF:  # a character in the two halves of UTF-16
                return 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00), np.int64(0), after
        if 128 <= point < 160:
            point = windows[point - 128]
        elif point == 0 or point > LAST_CODE_POINT or 0xD800 <= point <= 0xDFFF:
            point = np.int64(0xFFFD)
        return point, np.int64(0), stop
    state = _OFFSET
    known, after = np.int64(-1), stop
    while stop < end and stop < at + LONGEST_NAME and (is_letter(data[stop]) or 48 <= data[stop] <= 57):
        state = hash_byte(state, data[stop])
        stop += 1
        slot = find_key(keys, state)
        if slot >= 0 and (values[slot, 2] or (stop < end and data[stop] == SEMICOLON)):
            known, after = slot, stop  # the longest name counts: `&copy2024` is `&copy;2024`
    if known < 0:
        return np.int64(0), np.int64(0), at
    return values[known, 0], values[known, 1], after + (after < end and data[after] == SEMICOLON)


@inlined
def read_blank(data, at):
    """The code point at `at` and where it ends if it is one of the blanks and marks that browsers don't show; -1 else."""
    byte = data[at]
    if byte == 0xC2 and (data[at + 1] == 0xA0 or data[at + 1] == 0xAD):  # no-break space, soft hyphen
        return np.int64(data[at + 1]), at + 2
    if byte == 0xE2 and data[at + 1] == 0x80 and 0x8B <= data[at + 2] <= 0x8D:  # zero-width space and joiners
        return np.int64(0x2000 | data[at + 2] & 63), at + 3
    if byte == 0xE3 and data[at + 1] == 0x80 and data[at + 2] == 0x80:  # ideographic space: Chinese indentation
        return np.int64(0x3000), at + 3
    if byte == 0xEF and data[at + 1] == 0xBB and data[at + 2] == 0xBF:
        return np.int64(0xFEFF), at + 3
    return np.int64(-1), at


@kernel
def end_of_text(out, start, end, ticked):
    """Where the text of a block ends that was written up to `end`: before its last blanks.

    A backtick that opened at `ticked` (-1: none did) is closed there, or taken back where nothing follows it.
    """
    while end > start and out[end - 1] <= 32:
        end -= 1
    if ticked >= start and end == ticked + 1:
        end = ticked
        while end > start and out[end - 1] <= 32:
            end -= 1
    elif ticked >= start and end > ticked:
        out[end] = BACKTICK
        end += 1
    return end


@inlined
def is_wide_before(out, at):
    """Whether the character that ends before `at` is one that Chinese or Japanese is written with."""
    return at >= 3 and (0xE3 <= out[at - 3] <= 0xE9 or out[at - 3] == 0xEF) and out[at - 1] & 0xC0 == 0x80


@inlined
def is_wide(data, at):
    """Whether the character at `at` is one that Chinese or Japanese is written with: U+3000 … U+9FFF, U+F000 … U+FFFF."""
    return 0xE3 <= data[at] <= 0xE9 or data[at] == 0xEF
