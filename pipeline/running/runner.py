"""Runs steps: what isn't done yet goes to Dask in a bounded window, each unit commits by its receipt.

The scheduler sees one small task per unit and never a text. A unit may run twice (a worker dies after the write, before
the answer): its files and its receipt are the same bytes, so nothing is lost and nothing is there twice.
"""

from __future__ import annotations

import gc
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from operator import eq
from typing import Any, Protocol
from uuid import uuid4

from winnow.pipeline.configuration.reading import ConfigurationError
from winnow.pipeline.planning.lengths import Lengths
from winnow.pipeline.record.environment import environment, note_environment
from winnow.pipeline.record.ledger import Book, Held, Ledger, in_order, receipt_files
from winnow.pipeline.record.receipt import FOLDER as RECEIPTS
from winnow.pipeline.record.receipt import Fingerprints, Receipt, receipt_path, write_receipt
from winnow.pipeline.record.standing import Standing
from winnow.pipeline.running.failures import Failure, RunFailed, failure_of
from winnow.pipeline.running.memory import forget_peak, peak
from winnow.stages.run.paths import Digests, Sizes
from winnow.stages.run.unit import Away, Step, Unit, names_of
from winnow.stages.run.workspace import Workspace, digest_file

WINDOW_PER_WORKER = (
    3  # submitted units per worker: enough to hide the 2 ms of a task, few enough to bound the scheduler
)

ROLL_CALL_SECONDS = 2.0
"""Between two counts of the workers: the window grows and shrinks with them."""
SHARED_SECONDS = 30.0
"""How long a file of another machine may take to be seen here: network file systems remember what isn't there."""

YOUNG_OBJECTS = 50_000
"""New objects between two looks of the garbage collector. A unit builds large trees without cycles (syntax trees, rows,
messages), which Python's own 700 looks through again and again: at 50,000 a module is parsed in 0.55 × the time."""


class Progress(Protocol):
    """Who wants to hear how far the run is."""

    def step_started(self, step: Step[Any], units: int, done: int) -> None: ...
    def unit_finished(self, step: Step[Any], receipt: Receipt) -> None: ...
    def unit_retried(self, step: Step[Any], unit: Unit[Any]) -> None: ...
    def unit_failed(self, step: Step[Any], unit: str, reason: str) -> None: ...
    def step_finished(self, step: Step[Any], receipts: Sequence[Receipt]) -> None: ...
    def cluster_started(self, dashboard: str) -> None: ...


