"""128-bit hashes of whole texts, and which texts are laid out: code, YAML, lists, tables, verse."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from winnow.filters.kernels.bytes import Bytes, Offsets, folded_multiply, inlined, kernel

_FIRST_KEY = np.uint64(0xA0761D6478BD642F)
_SECOND_KEY = np.uint64(0xE7037ED1A0B428DB)
_THIRD_KEY = np.uint64(0x8EBC6AF09C88C6E3)
_FOURTH_KEY = np.uint64(0x589965CC75374CC3)

LAID_OUT_SHARE = 0.1
"""Lines that show a layout, of all that aren't blank, from which a text is laid out."""
VERSE_LINES = 4
VERSE_BYTES = (10, 50)
"""Mean bytes of a line of verse. Prose wrapped by hand has 60 and more; one word a line is a list of words, whose line
breaks say nothing."""


@inlined
def _space(data: Bytes, at: int, end: int) -> int:
    """Bytes of the white-space character at `at`: ASCII space, no-break space, ideographic space; 0 for any other."""
    byte = data[at]
    if byte == 0x20 or 0x09 <= byte <= 0x0D:
        return 1
    if byte == 0xC2 and at + 1 < end and data[at + 1] == 0xA0:
        return 2
    if byte == 0xE3 and at + 2 < end and data[at + 1] == 0x80 and data[at + 2] == 0x80:
        return 3
    return 0


@inlined
def _marked(data: Bytes, at: int, end: int) -> bool:
    """Whether a line begins like an item of a list, a row of a table, a fence or a comment."""
    byte = data[at]
    if byte == 0x2D or byte == 0x2A or byte == 0x2B:  # - * +
        return bool(at + 1 < end and (data[at + 1] == 0x20 or data[at + 1] == 0x09))
    if byte == 0x7C:  # |
        return True
    if byte == 0x60:  # ```
        return bool(at + 2 < end and data[at + 1] == 0x60 and data[at + 2] == 0x60)
    if byte == 0x2F:  # // and /*
        return bool(at + 1 < end and (data[at + 1] == 0x2F or data[at + 1] == 0x2A))
    digits = at
    while digits < end and 0x30 <= data[digits] <= 0x39 and digits - at < 4:
        digits += 1
    if digits == at or digits + 1 >= end or data[digits + 1] != 0x20:
        return False
    return bool(data[digits] == 0x2E or data[digits] == 0x29)


@inlined
def _ends_code(byte: int) -> bool:
    return byte == 0x7B or byte == 0x7D or byte == 0x3B or byte == 0x5C  # { } ; backslash


@inlined
def _ends_sentence(data: Bytes, first: int, last: int) -> bool:
    """. ! ? " or one of 。！？”… at the end."""
    byte = data[last - 1]
    if byte == 0x2E or byte == 0x21 or byte == 0x3F or byte == 0x22:
        return True
    if last - first < 3:
        return False
    lead = data[last - 3]
    middle = data[last - 2]
    if lead == 0xE2:
        return bool(middle == 0x80 and (byte == 0x9D or byte == 0xA6))
    if lead == 0xE3:
        return bool(middle == 0x80 and byte == 0x82)
    return bool(lead == 0xEF and middle == 0xBC and (byte == 0x81 or byte == 0x9F))


@kernel
def find_layouts(data: Bytes, offsets: Offsets, laid_out: npt.NDArray[np.bool_]) -> None:
    """`laid_out[i]`: whether the white space of text i means something.

    A line shows a layout that is indented deeper than the line above it (unless that is blank or ends a sentence: then
    a paragraph opens), begins like an item or a row, or ends like code. Many short lines are verse.
    """
    for document in range(offsets.size - 1):
        at = offsets[document]
        end = offsets[document + 1]
        lines = 0
        shown = 0
        size = 0
        above = -1  # indent of the line above, -1 where a paragraph may open
        while at < end:
            start = at
            while at < end and (data[at] == 0x20 or data[at] == 0x09):
                at += 1
            first = at
            while at < end and data[at] != 0x0A and data[at] != 0x0D:
                at += 1
            last = at
            at += 2 if at + 1 < end and data[at] == 0x0D and data[at + 1] == 0x0A else 1
            while last > first and (data[last - 1] == 0x20 or data[last - 1] == 0x09):
                last -= 1
            if last == first:
                above = -1
                continue
            indent = first - start
            tabbed = indent > 0 and data[start] == 0x09
            deeper = above >= 0 and (indent > above + 1 or (tabbed and indent > above))
            shown += deeper or _marked(data, first, last) or _ends_code(data[last - 1])
            lines += 1
            size += last - first
            above = -1 if _ends_sentence(data, first, last) else indent
        verse = lines >= VERSE_LINES and VERSE_BYTES[0] * lines <= size <= VERSE_BYTES[1] * lines
        laid_out[document] = lines > 1 and (verse or (shown > 0 and shown >= LAID_OUT_SHARE * lines))


@kernel
def hash_texts(data: Bytes, offsets: Offsets, folded: bool, keys: npt.NDArray[np.uint64]) -> None:
    """`keys` (n × 2) gets the hash of each text; `folded` reads every run of white space as one space, none at the ends."""
    for document in range(offsets.size - 1):
        at = offsets[document]
        end = offsets[document + 1]
        first = _THIRD_KEY
        second = _FOURTH_KEY
        word = np.uint64(0)
        filled = 0
        length = 0
        pending = False
        while at < end:
            byte = np.uint64(data[at])
            if folded and (byte <= 0x20 or byte == 0xC2 or byte == 0xE3):
                space = _space(data, at, end)
                if space:
                    pending = length > 0
                    at += space
                    continue
            if pending:
                pending = False
                word |= np.uint64(0x20) << np.uint64(filled)
                filled += 8
                length += 1
                if filled == 64:
                    first = folded_multiply(first ^ word, _FIRST_KEY)
                    second = folded_multiply(second ^ _SECOND_KEY, word ^ _FIRST_KEY ^ first)
                    word = np.uint64(0)
                    filled = 0
            word |= byte << np.uint64(filled)
            filled += 8
            length += 1
            at += 1
            if filled == 64:
                first = folded_multiply(first ^ word, _FIRST_KEY)
                second = folded_multiply(second ^ _SECOND_KEY, word ^ _FIRST_KEY ^ first)
                word = np.uint64(0)
                filled = 0
        first = folded_multiply(first ^ word, _FIRST_KEY ^ np.uint64(length))
        second = folded_multiply(second ^ _SECOND_KEY ^ np.uint64(length), word ^ _FIRST_KEY ^ first)
        keys[document, 0] = folded_multiply(first, _FOURTH_KEY)
        keys[document, 1] = folded_multiply(second, _THIRD_KEY)
