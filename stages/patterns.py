"""Patterns: which lengths together fill a sequence to the last token.

Best-fit decreasing looks for one length at a time, so of sequences that two or three lengths could fill exactly many
stay a little empty. Here the longest length that is left takes, while the gap is wide, the longest that fit, and then
the one length or the pair that closes the gap: the pair nearest to equal, because very short and very different lengths
close gaps that others can't. A pattern is used as often as its lengths are there, so the search is over the different
lengths (at most L), not over the pieces. An eighth of the short lengths is kept back until the long ones are done: else
what remains at the end would be lengths of a third of a sequence and nothing to go with them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from filters.kernels.bytes import inlined, kernel

Ints = npt.NDArray[np.int32]

WIDE = 3  # a gap of more than so many times the longest length that fits isn't searched yet but filled
TRIES = 256  # pairs looked at for one gap: where a fiftieth of all lengths is there, one of 250 closes it
KEPT = 8  # one of so many short pieces is kept back …
SHORT = 4  # … of those below a quarter of a sequence …
TINY = 32  # … but none below a thirty-second: the longest pieces leave gaps that only these can fill
LONG = 2  # … until no piece of more than half a sequence is left


class Stock(NamedTuple):
    """The pieces by length, and what the search writes to; all but `order` have an entry for each length 0 … L."""

    order: Ints  # the pieces, sorted by length
    following: Ints  # where in `order` the next piece of a length stands
    available: Ints  # how many pieces of a length may be taken
    kept: Ints  # how many are kept back
    shorter: Ints  # of a length that is used up, a shorter one from which to look on
    pattern: Ints
    times: Ints  # how often a length stands in the pattern, 0 between two patterns


def stock(order: Ints, begins: Ints, capacity: int) -> Stock:
    """`begins[length]`: where in `order` the pieces of that length begin [L + 2]."""
    count = np.diff(begins)
    kept = np.zeros_like(count)
    short = slice(capacity // TINY, capacity // SHORT)
    kept[short] = np.diff(np.cumsum(count[short]) // KEPT, prepend=0)
    return Stock(
        order=order,
        following=begins[:-1].copy(),
        available=count - kept,
        kept=kept,
        shorter=np.arange(-1, capacity, dtype=np.int32),
        pattern=np.empty(capacity + 1, np.int32),
        times=np.zeros(capacity + 1, np.int32),
    )


@kernel
def fill(capacity: int, stock: Stock, sequence: Ints) -> int:
    """The sequence of each piece, and how many sequences there are."""
    available, pattern, times = stock.available, stock.pattern, stock.times
    sequences = 0
    kept = True
    longest = capacity
    while True:
        longest = left(longest, stock)
        if kept and longest <= capacity // LONG:
            kept = False
            for length in range(capacity + 1):
                available[length] += stock.kept[length]
                stock.shorter[length] = length - 1
            longest = left(capacity, stock)
        if longest == 0:
            return sequences
        size = 0
        gap = capacity
        taken = longest
        while taken > 0:
            pattern[size] = taken
            size += 1
            available[taken] -= 1
            times[taken] += 1
            gap -= taken
            taken = left(min(gap, longest), stock)
            if 0 < taken < gap and gap <= WIDE * taken:
                small = smaller_of_pair(gap, longest, stock)
                taken = small if small > 0 else taken
        # The same pattern again, as often as its lengths are there.
        copies = capacity * len(sequence)
        for place in range(size):
            copies = min(copies, available[pattern[place]] // times[pattern[place]])
        for place in range(size):
            available[pattern[place]] -= copies
            times[pattern[place]] = 0
        for _ in range(copies + 1):
            for place in range(size):
                length = pattern[place]
                sequence[stock.order[stock.following[length]]] = sequences
                stock.following[length] += 1
            sequences += 1


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