@dataclass
class Runner:
    """Works steps one after the other in one workspace. The cluster is started when the first unit needs it.

    `alone`: nobody else works in the folder; what killed workers leave half written is removed at the end.
    `rework_versions`: units that an environment other than this process's worked are worked again. A done unit one of
    whose files is missing or has another size is worked again; `paranoid`: or another digest.
    """

    workspace: Workspace
    cluster: Callable[[], AbstractContextManager[Any]]
    progress: Progress
    rework_versions: bool = False
    paranoid: bool = False
    alone: bool = False
    lengths: Lengths = field(default_factory=Lengths)
    sizes: Sizes | None = None  # what lay there when the run began, where somebody has listed it
    worked: int = 0  # units that this runner has had worked
    damaged: list[str] = field(default_factory=list)  # units whose files weren't as their receipts say
    digests: Digests = field(default_factory=Digests)
    receipts: dict[str, Sequence[Receipt]] = field(default_factory=dict)
    _unread: list[Sequence[Receipt]] = field(default_factory=list)  # of steps whose digests nobody has asked for
    _token: str = field(default_factory=lambda: uuid4().hex)  # two runs may share a scheduler, and names of units
    _client: Any = None
    _open_cluster: AbstractContextManager[Any] | None = None
    _shared: bool = False

    def __enter__(self) -> Runner:
        return self

    def __exit__(self, *error: Any) -> None:
        if self._open_cluster is not None:
            self._open_cluster.__exit__(*error)
            self._open_cluster = self._client = None
            if self.alone and error[0] is None:
                self.workspace.remove_leftovers()

    def run(self, step: Step[Any], units: Sequence[Unit[Any]], *, partial: bool = False) -> Sequence[Receipt]:
        """Every unit's receipt, in the order of `units`. Raises `RunFailed` after all that could be done is done,
        `ConfigurationError` where a worker writes what isn't to be seen from here.

        `partial`: the step has other units, too, whose files stay.
        """
        names = names_of(units)
        book = Book(self.workspace, step.name, self._old_receipts.get(step.name, ()))
        asked = None if partial else self.standing.asked(step, units)
        receipts = None if self.paranoid else self.standing.receipts(step.name, names, book, asked)
        if receipts is not None and self._is_whole(receipts):
            self.progress.step_started(step, len(names), len(names))
        else:
            receipts = self._by_fingerprints(step, units, book, partial=partial)
        self.standing.note(step.name, asked, receipts)
        self._unread.append(receipts)
        self.receipts[step.name] = receipts
        self.progress.step_finished(step, receipts)
        return receipts

    def _by_fingerprints(
        self, step: Step[Any], units: Sequence[Unit[Any]], book: Book, *, partial: bool
    ) -> Sequence[Receipt]:
        """As `run`, unit by unit."""
        for receipts in self._unread:
            self._learn(receipts)
        self._unread.clear()
        marking, names = Fingerprints(step, self.digests), names_of(units)
        marks = dict(zip(names, map(marking.of, units), strict=True))
        if len(marks) < len(names):
            raise ValueError(f"step {step.name} has two units of one name")
        tables = None if partial or self.paranoid else book.in_order(marks)
        if tables is not None and self._is_whole(ledger := Ledger(self.workspace, tables)):
            self.progress.step_started(step, len(names), len(names))
            return ledger
        return self._worked(step, units, book, marks, partial=partial)

    def _is_whole(self, receipts: Sequence[Receipt]) -> bool:
        """Whether the files of a step that is done are there in their sizes, and no other environment is to be worked anew.

        What `_worked` finds unit by unit is found here table by table: of 100,000 parts there are millions of files."""
        here = environment().digest
        if isinstance(receipts, Ledger):
            for table in receipts.tables():
                _, paths, sizes, _ = table.written()
                if not all(map(eq, map(self._sizes.get, paths), sizes)):
                    return False
                if self.rework_versions and set(table.column("environment")) != {here}:
                    return False
            return True
        return all(
            all(self._sizes.get(out.path) == out.bytes for out in receipt.outputs)
            and (not self.rework_versions or receipt.environment == here)
            for receipt in receipts
        )

    def _learn(self, receipts: Sequence[Receipt]) -> None:
        """Takes note of the digests of all files of a step."""
        if isinstance(receipts, Ledger):
            for table in receipts.tables():
                _, paths, _, digests = table.written()
                self.digests.update(zip(paths, digests, strict=True))
        else:
            self.digests.update((out.path, out.digest) for receipt in receipts for out in receipt.outputs)

    @cached_property
    def standing(self) -> Standing:
        """What stood when somebody last looked, and what stands now."""
        return Standing(self.workspace)

    def _worked(
        self, step: Step[Any], units: Sequence[Unit[Any]], book: Book, marks: dict[str, str], *, partial: bool
    ) -> Sequence[Receipt]:
        """The receipts of a step after what isn't done has been worked; as `run`."""
        names = list(marks)
        finished = self._finished(step, book, marks)
        book.discard(finished, within=marks if partial else None)
        self.progress.step_started(step, len(names), len(finished))
        pending = [units[place] for place, name in enumerate(names) if name not in finished]
        failures = []
        for outcome in self._work(step, pending, marks) if pending else ():
            if isinstance(outcome, Failure):
                failures.append(outcome)
                self.progress.unit_failed(step, outcome.unit, outcome.reason)
            else:
                self._see(step, outcome)
                finished[outcome.unit] = outcome
                self.worked += 1
                self._sizes.update((written.path, written.bytes) for written in outcome.outputs)
                self.progress.unit_finished(step, outcome)
        if failures:
            raise RunFailed(sorted(failures, key=lambda failure: failure.unit))
        return in_order([finished[name] for name in names]) if partial else book.entered(names, finished)

    def _finished(self, step: Step[Any], book: Book, marks: Mapping[str, str]) -> dict[str, Held]:
        """What earlier runs have done, as it is asked for now, and of which the files are there as they were written."""
        found = book.finished(marks)
        broken = book.broken(found, self._is_sound)
        self.damaged.extend(f"{step.name}/{name}" for name in marks if name in broken)
        here = environment().digest
        return {
            name: held
            for name, held in found.items()
            if name not in broken and (not self.rework_versions or held.environment == here)
        }

    @cached_property
    def _sizes(self) -> Sizes:
        """The files of the run with their sizes: what lay there when it began, and what it has written since."""
        return self.sizes if self.sizes is not None else self.workspace.listed()[0]

    @cached_property
    def _old_receipts(self) -> dict[str, list[str]]:
        """The files of receipts that lay there, by step: nothing is asked for that wasn't listed."""
        return receipt_files(self._sizes.below(f"{RECEIPTS}/"))

    def _is_sound(self, path: str, size: int, digest: str) -> bool:
        """Whether a file of an earlier run is there as its receipt says."""
        return self._sizes.get(path) == size and (not self.paranoid or digest_file(self.workspace, path) == digest)

    def _work(
        self, step: Step[Any], pending: Sequence[Unit[Any]], marks: dict[str, str]
    ) -> Iterator[Receipt | Failure]:
        from distributed import KilledWorker, as_completed

        client = self._connected()
        lengths = self.lengths.of(step.name, pending, self._sizes)
        longest_first = sorted(range(len(pending)), key=lengths.__getitem__, reverse=True)
        queue: Iterator[Unit[Any]] | None = map(pending.__getitem__, longest_first)  # None: no further one
        units: dict[tuple[str, ...], Unit[Any]] = {}
        suspects: list[Unit[Any]] = []

        def submit(unit: Unit[Any], manner: str = "") -> Any:
            # Dask keeps statistics by the first part of a key for ever: of steps there are few, of units' names millions.
            key = (step.name, unit.name, manner, self._token)
            units[key] = unit
            return client.submit(work_unit, self.workspace.place, step, unit, marks[unit.name], pure=False, key=key)

        open_units = room = 0
        looked = -math.inf
        flow = as_completed(loop=client.loop)
        while True:
            if time.monotonic() - looked > ROLL_CALL_SECONDS:
                room = WINDOW_PER_WORKER * max(len(client.scheduler_info(n_workers=-1)["workers"]), 1)
                looked = time.monotonic()
            for unit in islice(queue or (), max(room - open_units, 0)):
                flow.add(submit(unit))
                open_units += 1
            future = next(flow, None)
            if future is None:
                break
            open_units -= 1
            answer = _answer(future)
            if isinstance(answer, KilledWorker):
                suspects.append(units[future.key])
            elif not isinstance(answer, Away) or queue is not None:
                yield _outcome(step, units[future.key], answer)
            if isinstance(answer, Away):
                queue = None
            future.release()
        # Dask also blames the units that only waited on a worker that died: the guilty one kills alone, too.
        for unit in suspects:
            self.progress.unit_retried(step, unit)
            yield _outcome(step, unit, _answer(submit(unit, manner="alone")))

    def _see(self, step: Step[Any], receipt: Receipt) -> None:
        """Looks once whether what a worker wrote is to be seen from here; a shared file system may take its time."""
        end = time.monotonic() + SHARED_SECONDS
        while not self._shared:
            self._shared = self.workspace.exists(receipt_path(step.name, receipt.unit))
            if not self._shared and time.monotonic() > end:
                raise ConfigurationError(
                    f"{self.workspace.place}: a worker has written {step.name}/{receipt.unit} there, and it isn't to be seen "
                    "here: all machines of the cluster need one file system under this path, or a run on an object store"
                )
            if not self._shared:
                time.sleep(1)

    def _connected(self) -> Any:
        if self._client is None:
            self._open_cluster = self.cluster()
            self._client = self._open_cluster.__enter__()
            self.progress.cluster_started(self._client.dashboard_link)
        return self._client


