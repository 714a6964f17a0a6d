"""Inspects a run for what is damaged: the seal proves lock, plan, report and receipts, receipts prove files.

Nothing is raised for damage: it is found, and what is sound is known.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain, islice, repeat
from typing import Any, TypeVar

from winnow.pipeline.proof import lock, recount, seal
from winnow.pipeline.record import environment, receipt
from winnow.pipeline.record.funnel import FUNNEL, PLAN
from winnow.pipeline.record.ledger import step_of
from winnow.pipeline.record.receipt import Receipt
from winnow.pipeline.record.receipt_tables import TABLE, read_table, table_digest
from winnow.stages.run.digests import content_digest
from winnow.stages.run.paths import Sizes
from winnow.stages.run.workspace import Workspace, digest_file

THREADS = 8
AT_ONCE = 4096  # receipts or files that wait for a thread: each costs some kilobytes until it is looked at
TOGETHER = 64  # files that a thread takes at once: to hand one over costs more than to digest it
TOP = frozenset({PLAN, FUNNEL, *seal.NOTES, lock.PATH, seal.PATH, seal.REPORT, ".running", ".running.lease"})
"""What lies in a run's own folder, not in one below it."""


V = TypeVar("V")

DAMAGED = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)
"""What reading JSON raises that isn't what it was."""


@dataclass(frozen=True)
class Finding:
    """Something that isn't as it should be: which file, what is wrong, and of which step the file is, if of one."""

    path: str
    problem: str
    step: str = ""


@dataclass
class Inspection:
    """What a run holds and what of it can be trusted.

    `listed`: size of each file; `left`: temporary files. `receipts`: the sound ones that have a file each, by their paths;
    `tables`: where the others stand, sound as well. `outputs`: the files that these name, with their sizes; `sums`:
    what they say of each step. `lock`: None where it isn't sound. `findings`: the first of each path.
    """

    workspace: Workspace
    listed: Sizes
    left: Sequence[str] = ()
    receipts: dict[str, Receipt] = field(default_factory=dict)
    tables: list[str] = field(default_factory=list)
    outputs: Sizes = field(default_factory=Sizes)
    sums: dict[str, lock.StepSum] = field(default_factory=dict)
    lock: dict[str, Any] | None = None
    steps: tuple[str, ...] = ()
    findings: dict[str, Finding] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)  # of the run: nothing but its own belongs there

    def find(self, path: str, problem: str, step: str = "") -> None:
        self.findings.setdefault(path, Finding(path, problem, step))


def inspect_run(workspace: Workspace, listed: tuple[Sizes, Sequence[str]] | None = None) -> Inspection:
    """As `verify_run`, with what is sound. `listed`: what `Workspace.listed` found, where somebody has asked it."""
    if not (workspace.exists(lock.PATH) or workspace.exists(seal.PATH)):
        raise FileNotFoundError(lock.PATH)
    seen = Inspection(workspace, *(listed or workspace.listed()))
    sealed = _read_seal(seen)
    _check_sealed_files(seen, sealed)
    _read_receipts(seen, sealed)
    _read_lock(seen)
    _check_outputs(seen)
    _find_foreign(seen, sealed)
    _check_lock(seen)
    if not seen.findings:
        for path, problem in (*recount.documents(workspace), *recount.tokens(workspace)):
            seen.find(path, problem)
    return seen


def _read_seal(seen: Inspection) -> seal.Seal | None:
    try:
        return seal.Seal.from_json(seen.workspace.read_bytes(seal.PATH))
    except FileNotFoundError:
        seen.find(seal.PATH, "is gone")
    except (OSError, ValueError) as error:
        seen.find(seal.PATH, str(error))
    return None


