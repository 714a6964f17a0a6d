"""The data sets: each row once over ranks and workers, resumed to the row on any number of either, epochs that differ."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from winnow.torch import ShardDataset, ShardRows

SHORT, LONG = 36, 12


def numbers(rows: Iterable[dict[str, Any]]) -> list[int]:
    return [int(row["documents"][0].partition("-")[0]) for row in rows]


def dataset(index: str, phases: Any = "short", **options: Any) -> ShardDataset:
    return ShardDataset(index, phases, sources=True, lanes=4, **options)


@settings(max_examples=25, deadline=None)
@given(
    before=st.integers(1, 4),
    after=st.integers(1, 4),
    batch=st.none() | st.integers(1, 3),
    stop=st.integers(0, 12),
    blend=st.booleans(),
)
def test_a_run_goes_on_to_the_row_on_another_number_of_ranks(
    index: str, before: int, after: int, batch: int | None, stop: int, blend: bool
) -> None:
    """Rows read before the state was saved and rows read after it are all rows, each once."""
    phases = ["short", "long"] if after == 1 else ["short"]  # what is left of a phase may leave ranks apart
    asked = {"phases": phases, "batch_size": batch, "blend": blend}
    read: list[int] = []
    states = []
    for rank in range(before):
        data = dataset(index, **asked, rank=rank, world_size=before)
        rows = iter(data)
        for _ in range(stop):
            found = next(rows, None)
            if found is not None:
                read += numbers(found if batch else [found])
        states.append(json.loads(json.dumps(data.state_dict(batches=stop))))
    assert all(state == states[0] for state in states)
    for rank in range(after):
        data = dataset(index, **asked, rank=rank, world_size=after)
        data.load_state_dict(states[0])
        for found in data:
            read += numbers(found if batch else [found])
    assert sorted(read) == [*range(SHORT), *(range(1000, 1000 + LONG) if after == 1 else ())]


def test_ranks_that_would_get_out_of_step_are_refused(index: str) -> None:
    data = dataset(index, ["short", "long"], rank=0, world_size=5)
    with pytest.raises(ValueError, match="the last 1 rows of phase 'short' don't reach all of 5 ranks"):
        next(iter(data))
    padded = dataset(index, ["short", "long"], rank=0, world_size=5, uneven="pad")
    assert len(list(padded)) == 8 + 3


@pytest.mark.parametrize("blend", [False, True])
@pytest.mark.parametrize("batch", [None, 3])
def test_two_loader_workers_give_each_row_once(index: str, batch: int | None, blend: bool) -> None:
    data = dataset(index, ["short", "long"], batch_size=batch, blend=blend)
    alone = list(data)
    data.set_epoch(0)
    loader = DataLoader(data, batch_size=None, num_workers=2)
    shared = list(loader)
    assert len(data) == len(alone) == len(shared)
    rows = shared if batch is None else [row for rows in shared for row in rows]
    assert sorted(numbers(rows)) == [*range(SHORT), *range(1000, 1000 + LONG)]
    if not blend and batch:
        assert [numbers(rows) for rows in shared] == [numbers(rows) for rows in alone]


def test_the_state_of_a_loader_with_workers_counts_the_batches_trained_on(index: str) -> None:
    data = dataset(index, batch_size=4)
    loader = iter(DataLoader(data, batch_size=None, num_workers=2, prefetch_factor=2))
    trained = [row for _ in range(3) for row in next(loader)]
    state = data.state_dict(batches=3)
    assert state["taken"] == {"short": 12}
    fresh = dataset(index, batch_size=5)
    fresh.load_state_dict(state)
    assert sorted(numbers(trained) + numbers(row for rows in fresh for row in rows)) == list(range(SHORT))


def test_a_peek_takes_nothing(index: str) -> None:
    data = dataset(index)
    assert numbers([next(iter(data))]) == numbers([next(iter(data))])


def test_epochs_have_orders_of_their_own_and_follow_each_other(index: str) -> None:
    data = dataset(index)
    first, second = numbers(data), numbers(data)
    assert sorted(first) == sorted(second) == list(range(SHORT)) and first != second
    data.set_epoch(0)
    assert numbers(data) == first
    assert numbers(dataset(index, seed=1)) != first
    assert numbers(dataset(index, shuffle=False)) == numbers(dataset(index, shuffle=False, seed=5))


@pytest.mark.parametrize(("uneven", "rows"), [("keep", [8, 7, 7, 7, 7]), ("drop", [6] * 5), ("pad", [9] * 5)])
def test_uneven_ends(index: str, uneven: str, rows: list[int]) -> None:
    """36 rows on 5 ranks in batches of 3: 6 are dropped, or 9 added."""
    found = [
        [len(batch) for batch in dataset(index, batch_size=3, uneven=uneven, rank=rank, world_size=5)]
        for rank in range(5)
    ]
    assert [sum(batches) for batches in found] == rows
    if uneven != "keep":
        assert {size for batches in found for size in batches} == {3}


def test_a_blend_keeps_its_shares_of_tokens(index: str) -> None:
    data = dataset(index, ["short", "long"], blend={"short": 0.25, "long": 0.75}, batch_size=1)
    lengths = [len(rows[0]["input_ids"]) for rows in data]
    long = [sum(length for length in lengths[:k] if length == 48) / sum(lengths[:k]) for k in range(4, len(lengths))]
    assert lengths.count(48) == LONG and all(abs(share - 0.75) < 0.25 for share in long)
    assert len(data) == len(lengths)


def test_rows_are_what_the_shard_says(index: str) -> None:
    row = next(iter(dataset(index, shuffle=False)))
    assert row["input_ids"].dtype == row["labels"].dtype == row["position_ids"].dtype == torch.int64
    assert row["position_ids"].tolist() == [*range(8), 0, *range(12), *range(3)]
    assert row["cu_seqlens"].tolist() == [0, 8, 9, 21, 24]
    assert row["sources"] == ["web", "code", "web"] and row["padding"] == 3
    taught = row["labels"] >= 0
    assert (row["labels"][taught] == row["input_ids"][taught]).all() and 0 < int(taught.sum()) < 18
    assert not taught[[0, 8, 9, 21, 22, 23]].any()


def test_rows_by_number_are_those_of_the_files(index: str) -> None:
    data = ShardRows(index, ["short", "long"], sources=True)
    assert numbers(data[i] for i in range(len(data))) == [*range(SHORT), *range(1000, 1000 + LONG)]
    assert numbers([data[-1], data[3]]) == [1011, 3]
    with pytest.raises(IndexError, match="row 48 of 48"):
        data[48]
    loader = DataLoader(data, batch_size=5, shuffle=True, num_workers=2, collate_fn=numbers)
    assert sorted(number for batch in loader for number in batch) == [*range(SHORT), *range(1000, 1000 + LONG)]


def test_states_of_another_order_and_arguments_out_of_range_are_refused(index: str) -> None:
    state = dataset(index, seed=1).state_dict()
    with pytest.raises(ValueError, match="saved with seed 1, the data set has 0"):
        dataset(index).load_state_dict(state)
    for wrong in (
        {"batch_size": 0},
        {"seed": -1},
        {"rank": 0},
        {"rank": 2, "world_size": 2},
        {"phases": ["short", "short"]},
        {"phases": []},
        {"blend": {"long": 1.0}},
        {"withheld": -1},
    ):
        with pytest.raises(ValueError):
            dataset(index, **wrong)
