"""Which phase gives the next batch.

The answer follows from what has been taken of each phase and from nothing else, so a run that stopped goes on with the
phase that was next, on any number of ranks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Phase:
    """A phase in the schedule: rows that an epoch takes of it over all ranks, and its tokens a row."""

    name: str
    rows: int
    length: int


@dataclass(frozen=True)
class Schedule:
    """Phases one after another or, with `shares`, blended: then the phase furthest behind its share of tokens is next.

    A blended epoch ends when a phase has nothing left for its turn. Where the shares are the phases' own sizes each of
    them has given all by then.
    """

    phases: tuple[Phase, ...]
    shares: Mapping[str, float] | None = None

    def next(self, taken: Mapping[str, int]) -> Phase | None:
        """The phase of the next batch after `taken` rows of each; None at the end of the epoch."""
        if self.shares is None:
            return next((phase for phase in self.phases if taken.get(phase.name, 0) < phase.rows), None)
        asked = [phase for phase in self.phases if self.shares[phase.name] > 0]
        if not asked:
            return None
        behind = min(asked, key=lambda p: (taken.get(p.name, 0) + 0.5) * p.length / self.shares[p.name])  # type: ignore[index]
        return behind if taken.get(behind.name, 0) < behind.rows else None

    def turns(self, taken: Mapping[str, int], rows: int) -> Iterator[tuple[Phase, int]]:
        """Phase and first row of each batch of at most `rows` rows over all ranks, from `taken` on to the epoch's end."""
        taken = dict(taken)
        while (phase := self.next(taken)) is not None:
            start = taken.get(phase.name, 0)
            yield phase, start
            taken[phase.name] = min(start + rows, phase.rows)

    def after(self, taken: Mapping[str, int], rows: int, batches: int) -> dict[str, int]:
        """What has been taken when `batches` more batches have been."""
        taken = dict(taken)
        while batches > 0 and (phase := self.next(taken)) is not None:
            start = taken.get(phase.name, 0)
            turns = 1 if self.shares is not None else min(batches, -(-(phase.rows - start) // rows))
            taken[phase.name] = min(start + turns * rows, phase.rows)
            batches -= turns
        return taken
