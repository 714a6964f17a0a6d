"""Trials: a run that is disturbed again and again, until it ends; then every byte is compared with a run that wasn't."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from difflib import unified_diff
from pathlib import Path
from typing import Protocol

from tests.chaos.faults import FAULTS, Attempt, Hung
from tests.pipeline.conftest import SmallRun, make_small_run

KEPT_PAGES = ("difflib", "statistics", "textwrap", "heapq")
KEPT_PACKAGES = ("json",)
MOST_FAULTS = 12  # of one run, which then may end
OWN = (".running",)  # of the run's, beside what it makes


MISSING, LEFT_OVER, OTHER_BYTES = "missing", "left over", "other bytes"
NONE = "none, after those before"


@dataclass(frozen=True)
class Trial:
    """One fault, how the run ended, and what was wrong with it: a hang, a traceback, other bytes. Empty is well."""

    fault: str
    status: int
    seconds: float
    told: str
    wrong: str = ""
    equal: bool = False  # the run came to its end, and every file and byte was an undisturbed one's
    run: str = ""  # seed and number: the trials of one run follow each other
    profile: str = "small"
    commit: str = ""


class Disturbed(Protocol):
    """What is run: anything that says its command."""

    def command(self, out: Path, *options: str) -> list[str]: ...


@dataclass(frozen=True)
class Stage:
    """A manifest of the project's own with the sample, whose files lie in `data` of the checkout."""

    name: str

    def command(self, out: Path, *options: str) -> list[str]:
        asked = ("--stage", self.name, "--profile", "sample", "--out", str(out), *options)
        return [sys.executable, "-m", "winnow.pipeline.cli", "run", *asked]


@dataclass
class Chaos:
    """Trials in a folder. `reference` is what a run leaves that nobody disturbed."""

    folder: Path
    seed: int
    small: Disturbed
    reference: Path
    workers: int = 2
    faults: Sequence[str] = tuple(FAULTS)
    profile: str = "small"
    commit: str = ""
    forked: bool = False
    each: bool = False  # every fault once before one is drawn again
    _waiting: list[str] = field(default_factory=list)

    def trials(self, count: int, begun: Path | None = None) -> Iterator[Trial]:
        """So many of them. `begun`: what lies in the folder of each run at first."""
        done = 0
        number = 0
        while done < count:
            out = self.folder / f"run-{number}"
            if begun is not None:
                shutil.copytree(begun, out)
            name = f"{self.seed}/{number}"
            for trial in self._campaign(out, random.Random(name), count - done):
                done += trial.fault != NONE
                yield replace(trial, run=name, profile=self.profile, commit=self.commit)
            shutil.rmtree(out)
            number += 1

    def _campaign(self, out: Path, dice: random.Random, most: int) -> Iterator[Trial]:
        for _ in range(min(MOST_FAULTS, most)):
            trial = self._trial(self._drawn(dice), out, dice)
            if trial.status == 0 and not trial.wrong:
                wrong = self.difference(out)
                yield replace(trial, wrong=wrong, equal=not wrong)
                return
            yield trial
        begun = time.monotonic()
        last = self._attempt(out, dice)
        last.start()
        status = last.finish()
        wrong = self.difference(out) if status == 0 else last.log.read_text("utf-8", "replace")
        yield Trial(NONE, status, round(time.monotonic() - begun, 1), "", wrong, equal=not wrong)

    def _drawn(self, dice: random.Random) -> str:
        if self.each and not self._waiting:
            self._waiting = dice.sample(list(self.faults), len(self.faults))
        if self._waiting:
            return self._waiting.pop()
        return dice.choices(list(self.faults), [FAULTS[name][0] for name in self.faults])[0]

    def _attempt(self, out: Path, dice: random.Random) -> Attempt:
        finished = [path for path in self.reference.rglob("*") if path.is_file()]
        command = self.small.command(out, "--workers", str(self.workers))
        return Attempt(command, out, self.folder / "log", dice, finished, forked=self.forked)

    def _trial(self, name: str, out: Path, dice: random.Random) -> Trial:
        attempt = self._attempt(out, dice)
        attempt.before = {
            str(path): (found.st_ino, found.st_size)
            for path in (out.rglob("*") if out.exists() else ())
            if path.is_file() and (found := path.stat())
        }
        begun = time.monotonic()
        status, wrong = 0, ""
        try:
            status = FAULTS[name][1](attempt)
        except Hung as hung:
            wrong = f"hung: {hung}"
        finally:
            if attempt.process is not None:
                attempt.kill()
        said = attempt.log.read_text("utf-8", "replace") if attempt.log.exists() else ""
        if any(sign in said for sign in ("Traceback (most recent call last)", "Fatal Python error", "panicked at")):
            wrong = f"{wrong}\n{said}".strip()
        last = " ".join(said.split())[-160:] if status > 0 else ""
        return Trial(name, status, round(time.monotonic() - begun, 1), attempt.told or last, wrong)

    def difference(self, out: Path) -> str:
        """In what a finished run differs from the one that nobody disturbed: files, bytes, or nothing."""
        expected, found = _files(self.reference), _files(out)
        if missing := sorted(expected - found):
            return f"{MISSING}: {missing[:5]}"
        if more := sorted(found - expected):
            return f"{LEFT_OVER}: {more[:5]}"
        same = ["lock.json", *sorted(name for name in expected if name.endswith(".parquet"))]
        other = [name for name in same if (out / name).read_bytes() != (self.reference / name).read_bytes()]
        return f"{OTHER_BYTES}: {other[:5]}\n{self._lines(out)}" if other else ""

    def _lines(self, out: Path) -> str:
        """The lines in which the lock differs: they tell where to look."""
        before, after = ((folder / "lock.json").read_text().splitlines() for folder in (self.reference, out))
        return "\n".join(list(unified_diff(before, after, "undisturbed", "disturbed", lineterm="", n=2))[:40])


