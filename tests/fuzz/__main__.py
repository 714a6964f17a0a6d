"""`make fuzz`: every parser fed with harmed files, led by coverage; says what was found. Status 1 where anything was.

What is seen of interest is kept under `build/fuzz/seen`, so that the next hour goes on from there; what was found lies
under `build/fuzz/found`, an input and its traceback each.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from pathlib import Path

from tests.fuzz.sound import SOUND

FOUND = Path(__file__).parents[2] / "build" / "fuzz" / "found"
NAMES = (*SOUND, "measures", "tokens")
SPEED = re.compile(r"#(\d+).*?cov: (\d+)")


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("targets", nargs="*", help=f"of {', '.join(NAMES)}; all when none is named")
    options.add_argument("--seconds", type=float, default=600, help="for all of them together")
    asked = options.parse_args()
    names = asked.targets or list(NAMES)
    if unknown := set(names) - set(NAMES):
        options.error(f"no such target: {', '.join(sorted(unknown))}")
    before = set(FOUND.glob("*")) if FOUND.exists() else set()
    for name in names:
        end = time.monotonic() + asked.seconds / len(names)
        inputs, covered = 0, 0
        while (left := int(end - time.monotonic())) > 0 or not inputs:
            result = subprocess.run(
                [sys.executable, "-m", "tests.fuzz.one", name, f"-max_total_time={max(left, 1)}"],
                capture_output=True,
                text=True,
                errors="replace",
            )
            steps = [(int(count), int(seen)) for count, seen in SPEED.findall(result.stderr)]
            if not steps:
                print(result.stdout, result.stderr, sep="\n", flush=True)
                return 2
            inputs, covered = inputs + steps[-1][0], max(covered, steps[-1][1])
        found = sorted(path.name for path in set(FOUND.glob(f"{name}-*")) - before if path.suffix != ".traceback")
        print(f"{name:18} {inputs:9,} inputs, {covered:6,} edges{' · '.join(['', *found])}", flush=True)
    new = [path for path in FOUND.glob("*") if path not in before] if FOUND.exists() else []
    return int(bool(new))


if __name__ == "__main__":
    sys.exit(main())
