"""The terms that n-grams are made of, of three kinds, and which of them numbers are.

Prose: normalised words and characters (`filters/kernels/terms.py`), every run of numbers one and the same term, so that
`1,250 jars` and `16 jars` are two terms each and a table of figures is one. Code: names, numbers and signs as they stand. Or
single bytes. The last two leave white space out.
"""

from __future__ import annotations

import numpy as np

from winnow.filters.kernels.bytes import Bytes, Offsets, hash_bytes, inlined, kernel
from winnow.filters.kernels.normalise import Characters
from winnow.filters.kernels.terms import Scratch, number_term, window_end, window_terms

_MIX = np.uint64(0xBF58476D1CE4E5B9)
_SIGN_KEY = np.uint64(0x589965CC75374CC3)
PROSE, CODE, STRING = range(3)


@inlined
def name_byte(byte: int) -> bool:
    """Whether a byte may be part of a name: letters and digits of ASCII, the underscore, all of other scripts."""
    return 0x30 <= byte <= 0x39 or 0x41 <= byte <= 0x5A or 0x61 <= byte <= 0x7A or byte == 0x5F or byte >= 0x80


@kernel
def code_terms(data: Bytes, start: int, end: int, whole: bool, room: Scratch, count: int) -> int:
    """Appends names, numbers and single signs behind the first `count` terms; returns their new number.

    Unless names are to be `whole`, each byte that is no white space is a term.
    """
    at = start
    while at < end:
        byte = data[at]
        if byte <= 0x20:
            at += 1
            continue
        first = at
        at += 1
        if whole and name_byte(byte):
            while at < end and name_byte(data[at]):
                at += 1
            room.terms[count] = hash_bytes(data, first, at)
        else:
            room.terms[count] = (np.uint64(byte) + _SIGN_KEY) * _MIX
        room.places[count] = first
        count += 1
    return count


@kernel
def fill_terms(data: Bytes, at: int, stop: int, tables: Characters, kind: int, room: Scratch, kept: int) -> int:
    """Appends the terms of one window behind the first `kept` in `room`; returns their new number."""
    if kind == PROSE:
        folded = kind == PROSE  # no literals: a literal would compile the tokeniser again
        alone = kind != PROSE
        return _join_numbers(room, kept, window_terms(data, at, stop, tables, folded, alone, room, kept))
    return code_terms(data, at, stop, kind == CODE, room, kept)


@inlined
def _join_numbers(room: Scratch, kept: int, count: int) -> int:
    """Leaves of each run of numbers the first; returns how many terms are left."""
    number = number_term()
    left = kept
    for at in range(kept, count):
        if room.terms[at] != number or left == 0 or room.terms[left - 1] != number:
            room.terms[left] = room.terms[at]
            room.places[left] = room.places[at]
            left += 1
    return left


@kernel
def written_terms(data: Bytes, first: int, end: int, tables: Characters, room: Scratch) -> int:
    """The terms of prose with its numbers as they are written, of one window at most; returns how many."""
    folded = first < 0  # no literals, as above
    none = first - first
    return window_terms(data, first, window_end(data, first, end), tables, folded, folded, room, none)


@kernel
def count_terms(data: Bytes, offsets: Offsets, tables: Characters, kind: int, room: Scratch, counts: Offsets) -> None:
    """`counts` gets the number of terms of each text."""
    for document in range(offsets.size - 1):
        at = offsets[document]
        end = offsets[document + 1]
        total = 0
        kept = total  # no literal, as above
        while at < end:
            stop = window_end(data, at, end)
            count = fill_terms(data, at, stop, tables, kind, room, kept)
            total += count - kept
            kept = 0
            if count > 0:  # numbers are joined across windows
                room.terms[0] = room.terms[count - 1]
                kept = 1
            at = stop
        counts[document] = total
