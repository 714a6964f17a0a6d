"""Byte-pair merges of one unit, as BPE defines them: the pair with the best result first, the leftmost of equals.

A symbol is the rank of a piece among all pieces, so the result of a merge is at once its symbol and its priority.
Tables are open-addressing hash tables of one 64-bit word an entry; 0 is empty.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from winnow.filters.kernels.bytes import Bytes, Offsets, decode, folded_multiply, inlined, kernel

Words = npt.NDArray[np.uint64]
Symbols = npt.NDArray[np.int32]
Integer = Any
"""Python's or NumPy's, whichever it is: numba keeps them apart by itself."""


class Tables(NamedTuple):
    """What the loops look up in a vocabulary."""

    ascii_neighbours: Bytes  # [128 × 128], 1 where some piece holds the two characters side by side
    neighbours: Words  # the same for all other pairs, a hash table of left << 21 | right
    ascii_ids: Symbols  # [128], the id of a character that stands alone
    characters: Symbols  # [code points], the symbol of a character, -1 where it is no piece
    merges: Words  # a hash table of left << 20 | right to the symbol of both
    ids: Symbols  # the id of each symbol
    byte_ids: Symbols  # [256]


class Scratch(NamedTuple):
    """What the loops write to: room for a unit of up to n - 1 characters, and for ids before they are handed on."""

    cache: Words
    unit: Symbols  # [5, n]: symbols, where they start, priorities of pairs, previous and following symbols
    heap: Offsets  # [3 n]
    out: Symbols


RANK_BITS = 20  # vocabularies of up to a million pieces
SCAN = 64  # symbols up to which the best pair is found by looking at all of them, beyond by a heap
GONE = np.int32(-2)  # -1 is a character that is no piece
WORST = np.int32(1 << 30)

HASH_0, HASH_1 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
RANK = np.uint64((1 << RANK_BITS) - 1)


@inlined
def slot_of(key: Integer, table: Words) -> Integer:
    return np.int64(folded_multiply(key ^ HASH_0, HASH_1) & np.uint64(table.size - 1))


@kernel
def insert(keys: Words, values: Words, bits: Integer, table: Words) -> None:
    """Fills a table with `(key + 1) << bits | value`; its size is a power of two, more than the keys."""
    for place in range(keys.size):
        slot = slot_of(keys[place], table)
        while table[slot] != 0:
            slot = (slot + 1) & (table.size - 1)
        table[slot] = (keys[place] + np.uint64(1)) << np.uint64(bits) | values[place]


@inlined
def find(key: Integer, bits: Integer, table: Words) -> Integer:
    """The entry of a key, or 0."""
    slot = slot_of(key, table)
    entry = table[slot]
    while entry != 0 and entry >> np.uint64(bits) != key + np.uint64(1):
        slot = (slot + 1) & (table.size - 1)
        entry = table[slot]
    return entry


@inlined
def merged(left: Integer, right: Integer, merges: Words) -> Integer:
    """The symbol that two symbols merge to, `WORST` if none."""
    if left < 0 or right < 0:
        return WORST
    entry = find(np.uint64(left) << np.uint64(RANK_BITS) | np.uint64(right), RANK_BITS, merges)
    return np.int32(entry & RANK) if entry != 0 else WORST


@kernel
def merge(data: Bytes, start: Integer, end: Integer, tables: Tables, scratch: Scratch, place: Integer) -> Integer:
    """Writes the ids of one unit to `out[place:]` and returns their number. Characters without a piece become bytes."""
    symbols, starts, out = scratch.unit[0], scratch.unit[1], scratch.out
    count = symbols_of(data, start, end, tables, scratch)
    written = place
    for number in range(count):
        if symbols[number] >= 0:
            out[written] = tables.ids[symbols[number]]
            written += 1
        else:  # one character that is no piece: its lead byte tells how long it is
            at = start + starts[number]
            _, size = decode(data, at)
            for byte in range(at, at + size):
                out[written] = tables.byte_ids[data[byte]]
                written += 1
    return written - place


@kernel
def symbols_of(data: Bytes, start: Integer, end: Integer, tables: Tables, scratch: Scratch) -> Integer:
    """Leaves the merged symbols of one unit, and where they start in it, in `scratch.unit`; returns their number."""
    symbols, starts, priorities = scratch.unit[0], scratch.unit[1], scratch.unit[2]
    count = 0
    at = start
    while at < end:
        character, size = decode(data, at)
        symbols[count] = tables.characters[character]
        starts[count] = at - start
        count += 1
        at += size
    for left in range(count - 1):
        priorities[left] = merged(symbols[left], symbols[left + 1], tables.merges)
    if count <= SCAN:
        return merge_by_scan(count, tables.merges, scratch.unit)
    return merge_by_heap(count, tables.merges, scratch.unit, scratch.heap)


@inlined
def merge_by_scan(count: Integer, merges: Words, unit: Symbols) -> Integer:
    """Merges `count` symbols in place, looking at every pair for the best; returns how many are left."""
    symbols, starts, priorities = unit[0], unit[1], unit[2]
    while count > 1:
        best = 0
        for left in range(1, count - 1):
            if priorities[left] < priorities[best]:
                best = left
        symbol = priorities[best]
        if symbol == WORST:
            break
        symbols[best] = symbol
        count -= 1
        for left in range(best + 1, count):
            symbols[left] = symbols[left + 1]
            starts[left] = starts[left + 1]
            priorities[left - 1] = priorities[left]
        if best < count - 1:
            priorities[best] = merged(symbol, symbols[best + 1], merges)
        if best > 0:
            priorities[best - 1] = merged(symbols[best - 1], symbol, merges)
    return count


@kernel
def merge_by_heap(count: Integer, merges: Words, unit: Symbols, heap: Offsets) -> Integer:
    """The same in n log n: pairs wait in a heap by (priority, place), symbols are linked to their neighbours.

    An entry of the heap whose priority isn't that of its place any more is out of date and passed over.
    """
    symbols, starts, priorities = unit[0], unit[1], unit[2]
    previous, following = unit[3], unit[4]
    size = 0
    for place in range(count):
        previous[place], following[place] = place - 1, place + 1
        if place < count - 1 and priorities[place] != WORST:
            size = push(heap, size, priorities[place], place)
    while size > 0:
        top = heap[0]
        size = pop(heap, size)
        symbol, place = np.int32(top >> 32), top & 0xFFFFFFFF
        if priorities[place] != symbol:
            continue
        gone = following[place]
        after, before = following[gone], previous[place]
        symbols[place], symbols[gone] = symbol, GONE
        following[place] = after
        priorities[place] = priorities[gone] = WORST
        if after < count:
            previous[after] = place
            priorities[place] = merged(symbol, symbols[after], merges)
            if priorities[place] != WORST:
                size = push(heap, size, priorities[place], place)
        if before >= 0:
            priorities[before] = merged(symbols[before], symbol, merges)
            if priorities[before] != WORST:
                size = push(heap, size, priorities[before], before)
    left = 0
    for place in range(count):
        if symbols[place] != GONE:
            symbols[left], starts[left] = symbols[place], starts[place]
            left += 1
    return left


@inlined
def push(heap: Offsets, size: Integer, priority: Integer, place: Integer) -> Integer:
    """Adds an entry to the heap of `size` entries; returns the new size."""
    entry = np.int64(priority) << 32 | np.int64(place)
    child = size
    while child > 0 and heap[(child - 1) >> 1] > entry:
        heap[child] = heap[(child - 1) >> 1]
        child = (child - 1) >> 1
    heap[child] = entry
    return size + 1


@inlined
def pop(heap: Offsets, size: Integer) -> Integer:
    """Takes the smallest entry, `heap[0]`, out of the heap; returns the new size."""
    size -= 1
    entry = heap[size]
    parent = 0
    child = 1
    while child < size:
        if child + 1 < size and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= entry:
            break
        heap[parent] = heap[child]
        parent, child = child, 2 * child + 1
    heap[parent] = entry
    return size
