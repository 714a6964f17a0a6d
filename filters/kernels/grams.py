"""Looks up the n-grams of texts in an index of the n-grams of others.

What a term is says `gram_terms`. An n-gram is a 64-bit hash; the index is a hash table behind two filters of bits that
fit a cache: one of whole n-grams, and before it one of their beginnings, as many terms as the shortest has. So a text that
shares nothing costs one look per term, whatever lengths there are, and only where a beginning is known are the lengths
tried.

All numbers are one to prose. Where an n-gram is found it is hashed again with its numbers as they are written, so that an
item and the same item with other numbers are told apart at the price of what is found.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from winnow.filters.kernels.bytes import Bytes, Offsets, inlined, kernel
from winnow.filters.kernels.gram_terms import PROSE, fill_terms, name_byte, written_terms
from winnow.filters.kernels.normalise import Characters
from winnow.filters.kernels.shingles import keep_tail
from winnow.filters.kernels.terms import Scratch, window_end

Hashes = npt.NDArray[np.uint64]

_ROLL = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xBF58476D1CE4E5B9)
FILTER_BITS = 22
"""Each filter has 2²² bits, 512 KB."""


class GramIndex(NamedTuple):
    """Postings sorted by n-gram, a hash table of where each n-gram's begin, and the filters before it."""

    lengths: Offsets  # terms of the n-grams that are indexed, ascending
    beginnings: Hashes  # one bit per value of the lowest FILTER_BITS bits of the first `lengths[0]` terms …
    filter: Hashes  # … and of the whole n-grams
    slots: Offsets  # 1 + where the postings of the n-gram in this slot begin; 0 where the slot is free
    grams: Hashes  # of each posting
    written: Hashes  # the same with numbers as they are written
    entries: npt.NDArray[np.int32]  # which text each posting is from
    positions: npt.NDArray[np.int32]  # and which of its n-grams it is


class Matches(NamedTuple):
    """Where n-grams were found: one row per posting met, in the order of the texts."""

    documents: npt.NDArray[np.int32]
    entries: npt.NDArray[np.int32]
    positions: npt.NDArray[np.int32]
    places: Offsets  # number of the n-gram's first term in its document
    starts: Offsets  # byte of its first term
    ends: Offsets  # byte behind its last term
    same: npt.NDArray[np.bool_]  # whether its numbers are those of the entry


@inlined
def _mixed(state: np.uint64, length: int) -> np.uint64:
    state = (state ^ (state >> np.uint64(29)) ^ np.uint64(length)) * _MIX
    return state ^ (state >> np.uint64(32))


@inlined
def _run(room: Scratch, first: int, length: int) -> np.uint64:
    """The state of the terms from the first on, as rolling makes it."""
    state = np.uint64(0)
    for term in range(first, first + length):
        state = state * _ROLL + room.terms[term]
    return state


@inlined
def _written(
    data: Bytes,
    first: int,
    last: int,
    count: int,
    stop: int,
    tables: Characters,
    kind: int,
    room: Scratch,
    again: Scratch,
    gram: np.uint64,
) -> np.uint64:
    """The hash of the terms `first` to `last` of `count` with numbers as they are written; but for prose, the n-gram's."""
    if kind != PROSE:
        return gram
    end = stop if last + 1 == count else room.places[last + 1]
    length = written_terms(data, room.places[first], end, tables, again)
    return _mixed(_run(again, 0, length), length)


@kernel
def list_grams(
    data: Bytes,
    offsets: Offsets,
    tables: Characters,
    kind: int,
    lengths: Offsets,
    shortest: int,
    room: Scratch,
    again: Scratch,
    grams: Hashes,
    written: Hashes,
    beginnings: Hashes,
    entries: npt.NDArray[np.int32],
    positions: npt.NDArray[np.int32],
) -> int:
    """The n-grams of texts, text i in n-grams of `lengths[i]` terms (0: none of it); their first `shortest` terms.

    `room` and `again` are scratch.
    """
    found = 0
    for entry in range(offsets.size - 1):
        length = lengths[entry]
        if length == 0:
            continue
        at = offsets[entry]
        end = offsets[entry + 1]
        kept = 0
        number = 0
        while at < end:
            stop = window_end(data, at, end)
            count = fill_terms(data, at, stop, tables, kind, room, kept)
            leaving = np.uint64(1)
            state = np.uint64(0)
            for term in range(count):
                state = state * _ROLL + room.terms[term]
                if term < length:
                    leaving *= _ROLL
                else:
                    state -= room.terms[term - length] * leaving
                if term >= length - 1:
                    first = term - length + 1
                    grams[found] = _mixed(state, length)
                    written[found] = _written(data, first, term, count, stop, tables, kind, room, again, grams[found])
                    beginnings[found] = _mixed(_run(room, first, shortest), shortest)
                    entries[found] = entry
                    positions[found] = number
                    found += 1
                    number += 1
            kept = keep_tail(room, count, length)
            at = stop
    return found


