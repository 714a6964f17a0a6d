"""Terms: the normalised words and characters of a text as 64-bit hashes, straight from UTF-8 bytes.

A document is read in windows of at most `WINDOW` bytes, cut between words, so that any document costs the same memory.
How characters become terms is told in `filters/kernels/normalise.py`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from winnow.filters.kernels.bytes import Bytes, Offsets, decode, folded_multiply, inlined, kernel
from winnow.filters.kernels.machine import BLOCK, block_mask, load64, trailing_zeros
from winnow.filters.kernels.normalise import CHARACTER, DIGIT, SKIPPED, TABLE_SIZE, WORD, Characters

Hashes = npt.NDArray[np.uint64]

WINDOW = 1 << 14
"""Bytes of text read at a time: its terms and shingles stay in the second-level cache."""

_SEED = np.uint64(0x8EBC6AF09C88C6E3)
_LETTER_KEY = np.uint64(0xA0761D6478BD642F)
_LENGTH_KEY = np.uint64(0xE7037ED1A0B428DB)
_CHARACTER_KEY = np.uint64(0x589965CC75374CC3)
_LOWER_CASE = np.uint64(0x2020202020202020)
_LETTER_BITS = np.uint64(0x4040404040404040)
_HIGH_BITS = np.uint64(0x8080808080808080)
_ONE = np.uint64(1)
_ZERO = np.uint64(0x30)
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)

_word_byte_mask = block_mask((0x30, 0x39), (0x41, 0x5A), (0x61, 0x7A), (0x80, 0xFF))


class Scratch(NamedTuple):
    """Memory that the kernels write over: runs of word bytes, a folded word, term hashes and places, shingles."""

    runs: npt.NDArray[np.int32]
    letters: Bytes
    terms: Hashes
    places: Offsets
    shingles: npt.NDArray[np.uint32]


def scratch(shingle: int) -> Scratch:
    """Scratch for windows of `WINDOW` bytes and shingles of `shingle` terms; about 0.6 MB."""
    room = WINDOW + shingle + 2 * BLOCK
    return Scratch(
        np.empty(room, np.int32),
        np.zeros(2 * room, np.uint8),
        np.empty(room, np.uint64),
        np.empty(room, np.int64),
        np.empty(room, np.uint32),
    )


@inlined
def _hash_short(head: np.uint64, tail: np.uint64, length: int) -> np.uint64:
    """The hash of a word of at most 16 bytes by its first and its last 8 (both the whole word up to 8)."""
    return folded_multiply(head ^ _LETTER_KEY, tail ^ (_LENGTH_KEY + np.uint64(length) * _SEED))


@inlined
def _ends(data: Bytes, first: int, length: int) -> tuple[np.uint64, np.uint64, np.uint64]:
    """The first and the last 8 bytes of a word, without a branch, and the mask of those that belong to it."""
    inside = _ALL >> np.uint64(8 * max(8 - length, 0))
    return load64(data, first) & inside, load64(data, first + max(length - 8, 0)) & inside, inside


@inlined
def _hash_folded(letters: Bytes, length: int) -> np.uint64:
    """The hash of a folded word in scratch; for plain letters the same as straight from the text."""
    head, tail, _ = _ends(letters, 0, length)
    if length > 16:
        at = 8
        while at + 8 < length:
            head = folded_multiply(load64(letters, at) ^ head, _LENGTH_KEY)
            at += 8
    return _hash_short(head, tail, length)


@inlined
def number_term() -> np.uint64:
    """The term that every number is where numbers are written as 0."""
    return _hash_short(_ZERO, _ZERO, 1)


@inlined
def _hash_character(point: int) -> np.uint64:
    return folded_multiply(np.uint64(point) ^ _LETTER_KEY, _CHARACTER_KEY)


@inlined
def _mixed_run(data: Bytes, start: int, end: int, tables: Characters, zero: bool, room: Scratch, count: int) -> int:
    """Terms of a run that isn't plain ASCII letters: digits, accents, other scripts. Returns the new term count."""
    length = 0
    digits = False
    at = begin = start
    while at < end:
        if length == 0:
            while at < end and 0xE4 <= data[at] <= 0xE9:  # most Han characters
                point, _ = decode(data, at)
                if tables.classes[point] != CHARACTER:
                    break
                room.terms[count] = _hash_character(int(tables.folds[point]))
                room.places[count] = at
                count += 1
                at += 3
            if at >= end:
                break
        point, size = decode(data, at)
        kind = CHARACTER
        folded = point
        if point < TABLE_SIZE:
            kind = int(tables.classes[point])
            folded = int(tables.folds[point])
        if kind == DIGIT and zero:
            if not digits:
                begin = at if length == 0 else begin
                room.letters[length] = 0x30
                length += 1
            digits = True
        elif kind in (WORD, DIGIT):
            digits = False
            begin = at if length == 0 else begin
            room.letters[length] = folded & 0xFF
            length += 1
            if folded >= 0x80:
                room.letters[length] = folded >> 8 & 0xFF
                room.letters[length + 1] = 0x80 | folded >> 16
                length += 2
        elif kind != SKIPPED:
            digits = False
            if length:
                room.terms[count] = _hash_folded(room.letters, length)
                room.places[count] = begin
                count += 1
                length = 0
            if kind == CHARACTER:
                room.terms[count] = _hash_character(folded)
                room.places[count] = at
                count += 1
        at += size
    if length:
        room.terms[count] = _hash_folded(room.letters, length)
        room.places[count] = begin
        count += 1
    return count


