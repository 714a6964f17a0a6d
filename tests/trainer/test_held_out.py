"""Held-out text: the rows and documents that training read, and what is left of a row without them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.sequences import SEGMENT, Sequences
from winnow.stages.shards.shard import INDEX, Phase, ShardIndex, build_index, write_shard
from winnow.trainer.batch import make_batch
from winnow.trainer.config import ModelConfig
from winnow.trainer.curriculum import Step, plan_steps
from winnow.trainer.held_out import documents_of, documents_read, tail, without
from winnow.trainer.schedule import Schedule


@pytest.fixture
def repeated(workspace: Workspace, pack: Callable[..., Sequences]) -> Workspace:
    """A phase of 40 rows of two documents; the second document of row r is the first of row r + 7."""
    rows = pack([[20, 12]] * 40, seed=3)
    names = [name for row in range(40) for name in (f"{row:032x}", f"{row + 7:032x}")]
    segments = [{**segment, "document": name} for segment, name in zip(rows.segments.to_pylist(), names, strict=True)]
    changed = Sequences(
        input_ids=rows.input_ids,
        segments=pa.array(segments, type=SEGMENT),
        bounds=rows.bounds,
    )
    write_shard(workspace, "shards/short/part-00000.parquet", changed)
    tokenizer = {"path": "tokenizer", "digest": "t0", "vocabulary_size": 64}
    build_index(
        workspace,
        stage="mid",
        dtype=np.uint16,
        tokenizer=tokenizer,
        phases=[Phase(name="short", length=32, rotary_base=10_000.0)],
    )
    return workspace


def planned(workspace: Workspace, tiny: ModelConfig, steps: int) -> tuple[ShardIndex, list[Step]]:
    index = ShardIndex.from_json(workspace.read_bytes(INDEX), workspace.path(INDEX))
    return index, plan_steps(index, tiny, Schedule(steps=steps), batch_tokens=7 * 32, held_out=0.25)


def test_the_tail_is_the_last_rows_of_the_file(repeated: Workspace) -> None:
    written = pq.read_table(repeated.path("shards/short/part-00000.parquet"))["input_ids"].to_pylist()
    for most, wanted in ((None, written[-10:]), (4, written[-10:-6]), (50, written[-10:])):
        assert [row.input_ids[0].tolist() for row in tail(repeated.path(INDEX), "short", 10, most)] == wanted


def test_documents_read_are_those_of_the_rows_that_the_steps_took(repeated: Workspace, tiny: ModelConfig) -> None:
    for count, rows in ((1, 8), (3, 23), (4, 30), (8, 30)):  # 30 rows in steps of 8, 8, 7, 7; the fifth begins again
        index, steps = planned(repeated, tiny, count)
        wanted = {f"{row + shift:032x}" for row in range(rows) for shift in (0, 7)}
        assert documents_read(repeated.path(INDEX), index, steps, 0.25) == wanted


def test_what_training_read_is_gone_from_the_held_out_rows_and_nothing_else(
    repeated: Workspace, tiny: ModelConfig
) -> None:
    index, steps = planned(repeated, tiny, 6)
    read = documents_read(repeated.path(INDEX), index, steps, 0.25)
    held_out = list(tail(repeated.path(INDEX), "short", 10))
    left = list(without(held_out, read))
    # rows 30 to 36 hold a document of rows 23 to 29 beside one of their own; 37 to 39 hold two of their own
    assert documents_of(held_out) & read == {f"{row:032x}" for row in range(30, 37)}
    assert [len(row.segments) for row in left] == [1] * 7 + [2] * 3
    assert documents_of(left).isdisjoint(read)
    for before, after in zip(held_out, left, strict=True):
        whole, part = make_batch(before), make_batch(after)
        assert part.tokens.tolist() == whole.tokens.tolist()[-len(part.tokens) :]
        assert len(part.next.tokens) == len(part.tokens) - len(after.segments)
    assert list(without(held_out, documents_of(held_out))) == []


def test_an_untouched_phase_was_not_read(repeated: Workspace, tiny: ModelConfig, tmp_path: Path) -> None:
    index, _ = planned(repeated, tiny, 1)
    assert documents_read(repeated.path(INDEX), index, [], 0.25) == set()
