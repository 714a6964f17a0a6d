"""Signatures to and from `datasketch`, so that neither a user's index nor ours loses its worth.

Our permutations are those of `datasketch.MinHash(num_perm, seed, scheme="affine32")`, so a signature of ours *is* a
`MinHash` of theirs over hashes of its own making: their LSH indexes it, their `jaccard` estimates with it. The other
way, `BandIndex` takes signatures of either make, as long as both sides of a comparison were made alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from winnow.stages.deduplicate.signature import Minima, permutations

if TYPE_CHECKING:
    from datasketch import MinHash

SCHEME = "affine32"


def to_minhashes(minima: Minima, *, seed: int) -> list[MinHash]:
    """A `datasketch.MinHash` of each signature (n × permutations); `seed` is that of the settings."""
    from datasketch import MinHash

    shared = np.array(permutations(minima.shape[1], seed))
    return [MinHash(seed=seed, hashvalues=row, permutations=shared, scheme=SCHEME) for row in minima]


def from_minhashes(minhashes: Iterable[MinHash]) -> Minima:
    """The signatures of `datasketch` MinHashes, n × permutations of uint32.

    Raises `ValueError` where scheme, seed or number of permutations differ, or the scheme has more than 32 bits.
    """
    rows = list(minhashes)
    if not rows:
        return np.zeros((0, 0), np.uint32)
    made = {(row.scheme, row.seed, row.num_perm) for row in rows}
    if len(made) > 1:
        raise ValueError(f"these MinHashes can't be compared: they were made with (scheme, seed, permutations) {made}")
    if rows[0].scheme == "affine64":
        raise ValueError("scheme affine64 has 64-bit minima; ours have 32: make the MinHashes with scheme affine32")
    return np.array([row.hashvalues for row in rows]).astype(np.uint32)


class BandIndex:
    """Signatures in memory, found again by their bands: for queries, for tests, for what another library signed."""

    def __init__(self, ids: Sequence[str], minima: Minima, *, bands: int, rows: int) -> None:
        """Raises `ValueError` when the signatures are shorter than bands × rows."""
        if minima.shape[1] < bands * rows:
            raise ValueError(f"signatures of {minima.shape[1]} minima have no {bands} bands of {rows}")
        self._ids = np.asarray(ids, dtype=object)
        self._minima = minima
        self._shape = (bands, rows)
        keys = self._keys(minima)
        self._order = np.argsort(keys.reshape(-1), kind="stable")
        self._sorted = keys.reshape(-1)[self._order]

    def __len__(self) -> int:
        return len(self._ids)

    def query(self, minima: Minima) -> pa.Table:
        """Every pair of a signature asked for and one in the index that share a band.

        Columns `asked` (row of `minima`), `id` (of the index) and `estimate` (share of equal minima), best first.
        """
        keys = self._keys(minima).reshape(-1)
        first = np.searchsorted(self._sorted, keys, "left")
        found = np.searchsorted(self._sorted, keys, "right") - first
        bands = self._shape[0]
        asked = np.repeat(np.arange(len(keys)) // bands, found)
        place = np.repeat(first, found) + np.arange(found.sum()) - np.repeat(np.cumsum(found) - found, found)
        pairs = np.unique(np.stack([asked, self._order[place] // bands], axis=1), axis=0)
        estimate = (minima[pairs[:, 0]] == self._minima[pairs[:, 1]]).mean(axis=1) if len(pairs) else np.zeros(0)
        table = pa.table(
            {"asked": pairs[:, 0], "id": pa.array(self._ids[pairs[:, 1]], pa.string()), "estimate": estimate}
        )
        return table.sort_by([("asked", "ascending"), ("estimate", "descending"), ("id", "ascending")])

    def _keys(self, minima: Minima) -> np.ndarray:
        from winnow.filters.kernels.minima import band_keys

        bands, rows = self._shape
        keys = np.empty((len(minima), bands), np.uint64)
        band_keys(np.ascontiguousarray(minima, np.uint32), rows, keys)
        return keys
