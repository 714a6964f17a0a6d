"""The reader: one global order on any number of ranks and workers, exact resume, clear errors on bad files."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.reader import ShardReader
from winnow.stages.shards.sequences import SEGMENT, Sequences, ShardError
from winnow.stages.shards.shard import Phase, ShardIndex, build_index, write_shard

LENGTH = 8
TOTAL = 43


def numbered(first: int, rows: int) -> Sequences:
    """Rows that carry their global number in every token and in their only segment's offset."""
    numbers = np.arange(first, first + rows)
    segments = pa.array(
        [
            {
                "document": f"{n:032x}",
                "source": "web",
                "language": None,
                "position": 0,
                "length": LENGTH,
                "offset": n,
                "continued": False,
            }
            for n in numbers
        ],
        type=SEGMENT,
    )
    ids = np.repeat(numbers[:, None], LENGTH, axis=1).astype(np.uint16)
    return Sequences(input_ids=ids, segments=segments, bounds=np.arange(rows + 1), loss_mask=ids % 2 == 0)


@pytest.fixture(scope="module")
def index_path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Three files of 17, 20 and 6 sequences, in row groups of 4."""
    workspace = Workspace(str(tmp_path_factory.mktemp("run")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("winnow.stages.shards.shard.GROUP_TOKENS", 4 * LENGTH)
        for name, first, rows in (("a", 0, 17), ("b", 17, 20), ("c", 37, 6)):
            write_shard(workspace, f"shards/base/{name}.parquet", numbered(first, rows))
    phases = [Phase(name="base", length=LENGTH, rotary_base=1e4)]
    build_index(workspace, stage="mid", dtype=np.uint16, tokenizer={}, phases=phases)
    return workspace.path("shards/index.json")


def numbers_of(batches: Iterable[Sequences]) -> list[int]:
    numbers: list[int] = []
    for batch in batches:
        assert (batch.input_ids == batch.input_ids[:, :1]).all()
        assert batch.segments.field("offset").to_pylist() == batch.input_ids[:, 0].tolist()
        assert (batch.loss_mask == (batch.input_ids % 2 == 0)).all()
        numbers += batch.input_ids[:, 0].tolist()
    return numbers


@settings(max_examples=60)
@given(
    world_size=st.integers(1, 5),
    start=st.integers(0, TOTAL),
    batch=st.none() | st.integers(1, 9),
    prefetch=st.integers(0, 3),
)
def test_every_rank_gets_its_numbers_in_order_from_any_count_on(
    index_path: str, world_size: int, start: int, batch: int | None, prefetch: int
) -> None:
    for rank in range(world_size):
        reader = ShardReader(
            index_path, "base", rank=rank, world_size=world_size, start=start, batch=batch, prefetch=prefetch
        )
        expected = [g for g in range(start, TOTAL) if g % world_size == rank]
        assert numbers_of(reader) == expected
        assert len(reader) == len(expected)


@settings(max_examples=40)
@given(world_size=st.integers(1, 3), start=st.integers(0, TOTAL), batch=st.integers(1, 5), workers=st.integers(1, 4))
def test_workers_in_turn_give_the_batches_of_one_reader(
    index_path: str, world_size: int, start: int, batch: int, workers: int
) -> None:
    for rank in range(world_size):
        place = {"rank": rank, "world_size": world_size, "start": start, "batch": batch}
        whole = [numbers_of([b]) for b in ShardReader(index_path, "base", **place)]
        shares = [list(ShardReader(index_path, "base", **place, worker=w, workers=workers)) for w in range(workers)]
        turns = [numbers_of([shares[k % workers][k // workers]]) for k in range(len(whole))]
        assert turns == whole


@settings(max_examples=40)
@given(
    world_size=st.integers(1, 6),
    start=st.integers(0, TOTAL),
    batch=st.none() | st.integers(1, 9),
    lanes=st.integers(1, 12),
    seed=st.none() | st.integers(0, 3),
)
def test_any_number_of_ranks_reads_on_in_the_one_order_of_the_lanes(
    index_path: str, world_size: int, start: int, batch: int | None, lanes: int, seed: int | None
) -> None:
    asked = {"lanes": lanes, "order_seed": seed}
    whole = numbers_of(ShardReader(index_path, "base", **asked))
    assert sorted(whole) == list(range(TOTAL))
    ranks = [
        numbers_of(ShardReader(index_path, "base", rank=rank, world_size=world_size, start=start, batch=batch, **asked))
        for rank in range(world_size)
    ]
    for rank, found in enumerate(ranks):
        assert found == [whole[g] for g in range(start, TOTAL) if g % world_size == rank]


def test_epochs_shuffle_rows_so_that_no_batch_comes_back(index_path: str) -> None:
    epochs = [
        [frozenset(numbers_of([b])) for b in ShardReader(index_path, "base", lanes=4, order_seed=seed, batch=4)]
        for seed in range(6)
    ]
    full = [batch for epoch in epochs for batch in epoch if len(batch) == 4]
    assert len(set(full)) == len(full)
    groups = [{number // 4 for number in batch if number < 16} for batch in full]
    assert max(len(group) for group in groups) > 2  # rows of several row groups meet in a batch


def test_row_groups_are_dealt_out_to_ranks(workspace: Workspace) -> None:
    """64 ranks read at most 1.1 times what one reads: 65 cuts among 1,300 row groups; before it was 64 times."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("winnow.stages.shards.shard.GROUP_TOKENS", 4 * LENGTH)
        write_shard(workspace, "shards/base/a.parquet", numbered(0, 5203))
    phases = [Phase(name="base", length=LENGTH, rotary_base=1e4)]
    build_index(workspace, stage="mid", dtype=np.uint16, tokenizer={}, phases=phases)
    index = workspace.path("shards/index.json")
    for seed in (None, 5):
        alone = len(set(ShardReader(index, "base", order_seed=seed).row_groups()))
        ranks = [ShardReader(index, "base", order_seed=seed, rank=r, world_size=64).row_groups() for r in range(64)]
        assert alone == 1301
        assert sum(len(groups) for groups in ranks) <= 1.1 * alone


