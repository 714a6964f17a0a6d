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
from typing import Any

from winnow.pipeline.configuration.ancestry import AFTER
from winnow.pipeline.configuration.settings import Settings
from winnow.pipeline.record.environment import UNKNOWN, Environment, kept_notes, read_environment
from winnow.pipeline.record.receipt import Receipt
from winnow.stages.ingest.source import kind_version, optional_packages
from winnow.stages.run.code import Code, code_of, module_code
from winnow.stages.run.unit import Step, canonical
from winnow.stages.run.workspace import DIGEST_BYTES, Workspace, content_digest

PATH = "lock.json"
FINAL_FOLDERS = ("shards/", "tokenizer/", "rl/", "generated/")


def build_lock(
    workspace: Workspace, settings: Settings, done: Sequence[tuple[Step[Any], Sequence[Receipt]]]
) -> dict[str, Any]:
    """The lock of a finished run. `done` holds each step with its receipts, in the order in which they ran."""
    manifest, profile = settings.manifest, settings.profile
    summed = [step_sum(step.name, step.version, receipts) for step, receipts in done]
    used = sorted({digest for one in summed for digest in one.entry["environments"]})
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
        "inputs": [receipt.counts for step, receipts in done if step.name == "inventory" for receipt in receipts],
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
    for name, value in flat_counts(counts):
        totals[name] = totals.get(name, 0) + value


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
    files. `outputs`: the digests of those of its files that the run is made for, by their paths."""

    entry: Mapping[str, Any]
    outputs: Mapping[str, str]


def step_sum(step: str, version: int, receipts: Iterable[Receipt]) -> StepSum:
    """Summed up in one go over the receipts of the step."""
    summary = hashlib.blake2b(digest_size=DIGEST_BYTES)
    environments: Counter[str] = Counter()
    counts: dict[str, int] = {}
    outputs = {}
    for receipt in sorted(receipts, key=lambda receipt: receipt.unit):
        environments[receipt.environment or UNKNOWN] += 1
        add_counts(counts, receipt.counts)
        for output in receipt.outputs:
            summary.update(f"{output.path}\0{output.digest}\0".encode())
            if output.path.startswith(FINAL_FOLDERS):
                outputs[output.path] = output.digest
    entry = {
        "step": step,
        "version": version,
        "units": environments.total(),
        "environments": dict(sorted(environments.items())),
        "counts": dict(sorted(counts.items())),
        "digest": summary.hexdigest(),
    }
    return StepSum(entry, outputs)
