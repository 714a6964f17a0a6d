"""Kill -9 anywhere, any number of workers, another folder: the finished run is the same, byte for byte."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

if TYPE_CHECKING:
    from conftest import SmallRun

DEADLINE = 120.0
KILLED_AFTER = (
    "ingest",
    "measure",
    "decide",
    "deduplicate.exact.hash",
    "deduplicate.minhash.sign",
    "deduplicate.minhash.verify",
    "decontaminate.match",
    "sample",
    "tokenizer",
    "repositories.read",
    "repositories.order",
    "encode",
    "histogram",
    "scatter",
    "pack",
)


def lock(run: Path) -> bytes:
    return (run / "lock.json").read_bytes()


def wait_for_first_receipt(process: subprocess.Popen[bytes], folder: Path) -> None:
    """Until a unit of the step is committed, or the run ends; then the others are in flight."""
    deadline = time.monotonic() + DEADLINE
    while process.poll() is None and not (folder.is_dir() and any(folder.glob("*.json"))):
        assert time.monotonic() < deadline, f"no unit was finished in {folder}"
        time.sleep(0.01)


@pytest.mark.slow
def test_killed_in_each_step_and_resumed_it_gives_the_same_lock(
    small_run: SmallRun, finished: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    for step in KILLED_AFTER:
        process = subprocess.Popen(
            small_run.command(out, "--workers", "2"),
            stdout=(tmp_path / "log").open("wb"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        wait_for_first_receipt(process, out / "receipts" / step)
        assert process.poll() is None, f"ended before {step}: {(tmp_path / 'log').read_text()}"
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert not (out / "lock.json").exists()
    result = small_run.run(out, "--workers", "2")
    assert result.returncode == 0, result.stdout + result.stderr
    assert lock(out) == lock(finished)


def test_a_worker_killed_in_each_stage_costs_nothing_but_time(
    small_run: SmallRun, finished: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    process = subprocess.Popen(
        small_run.command(out, "--workers", "2"), stdout=(tmp_path / "log").open("wb"), stderr=subprocess.STDOUT
    )
    killed = 0
    for step in ("ingest", "measure", "deduplicate.minhash.verify", "encode", "scatter"):
        wait_for_first_receipt(process, out / "receipts" / step)
        workers = [child for child in psutil.Process(process.pid).children() if "spawn_main" in str(child.cmdline())]
        if workers:
            workers[0].kill()
            killed += 1
    assert process.wait(DEADLINE) == 0, (tmp_path / "log").read_text()
    assert killed >= 3, "the run went by faster than its workers could be killed"
    assert lock(out) == lock(finished)


def test_three_workers_give_the_lock_of_one(small_run: SmallRun, finished: Path, tmp_path: Path) -> None:
    result = small_run.run(tmp_path / "run", "--workers", "3")
    assert result.returncode == 0, result.stdout + result.stderr
    assert lock(tmp_path / "run") == lock(finished)


def test_inputs_in_another_folder_give_the_same_lock(small_run: SmallRun, finished: Path, tmp_path: Path) -> None:
    result = small_run.made_again(tmp_path / "elsewhere").run(tmp_path / "run")
    assert result.returncode == 0, result.stdout + result.stderr
    assert lock(tmp_path / "run") == lock(finished)


def test_a_finished_run_is_not_worked_again(small_run: SmallRun, finished: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*.parquet")}
    result = small_run.run(finished)
    assert result.returncode == 0
    assert "Dask dashboard" not in result.stdout
    assert {path: path.stat().st_mtime_ns for path in finished.rglob("*.parquet")} == before


def test_a_changed_threshold_decides_anew_without_reading_text_again(
    small_run: SmallRun, finished: Path, tmp_path: Path
) -> None:
    threshold = "{recipe: gopher_repetition, kinds: [web], thresholds: {duplicate_lines: {maximum: 0.2}}}"
    changed = small_run.with_manifest(tmp_path / "small", "{recipe: gopher_repetition, kinds: [web]}", threshold)
    out = tmp_path / "run"
    shutil.copytree(finished, out)
    measured = {path: path.stat().st_mtime_ns for path in (out / "attributes").iterdir()}
    result = changed.run(out, "--until", "decide")
    assert result.returncode == 0, result.stdout + result.stderr
    assert {path: path.stat().st_mtime_ns for path in (out / "attributes").iterdir()} == measured


def test_a_group_of_steps_can_be_run_alone(small_run: SmallRun, tmp_path: Path) -> None:
    result = small_run.run(tmp_path / "run", "--until", "deduplicate")
    assert result.returncode == 0, result.stdout + result.stderr
    assert {path.name for path in (tmp_path / "run" / "receipts").iterdir()} == {
        "inventory",
        "ingest",
        "measure",
        "decide",
        *(f"deduplicate.exact.{step}" for step in ("hash", "resolve", "drop")),
        *(f"deduplicate.minhash.{step}" for step in ("sign", "pair", "show", "verify", "choose", "drop")),
    }
    assert small_run.run(tmp_path / "run", "--until", "dedup").returncode == 2
