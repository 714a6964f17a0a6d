"""A change of blend in the middle of a training: the run is mixed anew from what the model hasn't read."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.pipeline.conftest import SmallRun
from winnow.stages.consumed import CONSUMED
from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.inspection import read_groups
from winnow.stages.shards.sequences import Sequences
from winnow.trainer.consumed import documents_in


@pytest.fixture
def begun(finished: Path, tmp_path: Path) -> Path:
    """The finished run, to be built anew."""
    return Path(shutil.copytree(finished, tmp_path / "run"))


def sequences(run: Path, folder: str = "shards") -> Iterator[Sequences]:
    workspace = Workspace(str(run))
    for path in workspace.list(folder, ".parquet"):
        yield from read_groups(workspace.path(path))


def changed(small_run: SmallRun, folder: Path, read: Path, resource: str = "read") -> SmallRun:
    """Another blend, without what was read."""
    asked = f"mixture:\n  consumed: resource:{resource}\n  sources: {{web: 20, repositories: 60, tool_use: 20}}"
    made = small_run.with_manifest(folder, "mixture:\n  sources: {web: 40, repositories: 40, tool_use: 20}", asked)
    with (folder / "profile.yaml").open("a") as profile:
        profile.write(f"resources: {{read: {read}}}\n")
    return made


def test_what_a_model_has_read_is_not_given_again(small_run: SmallRun, begun: Path, tmp_path: Path) -> None:
    first = documents_in(sequences(begun, "shards/length-512"))
    pq.write_table(first, tmp_path / "read.parquet")
    other = changed(small_run, tmp_path / "other", tmp_path / "read.parquet")
    plan = subprocess.run(
        [*other.command(begun)[:3], "plan", *other.command(begun)[4:]], capture_output=True, text=True, check=False
    )
    assert plan.returncode == 0, plan.stderr
    assert f"of {first.num_rows:,} documents: these are left out" in plan.stdout
    told = other.run(begun)
    assert told.returncode == 0, told.stdout + told.stderr
    said = re.search(
        r"left out, since a model has read them: ([\d,]+) documents of [\d,]+ tokens; left: ([\d,]+)", told.stdout
    )
    assert said is not None and int(said[1].replace(",", "")) == first.num_rows
    again = documents_in(sequences(begun))
    assert again.num_rows and not set(again["document"].to_pylist()) & set(first["document"].to_pylist())
    left = int(said[2].replace(",", ""))
    assert again.num_rows <= left


def test_a_table_of_other_documents_ends_the_run(small_run: SmallRun, begun: Path, tmp_path: Path) -> None:
    rows = [{"document": "f" * 32, "source": "web", "tokens": 9}]
    pq.write_table(CONSUMED.empty_table().from_pylist(rows, schema=CONSUMED), tmp_path / "read.parquet")
    told = changed(small_run, tmp_path / "other", tmp_path / "read.parquet").run(begun)
    assert told.returncode == 2 and "Traceback" not in told.stderr
    assert "mixture.consumed: no document of this run stands in that table" in " ".join(told.stderr.split())


def test_a_resource_that_the_profile_lacks_is_named(small_run: SmallRun, begun: Path, tmp_path: Path) -> None:
    told = changed(small_run, tmp_path / "other", tmp_path / "read.parquet", "raed").run(begun)
    assert told.returncode == 2 and "the profile has no resource 'resource:raed'; it has read" in told.stderr
