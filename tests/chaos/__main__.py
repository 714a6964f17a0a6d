"""`make chaos`: disturbs a small run again and again; says what was done and what was wrong. Status 1 where anything was."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.faults import FAULTS
from tests.chaos.trials import Chaos, faults_here, smallest_run, table, write


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--trials", type=int, default=100)
    options.add_argument("--seconds", type=float, default=float("inf"), help="begin none after so many")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--fault", action="append", choices=list(FAULTS), help="these alone")
    options.add_argument("--log", type=Path, default=Path("runs/chaos.jsonl"))
    asked = options.parse_args()
    asked.log.parent.mkdir(parents=True, exist_ok=True)
    faults = asked.fault or faults_here()
    done = []
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        small, reference = smallest_run(Path(folder))
        for trial in Chaos(Path(folder), asked.seed, small, reference, faults=faults).trials(asked.trials):
            done.append(trial)
            write(asked.log, trial)
            print(
                f"{len(done):4} {trial.fault}: {trial.status}, {trial.seconds} s {trial.told}\n{trial.wrong}".rstrip(),
                flush=True,
            )
            if time.monotonic() - begun > asked.seconds:
                break
    print(table(done))
    return int(any(trial.wrong for trial in done))


if __name__ == "__main__":
    sys.exit(main())