@pytest.mark.parametrize(
    ("uneven", "shares"), [("keep", [6, 6, 6, 5, 5, 5, 5, 5]), ("drop", [4] * 8), ("pad", [6] * 8)]
)
def test_an_uneven_end_is_kept_dropped_or_padded(index_path: str, uneven: str, shares: list[int]) -> None:
    ranks = [
        numbers_of(ShardReader(index_path, "base", rank=r, world_size=8, batch=2, uneven=uneven)) for r in range(8)
    ]
    assert [len(rank) for rank in ranks] == shares
    read = sorted(number for rank in ranks for number in rank)
    assert read == {"keep": list(range(43)), "drop": list(range(32)), "pad": sorted([*range(43), *range(5)])}[uneven]


def test_withheld_sequences_are_never_read_in_any_order(index_path: str) -> None:
    assert numbers_of(ShardReader(index_path, "base", withheld=7)) == list(range(TOTAL - 7))
    assert sorted(numbers_of(ShardReader(index_path, "base", withheld=7, order_seed=3))) == list(range(TOTAL - 7))
    assert numbers_of(ShardReader(index_path, "base", start=TOTAL - 7)) == list(range(TOTAL - 7, TOTAL))


def test_a_batch_inside_a_row_group_is_a_view_of_arrow_memory(index_path: str) -> None:
    batch = next(iter(ShardReader(index_path, "base")))
    assert not batch.input_ids.flags.owndata and not batch.input_ids.flags.writeable


def test_a_reader_may_be_left_early_and_iterated_again(index_path: str) -> None:
    reader = ShardReader(index_path, "base", batch=2)
    assert numbers_of([next(iter(reader))]) == [0, 1]
    assert numbers_of(reader) == list(range(TOTAL))


@pytest.fixture
def own_index(workspace: Workspace) -> tuple[Path, str]:
    """A run of one shard that a test may damage: the shard's path, the index's path."""
    write_shard(workspace, "shards/base/a.parquet", numbered(0, 9))
    phases = [Phase(name="base", length=LENGTH, rotary_base=1e4)]
    build_index(workspace, stage="mid", dtype=np.uint16, tokenizer={}, phases=phases)
    return Path(workspace.path("shards/base/a.parquet")), workspace.path("shards/index.json")


def test_a_truncated_shard_is_named_with_both_sizes(own_index: tuple[Path, str]) -> None:
    shard, index = own_index
    shard.write_bytes(shard.read_bytes()[:-10])
    with pytest.raises(ShardError, match=r"base/a\.parquet: truncated or replaced"):
        list(ShardReader(index, "base"))


def test_a_missing_shard_is_named(own_index: tuple[Path, str]) -> None:
    shard, index = own_index
    shard.unlink()
    with pytest.raises(ShardError, match=r"base/a\.parquet"):
        list(ShardReader(index, "base"))


def test_a_shard_of_flipped_bytes_is_named(own_index: tuple[Path, str]) -> None:
    shard, index = own_index
    content = bytearray(shard.read_bytes())
    content[4:40] = bytes(36)
    shard.write_bytes(bytes(content))
    with pytest.raises(ShardError, match=r"base/a\.parquet: row group 0 can't be read"):
        list(ShardReader(index, "base"))


def test_tokens_outside_the_vocabulary_are_named_with_their_file(workspace: Workspace) -> None:
    write_shard(workspace, "shards/base/a.parquet", numbered(0, 9))
    phases = [Phase(name="base", length=LENGTH, rotary_base=1e4)]
    build_index(workspace, stage="mid", dtype=np.uint16, tokenizer={"vocabulary_size": 8}, phases=phases)
    with pytest.raises(ShardError, match=r"base/a\.parquet: row group 0 holds token 8, the vocabulary has 8"):
        list(ShardReader(workspace.path("shards/index.json"), "base"))


