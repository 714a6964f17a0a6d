"""Chance that is no chance: 64-bit draws that follow from (seed, document id, purpose) and from nothing else."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from winnow.filters.kernels.bytes import Bytes, Offsets, combine_hashes, hash_bytes, kernel, text_buffers

Draws = npt.NDArray[np.uint64]


def draws(ids: pa.Array | pa.ChunkedArray, seed: int, purpose: str) -> Draws:
    """One uniform uint64 a document. Different purposes give draws that have nothing to do with each other."""
    data, offsets = text_buffers(ids)
    out = np.empty(len(offsets) - 1, np.uint64)
    _draw(data, offsets, key_of(seed, purpose), out)
    return out


def key_of(seed: int, purpose: str) -> np.uint64:
    """The key that stands for a seed and a purpose in every draw."""
    digest = hashlib.blake2b(purpose.encode(), digest_size=8, key=seed.to_bytes(8, "little")).digest()
    return np.uint64(int.from_bytes(digest, "little"))


def order(count: int, key: np.uint64) -> npt.NDArray[np.int64]:
    """A permutation of `count` places that follows from the key: the order of the finalised counters of splitmix64."""
    state = (np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)) ^ key
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        state = (state ^ (state >> np.uint64(shift))) * np.uint64(factor)
    return np.argsort(state ^ (state >> np.uint64(31)), kind="stable")


@kernel
def _draw(data: Bytes, offsets: Offsets, key: np.uint64, out: Draws) -> None:
    for place in range(out.size):
        # Twice, because one folded multiplication of a document's hash with a fixed key isn't uniform in its low bits.
        once = combine_hashes(hash_bytes(data, offsets[place], offsets[place + 1]), key)
        out[place] = combine_hashes(once, key)
