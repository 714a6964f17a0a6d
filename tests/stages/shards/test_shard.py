"""Shards: what is written is what any Parquet reader finds, and bad sequences are refused."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest

from winnow.stages.run.unit import Unworkable
from winnow.stages.run.workspace import Workspace, digest_file
from winnow.stages.shards.card import CARD, card
from winnow.stages.shards.sequences import SEGMENT, Sequences, ShardError
from winnow.stages.shards.shard import Phase, ShardIndex, build_index, write_shard

LENGTH = 24


def make_sequences(rows: int, *, seed: int = 0, dtype: type = np.uint16, mask: bool = False) -> Sequences:
    """Random rows of three segments and two tokens of padding each."""
    random = np.random.default_rng(seed)
    cuts = np.sort(random.choice(np.arange(1, LENGTH - 2), (rows, 2)), axis=1)
    cuts[:, 1] = np.maximum(cuts[:, 1], cuts[:, 0] + 1)
    edges = np.concatenate([np.zeros((rows, 1), int), cuts, np.full((rows, 1), LENGTH - 2)], axis=1)
    count = rows * 3
    segments = pa.StructArray.from_arrays(
        [
            pa.array([f"{i:032x}" for i in range(seed * count, (seed + 1) * count)]),
            pa.array(["web", "code", "laws"] * rows),
            pa.array(["en", None, "zh"] * rows),
            pa.array(edges[:, :-1].reshape(-1), pa.int64()),
            pa.array(np.diff(edges, axis=1).reshape(-1), pa.int64()),
            pa.array(random.integers(0, 2**40, count), pa.int64()),
            pa.array(random.random(count) < 0.5),
        ],
        fields=list(SEGMENT),
    )
    return Sequences(
        input_ids=random.integers(0, np.iinfo(dtype).max, (rows, LENGTH), dtype=dtype, endpoint=True),
        segments=segments,
        bounds=np.arange(0, count + 1, 3),
        loss_mask=random.random((rows, LENGTH)) < 0.5 if mask else None,
    )


def index_of(workspace: Workspace, dtype: type = np.uint16) -> ShardIndex:
    tokenizer = {"path": "tokenizer", "digest": "0", "vocabulary_size": 65_536}
    phases = [Phase(name="base", length=LENGTH, rotary_base=10_000.0)]
    return build_index(workspace, stage="mid", dtype=dtype, tokenizer=tokenizer, phases=phases)


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32])
def test_pyarrow_polars_duckdb_and_datasets_read_the_rows_that_were_written(
    workspace: Workspace, tmp_path: Path, dtype: type
) -> None:
    datasets = pytest.importorskip("datasets")
    sequences = make_sequences(7, dtype=dtype, mask=True)
    assert write_shard(workspace, "shards/base/a.parquet", sequences) == {"sequences": 7, "tokens": 7 * (LENGTH - 2)}
    path = workspace.path("shards/base/a.parquet")

    rows = [
        {
            "input_ids": sequences.input_ids[b].tolist(),
            "segments": sequences.segments[sequences.bounds[b] : sequences.bounds[b + 1]].to_pylist(),
            "loss_mask": sequences.loss_mask[b].tolist(),
        }
        for b in range(7)
    ]
    assert pq.read_table(path).to_pylist() == rows
    assert pl.read_parquet(path).to_dicts() == rows
    assert duckdb.sql(f"select * from read_parquet('{path}')").to_arrow_table().to_pylist() == rows
    streamed = datasets.load_dataset("parquet", data_files=path, split="train", cache_dir=str(tmp_path / "cache"))
    assert list(streamed) == rows


def test_datasets_pyarrow_and_polars_open_the_folder_and_sums_do_not_wrap(workspace: Workspace, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    for number in range(3):
        write_shard(workspace, f"shards/base/{number}.parquet", make_sequences(7, seed=number))
    workspace.write_bytes(CARD, card(workspace, index_of(workspace)).encode())
    folder, cache = workspace.path("shards"), str(tmp_path / "cache")
    described = datasets.load_dataset_builder(folder, "base", cache_dir=cache).info
    assert (described.splits["train"].num_examples, described.download_size > 0) == (21, True)
    streamed = datasets.load_dataset(folder, "base", split="train", streaming=True, cache_dir=cache)
    assert streamed.num_shards == 3
    shares = [[row["input_ids"] for row in streamed.shard(3, i)] for i in range(3)]
    assert [len(share) for share in shares] == [7, 7, 7]
    assert pyarrow.dataset.dataset(f"{folder}/base").count_rows() == 21
    lengths = pl.scan_parquet(f"{folder}/base").select(pl.col("segments").explode().struct.field("length").sum())
    assert lengths.collect_schema() == {"length": pl.Int64}
    assert lengths.collect().item() == 21 * (LENGTH - 2)


def test_footers_say_what_a_row_group_holds(workspace: Workspace) -> None:
    write_shard(workspace, "shards/base/a.parquet", make_sequences(7))
    group = pq.read_metadata(workspace.path("shards/base/a.parquet")).row_group(0)
    found = {group.column(i).path_in_schema: group.column(i).statistics for i in range(group.num_columns)}
    source = found["segments.list.element.source"]
    assert (source.min, source.max) == ("code", "web")
    assert found["input_ids.list.element"] is None


def test_equal_sequences_in_other_batches_give_equal_bytes(workspace: Workspace) -> None:
    sequences = make_sequences(30)
    write_shard(workspace, "shards/base/a.parquet", sequences)
    write_shard(workspace, "shards/base/b.parquet", (sequences.select(slice(i, i + 1)) for i in range(30)))
    assert digest_file(workspace, "shards/base/a.parquet") == digest_file(workspace, "shards/base/b.parquet")


def test_the_index_counts_tokens_padding_and_digests_and_survives_its_json(workspace: Workspace) -> None:
    write_shard(workspace, "shards/base/b.parquet", make_sequences(5, seed=1))
    write_shard(workspace, "shards/base/a.parquet", make_sequences(3))
    index = index_of(workspace)
    phase = index.phase("base")
    assert [file.path for file in phase.files] == ["base/a.parquet", "base/b.parquet"]
    assert (phase.sequences, phase.tokens, phase.padding) == (8, 8 * (LENGTH - 2), 8 * 2)
    assert phase.files[0].digest == digest_file(workspace, "shards/base/a.parquet")
    assert ShardIndex.from_json(workspace.read_bytes("shards/index.json")) == index


def test_an_unknown_phase_and_a_broken_index_are_named() -> None:
    index = ShardIndex(stage="mid", dtype="uint16", tokenizer={}, phases=())
    with pytest.raises(ShardError, match="no phase 'long'"):
        index.phase("long")
    with pytest.raises(ShardError, match=r"somewhere\.json"):
        ShardIndex.from_json(b'{"phases": [{}]}', "somewhere.json")


@pytest.mark.parametrize(
    ("size", "dtype", "fits"), [(65_536, np.uint16, True), (65_537, np.uint16, False), (151_552, np.uint32, True)]
)
def test_ids_that_cannot_hold_the_vocabulary_are_refused(
    workspace: Workspace, size: int, dtype: type, fits: bool
) -> None:
    def index() -> ShardIndex:
        return build_index(workspace, stage="mid", dtype=dtype, tokenizer={"vocabulary_size": size}, phases=[])

    if fits:
        assert index().dtype == np.dtype(dtype).name
        return
    with pytest.raises(ShardError, match=r"ids of uint16 hold 65,536 tokens, the vocabulary has 65,537"):
        index()


def test_sequences_of_another_length_than_the_phase_are_refused(workspace: Workspace) -> None:
    write_shard(workspace, "shards/base/a.parquet", make_sequences(3))
    with pytest.raises(ShardError, match="24 tokens, phase 'base' wants 32"):
        phases = [Phase(name="base", length=32, rotary_base=1e4)]
        build_index(workspace, stage="mid", dtype=np.uint16, tokenizer={}, phases=phases)


def test_a_copy_of_a_shard_that_somebody_left_beside_it_is_not_indexed(workspace: Workspace) -> None:
    """What a program that synchronises folders leaves, and macOS: rows would be trained on twice."""
    for number in range(2):
        write_shard(workspace, f"shards/base/{number:05d}.parquet", make_sequences(3, seed=number))
    phases = [Phase(name="base", length=LENGTH, rotary_base=10_000.0)]
    digests = {"base": [written.digest for written in workspace.written]}
    content = workspace.read_bytes("shards/base/00000.parquet")
    for copy in ("00000 (conflicted copy).parquet", "00007.parquet", "._00001.parquet"):
        workspace.write_bytes(f"shards/base/{copy}", content)

    def files() -> list[str]:
        index = build_index(workspace, stage="mid", dtype=np.uint16, tokenizer={}, phases=phases, digests=digests)
        return [file.path for file in index.phase("base").files]

    assert files() == ["base/00000.parquet", "base/00001.parquet"]
    workspace.write_bytes("shards/base/00001.parquet", content)
    with pytest.raises(Unworkable, match="1 files of shards/base aren't as they were packed"):
        files()


def _with(sequences: Sequences, name: str, value: int) -> Sequences:
    """The second segment changed in one field."""
    rows = sequences.segments.to_pylist()
    rows[1][name] = value
    return Sequences(
        input_ids=sequences.input_ids, segments=pa.array(rows, type=SEGMENT), bounds=sequences.bounds, loss_mask=None
    )


@pytest.mark.parametrize(("field", "value"), [("position", 0), ("length", 99), ("length", 0), ("position", -1)])
def test_segments_that_overlap_or_leave_the_row_are_refused(workspace: Workspace, field: str, value: int) -> None:
    with pytest.raises(ShardError, match="segments overlap"):
        write_shard(workspace, "shards/base/a.parquet", _with(make_sequences(2), field, value))
    assert workspace.list("shards") == []


def test_mixed_loss_masks_and_no_sequences_are_refused(workspace: Workspace) -> None:
    with pytest.raises(ShardError, match="differ in length, dtype or loss mask"):
        write_shard(workspace, "shards/base/a.parquet", [make_sequences(2), make_sequences(2, mask=True)])
    with pytest.raises(ShardError, match="at least one sequence"):
        write_shard(workspace, "shards/base/a.parquet", [])
    with pytest.raises(ShardError, match="uint16 or uint32"):
        write_shard(workspace, "shards/base/a.parquet", make_sequences(2, dtype=np.int64))


def test_selected_rows_carry_their_own_segments() -> None:
    sequences = make_sequences(9, mask=True)
    for rows in (slice(2, 7), slice(1, 9, 3), np.array([8, 0, 4]), slice(5, 5)):
        picked = sequences.select(rows)
        for place, row in enumerate(np.arange(9)[rows]):
            own = picked.segments[picked.bounds[place] : picked.bounds[place + 1]]
            assert own.to_pylist() == sequences.segments[sequences.bounds[row] : sequences.bounds[row + 1]].to_pylist()
            assert (picked.input_ids[place] == sequences.input_ids[row]).all()
        assert len(picked.segments) == picked.bounds[-1]
