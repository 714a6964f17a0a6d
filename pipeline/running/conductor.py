"""Conducts a run from the first download to the lock."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from winnow.pipeline.configuration.ancestry import AFTER, as_noted
from winnow.pipeline.configuration.reading import ConfigurationError, nearest
from winnow.pipeline.configuration.settings import Settings
from winnow.pipeline.planning import fetch
from winnow.pipeline.planning.estimate import kinds_of, known_rates
from winnow.pipeline.planning.lengths import Lengths
from winnow.pipeline.planning.parts import Part, changed_since, find_parts, in_hand, input_sizes
from winnow.pipeline.planning.plan import check_recipes, steps
from winnow.pipeline.proof.lock import StepSum, build_lock, step_sum, write_lock
from winnow.pipeline.proof.seal import write_seal
from winnow.pipeline.record.environment import environment, kept_notes, read_environment, worked_in
from winnow.pipeline.record.funnel import PLAN
from winnow.pipeline.record.ledger import Book, receipt_files
from winnow.pipeline.record.rates import write_rates
from winnow.pipeline.record.receipt import FOLDER as RECEIPTS
from winnow.pipeline.record.receipt import Receipt
from winnow.pipeline.record.standing import Standing
from winnow.pipeline.running import losses
from winnow.pipeline.running.cluster import Tls, connect
from winnow.pipeline.running.lease import alone
from winnow.pipeline.running.progress import RunProgress, Together
from winnow.pipeline.running.runner import Progress, Runner
from winnow.stages.measuring import MEASURE
from winnow.stages.mixing.mix import HISTOGRAM_STEP
from winnow.stages.passes import DECIDE, INGEST
from winnow.stages.run.inventory import INVENTORY
from winnow.stages.run.unit import Planned, Step, Unit
from winnow.stages.run.workspace import Workspace

CHECKED = ("ingest",)  # after these, and at the end, inputs are looked at once more
BY_SOURCE = (INGEST.name, MEASURE.name, DECIDE.name)  # a part of one source needs no other there
LEAST_OUTPUT = 0.05  # of the inputs' size: web archives, of which the least is kept, come to twice that


@dataclass(frozen=True, kw_only=True)
class Finished:
    """What a run did: each step with its receipts, and the digest of the lock where the run came to its end.

    `changed` is False where the lock was there already, byte for byte. `kept`: which sources of a series brought nothing,
    which units other versions worked, and which were worked again because their files were damaged.
    """

    done: Sequence[tuple[Step[Any], Sequence[Receipt]]]
    lock_digest: str | None = None
    changed: bool = True
    kept: Sequence[str] = ()


def conduct(
    settings: Settings,
    out: str,
    *,
    workers: int | None,
    scheduler: str | None,
    tls: Tls | None = None,
    until: str | None,
    console: Any,
    keep_going: bool = False,
    rework_versions: bool = False,
    paranoid: bool = False,
    sources: Sequence[str] = (),
    wait: bool = False,
    followers: Sequence[Progress] = (),
) -> Finished:
    """Runs every step that isn't done, up to and including step `until`: `deduplicate.minhash.sign` stops after that one,
    `deduplicate` after the last whose name begins so.

    Units whose files are missing or have another size than their receipts say are worked again; `paranoid` compares
    digests, too. What killed units left half written is removed.

    Units that other versions of packages or of Winnow worked are kept, unless `rework_versions`; `Finished.kept` tells.

    `sources`: of the steps that work part by part only the units of these, for schedulers that work a source as a task;
    `until` must be one of `BY_SOURCE`. `wait`: for another run in the folder to end, rather than refuse.

    `followers` hear of every step and unit, beside the bars on the console.

    After ingest and after the filters it tells, source by source, what was left out and why.

    Raises `ConfigurationError` for what the user has to mend, an input that changes while it is read included,
    `EverythingLost` for a source of which nothing is left (unless `keep_going`), and `RunFailed` for units that could
    not be finished.
    """
    fetch_downloads(settings, console)
    check_recipes(settings)
    parts = find_parts(settings)
    sizes = input_sizes(parts)
    asked, settings = settings, in_hand(settings, parts)
    planned = steps(parts, settings, sizes)
    names = [step.name for step, _ in planned]
    last = names[-1] if until is None else _last_step(names, until)
    chosen = _parts_of(sources, parts, last)
    workspace = Workspace(out)
    _check_room(workspace, sum(sizes.values()))
    kinds = kinds_of(parts, sizes)
    done = []
    with (
        alone(workspace, wait=wait),
        RunProgress(console) as progress,
        Runner(
            workspace,
            lambda: connect(workers=workers, scheduler=scheduler, tls=tls),
            Together([progress, *followers]),
            rework_versions,
            paranoid,
            alone=True,
            lengths=Lengths(kinds=kinds, known=known_rates(out)),
        ) as runner,
    ):
        runner.sizes, left = workspace.listed()
        workspace.remove_all(left)
        workspace.write_bytes(PLAN, json.dumps(_plan(planned, settings, workspace)).encode())
        _discard_other_steps(workspace, runner.sizes.below(f"{RECEIPTS}/"), names)
        for step, units in planned:
            own = [unit for unit in units if unit.name in chosen] if sources and step.name in BY_SOURCE else units
            done.append((step, runner.run(step, own, partial=len(own) < len(units))))
            if step.name in losses.TOLD:
                lost = losses.losses([part for part in parts if part.name in chosen], done[-1][1])
                losses.tell(console, step.name, lost)
                if not keep_going:
                    losses.check(step.name, lost, parts, settings, workspace)
            if step.name == HISTOGRAM_STEP.name and settings.manifest.mixture.consumed is not None:
                losses.tell_consumed(console, done[-1][1], settings)
            if runner.worked and (step.name in CHECKED or step is planned[-1][0]):
                _check_inputs(planned)
            if step.name == last:
                break
    summed = _summed(done, runner.standing) if len(done) == len(planned) else None
    worked = {one.entry["step"]: one.entry["environments"] for one in summed} if summed else _worked_in(done)
    kept = (*_without(asked, settings), *_kept(workspace, worked), *_mended(runner.damaged))
    if summed is None:
        return Finished(done=done, kept=kept)
    digest, changed = write_lock(workspace, build_lock(workspace, settings, done, summed))
    runner.standing.write()
    if runner.worked:
        write_rates(workspace, planned, [receipts for _, receipts in done], kinds, runner.sizes)
    write_seal(workspace, done, summed)
    return Finished(done=done, lock_digest=digest, changed=changed, kept=kept)


def _plan(planned: Sequence[Planned], settings: Settings, workspace: Workspace) -> dict[str, Any]:
    """The steps with their numbers of units, and the run that this one is built on."""
    plan = {"steps": [step.name for step, _ in planned], "units": {step.name: len(units) for step, units in planned}}
    if not settings.line:
        return plan
    return {**plan, AFTER: as_noted(settings.line[0].place, workspace.path(""))}


def _summed(done: Sequence[tuple[Step[Any], Sequence[Receipt]]], standing: Standing) -> list[StepSum]:
    """What each step comes to. Of tables that stood it was noted, and they aren't read again."""
    found = []
    for step, receipts in done:
        noted = standing.sum(step.name)
        if noted is not None and noted["entry"]["version"] == step.version:
            found.append(StepSum(**noted))
        else:
            found.append(step_sum(step.name, step.version, receipts))
            standing.note_sum(step.name, vars(found[-1]))
    return found