@kernel
def window_end(data: Bytes, start: int, end: int) -> int:
    """Where the window that begins at `start` ends: behind its last byte that is in no word, or between characters."""
    if end - start <= WINDOW:
        return end
    stop = start + WINDOW
    at = stop
    while at > start:
        byte = data[at - 1]
        if byte < 0x30 or 0x39 < byte < 0x41 or 0x5A < byte < 0x61 or 0x7A < byte < 0x80:
            return at
        at -= 1
    while data[stop] & 0xC0 == 0x80:
        stop -= 1
    return stop


@kernel
def window_terms(
    data: Bytes, start: int, end: int, tables: Characters, zero: bool, alone: bool, room: Scratch, count: int
) -> int:
    """Appends the terms of one window behind the first `count` in `room`; returns their new number.

    `zero` writes every run of digits as 0; `alone` says that the tables make each letter a term.
    """
    runs = room.runs
    edges = 0
    before = _ONE  # one bit: the byte before the block was outside a word, so the first edge begins a word
    at = start
    while at < end:
        outside = ~_word_byte_mask(data, at)
        if at + BLOCK > end:
            outside |= ~((_ONE << np.uint64(end - at)) - _ONE)
        changes = outside ^ (outside << _ONE | before)
        before = outside >> np.uint64(63)
        while changes:
            runs[edges] = at - start + trailing_zeros(changes)
            edges += 1
            changes &= changes - _ONE
        at += BLOCK
    if edges & 1:
        runs[edges] = end - start
        edges += 1
    for edge in range(0, edges, 2):
        first = start + runs[edge]
        last = start + runs[edge + 1]
        length = last - first
        if length <= 16 and not alone:
            head, tail, inside = _ends(data, first, length)
            if (head | tail) & _HIGH_BITS == 0:
                letters = head & tail & _LETTER_BITS == _LETTER_BITS & inside
                if letters or not zero or (head | tail) & _LETTER_BITS == 0:
                    if letters or not zero:
                        head |= _LOWER_CASE & inside
                        tail |= _LOWER_CASE & inside
                    else:  # digits alone: the word 0
                        head = tail = _ZERO
                        length = 1
                    room.terms[count] = _hash_short(head, tail, length)
                    room.places[count] = first
                    count += 1
                    continue
        count = _mixed_run(data, first, last, tables, zero, room, count)
    return count
