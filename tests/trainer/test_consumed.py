"""Which documents a training has read: those of the rows that it took, no other; never of shards that it didn't read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.sequences import Sequences
from winnow.stages.shards.shard import write_shard
from winnow.trainer import consumed
from winnow.trainer.config import ModelConfig
from winnow.trainer.loop import Training
from winnow.trainer.optimizer import OptimizerConfig
from winnow.trainer.parallel import World
from winnow.trainer.schedule import Schedule
from winnow.trainer.settings import RunConfig


@pytest.fixture
def trained(shards: Workspace, tiny: ModelConfig, tmp_path: Path) -> Path:
    """Two steps of four sequences of the first phase."""
    config = RunConfig(
        model=tiny,
        schedule=Schedule(steps=2),
        optimizer=OptimizerConfig(learning_rate=0.01),
        batch_tokens=128,
        micro_tokens=128,
        held_out=0.1,
        checkpoint_every=2,
        phases=("length-32",),
    )
    Training(shards.path(""), tmp_path / "out", config, World()).run()
    return tmp_path / "out"


def test_the_documents_of_the_rows_that_were_taken(shards: Workspace, trained: Path, tmp_path: Path) -> None:
    told = consumed.consumed(shards.path(""), trained)
    (path,) = shards.list("shards/length-32", ".parquet")
    rows = pq.read_table(shards.path(path))["segments"].to_pylist()
    wanted = Counter[str]()
    for row in rows[:8]:
        for segment in row:
            wanted[segment["document"]] += segment["length"]
    assert dict(zip(told["document"].to_pylist(), told["tokens"].to_pylist(), strict=True)) == wanted
    assert told["document"].to_pylist() == sorted(wanted)


def test_a_table_of_before_is_added(shards: Workspace, trained: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.parquet", tmp_path / "second.parquet"
    options = ["--run", shards.path(""), "--out", str(trained), "--write"]
    told = CliRunner().invoke(consumed.main, [*options, str(first)])
    assert told.exit_code == 0, told.output
    assert f"{pq.read_table(first).num_rows} documents" in told.output
    CliRunner().invoke(consumed.main, [*options, str(second), "--add", str(first)], catch_exceptions=False)
    assert pq.read_table(second)["document"] == pq.read_table(first)["document"]
    assert pq.read_table(second)["tokens"].to_pylist() == [2 * n for n in pq.read_table(first)["tokens"].to_pylist()]


def test_shards_that_were_built_anew_are_refused(
    shards: Workspace, trained: Path, pack: Callable[..., Sequences], tmp_path: Path
) -> None:
    (path,) = shards.list("shards/length-32", ".parquet")
    write_shard(shards, path, pack([[20, 12]] * 24, seed=9))
    shards.write_bytes("lock.json", b"{}")
    asked = ["--run", shards.path(""), "--out", str(trained), "--write", str(tmp_path / "read.parquet")]
    told = CliRunner().invoke(consumed.main, asked)
    assert told.exit_code == 1 and "lock.json changed" in told.output and not (tmp_path / "read.parquet").exists()


def test_nothing_trained_yet_is_said(shards: Workspace, tmp_path: Path) -> None:
    asked = ["--run", shards.path(""), "--out", str(tmp_path), "--write", str(tmp_path / "read.parquet")]
    told = CliRunner().invoke(consumed.main, asked)
    assert told.exit_code == 1 and "no complete checkpoint" in told.output