def _worked_in(done: Sequence[tuple[Step[Any], Sequence[Receipt]]]) -> dict[str, dict[str, int]]:
    return {step.name: worked_in(receipts) for step, receipts in done}


def _kept(workspace: Workspace, steps: Mapping[str, Mapping[str, int]]) -> tuple[str, ...]:
    """What was worked by other versions than those of this process, in words. `steps`: step → environment → units."""
    found = (
        (digest, read_environment(workspace, digest)) for digest in {name for step in steps.values() for name in step}
    )
    return tuple(kept_notes({digest: table for digest, table in found if table}, steps, environment()))


def _without(asked: Settings, settings: Settings) -> list[str]:
    """The sources of a series that have brought nothing new, in words."""
    absent = sorted(set(asked.manifest.weights()) - set(settings.manifest.weights()))
    return [f"{', '.join(absent)}: nothing new; its share went to the others"] if absent else []


def _mended(damaged: Sequence[str]) -> list[str]:
    """What was done once and worked again because its files had changed since, in words."""
    if not damaged:
        return []
    named = ", ".join(damaged[:5]) + (" …" if len(damaged) > 5 else "")
    return [
        f"{len(damaged)} units were worked again: their files were missing or not as they had been written ({named})"
    ]


def _check_inputs(planned: Sequence[tuple[Step[Any], Sequence[Unit[Any]]]]) -> None:
    """Refuses to go on with inputs of two states: what was read may be neither the one nor the other."""
    units = next(units for step, units in planned if step.name == INVENTORY.name)
    if changed := changed_since(units):
        raise ConfigurationError(
            f"{', '.join(changed[:5])}{' …' if len(changed) > 5 else ''} changed while this run read it: run again when it "
            "no longer does; what comes of it is worked again, nothing else"
        )


