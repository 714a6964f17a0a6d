"""`make chaos`: disturbs a small run again and again; says what was done and what was wrong. Status 1 where anything was.

python -m tests.chaos --profile mid --trials 20 --each --deadline 1800      a stage with the sample, each fault once
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos import faults
from tests.chaos.starter import load
from tests.chaos.trials import Chaos, Disturbed, faults_here, read, smallest_run, stage_run, table, write

SMALL = "small"
STAGES = ("pretrain", "domain", "mid", "sft", "rl")


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument(
        "--profile", default=SMALL, choices=[SMALL, *STAGES], help="a small run, or a stage with the sample (by --cold)"
    )
    options.add_argument("--each", action="store_true", help="each fault once before one is drawn again")
    options.add_argument("--trials", type=int, default=100)
    options.add_argument("--seconds", type=float, default=float("inf"), help="begin none after so many")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--fault", action="append", choices=list(faults.FAULTS), help="these alone")
    options.add_argument(
        "--log", type=Path, default=Path("runs/chaos.jsonl"), help="a line of JSON for each trial is added"
    )
    options.add_argument(
        "--deadline", type=float, default=faults.DEADLINE, help="seconds after which a run is taken for hung"
    )
    options.add_argument("--base", type=Path, help="a folder that keeps inputs and undisturbed run for the next time")
    options.add_argument("--cold", action="store_true", help="start each run as a program of its own (slow)")
    options.add_argument(
        "--table", type=Path, nargs="+", metavar="LOG", help="print the table of these logs, try nothing"
    )
    asked = options.parse_args()
    if asked.table:
        print(table([trial for log in asked.table for trial in read(log)]))
        return 0
    faults.DEADLINE = asked.deadline
    asked.log.parent.mkdir(parents=True, exist_ok=True)
    wrong = 0
    begun = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))  # no TemporaryDirectory: forked runs would remove it as they end
    try:
        run: Disturbed
        if asked.profile == SMALL:
            run, reference = smallest_run(asked.base or folder)
        else:
            run, reference = stage_run(asked.base or folder, asked.profile)
        forked = asked.profile == SMALL and not asked.cold
        if forked:
            load(run.command(folder / "loaded")[3:])
        chaos = Chaos(
            folder,
            asked.seed,
            run,
            reference,
            profile=asked.profile,
            each=asked.each,
            faults=asked.fault or faults_here(),
            commit=_commit(),
            forked=forked,
        )
        for number, trial in enumerate(chaos.trials(asked.trials), 1):
            wrong += bool(trial.wrong)
            write(asked.log, trial)
            print(
                f"{number:4} {trial.fault}: {trial.status}, {trial.seconds} s {trial.told}\n{trial.wrong}".rstrip(),
                flush=True,
            )
            if time.monotonic() - begun > asked.seconds:
                break
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(table(read(asked.log)))
    return int(wrong > 0)


def _commit() -> str:
    return subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
