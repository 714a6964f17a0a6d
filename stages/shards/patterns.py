"""Patterns: which lengths together fill a sequence to the last token.

Best-fit decreasing looks for one length at a time, so of sequences that two or three lengths could fill exactly many
stay a little empty. Here the longest length that is left takes, while the gap is wide, the longest that fit, and then
the one length or the pair that closes the gap: the pair nearest to equal, because very short and very different lengths
close gaps that others can't. A pattern is used as often as its lengths are there, so the search is over the different
lengths (at most L), not over the pieces, and takes about a millisecond.

Where short pieces are few, a pair spends one that would be worth more elsewhere: about two tokens where L is 4,096 (the
price that the linear programme of `benchmarks/pack_bound.py` puts on it). So the search is done several times, each
time with another waste at which one length is good enough, and the one that needs the fewest sequences counts.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from winnow.filters.kernels.bytes import inlined, kernel

Ints = npt.NDArray[np.int32]

WASTES = (0, 1, 2, 3, 4)  # tokens left empty at which no pair is looked for
WIDE = 3  # a gap of more than so many times the longest length that fits isn't searched yet but filled
TRIES = 256  # pairs looked at for one gap: where a fiftieth of all lengths is there, one of 250 closes it


class Patterns(NamedTuple):
    """Pattern i is `length[end[i - 1]:end[i]]`, for `times[i]` sequences."""

    length: Ints
    end: Ints
    times: Ints


class Stock(NamedTuple):
    """The pieces by length, and what the search writes to: an entry for each length 0 … L."""

    available: Ints  # how many pieces of a length are left
    shorter: Ints  # of a length that is used up, a shorter one from which to look on
    times: Ints  # how often a length stands in the pattern, 0 between two patterns


def fill(begins: Ints, capacity: int, fewest: int) -> tuple[Patterns, int]:
    """Patterns for all pieces, and how many sequences they fill; no more is searched once these are the `fewest`.

    `begins[length]` counts the pieces that are shorter than `length` [L + 2].
    """
    patterns, sequences = _search(begins, capacity, WASTES[0])
    for waste in WASTES[1:]:
        if sequences <= fewest:
            break
        others, fewer = _search(begins, capacity, waste)
        if fewer < sequences:
            patterns, sequences = others, fewer
    return patterns, sequences


def assign(patterns: Patterns, order: Ints, begins: Ints, sequence: Ints) -> None:
    """Writes the sequence of each piece; the pieces of a length are `order[begins[length]:begins[length + 1]]`."""
    _assign(patterns, order, begins.copy(), sequence)


def _search(begins: Ints, capacity: int, waste: int) -> tuple[Patterns, int]:
    pieces = int(begins[-1])
    longest = Patterns(*(np.empty(pieces, np.int32) for _ in Patterns._fields))
    stock = Stock(np.diff(begins), np.arange(-1, capacity, dtype=np.int32), np.zeros(capacity + 1, np.int32))
    count, sequences = _find(capacity, waste, stock, longest)
    end = longest.end[:count]
    return Patterns(longest.length[: end[-1] if count else 0], end, longest.times[:count]), int(sequences)


@kernel
def _find(capacity: int, waste: int, stock: Stock, patterns: Patterns) -> tuple[int, int]:
    """How many patterns there are, and how many sequences."""
    available, times = stock.available, stock.times
    count, end, sequences = 0, 0, 0
    longest = left(capacity, stock)
    while longest > 0:
        begin = end
        gap = capacity
        taken = longest
        while taken > 0:
            patterns.length[end] = taken
            end += 1
            available[taken] -= 1
            times[taken] += 1
            gap -= taken
            taken = left(min(gap, longest), stock)
            if 0 < taken < gap - waste and gap <= WIDE * taken:
                small = smaller_of_pair(gap, longest, stock)
                taken = small if small > 0 else taken
        # The same pattern again, as often as its lengths are there.
        again = available[longest]
        for place in range(begin, end):
            again = min(again, available[patterns.length[place]] // times[patterns.length[place]])
        for place in range(begin, end):
            available[patterns.length[place]] -= again
            times[patterns.length[place]] = 0
        patterns.end[count] = end
        patterns.times[count] = again + 1
        count += 1
        sequences += again + 1
        longest = left(longest, stock)
    return count, sequences


@kernel
def _assign(patterns: Patterns, order: Ints, following: Ints, sequence: Ints) -> None:
    """`following[length]`: where in `order` the next piece of that length stands."""
    begin, number = 0, 0
    for pattern in range(patterns.end.size):
        end = patterns.end[pattern]
        for _ in range(patterns.times[pattern]):
            for place in range(begin, end):
                length = patterns.length[place]
                sequence[order[following[length]]] = number
                following[length] += 1
            number += 1
        begin = end


@inlined
def left(length: int, stock: Stock) -> int:
    """The longest length up to this one of which a piece is left, 0 if none is."""
    found = length
    while found > 0 and stock.available[found] == 0:
        found = stock.shorter[found]
    while length > found:
        further = stock.shorter[length]
        if stock.available[length] == 0:
            stock.shorter[length] = found
        length = further
    return max(found, 0)


@inlined
def smaller_of_pair(gap: int, longest: int, stock: Stock) -> int:
    """Of two lengths that fill the gap, neither above `longest`, the smaller one of the most equal two; 0 if none do."""
    small = left(gap >> 1, stock)
    for _ in range(TRIES):
        other = gap - small
        if small == 0 or other > longest:
            return 0
        if stock.available[other] > (1 if other == small else 0):
            return small
        small = left(small - 1, stock)
    return 0
