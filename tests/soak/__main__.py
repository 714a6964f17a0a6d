"""`make soak`: gigabytes through all passes, round after round, by workers that live through all of them.

Each round is `winnow run` over inputs of its own (`texts.py`, `run.py`), whose files go when it has ended; the workers are
those that a run starts, under one scheduler. Says whether memory, handles, threads and the processor time of each step are
the same from the second round to the last (`judgement.py`). Status 1 where one isn't, a round failed or a worker died.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.soak.report import Log, report
from tests.soak.run import configure
from tests.soak.texts import Pools, make_round
from tests.soak.watch import IDLE, Watch

DATA = Path("data")


@dataclass
class Soak:
    """The processes of a soak, and how a round is run."""

    folder: Path
    data: Path
    cluster: psutil.Popen
    address: str
    driver: psutil.Popen | None = None

    def roles(self) -> dict[str, psutil.Process]:
        found: dict[str, psutil.Process] = {"cluster": psutil.Process(self.cluster.pid)}
        with suppress(psutil.Error):
            workers = [
                child for child in self.cluster.children(recursive=True) if "spawn_main" in " ".join(child.cmdline())
            ]
            found |= {
                f"worker-{place}": worker for place, worker in enumerate(sorted(workers, key=lambda one: one.pid))
            }
        if self.driver is not None:
            found["driver"] = psutil.Process(self.driver.pid)
        return found

    def round(self, watch: Watch, number: int, pools: Pools, seed: int, size: int) -> bool:
        """Makes the inputs of a round and runs it; whether it came to its end."""
        place = self.folder / f"round-{number}"
        shutil.rmtree(place, ignore_errors=True)
        make_round(place / "inputs", pools, seed, size)
        options = configure(place, self.data, size)
        command = [sys.executable, "-m", "winnow.pipeline.cli", "run", *options, "--scheduler", self.address]
        output = place / "output"
        counts = {"text": 0, "documents": 0}
        with output.open("w") as kept:
            self.driver = psutil.Popen(
                [*command, "--log-format", "json"], stdout=subprocess.PIPE, stderr=kept, text=True
            )
            assert self.driver.stdout is not None
            for line in self.driver.stdout:
                kept.write(line)
                event = _event(line)
                if event.get("event") == "step":
                    watch.begin(number, event["step"])
                elif event.get("event") == "unit" and event["step"] == "ingest":
                    counts["text"] += event["counts"].get("bytes", 0)
                    counts["documents"] += event["counts"].get("documents", 0)
            status = self.driver.wait()
        self.driver = None
        watch.begin(number, IDLE)
        time.sleep(5)
        watch.look()
        bytes_of_run = sum(path.stat().st_size for path in (place / "run").rglob("*") if path.is_file())
        watch.note(status=status, size=size, run=bytes_of_run, **counts)
        if status == 0:
            shutil.rmtree(place)
        else:
            print(output.read_text()[-4000:], flush=True)
        return status == 0


def _event(line: str) -> dict[str, Any]:
    with suppress(ValueError):
        found = json.loads(line)
        return found if isinstance(found, dict) else {}
    return {}


@contextmanager
def started(folder: Path, data: Path, workers: int) -> Iterator[Soak]:
    cluster = psutil.Popen(
        [sys.executable, "-m", "tests.soak.cluster", str(workers)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        address = cluster.stdout.readline().strip()
        if not address:
            sys.exit("the workers didn't come up")
        yield Soak(folder, data, cluster, address)
    finally:
        with suppress(psutil.Error, subprocess.TimeoutExpired):
            cluster.stdin.close()
            cluster.wait(60)
        with suppress(psutil.Error):
            cluster.kill()


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--gigabytes", type=float, default=20.0, help="of text, over all rounds")
    options.add_argument("--rounds", type=int, default=20)
    options.add_argument(
        "--hours", type=float, default=1.0, help="go on for so long, even where the text is through before"
    )
    options.add_argument("--until", type=float, default=24.0, help="begin no round after so many hours")
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--data", type=Path, default=DATA, help="the sample's files: `winnow fetch --profile sample`")
    options.add_argument("--folder", type=Path, default=Path("runs/soak"), help="of rounds and log")
    options.add_argument("--report", type=Path, metavar="LOG", help="print what this log tells, run nothing")
    asked = options.parse_args()
    if asked.report is None:
        soak(asked)
    page, wrong = report(Log.read(asked.report or asked.folder / "log.jsonl"))
    print(page)
    return int(wrong)


def soak(asked: argparse.Namespace) -> None:
    asked.folder.mkdir(parents=True, exist_ok=True)
    log = asked.folder / "log.jsonl"
    log.unlink(missing_ok=True)
    size = int(asked.gigabytes * 1e9 / asked.rounds)
    pools = Pools.of(asked.data)
    begun = time.monotonic()
    with started(asked.folder.resolve(), asked.data.resolve(), asked.workers) as soak, Watch(log, soak.roles) as watch:
        number = 0
        while number < asked.rounds or time.monotonic() - begun < asked.hours * 3600:
            if time.monotonic() - begun > asked.until * 3600:
                break
            well = soak.round(watch, number, pools, asked.seed * 1000 + number, size)
            print(f"round {number}: {'done' if well else 'failed'} after {time.monotonic() - begun:,.0f} s", flush=True)
            number += 1


if __name__ == "__main__":
    sys.exit(main())
