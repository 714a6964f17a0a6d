"""Looks up the n-grams of texts in an index of the n-grams of others.

Terms are of one of three kinds: normalised words and characters (`filters/kernels/terms.py`); for code, names, numbers
and signs as they stand; or single bytes. The last two leave white space out. An n-gram is a 64-bit hash; the index is a
hash table behind two filters of bits that fit a cache: one of whole n-grams, and before it one of their beginnings, as
many terms as the shortest has. So a text that shares nothing costs one look per term, whatever lengths there are (13 in
8,621 real items), and only where a beginning is known are the lengths tried.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from winnow.filters.kernels.bytes import Bytes, Offsets, hash_bytes, inlined, kernel
from winnow.filters.kernels.normalise import Characters
from winnow.filters.kernels.shingles import keep_tail
from winnow.filters.kernels.terms import Scratch, window_end, window_terms

Hashes = npt.NDArray[np.uint64]

_ROLL = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xBF58476D1CE4E5B9)
_SIGN_KEY = np.uint64(0x589965CC75374CC3)
PROSE, CODE, STRING = range(3)
FILTER_BITS = 22
"""The filter has 2²² bits, 512 KB."""


class GramIndex(NamedTuple):
    """Postings sorted by n-gram, a hash table of where each n-gram's begin, and the filters before it."""

    lengths: Offsets  # terms of the n-grams that are indexed, ascending
    beginnings: Hashes  # one bit per value of the lowest FILTER_BITS bits of the first `lengths[0]` terms …
    filter: Hashes  # … and of the whole n-grams
    slots: Offsets  # 1 + where the postings of the n-gram in this slot begin; 0 where the slot is free
    grams: Hashes  # of each posting
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


@inlined
def _mixed(state: np.uint64, length: int) -> np.uint64:
    state = (state ^ (state >> np.uint64(29)) ^ np.uint64(length)) * _MIX
    return state ^ (state >> np.uint64(32))


@inlined
def _name_byte(byte: int) -> bool:
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
        if whole and _name_byte(byte):
            while at < end and _name_byte(data[at]):
                at += 1
            room.terms[count] = hash_bytes(data, first, at)
        else:
            room.terms[count] = (np.uint64(byte) + _SIGN_KEY) * _MIX
        room.places[count] = first
        count += 1
    return count


@kernel
def _fill(data: Bytes, at: int, stop: int, tables: Characters, kind: int, room: Scratch, kept: int) -> int:
    if kind == PROSE:
        never = kind != PROSE  # no literal: a literal would compile the tokeniser again
        return window_terms(data, at, stop, tables, never, never, room, kept)
    return code_terms(data, at, stop, kind == CODE, room, kept)


@kernel
def count_terms(data: Bytes, offsets: Offsets, tables: Characters, kind: int, room: Scratch, counts: Offsets) -> None:
    """`counts` gets the number of terms of each text."""
    for document in range(offsets.size - 1):
        at = offsets[document]
        end = offsets[document + 1]
        total = 0
        none = total  # no literal, as above
        while at < end:
            stop = window_end(data, at, end)
            total += _fill(data, at, stop, tables, kind, room, none)
            at = stop
        counts[document] = total


@inlined
def _run(room: Scratch, first: int, length: int) -> np.uint64:
    """The state of the terms from the first on, as rolling makes it."""
    state = np.uint64(0)
    for term in range(first, first + length):
        state = state * _ROLL + room.terms[term]
    return state


@kernel
def list_grams(
    data: Bytes,
    offsets: Offsets,
    tables: Characters,
    kind: int,
    lengths: Offsets,
    shortest: int,
    room: Scratch,
    grams: Hashes,
    beginnings: Hashes,
    entries: npt.NDArray[np.int32],
    positions: npt.NDArray[np.int32],
) -> int:
    """The n-grams of texts, text i in n-grams of `lengths[i]` terms (0: none of it); their first `shortest` terms."""
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
            count = _fill(data, at, stop, tables, kind, room, kept)
            leaving = np.uint64(1)
            state = np.uint64(0)
            for term in range(count):
                state = state * _ROLL + room.terms[term]
                if term < length:
                    leaving *= _ROLL
                else:
                    state -= room.terms[term - length] * leaving
                if term >= length - 1:
                    grams[found] = _mixed(state, length)
                    beginnings[found] = _mixed(_run(room, term - length + 1, shortest), shortest)
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
        _add(index.filter, gram)
        _add(index.beginnings, beginnings[at])
        slot = np.int64(gram >> np.uint64(32)) & mask
        while index.slots[slot]:
            slot = (slot + 1) & mask
        index.slots[slot] = at + 1


@inlined
def _first_posting(index: GramIndex, gram: np.uint64) -> int:
    """Where the postings of an n-gram begin, -1 where it isn't in the index."""
    if not _may_hold(index.filter, gram):
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
        while stop < end and _name_byte(data[stop]) and data[stop] < 0x80:
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
            count = _fill(data, at, stop, tables, kind, room, kept)
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
                    while 0 <= posting < index.grams.size and index.grams[posting] == gram:
                        if found < matches.documents.size:
                            matches.documents[found] = document
                            matches.entries[found] = index.entries[posting]
                            matches.positions[found] = index.positions[posting]
                            matches.places[found] = before + first
                            matches.starts[found] = room.places[first] - offsets[document]
                            matches.ends[found] = _term_end(data, room.places[term], end) - offsets[document]
                        found += 1
                        posting += 1
            tail = keep_tail(room, count, longest)
            before += count - tail
            kept = tail
            at = stop
    return found