def _check_sealed_files(seen: Inspection, sealed: seal.Seal | None) -> None:
    """Lock, plan, report, environments, shard index; which tables of receipts there must be."""
    files = sealed.files if sealed else {}
    for path, digest in files.items():
        table = path.startswith(f"{receipt.FOLDER}/")
        if table and path in seen.listed and digest == table_digest(path):
            continue  # it is digested when it is read, by its name
        problem = _problem(seen, path, digest, "the seal")
        if problem:
            seen.find(path, problem, step_of(path) if table else "")
    if sealed and seal.REPORT in seen.listed and seal.REPORT not in files:
        seen.find(seal.REPORT, "isn't sealed: it was written before the run last changed")
    for path in (lock.PATH, PLAN):
        if path not in seen.listed:
            seen.find(path, "is gone")


def _read_receipts(seen: Inspection, sealed: seal.Seal | None) -> None:
    below = list(seen.listed.below(f"{receipt.FOLDER}/"))
    listed = [path for path in below if not path.endswith(TABLE)]
    for path in sorted(path for path in below if path.endswith(TABLE) and path not in seen.findings):
        if sealed and path not in sealed.files:
            seen.find(path, "is a table of receipts that the seal doesn't know")
        else:
            seen.tables.append(path)
    digests = {
        receipt.receipt_path(step, unit): (step, digest)
        for step, units in (sealed.receipts if sealed else {}).items()
        for unit, digest in units.items()
    }

    def read(path: str) -> bytes | OSError:
        try:
            return seen.workspace.read_bytes(path)
        except OSError as error:
            return error

    there = set()
    for path, content in _contents(listed, read):
        there.add(path)
        step = step_of(path)
        if isinstance(content, OSError):
            seen.find(path, f"can't be read: {content}", step)
        elif sealed and path not in digests:
            seen.find(path, "is a receipt that the seal doesn't know")
        elif sealed and content_digest(content) != digests[path][1]:
            seen.find(path, "isn't the receipt that was sealed", step)
        else:
            try:
                one = Receipt.from_json(content)
            except ValueError as error:
                seen.find(path, f"is damaged: {error}", step)
                continue
            if receipt.receipt_path(one.step, one.unit) == path:
                seen.receipts[path] = one
            else:
                seen.find(path, f"is the receipt of {one.step}/{one.unit}", step)
    for path, (step, _) in digests.items():
        if path not in there:
            seen.find(path, "is gone", step)


def _contents(paths: Sequence[str], read: Callable[[str], bytes | OSError]) -> Iterator[tuple[str, bytes | OSError]]:
    with ThreadPoolExecutor(THREADS) as pool:
        for start in range(0, len(paths), AT_ONCE):
            some = paths[start : start + AT_ONCE]
            yield from zip(some, pool.map(read, some), strict=True)


def _read_lock(seen: Inspection) -> None:
    """The lock, and the names of the steps in order of travel: by the lock or, where that is damaged, by the plan."""
    if lock.PATH not in seen.findings:
        try:
            found = lock.read_lock(seen.workspace)
            seen.steps = tuple(entry["step"] for entry in found["steps"])
            lock.notes_of(found)
            seen.lock = found
        except DAMAGED as error:
            seen.find(lock.PATH, f"is damaged: {error!r}")
    if PLAN not in seen.findings:
        try:
            plan = json.loads(seen.workspace.read_bytes(PLAN))
            steps, units = tuple(plan["steps"]), plan["units"]
            entries = seen.lock["steps"] if seen.lock else ()
            if seen.lock and units != {entry["step"]: entry["units"] for entry in entries}:
                seen.find(PLAN, "plans other units than the lock holds")
            seen.steps = seen.steps or steps
        except DAMAGED as error:
            seen.find(PLAN, f"is damaged: {error!r}")


def _check_outputs(seen: Inspection) -> None:
    """Every table of receipts, read once; every file that a sound receipt names: its size, then its digest."""

    def check(some: Sequence[tuple[str, str, int, str]]) -> list[tuple[str, str, str | None]]:
        return [(step, path, _problem(seen, path, digest, "its receipt", size)) for step, path, size, digest in some]

    with ThreadPoolExecutor(THREADS) as pool:
        for many in _batches(_outputs(seen), AT_ONCE):
            for found in pool.map(check, _batches(many, TOGETHER)):
                for step, path, problem in found:
                    if problem:
                        seen.find(path, problem, step)


