"""The short form of `make chaos`: a run begun by an earlier one and disturbed near its end, and the power failure's own dice."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

from tests.chaos.power import Journal, lose_power


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
    import subprocess
    import sys

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