def work_unit(root: str, step: Step[Any], unit: Unit[Any], mark: str) -> Receipt:
    """Works one unit here and now and commits it: first its files, then its receipt."""
    gc.set_threshold(YOUNG_OBJECTS)
    workspace = Workspace(root)
    forget_peak()
    began, start, busy = time.time(), time.perf_counter(), _processor()
    counts = step.work(workspace, unit)
    receipt = Receipt(
        step=step.name,
        unit=unit.name,
        fingerprint=mark,
        outputs=tuple(sorted(workspace.written, key=lambda written: written.path)),
        counts=dict(counts),
        seconds=round(time.perf_counter() - start, 3),
        environment=note_environment(Workspace(root)),
        began=round(began, 3),
        memory=peak(),
        processor=round(_processor() - busy, 3),
    )
    write_receipt(Workspace(root), receipt)
    return receipt


def _processor() -> float:
    """Seconds of the processor that this process and the programs that it has called took."""
    called = os.times()
    return time.process_time() + called.children_user + called.children_system  # its own in less than hundredths


def _answer(future: Any) -> Receipt | Exception:
    """What came of a unit. An answer is lost with the worker that holds it, and Dask works the unit again: that may fail."""
    try:
        return future.result()  # type: ignore[no-any-return]
    except Exception as error:
        return error


def _outcome(step: Step[Any], unit: Unit[Any], answer: Receipt | Exception) -> Receipt | Failure:
    if isinstance(answer, Receipt):
        return answer
    return failure_of(step.name, unit.name, answer)