def smallest_run(folder: Path, workers: int = 2) -> tuple[SmallRun, Path]:
    """The inputs of a run of some seconds, and what it leaves that nobody disturbed; taken as they are where they lie
    there already."""
    inputs, reference = folder / "inputs", folder / "reference"
    if (reference / "seal.json").exists():
        return SmallRun(inputs, inputs / "data"), reference
    small = make_small_run(inputs)
    for kept, pattern in ((KEPT_PAGES, "pages/*.html"), (KEPT_PACKAGES, "packages/*.tar.gz")):
        for path in small.data.glob(pattern):
            if not path.name.startswith(kept):
                path.unlink()
    result = small.run(reference, "--workers", str(workers))
    assert result.returncode == 0, result.stdout + result.stderr
    return small, reference


def stage_run(folder: Path, name: str, workers: int = 2) -> tuple[Stage, Path]:
    """A stage with the sample, and what it leaves that nobody disturbed; taken as it is where it lies there already."""
    stage, reference = Stage(name), folder / "reference"
    if not (reference / "seal.json").exists():
        subprocess.run(stage.command(reference, "--workers", str(workers)), check=True)
    return stage, reference


def begun_before(finished: Path, target: Path, step: str) -> None:
    """A copy of a finished run as it was before this step: without what it and those after it left."""
    shutil.copytree(finished, target)
    steps = json.loads((target / "plan.json").read_text())["steps"]
    for later in steps[steps.index(step) :]:
        for receipt in (target / "receipts" / later).glob("*.json"):
            for written in json.loads(receipt.read_text())["outputs"]:
                (target / written["path"]).unlink(missing_ok=True)
        shutil.rmtree(target / "receipts" / later, ignore_errors=True)
    for name in ("lock.json", "seal.json", "report.html"):
        (target / name).unlink(missing_ok=True)


def _files(root: Path) -> set[str]:
    found = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    return {name for name in found if name not in OWN and not name.startswith("environments/")}


COLUMNS: dict[str, Callable[[Trial], bool]] = {
    "went on to its end": lambda trial: trial.status == 0,
    "ended with a sentence": lambda trial: trial.status > 0,
    "killed": lambda trial: trial.status < 0,
    "lost": lambda trial: trial.wrong.startswith(MISSING),
    "left over": lambda trial: trial.wrong.startswith(LEFT_OVER),
    "undetected": lambda trial: trial.wrong.startswith(OTHER_BYTES),
    "hung, traceback": lambda trial: (
        bool(trial.wrong) and not trial.wrong.startswith((MISSING, LEFT_OVER, OTHER_BYTES))
    ),
}


def table(trials: Sequence[Trial]) -> str:
    """The trials by fault, in Markdown.

    A run is disturbed until it comes to its end; "same lock" counts the trials of runs that were then equal to an
    undisturbed one in every file and byte.
    """
    ended = {(trial.profile, trial.run) for trial in trials if trial.equal}
    names = [name for name in FAULTS if any(trial.fault == name for trial in trials)]
    rows = [(name, [trial for trial in trials if trial.fault == name]) for name in names]
    rows.append(("**all**", [trial for trial in trials if trial.fault in FAULTS]))
    lines = [f"| fault | trials | same lock | {' | '.join(COLUMNS)} |", "|---|" + "--:|" * (2 + len(COLUMNS))]
    for name, own in rows:
        same = sum((trial.profile, trial.run) in ended for trial in own)
        counts = (sum(map(holds, own)) for holds in COLUMNS.values())
        lines.append(f"| {name} | {len(own)} | {same} | {' | '.join(map(str, counts))} |")
    begun = {(trial.profile, trial.run) for trial in trials}
    return "\n".join([*lines, "", f"{len(begun)} runs, {len(ended)} of them at their end and equal."])


def write(path: Path, trial: Trial) -> None:
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(trial.__dict__, ensure_ascii=False) + "\n")


def read(path: Path) -> list[Trial]:
    return [Trial(**json.loads(line)) for line in path.read_text("utf-8").splitlines()]


def faults_here() -> list[str]:
    """Those that this machine lets us do: mounts need rights, a false clock its library."""
    from tests.chaos.faults import FAKETIME

    names = list(FAULTS)
    mounts = subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode == 0
    if not mounts:
        names = [name for name in names if name not in ("full disk", "read-only from a moment on", "TMPDIR full")]
    return names if FAKETIME.exists() else [name for name in names if not name.startswith("clock")]
