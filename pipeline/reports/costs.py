"""What each step of a run cost: seconds and memory of its workers, and how long they had nothing to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from winnow.pipeline.proof.lock import flat_counts
from winnow.pipeline.record.funnel import planned_steps
from winnow.pipeline.record.ledger import read_receipts
from winnow.stages.run.workspace import Workspace

Span = tuple[float, float]
"""When a unit began and ended, by its worker's clock."""


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
    spans: dict[str, list[Span]] = {}
    found = []
    for step in planned_steps(workspace):
        units, seconds, text, memory = 0, 0.0, 0, 0
        times = spans.setdefault(step, [])
        for receipt in read_receipts(workspace, step):
            units, seconds, memory = units + 1, seconds + receipt.seconds, max(memory, receipt.memory)
            text += dict(flat_counts(receipt.counts)).get("bytes", 0)
            if receipt.began:
                times.append((receipt.began, receipt.began + receipt.seconds))
        found.append((step, units, seconds, text / 1e6, memory))
    workers = most_at_once([span for times in spans.values() for span in times])
    return [StepCost(*told, idle_share(spans[told[0]], workers)) for told in found]


def idle_share(spans: Sequence[Span], workers: int) -> float | None:
    """What so many workers left unused of the time in which one of them worked; a pause of all of them counts for none."""
    there = covered(spans) * workers
    return max(0.0, 1 - sum(end - begin for begin, end in spans) / there) if there else None


def covered(spans: Iterable[Span]) -> float:
    """Seconds in which there was a span."""
    total, reached = 0.0, float("-inf")
    for begin, end in sorted(spans):
        total += max(0.0, end - max(begin, reached))
        reached = max(reached, end)
    return total


def most_at_once(spans: Iterable[Span]) -> int:
    """How many spans there were at one moment at the most; one that begins when another ends comes after it."""
    most = now = 0
    for _, change in sorted(change for begin, end in spans for change in ((begin, 1), (end, -1))):
        now += change
        most = max(most, now)
    return most
