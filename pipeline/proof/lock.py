"""`lock.json`: everything needed to build the same bytes again, and the proof that they are the same.

The lock names the run that this one was built on, if any, by the digest of its lock. It holds the manifest as it was
resolved, every rule with the bounds that decided, the digests of the raw inputs and
of the user's own code, the version of each step and kind of source, the environments that worked the units (each package
in its version *then*, see `pipeline/record/environment.py`), and one digest per step over all files that its units wrote. No
time, no path of a machine, no number of workers: two runs of the same manifest on the same inputs, in one environment,
have equal locks, byte for byte.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter
from typing import Any

from winnow.pipeline.configuration.ancestry import AFTER
from winnow.pipeline.configuration.settings import Settings
from winnow.pipeline.record.environment import (
    UNKNOWN,
    Environment,
    environment,
    kept_notes,
    note_environment,
    read_environment,
)
from winnow.pipeline.record.ledger import Ledger, counts_of
from winnow.pipeline.record.receipt import Receipt
from winnow.pipeline.record.receipt_tables import Table
from winnow.stages.ingest.source import kind_version, optional_packages
from winnow.stages.run.code import Code, code_of, module_code
from winnow.stages.run.digests import DIGEST_BYTES, content_digest
from winnow.stages.run.unit import Step, canonical
from winnow.stages.run.workspace import Workspace

PATH = "lock.json"
FINAL_FOLDERS = ("shards/", "tokenizer/", "rl/", "generated/")


def build_lock(
    workspace: Workspace,
    settings: Settings,
    done: Sequence[tuple[Step[Any], Sequence[Receipt]]],
    summed: Sequence[StepSum],
) -> dict[str, Any]:
    """The lock of a finished run. `done` holds each step with its receipts, in the order in which they ran, `summed` what
    they come to."""
    manifest, profile = settings.manifest, settings.profile
    used = sorted({digest for one in summed for digest in one.entry["environments"]})
    if environment().digest in used:  # whose table a power failure may have taken, after the last unit was worked
        note_environment(workspace)
    environments = {digest: read_environment(workspace, digest) for digest in used}
    parent = [{"stage": run.stage, "lock": run.digest} for run in settings.line[:1]]
    return {
        **({AFTER: parent} if parent else {}),
        "environments": {digest: vars(found) for digest, found in environments.items() if found is not None},
        "manifest": manifest.model_dump(mode="json"),
        "profile": profile.model_dump(mode="json", include={"sources", "scale", "buckets", "benchmarks", "resources"}),
        "rules": [canonical(entry.application()) for entry in manifest.filters],
        "kinds": _kinds(settings),
        "code": {code.module: code.digest for code in _code(settings)},
        "inputs": [counts for step, receipts in done if step.name == "inventory" for _, counts in counts_of(receipts)],
        "steps": [one.entry for one in summed],
        "outputs": dict(sorted(output for one in summed for output in one.outputs.items())),
    }


def _kinds(settings: Settings) -> dict[str, dict[str, Any]]:
    """The version of each kind of source, and the packages with which it reads more that were there."""
    kinds = {given.kind for source in settings.manifest.weights() for given in settings.profile.sources[source]}
    return {kind: {"version": kind_version(kind), "optional": optional_packages(kind)} for kind in sorted(kinds)}


def _code(settings: Settings) -> Iterator[Code]:
    """All code of the user's own that the run used."""
    manifest = settings.manifest
    for kind in _kinds(settings):
        yield from module_code(kind)
    for entry in (*manifest.edits, *manifest.filters):
        yield from entry.measuring().code
    if manifest.deduplicate.semantic is not None:
        yield from code_of(manifest.deduplicate.semantic.model)
    if manifest.generate is not None:
        yield from code_of(manifest.generate.grade)


