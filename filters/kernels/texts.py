"""128-bit hashes of whole texts, blind to how their white space runs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from winnow.filters.kernels.bytes import Bytes, Offsets, folded_multiply, inlined, kernel

_FIRST_KEY = np.uint64(0xA0761D6478BD642F)
_SECOND_KEY = np.uint64(0xE7037ED1A0B428DB)
_THIRD_KEY = np.uint64(0x8EBC6AF09C88C6E3)
_FOURTH_KEY = np.uint64(0x589965CC75374CC3)


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


@kernel
def hash_texts(data: Bytes, offsets: Offsets, keys: npt.NDArray[np.uint64]) -> None:
    """`keys` (n × 2) gets the hash of each text, every run of white space read as one space, none at the ends."""
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
            if byte <= 0x20 or byte == 0xC2 or byte == 0xE3:
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
