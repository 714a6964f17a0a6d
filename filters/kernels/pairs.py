"""Loops over pairs: all pairs of small groups, neighbours in large ones, and the greedy choice of survivors."""

from __future__ import annotations

from winnow.filters.kernels.bytes import Offsets, kernel


@kernel
def all_pairs(starts: Offsets, stops: Offsets, left: Offsets, right: Offsets) -> int:
    """Every pair `left < right` within each range `starts[g] … stops[g] - 1`; returns how many were written."""
    count = 0
    for group in range(starts.size):
        for one in range(starts[group], stops[group]):
            for other in range(one + 1, stops[group]):
                left[count] = one
                right[count] = other
                count += 1
    return count


@kernel
def star_pairs(starts: Offsets, stops: Offsets, left: Offsets, right: Offsets) -> int:
    """The first of each range with every other of it; returns how many were written."""
    count = 0
    for group in range(starts.size):
        for other in range(starts[group] + 1, stops[group]):
            left[count] = starts[group]
            right[count] = other
            count += 1
    return count


@kernel
def neighbour_pairs(starts: Offsets, stops: Offsets, reach: int, left: Offsets, right: Offsets) -> int:
    """Each of a range with the `reach` that follow it; returns how many were written."""
    count = 0
    for group in range(starts.size):
        for one in range(starts[group], stops[group]):
            for other in range(one + 1, min(one + reach + 1, stops[group])):
                left[count] = one
                right[count] = other
                count += 1
    return count


@kernel
def choose_survivors(begin: Offsets, neighbour: Offsets, edge: Offsets, survivor: Offsets, through: Offsets) -> None:
    """Goes through documents in order of preference: who hasn't been claimed stays and claims its free neighbours.

    `neighbour[begin[i]:begin[i + 1]]` are those of document i, `edge` the pairs that join them. `survivor[i]` becomes
    i where it stays, else the one it goes for, and `through[i]` the pair that shows it (-1 where it stays). `survivor`
    holds -1 before.
    """
    for document in range(survivor.size):
        if survivor[document] >= 0:
            continue
        survivor[document] = document
        for at in range(begin[document], begin[document + 1]):
            other = neighbour[at]
            if survivor[other] < 0:
                survivor[other] = document
                through[other] = edge[at]