def write_lock(workspace: Workspace, lock: Mapping[str, Any]) -> tuple[str, bool]:
    """Writes the lock, unless it is there already; returns its digest and whether it was written."""
    content = (json.dumps(lock, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
    changed = not workspace.exists(PATH) or workspace.read_bytes(PATH) != content
    if changed:
        workspace.write_bytes(PATH, content)
    return lock_digest(content), changed


def read_lock(workspace: Workspace) -> dict[str, Any]:
    """The lock of a finished run. Raises `FileNotFoundError` where the run never finished."""
    lock: dict[str, Any] = json.loads(workspace.read_bytes(PATH))
    return lock


def notes_of(lock: Mapping[str, Any]) -> tuple[str, ...]:
    """What isn't wrong, but mixed: units worked in different environments, by the lock; the commonest one is the run's."""
    steps = {entry["step"]: entry["environments"] for entry in lock["steps"]}
    tables = {digest: Environment(**table) for digest, table in lock["environments"].items()}
    units: Counter[str] = Counter()
    for counts in steps.values():
        units.update(counts)
    known = [digest for digest in units if digest in tables]
    if not known:
        return ("no unit says which versions worked it",) if units else ()
    return tuple(kept_notes(tables, steps, tables[max(known, key=lambda digest: (units[digest], digest))]))


lock_digest = content_digest
"""The digest of a lock's bytes, by which runs, commands and cards name it."""


def add_counts(totals: dict[str, int], counts: Mapping[str, Any]) -> None:
    """Adds a unit's integer counts to those of its step."""
    for name, value in counts.items():
        if type(value) is int:
            totals[name] = totals.get(name, 0) + value
            continue
        for inner, number in flat_counts({name: value}):
            totals[inner] = totals.get(inner, 0) + number


def flat_counts(counts: Mapping[str, Any], prefix: str = "") -> list[tuple[str, int]]:
    flat = []
    for name, value in counts.items():
        if isinstance(value, bool):
            continue
        if isinstance(value, int):
            flat.append((prefix + name, value))
        elif isinstance(value, Mapping):
            flat.extend(flat_counts(value, f"{prefix}{name}: "))
    return flat


@dataclass(frozen=True)
class StepSum:
    """`entry`: what the lock says of a step, its units by number, environment and count, and one digest over their
    files. `outputs`: the digests of those of its files that the run is made for, by their paths. `folders`: the outermost
    ones that its files lie in, sorted."""

    entry: Mapping[str, Any]
    outputs: Mapping[str, str]
    folders: Sequence[str]


class Tally:
    """Sums up a step, receipt by receipt or table by table, in any order."""

    def __init__(self) -> None:
        self._environments: Counter[str] = Counter()
        self._counts: dict[str, int] = {}
        self._outputs: dict[str, str] = {}
        self._folders: set[str] = set()
        self._told: list[tuple[str, str]] = []  # of each unit, by its name: paths and digests of its files

    def add(self, receipts: Iterable[Receipt]) -> None:
        for receipt in receipts:
            self._environments[receipt.environment or UNKNOWN] += 1
            add_counts(self._counts, receipt.counts)
            self._told.append((receipt.unit, "".join([_told(out.path, out.digest) for out in receipt.outputs])))
            self._note([(out.path, out.digest) for out in receipt.outputs])

    def enter(self, table: Table) -> None:
        """Adds the receipts of a table, none of which is made."""
        self._environments.update([worked or UNKNOWN for worked in table.column("environment")])
        for counts in table.counts():
            add_counts(self._counts, counts)
        starts, paths, _, digests = table.written()
        told = list(map(_told, paths, digests))
        rows = ["".join(told[start:stop]) for start, stop in pairwise(starts)]
        self._told.extend(zip(table.column("unit"), rows, strict=True))
        self._note(list(zip(paths, digests, strict=True)))

    def _note(self, written: Sequence[tuple[str, str]]) -> None:
        self._outputs.update([one for one in written if one[0].startswith(FINAL_FOLDERS)])
        self._folders |= folders_of(path for path, _ in written)

    def sum(self, step: str, version: int) -> StepSum:
        summary = hashlib.blake2b(digest_size=DIGEST_BYTES)
        for _, told in sorted(self._told, key=itemgetter(0)):
            summary.update(told.encode())
        entry = {
            "step": step,
            "version": version,
            "units": self._environments.total(),
            "environments": dict(sorted(self._environments.items())),
            "counts": dict(sorted(self._counts.items())),
            "digest": summary.hexdigest(),
        }
        return StepSum(entry, self._outputs, sorted(self._folders))


def folders_of(paths: Iterable[str]) -> set[str]:
    """The outermost folders of files."""
    return {path.partition("/")[0] for path in paths if "/" in path}


def _told(path: str, digest: str) -> str:
    return f"{path}\0{digest}\0"


def step_sum(step: str, version: int, receipts: Iterable[Receipt]) -> StepSum:
    """Summed up in one go over the receipts of the step."""
    tally = Tally()
    if isinstance(receipts, Ledger):
        for table in receipts.tables():
            tally.enter(table)
    else:
        tally.add(receipts)
    return tally.sum(step, version)