@inlined
def _add(filter_: Hashes, value: np.uint64) -> None:
    bit = value & np.uint64((1 << FILTER_BITS) - 1)
    filter_[np.int64(bit >> np.uint64(6))] |= np.uint64(1) << (bit & np.uint64(63))


@inlined
def _may_hold(filter_: Hashes, value: np.uint64) -> bool:
    bit = value & np.uint64((1 << FILTER_BITS) - 1)
    return bool(filter_[np.int64(bit >> np.uint64(6))] >> (bit & np.uint64(63)) & np.uint64(1))


@kernel
def fill_index(index: GramIndex, beginnings: Hashes) -> None:
    """Fills the filters and the slots of an index whose postings, and their `beginnings`, are sorted by n-gram."""
    mask = index.slots.size - 1
    for at in range(index.grams.size):
        gram = index.grams[at]
        if at > 0 and index.grams[at - 1] == gram:
            continue
        _add(index.filter, gram >> np.uint64(FILTER_BITS))  # other bits than of beginnings, which may be all of it
        _add(index.beginnings, beginnings[at])
        slot = np.int64(gram >> np.uint64(32)) & mask
        while index.slots[slot]:
            slot = (slot + 1) & mask
        index.slots[slot] = at + 1


@inlined
def _first_posting(index: GramIndex, gram: np.uint64) -> int:
    """Where the postings of an n-gram begin, -1 where it isn't in the index."""
    if not _may_hold(index.filter, gram >> np.uint64(FILTER_BITS)):
        return -1
    mask = index.slots.size - 1
    slot = np.int64(gram >> np.uint64(32)) & mask
    while index.slots[slot]:
        at = index.slots[slot] - 1
        if index.grams[at] == gram:
            return int(at)
        slot = (slot + 1) & mask
    return -1


@inlined
def _term_end(data: Bytes, place: int, end: int) -> int:
    """The byte behind the word or character that begins at `place`."""
    stop = place + 1
    if data[place] >= 0x80:
        while stop < end and data[stop] & 0xC0 == 0x80:
            stop += 1
    else:
        while stop < end and name_byte(data[stop]) and data[stop] < 0x80:
            stop += 1
    return stop


@kernel
def find_grams(
    data: Bytes,
    offsets: Offsets,
    tables: Characters,
    kind: int,
    index: GramIndex,
    room: Scratch,
    again: Scratch,
    matches: Matches,
) -> int:
    """Writes where the indexed n-grams occur in the texts; returns how many there are, which may be more than fit."""
    found = 0
    shortest, longest = index.lengths[0], index.lengths[index.lengths.size - 1]
    leaving = np.uint64(1)
    for _ in range(shortest):
        leaving *= _ROLL
    for document in range(offsets.size - 1):
        at = offsets[document]
        end = offsets[document + 1]
        kept = 0
        before = 0  # terms of the document that have left the scratch
        while at < end:
            stop = window_end(data, at, end)
            count = fill_terms(data, at, stop, tables, kind, room, kept)
            state = np.uint64(0)
            for last in range(count):
                state = state * _ROLL + room.terms[last]
                if last >= shortest:
                    state -= room.terms[last - shortest] * leaving
                if last < shortest - 1 or not _may_hold(index.beginnings, _mixed(state, shortest)):
                    continue
                first = last - shortest + 1
                whole = state
                taken = shortest
                for length in index.lengths:
                    if first + length > count:  # the next window has them
                        break
                    while taken < length:
                        whole = whole * _ROLL + room.terms[first + taken]
                        taken += 1
                    term = first + length - 1
                    if term < kept:  # the window before had it
                        continue
                    gram = _mixed(whole, length)
                    posting = _first_posting(index, gram)
                    if posting < 0:
                        continue
                    written = _written(data, first, term, count, stop, tables, kind, room, again, gram)
                    while posting < index.grams.size and index.grams[posting] == gram:
                        if found < matches.documents.size:
                            matches.documents[found] = document
                            matches.entries[found] = index.entries[posting]
                            matches.positions[found] = index.positions[posting]
                            matches.places[found] = before + first
                            matches.starts[found] = room.places[first] - offsets[document]
                            matches.ends[found] = _term_end(data, room.places[term], end) - offsets[document]
                            matches.same[found] = index.written[posting] == written
                        found += 1
                        posting += 1
            tail = keep_tail(room, count, longest)
            before += count - tail
            kept = tail
            at = stop
    return found