def _outputs(seen: Inspection) -> Iterator[tuple[str, str, int, str]]:
    """Every file that a sound receipt names, noted as it comes: step, path, bytes, digest. Each step is summed up, and a
    table that isn't sound is found."""
    receipts: dict[str, list[Receipt]] = {}
    for one in seen.receipts.values():
        receipts.setdefault(one.step, []).append(one)
    tables: dict[str, list[str]] = {}
    for place in seen.tables:
        tables.setdefault(step_of(place), []).append(place)
    seen.tables = []
    for step in sorted({*receipts, *tables}):
        tally = lock.Tally()
        tally.add(receipts.get(step, ()))
        for one in receipts.get(step, ()):
            for out in one.outputs:
                seen.outputs[out.path] = out.bytes
                yield step, out.path, out.bytes, out.digest
        for place in tables.get(step, ()):
            try:
                table = read_table(seen.workspace, place)
            except (OSError, ValueError) as error:
                seen.find(place, f"is damaged: {error}", step)
                continue
            seen.tables.append(place)
            tally.enter(table)
            _, paths, sizes, digests = table.written()
            seen.outputs.update(zip(paths, sizes, strict=True))
            yield from zip(repeat(step), paths, sizes, digests, strict=False)
        if (found := tally.sum(step, 0)).entry["units"]:
            seen.sums[step] = found


def _batches(values: Iterable[V], size: int) -> Iterator[list[V]]:
    left = iter(values)
    while some := list(islice(left, size)):
        yield some


def _problem(seen: Inspection, path: str, digest: str, witness: str, size: int | None = None) -> str | None:
    """What is wrong with a file of which the digest is known, or None."""
    if path not in seen.listed:
        return "is gone"
    if size is not None and seen.listed[path] != size:
        return f"has {seen.listed[path]:,} bytes, {witness} says {size:,}"
    try:
        found = digest_file(seen.workspace, path)
    except (OSError, ValueError) as error:
        return f"can't be read: {error}"
    return None if found == digest else f"has digest {found}, {witness} says {digest}"


def _find_foreign(seen: Inspection, sealed: seal.Seal | None) -> None:
    known = {*seen.receipts, *seen.tables, *TOP, *(sealed.files if sealed else ())}
    own = lock.folders_of(seen.outputs.folders())
    seen.folders = {receipt.FOLDER, environment.FOLDER, *own, *(sealed.folders if sealed else ())}
    for path in chain(seen.listed, seen.left):
        top, inside, _ = path.partition("/")
        environments = sealed is None and top == environment.FOLDER
        if path not in seen.outputs and path not in known and (not inside or top in seen.folders) and not environments:
            seen.find(path, "is foreign: no sound receipt names it")


def _check_lock(seen: Inspection) -> None:
    """What the lock says of steps and outputs, of each step all receipts of which are sound."""
    if seen.lock is None:
        return
    unsound = {finding.step for finding in seen.findings.values() if finding.path.startswith(f"{receipt.FOLDER}/")}
    written: dict[str, str] = {}
    try:
        for entry in seen.lock["steps"]:
            name = entry["step"]
            found = seen.sums.get(name) or lock.step_sum(name, 0, ())
            written.update(found.outputs)
            wrong = [key for key in found.entry if key != "version" and found.entry[key] != entry[key]]
            if wrong and name not in unsound:
                seen.find(lock.PATH, f"says of step {name} other {' and '.join(wrong)} than its receipts")
        for extra in seen.sums.keys() - {entry["step"] for entry in seen.lock["steps"]}:
            seen.find(lock.PATH, f"knows no step {extra}, of which there are receipts")
        for path, digest in seen.lock["outputs"].items():
            if written.get(path, digest if unsound else None) != digest:
                seen.find(path, "is not what the lock says")
    except DAMAGED as error:
        seen.find(lock.PATH, f"is damaged: {error!r}")
