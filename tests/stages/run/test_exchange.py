"""The exchange loses nothing, repeats nothing and gives the same bytes for the same rows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.stages.run.exchange import bucket_of, gather, scatter
from winnow.stages.run.workspace import Workspace

KEYS = st.lists(st.integers(0, 2**64 - 1) | st.sampled_from([0, 7, 2**64 - 1]), max_size=50)


def rows(keys: list[int], part: int) -> pa.Table:
    return pa.table(
        {"key": pa.array(keys, pa.uint64()), "part": pa.array([part] * len(keys), pa.int32()), "row": range(len(keys))},
        schema=pa.schema([("key", pa.uint64()), ("part", pa.int32()), ("row", pa.int64())]),
    )


@given(keys=st.integers(0, 2**64 - 1), buckets=st.integers(1, 70_000))
def test_buckets_are_equal_ranges_of_the_keys(keys: int, buckets: int) -> None:
    [bucket] = bucket_of(np.array([keys], np.uint64), buckets)
    assert bucket == (keys >> 32) * buckets >> 32
    assert 0 <= bucket < buckets


@settings(max_examples=30)
@given(parts=st.lists(KEYS, min_size=1, max_size=4), buckets=st.integers(1, 5))
def test_every_row_arrives_once_in_its_bucket_sorted_by_key(
    tmp_path_factory: pytest.TempPathFactory, parts: list[list[int]], buckets: int
) -> None:
    workspace = Workspace(str(tmp_path_factory.mktemp("run")))
    names = [f"exchange/test/{number}.parquet" for number in range(len(parts))]
    for number, (name, keys) in enumerate(zip(names, parts, strict=True)):
        scatter(workspace, name, rows(keys, number), buckets)
    arrived = []
    for bucket in range(buckets):
        table = gather(workspace, names, bucket)
        keys = table["key"].to_numpy()
        assert (bucket_of(keys, buckets) == bucket).all()
        assert (keys[:-1] <= keys[1:]).all()
        arrived += list(zip(keys.tolist(), table["part"].to_pylist(), table["row"].to_pylist(), strict=True))
    sent = [(key, number, row) for number, keys in enumerate(parts) for row, key in enumerate(keys)]
    assert sorted(arrived) == sorted(sent)


def test_equal_rows_give_equal_bytes(workspace: Workspace) -> None:
    for name in ("one", "two"):
        scatter(workspace, name, rows([5, 2**63, 5, 1], 0), 3)
    first, second = workspace.written
    assert first.digest == second.digest


def test_a_bucket_can_be_read_in_some_columns_alone(workspace: Workspace) -> None:
    scatter(workspace, "one", rows([3, 1, 2], 0), 1)
    assert gather(workspace, ["one"], 0, ["key", "row"]).to_pydict() == {"key": [1, 2, 3], "row": [1, 2, 0]}