def test_no_flipped_bit_is_read_as_other_tokens(workspace: Workspace) -> None:
    """A bit in each of 160 bytes, headers and footer included: refused, or without any effect."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("winnow.stages.shards.shard.GROUP_TOKENS", 4 * LENGTH)
        write_shard(workspace, "shards/base/a.parquet", numbered(0, 9))
    phases = [Phase(name="base", length=LENGTH, rotary_base=1e4)]
    build_index(workspace, stage="mid", dtype=np.uint16, tokenizer={}, phases=phases)
    shard, index = Path(workspace.path("shards/base/a.parquet")), workspace.path("shards/index.json")
    written, refused = shard.read_bytes(), 0
    random = np.random.default_rng(7)
    for place in np.linspace(4, len(written) - 1, 160).astype(int):
        content = bytearray(written)
        content[place] ^= 1 << int(random.integers(8))
        shard.write_bytes(content)
        try:
            assert numbers_of(ShardReader(index, "base", prefetch=0)) == list(range(9))
        except ShardError as error:
            refused += 1
            assert "base/a.parquet" in str(error)
    assert refused > 120


def test_a_file_that_is_not_the_indexed_one_is_refused_when_asked(own_index: tuple[Path, str]) -> None:
    _, index = own_index
    found = ShardIndex.from_json(Path(index).read_bytes())
    (phase,) = found.phases
    other = replace(phase, files=(replace(phase.files[0], digest="0" * 32),))
    Path(index).write_bytes(replace(found, phases=(other,)).to_json())
    assert numbers_of(ShardReader(index, "base")) == list(range(9))
    with pytest.raises(ShardError, match=r"base/a\.parquet: damaged or replaced: its digest"):
        list(ShardReader(index, "base", check_files=True))


def test_no_flipped_bit_of_the_index_is_believed(own_index: tuple[Path, str]) -> None:
    """Every byte of it, one bit each: refused by name."""
    index = Path(own_index[1])
    written = index.read_bytes()
    random = np.random.default_rng(3)
    for place in range(len(written)):
        content = bytearray(written)
        content[place] ^= 1 << int(random.integers(8))
        with pytest.raises(ShardError, match=r"index\.json"):
            ShardIndex.from_json(bytes(content), str(index))
    assert ShardIndex.from_json(written).to_json() == written


@pytest.mark.parametrize(
    "wrong",
    [
        {"start": -5},
        {"start": TOTAL + 9},
        {"batch": 0},
        {"batch": -1},
        {"prefetch": -1},
        {"withheld": -1},
        {"withheld": TOTAL + 1},
        {"lanes": 0},
        {"order_seed": -1},
        {"uneven": "some"},
    ],
    ids=str,
)
def test_arguments_out_of_range_are_refused(index_path: str, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"start|batch|prefetch|withheld|lanes|order_seed|some"):
        ShardReader(index_path, "base", **wrong)


@pytest.mark.parametrize(
    ("module", "needs"),
    [("winnow.stages.shards.reader", "pyarrow.parquet, numpy"), ("winnow.torch", "torch, pyarrow.parquet, numpy")],
)
def test_reading_loads_a_few_modules_of_ours_and_nobody_elses(module: str, needs: str) -> None:
    """In a fresh interpreter, beside what pyarrow and numpy (and torch) load themselves: so it costs what these cost."""
    asked = f"import sys, concurrent.futures.thread, hashlib, uuid, {needs}; b = set(sys.modules); import {module}; print(*set(sys.modules) - b)"
    loaded = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout.split()
    ours = {name for name in loaded if name.partition(".")[0] == "winnow"}
    assert module in ours and len(ours) <= 22
    assert {name.partition(".")[0] for name in set(loaded) - ours} <= {"numpy", "pyarrow", *sys.stdlib_module_names}


@pytest.mark.parametrize(
    "read",
    ["ShardReader(index, 'base', batch=2, order_seed=1)", "ShardDataset(index, 'base', batch_size=2, sources=True)"],
)
def test_reading_loads_no_pandas(index_path: str, read: str) -> None:
    """Of Arrow's conversions some import it where it is installed, which takes a second of a rank's start."""
    asked = (
        "import sys; from winnow.stages.shards.reader import ShardReader; from winnow.torch import ShardDataset; "
        f"index = {index_path!r}; batches = [b for b in {read}]; print(len(batches), 'pandas' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout.split()
    assert int(found[0]) > 1 and found[1] == "False"


def test_impossible_ranks_and_workers_without_batches_are_refused(index_path: str) -> None:
    with pytest.raises(ValueError, match="rank 2 of 2"):
        ShardReader(index_path, "base", rank=2, world_size=2)
    with pytest.raises(ValueError, match="batch size"):
        ShardReader(index_path, "base", workers=2)
