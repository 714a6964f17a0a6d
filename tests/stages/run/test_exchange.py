"""The exchange loses nothing, repeats nothing and gives the same bytes for the same rows, joined or not."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.stages.run import buckets, exchange
from winnow.stages.run.exchange import bucket_of, bucket_tables, gather, joined, scatter
from winnow.stages.run.unit import File
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
@given(parts=st.lists(KEYS, min_size=1, max_size=4), count=st.integers(1, 5))
def test_every_row_arrives_once_in_its_bucket_sorted_by_key(
    tmp_path_factory: pytest.TempPathFactory, parts: list[list[int]], count: int
) -> None:
    workspace = Workspace(str(tmp_path_factory.mktemp("run")))
    names = [f"exchange/test/{number}.buckets" for number in range(len(parts))]
    for number, (name, keys) in enumerate(zip(names, parts, strict=True)):
        scatter(workspace, name, rows(keys, number), count)
    arrived = []
    for bucket in range(count):
        table = gather(workspace, names, bucket)
        keys = table["key"].to_numpy()
        assert (bucket_of(keys, count) == bucket).all()
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


def test_files_joined_hold_what_they_held_in_their_order(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "MOST_FILES", 2)
    monkeypatch.setattr(buckets, "SLAB", 100)  # several slabs
    names = tuple(File(f"exchange/test/{number}.buckets") for number in range(5))
    for number, name in enumerate(names):
        scatter(workspace, name, rows([0, 1 << 63, number << 60, 7], number), 4, compressed=number < 5)
    [(step, units)], targets = joined("test", names)
    assert len(targets) == 2
    for unit in units:
        step.work(workspace, unit)
    for bucket in range(4):
        assert gather(workspace, targets, bucket).equals(gather(workspace, names, bucket))
        apart = [table for table in bucket_tables(workspace, names, bucket) if table.num_rows]
        assert [table for table in bucket_tables(workspace, targets, bucket) if table.num_rows] == apart
    assert joined("test", names[:2]) == ([], names[:2])


def test_files_of_another_kind_are_not_joined(workspace: Workspace) -> None:
    scatter(workspace, "one", rows([1], 0), 4)
    scatter(workspace, "two", rows([1], 0), 5)
    with pytest.raises(ValueError, match="aren't of one kind"):
        buckets.join_buckets(workspace, ["one", "two"], "both")


@pytest.mark.parametrize("compressed", [True, False])
def test_damage_is_refused_or_harmless(workspace: Workspace, compressed: bool) -> None:
    sent = rows([1, 2, 1 << 63], 0)
    scatter(workspace, "whole", sent, 2, compressed=compressed)
    content = bytearray(workspace.read_bytes("whole"))
    expected = [gather(workspace, ["whole"], bucket) for bucket in range(2)]
    for place in range(0, len(content), 3):
        damaged = content.copy()
        damaged[place] ^= 1 << place % 8
        workspace.write_bytes("damaged", bytes(damaged))
        try:
            found = [gather(workspace, ["damaged"], bucket) for bucket in range(2)]
        except OSError:
            continue
        assert found == expected, place
    for size in range(0, len(content), 40):
        workspace.write_bytes("cut", bytes(content[:size]))
        with pytest.raises(OSError, match=r"no file of buckets|isn't as it was"):
            gather(workspace, ["cut"], 0)
