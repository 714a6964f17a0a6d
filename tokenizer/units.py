"""Units: text cut where no piece can span, each unit looked up or merged.

Between two characters that stand side by side in no piece of the vocabulary no merge can ever happen, so text may be
cut there and its units encoded alone: the ids are the same. Units come back, words above all, so their ids are cached
under their own bytes. The cache is exact and of fixed size: a unit finds itself in its place, or takes it.
"""

from __future__ import annotations

import numpy as np

from winnow.filters.kernels.bytes import Bytes, Offsets, decode, folded_multiply, inlined, kernel
from winnow.filters.kernels.machine import load64
from winnow.tokenizer.merges import HASH_0, HASH_1, RANK, RANK_BITS, Integer, Scratch, Symbols, Tables, find, merge

CACHED_BYTES = 15  # longest unit that is cached: two words with its length
CACHED_IDS = 6  # most ids of a cached unit: two words of three
ENTRY = 4  # words of a cache entry: the bytes of the unit in two, its ids in two


@kernel
def encode_units(
    data: Bytes, offsets: Offsets, tables: Tables, scratch: Scratch, cuts: Offsets, ends: Offsets, state: Offsets
) -> Integer:
    """Encodes units from `state` = (text, byte) on until all texts are done or `out` or the scratch space is too small.

    Returns how many ids it wrote. `ends[i]` becomes the number of ids, `state[2]` and these together, up to the end of
    text i. On return `state` says where to go on; `state[3]` is the length of the unit that had no room. A unit also ends
    at the next of the `cuts` (`tokenizer/windows.py`).
    """
    cache, out = scratch.cache, scratch.out
    text: Integer = state[0]
    at: Integer = state[1]
    before: Integer = state[2]
    count: Integer = 0
    cut: Integer = 0
    state[3] = 0
    while text < offsets.size - 1:
        end = offsets[text + 1]
        while at < end:
            while cut < cuts.size and cuts[cut] <= at:
                cut += 1
            stop = unit_end(data, at, min(end, cuts[cut]) if cut < cuts.size else end, tables)
            length = stop - at
            if length == 1 and count < out.size:
                out[count] = tables.ascii_ids[data[at]]
                count += 1
                at = stop
                continue
            if count + length + CACHED_IDS > out.size or length >= scratch.unit.shape[1]:
                state[0], state[1], state[2], state[3] = text, at, before + count, length
                return count
            if length > CACHED_BYTES:
                count += merge(data, at, stop, tables, scratch, count)
                at = stop
                continue
            low, high = load64(data, at), np.uint64(length) << np.uint64(56)
            if length < 8:
                low &= (np.uint64(1) << np.uint64(8 * length)) - np.uint64(1)
            else:
                high |= load64(data, at + 8) & ((np.uint64(1) << np.uint64(8 * (length - 8))) - np.uint64(1))
            place = ENTRY * np.int64(folded_multiply(low ^ HASH_0, high ^ HASH_1) & np.uint64(cache.size // ENTRY - 1))
            if cache[place] == low and cache[place + 1] == high:
                packed = cache[place + 2]
                out[count] = np.int32(packed & RANK)
                found = np.int64(packed >> np.uint64(60))
                if found > 1:
                    out[count + 1] = np.int32(packed >> np.uint64(RANK_BITS) & RANK)
                    out[count + 2] = np.int32(packed >> np.uint64(2 * RANK_BITS) & RANK)
                    if found > 3:
                        packed = cache[place + 3]
                        out[count + 3] = np.int32(packed & RANK)
                        out[count + 4] = np.int32(packed >> np.uint64(RANK_BITS) & RANK)
                        out[count + 5] = np.int32(packed >> np.uint64(2 * RANK_BITS) & RANK)
                count += found
            else:
                found = merge(data, at, stop, tables, scratch, count)
                if found <= CACHED_IDS:
                    for number in range(found, CACHED_IDS):
                        out[count + number] = 0
                    cache[place], cache[place + 1] = low, high
                    cache[place + 2] = pack(out, count) | np.uint64(found) << np.uint64(60)
                    cache[place + 3] = pack(out, count + 3)
                count += found
            at = stop
        ends[text] = before + count
        text += 1
    state[0], state[1], state[2] = text, at, before + count
    return count


@inlined
def pack(out: Symbols, place: Integer) -> Integer:
    """Three ids in one word."""
    second = np.uint64(out[place + 1]) << np.uint64(RANK_BITS)
    return np.uint64(out[place]) | second | np.uint64(out[place + 2]) << np.uint64(2 * RANK_BITS)


@inlined
def unit_end(data: Bytes, at: Integer, end: Integer, tables: Tables) -> Integer:
    """Where the unit that begins at `at` ends: before the first character that no piece joins to the one before it."""
    left: Integer
    left, size = decode(data, at)
    stop: Integer = at + size
    while stop < end:
        right: Integer = np.int64(data[stop])
        if (left | right) < 128:
            if tables.ascii_neighbours[left << 7 | right] == 0:
                return stop
            stop += 1
        else:
            right, size = decode(data, stop)
            if find(np.uint64(left) << np.uint64(21) | np.uint64(right), 0, tables.neighbours) == 0:
                return stop
            stop += size
        left = right
    return stop
