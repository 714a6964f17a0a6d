"""Packing: which documents share a sequence, and where.

`concatenate` writes documents one after another and cuts every L tokens: no padding, but most sequences begin inside a
document. `best_fit` is best-fit decreasing (Ding et al., "Fewer Truncations Improve Language Modeling", arXiv
2404.10830): the longest document first, each into the fullest sequence that still holds it; nothing is cut that fits.
Both are one loop over lengths. Best fit finds the fullest sequence in a bitmap of free spaces, three levels of 64, so a
document costs the same however many sequences are open. Where it takes more sequences than the tokens need, sequences
are also filled by patterns (`stages/shards/patterns.py`), and the fewer count.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from winnow.filters.kernels.bytes import kernel
from winnow.filters.kernels.machine import trailing_zeros
from winnow.stages.shards.patterns import assign, fill

Longs = npt.NDArray[np.int64]
Ints = npt.NDArray[np.int32]


class Packing(NamedTuple):
    """Segments by sequence and position; segment i is tokens `offset[i]:offset[i] + length[i]` of `document[i]`."""

    sequence: Longs
    position: Longs  # where it begins in its sequence
    document: Longs
    offset: Longs
    length: Longs
    sequences: int


class Tables(NamedTuple):
    """What the loop of best fit keeps of free spaces."""

    spaces: npt.NDArray[np.uint64]
    words: npt.NDArray[np.uint64]
    blocks: npt.NDArray[np.uint64]
    first: Ints
    following: Ints


class Pieces(NamedTuple):
    """Documents cut to at most L tokens: piece i is `length[i]` tokens from `offset[i]` of `document[i]`, in order."""

    document: Longs
    offset: Longs
    length: Longs


def concatenate(lengths: npt.ArrayLike, capacity: int, *, pad: bool = False) -> Packing:
    """Documents in the order given, cut every `capacity` tokens; empty ones are left out.

    What doesn't fill the last sequence is dropped or, with `pad`, a sequence of its own.
    """
    sizes = np.asarray(lengths, np.int64)
    ends = np.cumsum(sizes)
    whole = int(ends[-1]) if len(ends) else 0
    sequences = -(-whole // capacity) if pad else whole // capacity
    kept = min(whole, sequences * capacity)
    # Every document and every sequence begins a segment.
    starts = np.unique(np.concatenate([ends - sizes, np.arange(sequences) * capacity]))
    starts = starts[starts < kept]
    document = np.searchsorted(ends, starts, side="right")
    return Packing(
        sequence=starts // capacity,
        position=starts % capacity,
        document=document,
        offset=starts - (ends - sizes)[document],
        length=np.diff(starts, append=kept),
        sequences=sequences,
    )


def split(
    lengths: npt.ArrayLike, capacity: int, cuts: npt.ArrayLike = (), bounds: npt.ArrayLike | None = None
) -> Pieces:
    """Documents longer than `capacity` in pieces, each cut at the last of the `cuts` that leaves it at least half full.

    The cuts of document i are `cuts[bounds[i]:bounds[i + 1]]`, ascending; where none suits, the piece is full.
    """
    sizes = np.asarray(lengths, np.int64)
    edges = np.zeros(len(sizes) + 1, np.int64) if bounds is None else np.asarray(bounds, np.int64)
    most = int((2 * sizes // capacity + 1).sum())
    document, offset, length = (np.empty(most, np.int64) for _ in range(3))
    count = _split(sizes, capacity, np.asarray(cuts, np.int64), edges, document, offset, length)
    return Pieces(document[:count], offset[:count], length[:count])


def best_fit(lengths: npt.ArrayLike, capacity: int) -> tuple[Ints, int]:
    """The sequence (int32 [n]) of each length (between 1 and `capacity`), and the number of sequences.

    Raises `ValueError` for lengths that don't fit.
    """
    sizes = np.asarray(lengths, np.int64)
    if len(sizes) and not (sizes.min() > 0 and sizes.max() <= capacity):
        raise ValueError(f"lengths must lie between 1 and {capacity:,}; they span {sizes.min():,} to {sizes.max():,}")
    begins, order = np.zeros(capacity + 3, np.int32), np.empty(len(sizes), np.int32)
    _sort(sizes, begins, order)
    begins = begins[:-1]
    sequence = np.empty(len(sizes), np.int32)
    spaces, words, blocks = (np.zeros((capacity >> shift) + 2, np.uint64) for shift in (6, 12, 18))
    first, following = np.full(capacity + 1, -1, np.int32), np.empty(len(sizes), np.int32)
    count = int(_best_fit(order, begins, capacity, Tables(spaces, words, blocks, first, following), sequence))
    fewest = -(-int(sizes.sum()) // capacity)
    if count > fewest:
        patterns, fewer = fill(begins, capacity, fewest)
        if fewer < count:
            assign(patterns, order, begins, sequence)
            count = fewer
    return sequence, count


def pack_best_fit(pieces: Pieces, capacity: int) -> Packing:
    """Pieces packed by best fit. Sequences are numbered, and pieces in them ordered, as the pieces come."""
    sequence, count = best_fit(pieces.length, capacity)
    columns = np.empty((5, len(sequence)), np.int64)
    packing = Packing(columns[0], columns[1], columns[2], columns[3], columns[4], count)
    _arrange(sequence, pieces, np.zeros(count, np.int64), np.zeros(count, np.int64), packing)
    return packing


@kernel
def _split(
    lengths: Longs, capacity: int, cuts: Longs, bounds: Longs, document: Longs, offset: Longs, length: Longs
) -> int:
    count = 0
    for place in range(lengths.size):
        start = 0
        cut = bounds[place]
        while start < lengths[place]:
            end = min(start + capacity, lengths[place])
            if end < lengths[place]:
                while cut < bounds[place + 1] and cuts[cut] <= end:
                    cut += 1
                if cut > bounds[place] and cuts[cut - 1] >= start + (capacity + 1) // 2:
                    end = cuts[cut - 1]
            document[count] = place
            offset[count] = start
            length[count] = end - start
            count += 1
            start = end
    return count


@kernel
def _sort(lengths: Longs, begins: Ints, order: Ints) -> None:
    """A counting sort, equal lengths in their order: those of a length are `order[begins[length]:begins[length + 1]]`.

    `begins` are zeros, three more than the longest length.
    """
    for place in range(lengths.size):
        begins[lengths[place] + 2] += 1
    for length in range(2, begins.size):
        begins[length] += begins[length - 1]
    for place in range(lengths.size):
        length = lengths[place]
        order[begins[length + 1]] = place
        begins[length + 1] += 1


@kernel
def _best_fit(order: Ints, begins: Ints, capacity: int, tables: Tables, sequence: Ints) -> int:
    """The sequence of each length, sorted as by `_sort`, and how many there are.

    A bit of `spaces` is set for every free space that an open sequence has; one of `words` for every word of `spaces`
    that isn't 0, one of `blocks` for every such word of `words`. Sequences of one space are a chain: `first[space]`,
    then `following[sequence]`.
    """
    one, ones = np.uint64(1), ~np.uint64(0)
    spaces, words, blocks, first, following = tables
    opened = 0
    for length in range(capacity, 0, -1):
        for rank in range(begins[length], begins[length + 1]):
            # The smallest space that holds it: in its own word, else in its own block of words, else in the next blocks.
            space = -1
            word = length >> 6
            found = spaces[word] & (ones << np.uint64(length & 63))
            if found != 0:
                space = (word << 6) + trailing_zeros(found)
            else:
                word += 1
                block = word >> 6
                found = words[block] & (ones << np.uint64(word & 63)) if block < words.size else np.uint64(0)
                if found == 0:
                    block += 1
                    top = block >> 6
                    above = blocks[top] & (ones << np.uint64(block & 63)) if top < blocks.size else np.uint64(0)
                    while above == 0 and top + 1 < blocks.size:
                        top += 1
                        above = blocks[top]
                    if above != 0:
                        block = (top << 6) + trailing_zeros(above)
                        found = words[block]
                if found != 0:
                    word = (block << 6) + trailing_zeros(found)
                    space = (word << 6) + trailing_zeros(spaces[word])
            if space < 0:
                chosen = opened
                opened += 1
                space = capacity
            else:
                chosen = first[space]
                first[space] = following[chosen]
                if first[space] < 0:
                    spaces[space >> 6] &= ~(one << np.uint64(space & 63))
                    if spaces[space >> 6] == 0:
                        words[space >> 12] &= ~(one << np.uint64((space >> 6) & 63))
                        if words[space >> 12] == 0:
                            blocks[space >> 18] &= ~(one << np.uint64((space >> 12) & 63))
            sequence[order[rank]] = chosen
            left = space - length
            if left > 0:
                following[chosen] = first[left]
                first[left] = chosen
                spaces[left >> 6] |= one << np.uint64(left & 63)
                words[left >> 12] |= one << np.uint64((left >> 6) & 63)
                blocks[left >> 18] |= one << np.uint64((left >> 12) & 63)
    return opened


@kernel
def _arrange(sequence: Ints, pieces: Pieces, ends: Longs, used: Longs, packing: Packing) -> None:
    """A counting sort of the pieces by sequence. `ends` and `used` are zeros, one for each sequence."""
    for place in range(sequence.size):
        ends[sequence[place]] += 1
    total = 0
    for number in range(ends.size):
        total += ends[number]
        ends[number] = total - ends[number]
    for place in range(sequence.size):
        number = sequence[place]
        rank = ends[number]
        ends[number] += 1
        packing.sequence[rank] = number
        packing.position[rank] = used[number]
        packing.document[rank] = pieces.document[place]
        packing.offset[rank] = pieces.offset[place]
        packing.length[rank] = pieces.length[place]
        used[number] += pieces.length[place]
