"""Inputs that change between two runs or while one reads them: noticed, whatever the clock of the file says."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from winnow.pipeline.planning.parts import changed_since
from winnow.stages.run.inventory import TakeInventory, change_mark
from winnow.stages.run.unit import Place, Unit

if TYPE_CHECKING:
    from conftest import SmallRun


def taken(path: Path) -> Unit[TakeInventory]:
    return Unit(name="input", asked=TakeInventory(path="input", place=Place(str(path)), **change_mark(str(path))))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "input").mkdir()
    for name, text in (("a.txt", "one"), ("b.txt", "two")):
        (tmp_path / "input" / name).write_text(text)
    return tmp_path / "input"


def test_an_input_that_nobody_touches_is_as_it_was(folder: Path) -> None:
    unit = taken(folder)
    (folder / "a.txt").read_text()
    assert changed_since([unit]) == []


def test_a_file_renamed_within_a_folder_is_noticed(folder: Path) -> None:
    unit = taken(folder)
    (folder / "b.txt").rename(folder / "c.txt")
    assert changed_since([unit]) == ["input"]


def test_two_files_that_trade_names_are_noticed(folder: Path) -> None:
    unit = taken(folder)
    for source, target in (("a.txt", "x"), ("b.txt", "a.txt"), ("x", "b.txt")):
        (folder / source).rename(folder / target)
    assert changed_since([unit]) == ["input"]


def test_other_bytes_of_the_same_size_with_their_time_set_back_are_noticed(folder: Path) -> None:
    unit, file = taken(folder), folder / "a.txt"
    found = file.stat()
    time.sleep(0.02)  # the clock of a file system ticks every few milliseconds
    file.write_text("eno")
    os.utime(file, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert file.stat().st_mtime_ns == found.st_mtime_ns
    assert changed_since([unit]) == ["input"]


def test_an_input_that_is_gone_is_noticed(folder: Path) -> None:
    unit = taken(folder)
    shutil.rmtree(folder)
    assert changed_since([unit]) == ["input"]


def test_a_run_whose_input_changes_while_it_reads_says_so_and_the_next_is_whole(
    small_run: SmallRun, tmp_path: Path
) -> None:
    own = small_run.made_again(tmp_path / "own")
    out = tmp_path / "run"
    log = tmp_path / "log"
    command = own.command(out, "--workers", "1", "--until", "ingest")
    process = subprocess.Popen(command, stdout=log.open("wb"), stderr=subprocess.STDOUT)
    while process.poll() is None and not any((out / "receipts" / "inventory").glob("*.json")):
        time.sleep(0.01)
    page = own.data / "pages" / "heapq.html"
    page.write_text(page.read_text("utf-8").replace("heap", "heat"), "utf-8")
    assert process.wait() == 2
    said = " ".join(log.read_text().split())
    assert "pages/heapq.html changed while this run read it" in said and "Traceback" not in said
    assert own.run(out, "--workers", "1", "--until", "ingest").returncode == 0
    fresh = own.run(tmp_path / "fresh", "--workers", "1", "--until", "ingest")
    assert fresh.returncode == 0, fresh.stdout + fresh.stderr
    documents = [sorted((root / "documents").glob("*.parquet")) for root in (out, tmp_path / "fresh")]
    assert [path.read_bytes() for path in documents[0]] == [path.read_bytes() for path in documents[1]]
