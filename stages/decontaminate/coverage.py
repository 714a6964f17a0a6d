"""How much of an entry its n-grams cover: each term once, in however many n-grams it stands."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa


def covered(
    owner: npt.NDArray[np.int64], position: npt.NDArray[np.int64], length: npt.NDArray[np.int64], owners: int
) -> npt.NDArray[np.int64]:
    """The terms that the n-grams of each of `owners` cover together.

    `owner`, `position` and `length` (terms) are those of each n-gram, sorted by owner and position, none twice.
    """
    new = np.minimum(np.diff(position, append=0), length)
    last = np.diff(owner, append=-1) != 0
    new[last] = length[last]
    return np.bincount(owner, weights=new, minlength=owners).astype(np.int64)


def flattened(lists: pa.Array | pa.ChunkedArray) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The values of lists of integers one behind the other, and the row that each is of."""
    whole = lists.combine_chunks() if isinstance(lists, pa.ChunkedArray) else lists
    sizes = np.diff(whole.offsets.to_numpy())
    return whole.flatten().to_numpy().astype(np.int64), np.repeat(np.arange(len(whole)), sizes)
