"""Candidate pairs: all of a small group, linear work for a large one, neighbours in the next band found there."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from winnow.stages.deduplicate.bands import BAND
from winnow.stages.deduplicate.candidates import pair_rows


def band_table(keys: np.ndarray, following: np.ndarray | None = None, length: np.ndarray | None = None) -> pa.Table:
    count = len(keys)
    return pa.table(
        {
            "key": keys.astype(np.uint64),
            "band": np.zeros(count, np.int16),
            "part": np.zeros(count, np.int32),
            "row": np.arange(count, dtype=np.int32),
            "quality": np.full(count, -np.inf),
            "length": np.full(count, 10) if length is None else length,
            "identity": np.arange(count, dtype=np.uint64),
            "following": (np.zeros(count) if following is None else following).astype(np.uint32),
        },
        schema=BAND,
    )


def test_a_small_group_is_compared_each_with_each_the_preferred_on_the_left():
    rows = band_table(np.array([1, 1, 1, 2, 2]), length=np.array([5, 9, 7, 1, 1]))
    left, right, _ = pair_rows(rows, complete=16, reach=4)
    assert set(zip(left.tolist(), right.tolist(), strict=True)) == {(1, 2), (1, 0), (2, 0), (3, 4)}


def test_a_band_shared_by_all_costs_no_quadratic_work():
    count = 100_000
    left, right, _ = pair_rows(band_table(np.zeros(count)), complete=16, reach=4)
    assert set(left.tolist()) == {0} and sorted(right.tolist()) == list(range(1, count))
    unlike = np.arange(count) % 1000
    left, right, _ = pair_rows(band_table(np.zeros(count), unlike), complete=16, reach=4)
    assert count - 1 <= len(left) <= count * 5
    assert sorted(right[left == 0].tolist()) == list(range(1, count))


def test_members_of_a_large_group_that_share_the_next_band_are_compared():
    generator = np.random.Generator(np.random.PCG64(1))
    following = generator.permutation(np.repeat(np.arange(200), 2))
    left, right, _ = pair_rows(band_table(np.zeros(400), following), complete=16, reach=2)
    found = set(zip(left.tolist(), right.tolist(), strict=True))
    for value in range(200):
        assert tuple(np.flatnonzero(following == value).tolist()) in found
