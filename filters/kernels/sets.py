"""Sets of 32-bit hashes: which values are distinct, and how many two sets share."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from winnow.filters.kernels.bytes import Offsets, inlined, kernel

Values = npt.NDArray[np.uint32]
Table = npt.NDArray[np.uint64]

SIDE_BITS = 30
"""Bits of a hash below the two that tell which side of a document it is of."""
SIDES = 4

_SPREAD = np.uint32(0x9E3779B1)  # Fibonacci hashing: the table's place is the product's high bits


def set_table(values: int) -> Table:
    """A hash table for sets of up to `values` hashes, at most half full. Each entry is a generation and a value."""
    return np.zeros(1 << max(4, (2 * values).bit_length()), np.uint64)


@inlined
def _insert(table: Table, value: np.uint32, generation: np.uint64, shift: np.uint32, claim: bool) -> bool:
    """Whether the set of this generation holds the value; if not and `claim`, it does from now on."""
    mask = table.size - 1
    entry = generation << np.uint64(32) | np.uint64(value)
    place = np.int64(np.uint32(value * _SPREAD) >> shift) if shift < 32 else np.int64(0)
    while table[place] >> np.uint64(32) == generation:
        if table[place] == entry:
            return True
        place = (place + 1) & mask
    if claim:
        table[place] = entry
    return False


@inlined
def _shift(table: Table) -> np.uint32:
    bits = 0
    size = table.size
    while size > 1:
        size >>= 1
        bits += 1
    return np.uint32(max(32 - bits, 0))


@kernel
def distinct(values: Values, bounds: Offsets, table: Table) -> int:
    """Keeps the first of equal values within each set, in place; `bounds` become those of the sets. Returns the end.

    `table` must be fresh from `set_table`.
    """
    shift = _shift(table)
    place = 0
    start = bounds[0]
    for group in range(bounds.size - 1):
        end = bounds[group + 1]
        bounds[group] = place
        generation = np.uint64(group + 1)
        for at in range(start, end):
            value = values[at]
            if not _insert(table, value, generation, shift, True):
                values[place] = value
                place += 1
        start = end
    bounds[bounds.size - 1] = place
    return place


@kernel
def shared_counts(
    left: Values,
    left_bounds: Offsets,
    right: Values,
    right_bounds: Offsets,
    left_index: Offsets,
    right_index: Offsets,
    table: Table,
    shared: npt.NDArray[np.int64],
) -> None:
    """`shared[p, s]`: values of side s common to sets `left_index[p]` and `right_index[p]`, both without repeats.

    Pairs with the same left set should follow each other: it is then put into the table once. `table` must be fresh
    from `set_table` of the largest left set.
    """
    shift = _shift(table)
    generation = np.uint64(0)
    before = -1
    for pair in range(left_index.size):
        one = left_index[pair]
        other = right_index[pair]
        if one != before:
            before = one
            generation += np.uint64(1)
            for at in range(left_bounds[one], left_bounds[one + 1]):
                _insert(table, left[at], generation, shift, True)
        for side in range(SIDES):
            shared[pair, side] = 0
        for at in range(right_bounds[other], right_bounds[other + 1]):
            if _insert(table, right[at], generation, shift, False):
                shared[pair, right[at] >> np.uint32(SIDE_BITS)] += 1


@kernel
def side_sizes(values: Values, bounds: Offsets, sizes: npt.NDArray[np.int64]) -> None:
    """`sizes[i, s]`: values of side s in set i; `sizes` holds zeros."""
    for group in range(bounds.size - 1):
        for at in range(bounds[group], bounds[group + 1]):
            sizes[group, values[at] >> np.uint32(SIDE_BITS)] += 1