def _last_step(names: Sequence[str], until: str) -> str:
    matching = [name for name in names if name == until or name.startswith(f"{until}.")]
    if not matching:
        raise ConfigurationError(f"--until: there is no step {until!r}{nearest(until, names)}")
    return matching[-1]


def _parts_of(sources: Sequence[str], parts: Sequence[Part], last: str) -> frozenset[str]:
    """The names of the parts of these sources, or of all where none is named."""
    there = {part.source for part in parts}
    for source in sources:
        if source not in there:
            raise ConfigurationError(f"--source: this run has no source {source!r}{nearest(source, there)}")
    if sources and last not in BY_SOURCE:
        raise ConfigurationError(f"--source needs --until {', '.join(BY_SOURCE)}: later steps look at all sources")
    return frozenset(part.name for part in parts if not sources or part.source in sources)


def fetch_downloads(settings: Settings, console: Any) -> None:
    """Brings what the profile pins and this machine hasn't got."""
    root = Path(settings.profile.root)
    wanted = fetch.missing(settings.profile.downloads, root)
    if not wanted:
        return
    console.print(f"Fetching {len(wanted)} pinned files to {root}/ …", highlight=False)
    sizes: list[int] = []
    fetch.fetch(wanted, root, lambda _, size: sizes.append(size))
    console.print(f"Fetched {sum(sizes) / 1e6:.1f} MB.", highlight=False)


def _check_room(workspace: Workspace, inputs: int) -> None:
    """Refuses to begin a run that its disk certainly can't hold. `inputs`: their bytes."""
    if not workspace.is_local or workspace.exists(PLAN):
        return
    os.makedirs(workspace.path(""), exist_ok=True)
    free = shutil.disk_usage(workspace.path("")).free
    needed = int(LEAST_OUTPUT * inputs)
    if free < needed:
        raise ConfigurationError(
            f"the disk of {workspace.root} has {free / 1e6:,.1f} MB free; this run needs {needed / 1e6:,.1f} MB at the "
            "very least: free some or choose another folder by --out"
        )


def _discard_other_steps(workspace: Workspace, listed: Iterable[str], names: Sequence[str]) -> None:
    """Removes what steps wrote that the plan no longer holds, so that no table of theirs is taken for this run's."""
    for step, paths in receipt_files(listed).items():
        if step not in names:
            Book(workspace, step, paths).discard({})
