"""The runs that a run is built on: each training stage's shards stand on those of the stage before.

`winnow run --after RUN` takes the tokenizer of the nearest earlier run that has one, compares near-duplicates with every
earlier run that kept an index, and names its parent in the lock. Which run lies where stands in `plan.json`, so the line
is followed as far back as it goes; the lock holds digests alone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from winnow.pipeline.configuration.reading import ConfigurationError
from winnow.pipeline.record.funnel import PLAN
from winnow.stages.deduplicate.index import FOLDER as INDEX_FOLDER
from winnow.stages.deduplicate.recipes import MinHashSettings, ScriptSettings
from winnow.stages.run.workspace import Workspace, digest_file
from winnow.stages.tokens.sample import FOLDER as TOKENIZER_FOLDER
from winnow.stages.tokens.sample import TOKENIZER

AFTER = "after"
INDEXES = {given.level: given().folder(INDEX_FOLDER) for given in (MinHashSettings, ScriptSettings)}
LOCK = "lock.json"  # `pipeline/proof/lock.py` writes it, which stands above this room


@dataclass(frozen=True, kw_only=True)
class Ancestor:
    """A finished run: its folder or address, training stage, digest of its lock, and what it offers to later runs."""

    place: str
    stage: str
    digest: str
    tokenizer: str | None  # where its tokenizer lies; a run of preferences has none
    indexes: frozenset[str]  # levels at which its near-duplicates can be looked for: "minhash", "scripts"
    benchmarks: frozenset[str]  # names of the benchmarks that its documents were compared with


def ancestors(after: str | None) -> tuple[Ancestor, ...]:
    """The run `after` and those that it was built on itself, nearest first.

    Raises `ConfigurationError` for one that isn't finished, isn't where its successor says, or holds another tokenizer
    than its lock tells.
    """
    found: list[Ancestor] = []
    place = None if after is None else Workspace(after).place  # workers and later commands have folders of their own
    successor = "--after"
    while place is not None:
        if any(place == known.place for known in found):
            raise ConfigurationError(f"{place} is said to be built on itself; its {PLAN} was changed by hand")
        found.append(_ancestor(place, successor))
        successor = place
        place = parent_of(Workspace(place))
    return tuple(found)


def parent_of(workspace: Workspace) -> str | None:
    """The run that this one was built on, as it can be opened from here."""
    parent = json.loads(workspace.read_bytes(PLAN)).get(AFTER) if workspace.exists(PLAN) else None
    if parent is None or "://" in parent or os.path.isabs(parent):
        return parent
    return os.path.normpath(os.path.join(workspace.path(""), parent))


def as_noted(after: str, out: str) -> str:
    """The parent as `plan.json` keeps it: relative to the run on one disk, so that both can be moved together."""
    if "://" in after or "://" in out:
        return after if "://" in after else os.path.abspath(after)
    return os.path.relpath(after, out)


def compared_with(line: Sequence[Ancestor], level: str) -> tuple[str, ...]:
    """The earlier runs that near-duplicates are looked for in at a level."""
    return tuple(run.place for run in line if level in run.indexes)


def tokenizer_of(line: Sequence[Ancestor]) -> str | None:
    """Where the tokenizer of the line lies; None without earlier runs. Raises `ConfigurationError` where none has one."""
    found = next((run.tokenizer for run in line if run.tokenizer is not None), None)
    if line and found is None:
        raise ConfigurationError(f"--after {line[0].place}: neither it nor a run before it has a tokenizer")
    return found


def notes(line: Sequence[Ancestor], benchmarks: Sequence[str], levels: Sequence[str]) -> list[str]:
    """What the line leaves open, in words: runs without an index of one of `levels` (`minhash`, `scripts`), at which the
    next run looks for near-duplicates, and benchmarks that not every run was compared with.
    """
    told = [
        f"{run.place} kept no index (deduplicate.{level}.remember): near-duplicates of its documents stay"
        for level in levels
        for run in line
        if level not in run.indexes and run.tokenizer is not None
    ]
    here = set(benchmarks)
    for run in line:
        if run.tokenizer is None:
            continue
        if new := sorted(here - run.benchmarks):
            told.append(f"{run.place} wasn't compared with {', '.join(new)}: its documents may hold items of it")
        if lost := sorted(run.benchmarks - here):
            told.append(f"{run.place} was compared with {', '.join(lost)}, this run isn't: name it in the profile")
    return told


def _ancestor(place: str, successor: str) -> Ancestor:
    workspace = Workspace(place)
    try:
        told: dict[str, Any] = json.loads(workspace.read_bytes(LOCK))
        stage = told["manifest"]["stage"]
        benchmarks = frozenset(found["name"] for found in told["profile"]["benchmarks"])
    except FileNotFoundError:
        raise ConfigurationError(f"{successor}: {place} has no {LOCK}: it isn't a finished run") from None
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(f"{place}/{LOCK} is damaged: {error!r}; see `winnow verify {place}`") from None
    return Ancestor(
        place=place,
        stage=stage,
        digest=digest_file(workspace, LOCK),
        tokenizer=_tokenizer(workspace, told),
        indexes=frozenset(name for name, folder in INDEXES.items() if workspace.list(folder, ".parquet")),
        benchmarks=benchmarks,
    )


def _tokenizer(workspace: Workspace, told: dict[str, Any]) -> str | None:
    if not workspace.exists(TOKENIZER):
        return None
    for name, digest in told["outputs"].items():
        if name.startswith(f"{TOKENIZER_FOLDER}/") and digest_file(workspace, name) != digest:
            raise ConfigurationError(
                f"{workspace.path(name)} isn't what {LOCK} says: `winnow verify {workspace.root}` tells what else is"
            )
    return f"{workspace.root.rstrip('/')}/{TOKENIZER_FOLDER}"
