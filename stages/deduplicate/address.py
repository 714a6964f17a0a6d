"""Where a document lies: the number of its part among the sorted parts of the run, and its row in the part."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from winnow.stages.run.exchange import bucket_of

LANES = 1 << 16
"""Buckets of an exchange whose rows go to parts: one part each in a run of up to 65,536 parts."""

_ROW_BITS = np.uint64(32)


def lanes_for(parts: int) -> int:
    return min(parts, LANES)


def part_keys(part: npt.ArrayLike, parts: int) -> npt.NDArray[np.uint64]:
    """The exchange key of rows that go to `part`: ⌈part × 2⁶⁴ / parts⌉, so the parts spread evenly over the buckets."""
    whole, rest = divmod(1 << 64, parts)
    number = np.asarray(part).astype(np.uint64)
    high = number * np.uint64(whole % (1 << 64))  # of a single part the number is 0
    return high + (number * np.uint64(rest) + np.uint64(parts - 1)) // np.uint64(parts)


def lane_of(part: int, parts: int) -> int:
    """The bucket in which rows that go to `part` lie."""
    return int(bucket_of(part_keys([part], parts), lanes_for(parts))[0])


def pack(part: npt.ArrayLike, row: npt.ArrayLike) -> npt.NDArray[np.uint64]:
    """One uint64 for part and row, in their order."""
    return np.asarray(part).astype(np.uint64) << _ROW_BITS | np.asarray(row).astype(np.uint64)


def unpack(address: npt.NDArray[np.uint64]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    return (address >> _ROW_BITS).astype(np.int32), (address & np.uint64(0xFFFFFFFF)).astype(np.int32)
