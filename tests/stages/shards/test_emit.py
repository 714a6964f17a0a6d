"""Emit: the sequences of a bucket stand in a drawn order, and the copies of a document are drawn one by one."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from winnow.stages.mixing.mixture import Phase
from winnow.stages.run.chance import key_of, order
from winnow.stages.run.exchange import KEY, scatter
from winnow.stages.run.workspace import Workspace
from winnow.stages.shards import emit
from winnow.stages.shards.pack import Packing, concatenate
from winnow.stages.tokens.sample import TOKENIZER
from winnow.stages.tokens.schema import tokens_schema

LENGTH, COUNT, SEED = 32, 64, 5
PHASE = Phase(name="short", length=LENGTH, share=100)


def test_a_shuffled_packing_holds_the_same_sequences_in_the_order_of_the_key() -> None:
    packing = concatenate(np.full(COUNT, 24), LENGTH)  # documents that lie across the borders of sequences
    key = key_of(SEED, "order short 0")
    distinct = np.arange(packing.sequences)
    shuffled = emit._shuffled(packing, key, distinct)

    def rows(one: Packing) -> list[list[tuple[int, ...]]]:
        columns = list(zip(one.position, one.document, one.offset, one.length, strict=True))
        return [[columns[at] for at in np.flatnonzero(one.sequence == row)] for row in range(one.sequences)]

    before, after = rows(packing), rows(shuffled)
    place = order(packing.sequences, key)
    assert [after[place[row]] for row in range(packing.sequences)] == before
    assert after != before
    assert (np.diff(shuffled.sequence) >= 0).all()
    assert rows(emit._shuffled(packing, key_of(SEED, "order short 1"), distinct)) != after


def bucket_of(workspace: Workspace, method: emit.Method, documents: list[list[int]]) -> dict[str, Any]:
    """Packs documents of one bucket; returns the unit's counts."""
    keys = np.sort(np.random.default_rng(1).integers(0, 1 << 63, len(documents)).astype(np.uint64))
    rows = [
        {"id": f"{n}", "source": "s", "language": "en", "kind": "k", "bucket": -1, "tokens": tokens, "cuts": []}
        for n, tokens in enumerate(documents)
    ]
    table = pa.Table.from_pylist(rows, schema=tokens_schema(np.uint16)).select(emit.EMITTED)
    scatter(workspace, emit.exchange_path("short", "part"), table.append_column(KEY, pa.array(keys)), 1)
    workspace.write_bytes(TOKENIZER, json.dumps({"special": {"<|endoftext|>": 1}}).encode())
    [unit] = emit.pack_units(emit.exchange_files(["part"], [PHASE]), [PHASE], [1], method=method, seed=SEED)
    return dict(emit.PACK_STEP.work(workspace, unit))


@pytest.mark.parametrize("method", list(emit.Method))
def test_every_token_of_a_bucket_is_counted_in_a_sequence_or_as_dropped(
    workspace: Workspace, method: emit.Method
) -> None:
    documents = [[n] * (LENGTH - 5 - n % 7) for n in range(COUNT)]  # no two fit into a sequence
    counts = bucket_of(workspace, method, documents)
    segments = [
        segment
        for name in workspace.list("shards/short", ".parquet")
        for row in workspace.read_table(name)["segments"].to_pylist()
        for segment in row
    ]
    assert counts["tokens"] == sum(segment["length"] for segment in segments)
    assert counts["tokens"] + counts["dropped"] == sum(map(len, documents))
    assert counts["tokens"] + counts["padding"] == counts["sequences"] * LENGTH
    assert (counts["padding"] > 0) == (method == emit.Method.BEST_FIT)


@pytest.mark.parametrize("method", list(emit.Method))
def test_a_shard_holds_its_sequences_in_the_drawn_order(workspace: Workspace, method: emit.Method) -> None:
    """Every document is as long as a sequence: before the draw, sequence i is document i of the bucket."""
    bucket_of(workspace, method, [[n] * LENGTH for n in range(COUNT)])
    files = workspace.list("shards/short", ".parquet")
    written = [ids[0] for name in files for ids in workspace.read_table(name)["input_ids"].to_pylist()]
    assert sorted(written) == list(range(COUNT))
    if method == emit.Method.CONCATENATE:
        place = order(COUNT, key_of(SEED, "order short 0"))
        assert [written[place[n]] for n in range(COUNT)] == list(range(COUNT))
    assert sum(first < second for first, second in pairwise(written)) < 0.7 * COUNT


def test_the_copies_of_a_document_are_drawn_one_by_one() -> None:
    rows = np.array([0, 0, 0, 1, 2, 2])
    ids = pa.chunked_array([pa.array(["a", "a", "a", "b", "c", "c"])])
    keys = emit._shuffle_keys(ids, rows, PHASE, SEED)
    assert len(set(keys.tolist())) == len(rows)
    first = emit._shuffle_keys(ids.take(pa.array([0, 3, 4])), np.array([0, 1, 2]), PHASE, SEED)
    assert first.tolist() == keys[[0, 3, 4]].tolist()  # one more copy moves no other
    other = emit._shuffle_keys(ids, rows, Phase(name="long", length=64, share=1), SEED)
    assert not set(other.tolist()) & set(keys.tolist())
