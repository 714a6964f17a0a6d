"""A run whose receipts are entered in tables is the same run: same lock, same commands, damage found and mended alike."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from distributed import Client

from winnow.pipeline.cli import cli
from winnow.pipeline.proof.seal import sealed_funnel
from winnow.pipeline.proof.verification import verify_run
from winnow.pipeline.record import ledger
from winnow.pipeline.record.funnel import read_funnel
from winnow.pipeline.record.ledger import read_receipts
from winnow.pipeline.reports.costs import step_costs
from winnow.pipeline.running import conductor
from winnow.pipeline.running.repair import repair_run
from winnow.stages.run.workspace import Workspace

if TYPE_CHECKING:
    from conftest import SmallRun

Build = Callable[[], str]


@pytest.fixture
def connected() -> list[int]:
    """One entry for each time that units had to be worked."""
    return []


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """A finished run with a file for each receipt, as earlier versions made it."""
    shutil.copytree(finished, tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture
def build(run: Path, small_run: SmallRun, connected: list[int], monkeypatch: pytest.MonkeyPatch) -> Build:
    """The command that made the run, where three units are many."""

    def connect(**_: Any) -> Client:
        connected.append(1)
        return Client(processes=False, n_workers=1, threads_per_worker=1, dashboard_address=None)

    def call() -> str:
        result = CliRunner().invoke(cli, small_run.command(run)[3:])
        assert result.exit_code == 0, result.output
        return result.output

    monkeypatch.setattr(conductor, "connect", connect)
    monkeypatch.setattr(ledger, "LEAST_UNITS", 3)
    monkeypatch.setattr(ledger, "ROWS", 2)
    return call


def states(run: Path) -> dict[str, tuple[bytes, int]]:
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in run.rglob("*") if path.is_file()}


def costs(workspace: Workspace) -> list[tuple[str, int, float, float, int]]:
    """Of every step; summed in another order, seconds differ in their last bits."""
    return [(one.name, one.units, round(one.seconds, 6), one.megabytes, one.memory) for one in step_costs(workspace)]


def test_a_run_of_before_is_entered_once_and_stays_the_same_run(run: Path, build: Build, connected: list[int]) -> None:
    workspace = Workspace(str(run))
    lock = (run / "lock.json").read_bytes()
    receipts = sorted(one.to_json() for one in read_receipts(workspace))
    told = costs(workspace)
    build()
    tables = workspace.list("receipts", ".parquet")
    assert len(tables) > 10 and not any((run / "receipts/ingest").glob("*.json"))
    assert sorted(one.to_json() for one in read_receipts(workspace)) == receipts
    assert (run / "lock.json").read_bytes() == lock and verify_run(workspace).findings == ()
    assert costs(workspace) == told
    assert f"ingest {told[1][1]} " in " ".join(CliRunner().invoke(cli, ["status", str(run)]).output.split())
    assert sealed_funnel(workspace) == read_funnel(workspace)
    kept = {path: state for path, state in states(run).items() if not path.endswith(("plan.json", ".running"))}
    output = build()
    assert {path: state for path, state in states(run).items() if path in kept} == kept
    assert "records read" in output and connected == []


def test_damage_is_found_and_built_again_from_tables(run: Path, build: Build, connected: list[int]) -> None:
    build()
    workspace = Workspace(str(run))
    lock, chance = (run / "lock.json").read_bytes(), random.Random(3)
    tables = workspace.list("receipts/measure", ".parquet")

    def flip(path: str) -> None:
        content = bytearray((run / path).read_bytes())
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        (run / path).write_bytes(content)

    hurt = ["documents/web-00000.parquet", tables[0], "funnel.json"]
    for path in hurt:
        flip(path)
    (run / "receipts/decide" / Path(tables[1]).name).write_bytes((run / tables[1]).read_bytes())
    found = {finding.path for finding in verify_run(workspace).findings}
    assert {*hurt, f"receipts/decide/{Path(tables[1]).name}"} <= found
    repair = repair_run(workspace)
    assert {"ingest/web-00000", "measure/*"} <= set(repair.units) and repair.left == ()
    assert connected == []
    build()
    assert connected == [1]
    assert (run / "lock.json").read_bytes() == lock and verify_run(workspace).findings == ()


def test_missing_files_and_tables_are_made_again_without_repair(run: Path, build: Build, connected: list[int]) -> None:
    build()
    workspace = Workspace(str(run))
    lock = (run / "lock.json").read_bytes()
    (run / "documents/web-00000.parquet").unlink()
    (run / workspace.list("receipts/decide", ".parquet")[0]).unlink()
    table = workspace.list("receipts/measure", ".parquet")[0]
    (run / table).write_bytes((run / table).read_bytes()[:-9])
    assert "1 units were worked again" in " ".join(build().split())
    assert connected == [1]
    assert (run / "lock.json").read_bytes() == lock and verify_run(workspace).findings == ()
