"""Shingles: hashes of the runs of n terms of a text, as uint32.

A rolling polynomial over the term hashes, mixed; a text with fewer terms than a shingle has one shingle: all of them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from winnow.filters.kernels.bytes import Bytes, Offsets, inlined, kernel
from winnow.filters.kernels.normalise import Characters
from winnow.filters.kernels.terms import Scratch, window_end, window_terms

Shingles = npt.NDArray[np.uint32]

_ROLL = np.uint64(0x9E3779B97F4A7C15)  # odd, so that no term is ever shifted out of the polynomial
_MIX = np.uint64(0xBF58476D1CE4E5B9)  # the finaliser of splitmix64
_ONE = np.uint64(1)


@inlined
def _mixed(state: np.uint64) -> np.uint32:
    return np.uint32(((state ^ (state >> np.uint64(29))) * _MIX) >> np.uint64(32))


@kernel
def window_shingles(room: Scratch, count: int, shingle: int) -> int:
    """The hashes of all runs of `shingle` terms among the first `count`; returns their number (0 when too few)."""
    if count < shingle:
        return 0
    leaving = _ONE
    state = np.uint64(0)
    for at in range(shingle):
        state = state * _ROLL + room.terms[at]
        leaving *= _ROLL
    room.shingles[0] = _mixed(state)
    for at in range(1, count - shingle + 1):
        state = state * _ROLL + room.terms[at + shingle - 1] - room.terms[at - 1] * leaving
        room.shingles[at] = _mixed(state)
    return count - shingle + 1


@kernel
def keep_tail(room: Scratch, count: int, shingle: int) -> int:
    """Moves the last `shingle - 1` terms to the front, where the next window continues; returns how many."""
    kept = min(count, shingle - 1)
    for at in range(kept):
        room.terms[at] = room.terms[count - kept + at]
        room.places[at] = room.places[count - kept + at]
    return kept


@kernel
def list_shingles(
    data: Bytes,
    offsets: Offsets,
    tables: Characters,
    zero: bool,
    alone: bool,
    shingle: int,
    room: Scratch,
    values: Shingles,
    bounds: Offsets,
) -> None:
    """The shingles themselves, repeats included: those of document i end up in `values[bounds[i]:bounds[i + 1]]`.

    `values` holds the sum of the counts that `sign_documents` gave for the same documents.
    """
    place = 0
    bounds[0] = 0
    for document in range(offsets.size - 1):
        at = offsets[document]
        end = offsets[document + 1]
        kept = 0
        while at < end:
            stop = window_end(data, at, end)
            filled = window_terms(data, at, stop, tables, zero, alone, room, kept)
            found = window_shingles(room, filled, shingle)
            if found == 0 and stop == end and place == bounds[document] and filled > 0:
                found = window_shingles(room, filled, filled)
            for number in range(found):
                values[place + number] = room.shingles[number]
            place += found
            kept = keep_tail(room, filled, shingle)
            at = stop
        bounds[document + 1] = place
