"""The tools of `make chaos`: the power failure's own dice, runs that are forked, and what the table counts."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

from tests.chaos.faults import FAULTS
from tests.chaos.power import Journal, lose_power
from tests.chaos.starter import start
from tests.chaos.trials import NONE, OTHER_BYTES, Trial, table


def test_what_was_flushed_stays_and_what_was_not_may_go(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    whole, half = run / "whole", run / "half"
    for path in (whole, half):
        path.write_bytes(b"x" * 100)
    found = whole.stat()
    lines = [f"sync\t{found.st_dev}\t{found.st_ino}\t100", f"name\t{run}/whole.tmp\t{whole}", f"folder\t{run}"]
    (tmp_path / "journal").write_text("\n".join(lines) + "\n")
    cut = 0
    for seed in range(20):
        half.write_bytes(b"x" * 100)
        cut += lose_power(run, Journal.read(tmp_path / "journal"), random.Random(seed)).cut
        assert whole.read_bytes() == b"x" * 100
    assert 0 < cut < 20


def test_a_name_that_no_folder_vouches_for_may_be_undone(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (tmp_path / "journal").write_text(f"name\t{run}/a.tmp\t{run}/a\n")
    undone = 0
    for seed in range(20):
        (run / "a").write_bytes(b"")
        undone += lose_power(run, Journal.read(tmp_path / "journal"), random.Random(seed)).names
        assert (run / "a").exists() != (run / "a.tmp").exists()
        (run / "a.tmp").unlink(missing_ok=True)
    assert 0 < undone < 20


def test_the_journal_of_a_process_tells_what_it_made_sure_of(tmp_path: Path) -> None:
    """By Winnow's own writer: everything that it leaves is safe."""
    script = "import sys; from winnow.stages.run.workspace import Workspace; Workspace(sys.argv[1]).write_bytes('a/b', b'x' * 10)"
    shim = Path(__file__).parent / "shim"
    search = os.pathsep.join([str(shim), *sys.path])
    environment = {**os.environ, "PYTHONPATH": search, "CHAOS_JOURNAL": str(tmp_path / "journal")}
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "run")], check=True, env=environment)
    journal = Journal.read(tmp_path / "journal")
    found = (tmp_path / "run" / "a" / "b").stat()
    assert journal.flushed[found.st_dev, found.st_ino] == 10
    assert journal.names == {}
    before = sorted(path.relative_to(tmp_path) for path in (tmp_path / "run").rglob("*"))
    journal.made.clear()  # that of the folder `a` is another matter: a receipt whose file is gone is worked again
    for seed in range(10):
        lose_power(tmp_path / "run", journal, random.Random(seed))
    assert sorted(path.relative_to(tmp_path) for path in (tmp_path / "run").rglob("*")) == before
    shutil.rmtree(tmp_path / "run")


def test_a_forked_run_ends_as_a_program_of_its_own_does(tmp_path: Path) -> None:
    for arguments in (["rnu"], ["status", str(tmp_path / "nothing")]):
        alone = subprocess.run(
            [sys.executable, "-m", "winnow.pipeline.cli", *arguments], capture_output=True, text=True
        )
        forked = start(arguments, tmp_path / "log")
        assert forked.wait(600) == alone.returncode
        assert (tmp_path / "log").read_text().splitlines()[-1:] == (alone.stdout + alone.stderr).splitlines()[-1:]


def test_a_forked_run_keeps_to_the_limits_and_the_shim_of_its_trial(tmp_path: Path) -> None:
    (tmp_path / "shim.py").write_text(f"open({str(tmp_path / 'shown')!r}, 'w').write('shown')\n")
    forked = start(["--version"], tmp_path / "log", limits=lambda: os._exit(7))
    assert forked.wait(600) == 7
    assert start(["--version"], tmp_path / "log", {"SEEN": "1"}, shim=tmp_path / "shim.py").wait(600) == 0
    assert (tmp_path / "shown").read_text() == "shown" and "SEEN" not in os.environ


def test_the_table_tells_what_became_of_the_runs_of_each_fault() -> None:
    fault, other = list(FAULTS)[:2]
    trials = [
        Trial(fault, -9, 1.0, "", run="1/0"),
        Trial(other, 0, 1.0, "", run="1/0", equal=True),
        Trial(fault, 2, 1.0, "the disk is full", run="1/1"),
        Trial(fault, 0, 1.0, "", f"{OTHER_BYTES}: ['lock.json']", run="1/1"),
        Trial(NONE, 0, 1.0, "", run="1/2", equal=True),
    ]
    lines = table(trials).splitlines()
    assert lines[2] == f"| {fault} | 3 | 1 | 1 | 1 | 1 | 0 | 0 | 1 | 0 |"
    assert lines[3] == f"| {other} | 1 | 1 | 1 | 0 | 0 | 0 | 0 | 0 | 0 |"
    assert lines[4].startswith("| **all** | 4 | 2 |") and lines[-1] == "3 runs, 2 of them at their end and equal."
