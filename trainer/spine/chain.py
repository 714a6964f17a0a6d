"""The chain of commands that makes one model, and the ledger of those that are done.

Every link is a command of its own, as a user would type it. One that was interrupted goes on by itself, since runs and
trainings do; one whose inputs have changed since is worked from its beginning; one that is done is left alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from winnow.stages.shards.shard import INDEX
from winnow.trainer.config import TrainingError

LEDGER = "spine.json"
LOCK = "lock.json"
MODELS = "models"
REWARD = "reward"
WINNOW = (sys.executable, "-m", "winnow.pipeline.cli")
TRAIN = (sys.executable, "-m", "winnow.trainer.command")


@dataclass(frozen=True, kw_only=True)
class Spine:
    """What is asked for: the folder, the stages in their order (names or paths of manifests), and how each is worked."""

    out: Path
    stages: tuple[str, ...]
    profile: str
    preset: str
    workers: int | None = None
    reward: tuple[str, ...] = ()  # options of `winnow-train reward`
    grpo: tuple[str, ...] = ()  # and of `winnow-train grpo`

    def run(self, stage: str) -> Path:
        """The folder of a stage's run."""
        return self.out / name_of(stage)

    def model(self, name: str) -> Path:
        """The folder of a stage's training, or of the reward model."""
        return self.out / MODELS / name_of(name)

    def trained(self) -> list[str]:
        """Names of the stages that shards were built of, as far as they are."""
        return [name_of(stage) for stage in self.stages if (self.run(stage) / INDEX).exists()]


@dataclass(frozen=True, kw_only=True)
class Link:
    """One command. `inputs`: files that decide what it leaves in `folder`; a run looks after its inputs itself."""

    name: str
    command: tuple[str, ...]
    folder: Path
    inputs: tuple[Path, ...] | None

    def fingerprint(self) -> str:
        """A digest of the command and its inputs; of a run, of what came of it."""
        found = hashlib.blake2b(json.dumps([self.name, *self.command[3:]]).encode(), digest_size=16)
        for path in self.inputs if self.inputs is not None else (self.folder / LOCK,):
            found.update(path.read_bytes() if path.exists() else b"absent")
        return found.hexdigest()


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What the ledger holds of a link: seconds by the clock and of all processors, over every call that it took."""

    fingerprint: str
    finished: bool = False
    seconds: float = 0.0
    processor_seconds: float = 0.0


class Ledger:
    """`spine.json`: the links by name."""

    def __init__(self, path: Path) -> None:
        self._path = path
        told = json.loads(path.read_text()) if path.exists() else {}
        self.entries = {name: Entry(**entry) for name, entry in told.items()}

    def note(self, name: str, entry: Entry) -> None:
        self.entries[name] = entry
        beside = self._path.with_suffix(".tmp")
        beside.write_text(json.dumps({name: asdict(entry) for name, entry in self.entries.items()}, indent=1) + "\n")
        os.replace(beside, self._path)

    def fingerprint(self) -> str:
        """A digest of what came of all links."""
        told = json.dumps(sorted((name, entry.fingerprint) for name, entry in self.entries.items()))
        return hashlib.blake2b(told.encode(), digest_size=16).hexdigest()


def links(spine: Spine) -> Iterator[Link]:
    """The commands in their order. What follows a run is decided by what the run left: shards, or preferences."""
    after: Path | None = None
    weights: Path | None = None
    for stage in spine.stages:
        run, name = spine.run(stage), name_of(stage)
        options = ["--stage", stage, "--profile", spine.profile, "--out", str(run)]
        options += ["--workers", str(spine.workers)] * (spine.workers is not None)
        options += ["--after", str(after)] * (after is not None)
        yield Link(name=f"{name}: run", command=(*WINNOW, "run", *options), folder=run, inputs=None)
        after = run
        if (run / INDEX).exists():
            yield _training(spine, name, run, weights)
            weights = spine.model(name)
        elif weights is None:
            raise TrainingError(f"{run} holds preferences, and no stage before it trained a model")
        else:
            yield from _alignment(spine, name, run, weights / "huggingface")


def _training(spine: Spine, name: str, run: Path, weights: Path | None) -> Link:
    out = spine.model(name)
    begin = ("--weights", str(weights)) if weights else ("--preset", spine.preset)
    inputs = (run / LOCK, *(_weights(weights / "huggingface") if weights else ()))
    command = (*TRAIN, "train", "--run", str(run), "--out", str(out), *begin)
    return Link(name=f"{name}: training", command=command, folder=out, inputs=inputs)


def _alignment(spine: Spine, name: str, run: Path, model: Path) -> Iterator[Link]:
    given = ("--run", str(run), "--model", str(model))
    judge, out = spine.model(REWARD), spine.model(name)
    judging = (*TRAIN, REWARD, *given, "--out", str(judge), *spine.reward)
    yield Link(name=f"{name}: reward model", command=judging, folder=judge, inputs=(run / LOCK, *_weights(model)))
    rewarding = (*TRAIN, "grpo", *given, "--out", str(out), "--reward-model", str(judge), *spine.grpo)
    inputs = (run / LOCK, *_weights(model), *_weights(judge))
    yield Link(name=f"{name}: GRPO", command=rewarding, folder=out, inputs=inputs)


def _weights(folder: Path) -> tuple[Path, ...]:
    return (folder / "config.json", *sorted(folder.glob("model*.safetensors")))


def work(chain: Iterable[Link], ledger: Ledger, say: Callable[[str], None]) -> None:
    """Works every link that isn't done, one after the other, and notes it.

    Raises `TrainingError` for one that fails; the same call goes on there.
    """
    for link in chain:
        before = ledger.entries.get(link.name)
        entry = Entry(fingerprint=link.fingerprint())
        if before is not None and before.fingerprint == entry.fingerprint:
            entry = before
        if entry.finished and link.inputs is not None:
            say(f"{link.name}: done")
            continue
        if link.inputs is not None and entry is not before:
            shutil.rmtree(link.folder, ignore_errors=True)  # it was made of something else
            ledger.note(link.name, entry)
        say(f"{link.name}: {' '.join(link.command[2:])}")
        seconds, processor_seconds = _call(link)
        now = replace(entry, fingerprint=link.fingerprint(), finished=True)
        if entry.finished and now == entry:
            continue  # a run that found nothing to do
        ledger.note(
            link.name,
            replace(
                now,
                seconds=round(entry.seconds + seconds, 1),
                processor_seconds=round(entry.processor_seconds + processor_seconds, 1),
            ),
        )


def _call(link: Link) -> tuple[float, float]:
    """Seconds by the clock and of all processors, children's children included, that the command took."""
    begun, used = time.perf_counter(), _used()
    status = subprocess.run(link.command, check=False).returncode
    if status:
        raise TrainingError(f"{link.name} ended with status {status}; mend what it says, and the same command goes on")
    return time.perf_counter() - begun, _used() - used


def _used() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def name_of(stage: str) -> str:
    """A stage's name, of its manifest's path the last part."""
    return Path(stage).stem


def named_twice(stages: Sequence[str]) -> list[str]:
    """Names that two of the stages share."""
    names = [name_of(stage) for stage in stages]
    return sorted({name for name in names if names.count(name) > 1})
