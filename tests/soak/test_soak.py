"""The tools of `make soak`: what is kept is found, what differs by chance isn't; texts are new and equal for equal seeds."""

from __future__ import annotations

import random
import subprocess
import sys
import tarfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.soak.judgement import Verdict, trend
from tests.soak.report import Log, report
from tests.soak.texts import Maker, Pools, make_round
from tests.soak.watch import IDLE, Watch

POOLS = Pools(
    english=[
        f"The {number} orchards of the valley carry pears in every year but the dry ones." for number in range(50)
    ],
    chinese=[f"第{number}条　国家保护公民的合法权益，任何组织或者个人不得侵犯。" for number in range(50)],
    code=[f"def carry_{number}(pears):\n    return pears * {number}" for number in range(50)],
    talks=[[("How many pears?", "Seven.")], [("And in a dry year?", "None at all."), ("Why?", "For want of rain.")]],
)


def test_what_grows_is_told_from_what_differs_by_chance() -> None:
    dice = random.Random(5)
    noise = [dice.gauss(0, 4) for _ in range(20)]
    assert trend([100 + off for off in noise]).verdict is Verdict.FLAT
    assert trend([100 + off + 2 * place for place, off in enumerate(noise)]).verdict is Verdict.RISES
    assert trend([100 + off - 2 * place for place, off in enumerate(noise)]).verdict is Verdict.FALLS
    assert trend([100 + 30 * off for off in noise]).verdict is Verdict.UNCLEAR
    assert trend([900, 100, 100, 100, 100]).verdict is Verdict.FLAT  # the first is the warm-up
    assert trend([100, 100, 200]).verdict is Verdict.UNCLEAR


def test_an_interval_holds_the_slope_as_often_as_it_says() -> None:
    dice = random.Random(7)
    held = 0
    for _ in range(400):
        found = trend([10 + 0.5 * place + dice.gauss(0, 1) for place in range(12)])
        held += found.low <= 0.5 <= found.high
    assert 0.92 < held / 400 < 0.98


@pytest.mark.parametrize("leaks", [False, True])
def test_a_process_that_keeps_what_it_was_given_is_found(tmp_path: Path, leaks: bool) -> None:
    """One of its own, looked at over rounds in which 4 MB are kept each time, or aren't."""
    keeps = "import sys\nkept = []\nfor line in sys.stdin:\n    kept += [b'x' * (1 << 22)] * (line == 'keep\\n')\n    print(flush=True)"
    quiet: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}
    with (
        psutil.Popen([sys.executable, "-c", keeps], **quiet) as process,
        Watch(tmp_path / "log", lambda: {"worker-0": process}) as watch,
    ):
        for number in range(8):
            watch.begin(number, "ingest")
            process.stdin.write("keep\n" if leaks else "go on\n")
            process.stdout.readline()
            watch.begin(number, IDLE)
            watch.note(status=0, text=1 << 20, documents=10)
        process.stdin.close()
    page, wrong = report(Log.read(tmp_path / "log"))
    rising = [line for line in page.splitlines() if "memory" in line and "**rises**" in line]
    assert bool(rising) is leaks, page
    assert wrong or not leaks


def test_a_round_that_fails_and_a_worker_that_dies_are_told(tmp_path: Path) -> None:
    processes = {"worker-0": psutil.Process()}
    with Watch(tmp_path / "log", lambda: processes) as watch:
        for number in range(4):
            watch.begin(number, IDLE)
            watch.note(status=int(number == 2), text=1 << 20, documents=10)
    page, wrong = report(Log.read(tmp_path / "log"))
    assert wrong and "round 2 ended with status 1" in page and "in 3 rounds" in page
    with Watch(tmp_path / "log", lambda: {"worker-0": psutil.Process().parent() or psutil.Process(1)}) as watch:
        watch.begin(1, IDLE)
    assert "{'worker-0': 2}" in report(Log.read(tmp_path / "log"))[0]


def test_a_round_is_made_again_by_its_seed_and_no_two_are_alike(tmp_path: Path) -> None:
    sizes = [make_round(tmp_path / name, POOLS, seed, 400_000) for name, seed in (("a", 1), ("again", 1), ("b", 2))]
    files = [sorted(path for path in (tmp_path / name).rglob("*") if path.is_file()) for name in ("a", "again", "b")]
    contents = [[path.read_bytes() for path in found] for found in files]
    assert contents[0] == contents[1] and not set(contents[0]) & set(contents[2])
    assert all(400_000 <= size < 450_000 for size in sizes)
    with tarfile.open(next(path for path in files[0] if path.name.endswith(".tar.gz"))) as package:
        names = package.getnames()
    assert any(name.endswith("LICENSE") for name in names) and any(name.endswith(".py") for name in names)


def test_documents_are_near_to_none_but_those_that_are_meant() -> None:
    maker = Maker(POOLS, 3)
    documents = [maker.english() for _ in range(400)]
    alike = sum(len(set(before) & set(after)) > 0.7 * len(after) for before, after in pairwise(documents))
    assert 0.02 < alike / 400 < 0.15
    assert len({line for document in documents for line in document}) > 0.9 * sum(map(len, documents))
