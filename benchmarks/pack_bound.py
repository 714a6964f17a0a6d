"""How full sequences can be at all: the bound of a linear programme on what `benchmarks.pack` packs.

    python -m benchmarks.pack_bound [CAPACITY [DOCUMENTS]]

Any packing is so many sequences of each pattern (lengths that fit together). Let the numbers be fractions: the
programme of Gilmore and Gomory (1961) that then needs the fewest sequences is solved by columns. It begins with the
patterns of our own packing; each round prices the lengths by its duals, and a knapsack over all lengths finds patterns
worth more than a sequence, until there are none. Then the duals prove the bound: no pattern's lengths are worth more
than one sequence, so all lengths together need as many sequences as they are worth. That is a little more than the
bound L2 shows. About a minute at 4,096, where 2,400 lengths differ.
"""

from __future__ import annotations

import sys

import numpy as np
import numpy.typing as npt
from scipy.optimize import linprog
from scipy.sparse import csc_array

from benchmarks.pack import Lengths, fewest, real_lengths
from winnow.filters.kernels.bytes import kernel
from winnow.stages.shards.pack import best_fit, split

Floats = npt.NDArray[np.float64]
Pattern = tuple[int, ...]  # places in the list of different lengths, ascending

AT_ONCE = 600  # patterns added in a round
TRUSTED = 0.7  # share of the prices that proved the best bound so far in those that patterns are looked for with


def main(capacity: int, documents: int) -> None:
    pieces = split(real_lengths(documents), capacity).length
    full = int((pieces == capacity).sum())
    rest = pieces[pieces < capacity]
    sequence, count = best_fit(rest, capacity)
    bound = full + int(np.ceil(least(rest, capacity, patterns_of(rest, sequence)) - 1e-6))
    tokens = int(pieces.sum())
    print(f"{len(pieces):,} pieces, {tokens:,} tokens in sequences of {capacity:,}")
    for name, sequences in (("packed", full + count), ("bound", bound), ("bound L2", fewest(pieces, capacity))):
        print(f"  {name:10} {sequences:,} sequences, fill {tokens / sequences / capacity:.6f}")


def patterns_of(lengths: Lengths, sequence: npt.NDArray[np.int32]) -> set[Pattern]:
    """The different patterns of a packing."""
    _, places = np.unique(lengths, return_inverse=True)
    order = np.lexsort((places, sequence))
    ends = np.flatnonzero(np.diff(sequence[order])) + 1
    return {tuple(part.tolist()) for part in np.split(places[order], ends)}


def least(lengths: Lengths, capacity: int, patterns: set[Pattern]) -> float:
    """Sequences, in fractions, that the lengths need at least; `patterns` hold every length."""
    sizes, counts = np.unique(lengths, return_counts=True)
    trusted, bound = sizes / capacity, 0.0
    while True:
        columns = sorted(patterns)
        rows = np.concatenate(columns)
        begins = np.concatenate([[0], np.cumsum([len(pattern) for pattern in columns])])
        matrix = csc_array((np.ones(len(rows)), rows, begins), shape=(len(sizes), len(columns)))
        solved = linprog(np.ones(len(columns)), A_ub=-matrix, b_ub=-counts, method="highs")
        duals = -solved.ineqlin.marginals
        before = len(patterns)
        for share in (TRUSTED, 0.0):
            prices = share * trusted + (1 - share) * duals
            worth, last = np.zeros(capacity + 1), np.full(capacity + 1, -1)
            knapsack(sizes, prices, worth, last)
            proven = prices @ counts / max(worth[capacity], 1.0)
            if proven > bound:
                trusted, bound = prices / max(worth[capacity], 1.0), proven
            patterns |= worthwhile(sizes, duals, prices, worth, last)
            if len(patterns) > before:
                break
        print(f"{bound:,.1f} to {solved.fun:,.1f} sequences, {len(patterns):,} patterns", file=sys.stderr, flush=True)
        if len(patterns) == before or np.ceil(bound - 1e-6) == np.ceil(solved.fun - 1e-6):
            return bound


def worthwhile(
    sizes: Lengths, duals: Floats, prices: Floats, worth: Floats, last: npt.NDArray[np.int64]
) -> set[Pattern]:
    """Patterns worth more than a sequence by `duals`: the best that holds each length, the dearest first."""
    capacity = len(worth) - 1
    found: set[Pattern] = set()
    for place in np.argsort(-(worth[capacity - sizes] + prices))[:AT_ONCE].tolist():
        pattern, gap = [place], capacity - int(sizes[place])
        while last[gap] >= 0:
            pattern.append(int(last[gap]))
            gap -= int(sizes[last[gap]])
        if duals[pattern].sum() > 1 + 1e-9:
            found.add(tuple(sorted(pattern)))
    return found


@kernel
def knapsack(sizes: Lengths, prices: Floats, worth: Floats, last: npt.NDArray[np.int64]) -> None:
    """What a space of each size can be worth, and a length to begin it with, -1 where none is worth anything.

    Where the best leaves a token empty, `last` is that of the smaller space.
    """
    for space in range(1, worth.size):
        worth[space] = worth[space - 1]
        last[space] = last[space - 1]
        for place in range(sizes.size):
            if sizes[place] > space:
                break
            value = worth[space - sizes[place]] + prices[place]
            if value > worth[space]:
                worth[space] = value
                last[space] = place


if __name__ == "__main__":
    asked = [int(argument) for argument in sys.argv[1:]]
    main(*asked, *(4096, 1_000_000)[len(asked) :])
