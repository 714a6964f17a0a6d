"""A series: runs of one folder that follow each other by date, each of what is new since those before it.

`winnow run --series runs/weekly --date 2026-11-16` works in `runs/weekly/2026-11-16`. It is built on the last finished
run before it, as by `--after`, and takes the inputs that no run of the series has read: another crawl, another release
of a repository. The same command goes on after an interruption: which run it is built on stands in its plan.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime

from winnow.formats.addresses import filesystem_of
from winnow.pipeline.configuration.ancestry import LOCK, Ancestor, parent_of
from winnow.pipeline.configuration.manifest import Manifest
from winnow.pipeline.configuration.profile import Profile
from winnow.pipeline.configuration.reading import ConfigurationError
from winnow.pipeline.record.funnel import PLAN
from winnow.pipeline.record.ledger import read_receipts
from winnow.pipeline.record.receipt import fingerprint
from winnow.stages.run.inventory import INVENTORY, TakeInventory, digest_input
from winnow.stages.run.unit import Unit
from winnow.stages.run.workspace import Workspace

DATE = re.compile(r"\{date(?::([^{}]*))?\}")


@dataclass(frozen=True, kw_only=True)
class Seen:
    """The inputs that earlier runs of a series have read: marks of unchanged files, and the digests of each path."""

    marks: frozenset[str] = frozenset()
    digests: dict[str, frozenset[str]] = field(default_factory=dict)

    def has(self, unit: Unit[TakeInventory]) -> bool:
        """Whether the input was read as it is now. Only one of a known path whose times have changed is read for it."""
        if fingerprint(INVENTORY, unit, {}) in self.marks:
            return True
        known = self.digests.get(unit.asked.path)
        return known is not None and digest_input(unit.asked.place)[1] in known


def seen_by(series: str, line: Sequence[Ancestor]) -> Seen:
    """What those runs of a line have read that lie in the series."""
    marks: set[str] = set()
    digests: dict[str, set[str]] = {}
    folder = Workspace(series).place.rstrip("/")
    for run in line:
        if _parent(run.place) != folder:
            continue
        for receipt in read_receipts(Workspace(run.place), INVENTORY.name):
            marks.add(receipt.fingerprint)
            digests.setdefault(str(receipt.counts["path"]), set()).add(str(receipt.counts["digest"]))
    return Seen(marks=frozenset(marks), digests={path: frozenset(found) for path, found in digests.items()})


def place_of(series: str, date: str) -> str:
    """Where the run of a date works."""
    return f"{series.rstrip('/')}/{date}"


def built_on(series: str, date: str, after: str | None) -> str | None:
    """The run that the one of a date is built on: as its plan says once it has begun, else the last finished one before
    it, else `after`."""
    own = place_of(series, date)
    workspace = Workspace(own)
    if workspace.exists(PLAN):
        return parent_of(workspace)
    filesystem, folder = filesystem_of(series)
    if not filesystem.isdir(folder):
        return after
    names = sorted(str(path).rstrip("/").rpartition("/")[2] for path in filesystem.ls(folder, detail=False))
    earlier = (place_of(series, name) for name in reversed(names) if name < date)
    return next((place for place in earlier if Workspace(place).exists(LOCK)), after)


def dated(profile: Profile, date: str | None, place: str) -> tuple[Profile, frozenset[str]]:
    """The profile with the date in the paths that ask for it, `{date}` or `{date:%Y/%m}`, and these paths.

    Raises `ConfigurationError` where there is none; `place`: where the sources stand, for the message.
    """
    found: set[str] = set()

    def written(path: str) -> str:
        if not DATE.search(path):
            return path
        if date is None:
            raise ConfigurationError(f"{place}: {path} asks for a date: give one by --date")
        when = datetime.fromisoformat(date)
        found.add(path := DATE.sub(lambda match: when.strftime(match[1]) if match[1] else date, path))
        return path

    sources = {
        source: tuple(given.model_copy(update={"paths": tuple(map(written, given.paths))}) for given in inputs)
        for source, inputs in profile.sources.items()
    }
    return (profile.model_copy(update={"sources": sources}) if found else profile), frozenset(found)


def shared_by(manifest: Manifest, sources: Set[str]) -> Manifest:
    """The manifest where these sources alone have brought something: the shares of the others go to them, in proportion.

    A phase with shares of its own of which no source has brought anything takes the mixture's.
    """
    mixture = manifest.mixture.model_copy(
        update={
            "sources": _of(manifest.mixture.weights(), sources),
            "source_epochs": {name: cap for name, cap in manifest.mixture.source_epochs.items() if name in sources},
        }
    )
    curriculum = tuple(
        phase.model_copy(update={"sources": _of(phase.weights(), sources)}) for phase in manifest.curriculum
    )
    return manifest.model_copy(update={"mixture": mixture, "curriculum": curriculum})


def _of(weights: Mapping[str, float], sources: Set[str]) -> dict[str, float]:
    left = {name: share for name, share in weights.items() if name in sources}
    whole = sum(left.values())
    return {name: 100 * share / whole for name, share in left.items()} if whole else {}


def _parent(place: str) -> str:
    return place.rstrip("/").rpartition("/")[0]
