"""How many keys a JSON text has, without parsing it."""

from __future__ import annotations

import numpy as np

from winnow.filters.kernels.bytes import Bytes, inlined, kernel
from winnow.filters.kernels.machine import BLOCK, block_mask, trailing_zeros

COLON, QUOTE, BACKSLASH, SPACE = 0x3A, 0x22, 0x5C, 0x20
_colon_mask = block_mask((COLON, COLON))


def count_keys(text: bytes) -> int:
    """The keys of all objects of a JSON text in UTF-8, as often as they stand there; -1 where that can't be told.

    A key ends with a quotation mark and a colon, blanks between them or not. In a string a quotation mark stands behind a
    backslash; so does the one that ends a key whose last sign is a backslash, and behind two of them nothing is said.
    """
    return int(_count(np.frombuffer(text, np.uint8)))


@kernel
def _count(data: Bytes) -> int:
    found = at = 0
    while at + BLOCK <= data.size:
        mask = _colon_mask(data, at)
        while mask:
            ends = _ends_key(data, at + trailing_zeros(mask))
            if ends < 0:
                return -1
            found += ends
            mask &= mask - np.uint64(1)
        at += BLOCK
    for place in range(at, data.size):
        if data[place] == COLON:
            ends = _ends_key(data, place)
            if ends < 0:
                return -1
            found += ends
    return found


@inlined
def _ends_key(data: Bytes, colon: int) -> int:
    """Whether the colon at this place stands behind a key: 1 or 0; -1 where two backslashes stand before the quotation mark."""
    place = colon - 1
    while place >= 0 and data[place] <= SPACE:
        place -= 1
    if place < 0 or data[place] != QUOTE:
        return 0
    if place < 1 or data[place - 1] != BACKSLASH:
        return 1
    return -1 if place > 1 and data[place - 2] == BACKSLASH else 0
