"""What each step of a run cost: seconds and memory of its workers, and how long they had nothing to do."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from winnow.pipeline.record.funnel import planned_steps
from winnow.pipeline.record.ledger import read_books
from winnow.stages.run.workspace import Workspace

Spans = npt.NDArray[np.float64]
"""When units began and ended, by their workers' clocks: a row each."""


@dataclass(frozen=True)
class StepCost:
    """Seconds summed over the workers, text in megabytes, the most memory of a worker in bytes (0: not known).

    `idle`: the share of the workers' time in which they had no unit of this step, while any of them had one; None of a step
    whose receipts don't tell when it was worked.
    """

    name: str
    units: int
    seconds: float
    megabytes: float
    memory: int
    idle: float | None

    @property
    def rate(self) -> float:
        return self.megabytes / self.seconds if self.seconds else 0.0


def step_costs(workspace: Workspace) -> list[StepCost]:
    """Of every step, in the order of travel. As many workers count as ever worked at once in this run."""
    found, spans = [], []
    for step in planned_steps(workspace):
        seconds, text, memory, times = array("d"), 0, 0, array("d")
        for lasted, most, moment, counts in _told(workspace, step):
            size = counts.get("bytes", 0)
            seconds.append(lasted)
            times.append(moment or math.nan)
            memory, text = max(memory, most), text + (size if type(size) is int else 0)
        began = np.array(times)
        known = np.column_stack([began, began + np.array(seconds)])[~np.isnan(began)]
        spans.append(known)
        found.append((step, len(seconds), math.fsum(seconds), text / 1e6, memory))
    workers = most_at_once(np.concatenate(spans)) if spans else 0
    return [StepCost(*told, idle_share(known, workers)) for told, known in zip(found, spans, strict=True)]


def _told(workspace: Workspace, step: str) -> Iterator[tuple[float, int, float, Mapping[str, Any]]]:
    """Of each unit seconds, memory, when it began, and its counts."""
    for book in read_books(workspace, step):
        for one in book.files_of_their_own():
            yield one.seconds, one.memory, one.began, one.counts
        for table in book.believed():
            yield from zip(*map(table.column, ("seconds", "memory", "began")), table.counts(), strict=True)


def idle_share(spans: Spans, workers: int) -> float | None:
    """What so many workers left unused of the time in which one of them worked; a pause of all of them counts for none."""
    there = covered(spans) * workers
    return max(0.0, 1 - float(np.sum(spans[:, 1] - spans[:, 0])) / there) if there else None


def covered(spans: Spans) -> float:
    """Seconds in which there was a span."""
    begin, end = spans[np.argsort(spans[:, 0], kind="stable")].T
    reached = np.maximum.accumulate(np.concatenate([[-np.inf], end]))[:-1]
    return float(np.maximum(0.0, end - np.maximum(begin, reached)).sum())


def most_at_once(spans: Spans) -> int:
    """How many spans there were at one moment at the most; one that begins when another ends comes after it."""
    moments, changes = spans.T.ravel(), np.repeat([1, -1], len(spans))
    return int(np.cumsum(changes[np.lexsort((changes, moments))]).max(initial=0))
