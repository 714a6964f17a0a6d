"""Candidate pairs: all of a small group, linear work for a large one, neighbours in the next band found there."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from winnow.stages.deduplicate.address import unpack
from winnow.stages.deduplicate.bands import BAND
from winnow.stages.deduplicate.candidates import PairBucket, pair_bucket, pair_rows, pairs_path
from winnow.stages.run.exchange import gather, scatter
from winnow.stages.run.unit import File, Unit
from winnow.stages.run.workspace import Workspace


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


def test_of_two_documents_of_earlier_runs_neither_goes(workspace: Workspace):
    """Parts 0 and 1 are the run's own; 2, the first that isn't, and 3 are index files. All share one band."""
    rows = band_table(np.ones(4), length=np.array([1, 2, 3, 4]))
    rows = rows.set_column(2, BAND.field("part"), pa.array([0, 1, 2, 3], pa.int32()))
    scatter(workspace, "bands", rows, 1)
    asked = PairBucket(
        stage="deduplicate.minhash", bucket=0, bands=(File("bands"),), parts=4, new_parts=2, complete=16, reach=4
    )
    counts = pair_bucket(workspace, Unit(name="bucket-00000", asked=asked))
    table = pa.concat_tables([gather(workspace, [pairs_path("deduplicate.minhash", 0)], lane) for lane in range(4)])
    parts = [unpack(table[side].to_numpy())[0].tolist() for side in ("left", "right")]
    found = set(zip(*parts, strict=True))
    assert found == {(1, 0), (2, 0), (3, 0), (2, 1), (3, 1)}  # and not (3, 2)
    assert counts == {"rows": 4, "pairs": 5}
