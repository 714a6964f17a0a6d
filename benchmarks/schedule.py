"""How much of many workers a run's units can use: measured times of its units, played again in the order of the scheduler.

    python -m benchmarks.schedule RUN --stage mid --profile sample [--workers 2 16 64]

`steps` is how a first run works: step after step, in each the units that read most begin first; `rates` how it would be worked
again, those that take longest by the rates that this run has left. `flow` is what it would be if a unit began as soon as the
units that wrote its inputs are done, earlier steps first. Times are the processor's seconds that receipts tell, and where they
tell none the seconds that passed. A speed-up is the sum of all times by the time from the first unit to the end of the last;
`bound` is the longest chain of units of which each reads what the one before wrote.
"""

from __future__ import annotations

import argparse
import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from winnow.pipeline.configuration.settings import load_settings
from winnow.pipeline.planning.estimate import kinds_of
from winnow.pipeline.planning.lengths import Lengths
from winnow.pipeline.planning.parts import find_parts, in_hand, input_sizes
from winnow.pipeline.planning.plan import steps
from winnow.pipeline.record.ledger import read_receipts
from winnow.pipeline.record.rates import read_rates
from winnow.stages.run.workspace import Workspace

SHOWN = 8  # units of the longest chain


@dataclass(frozen=True, eq=False)
class Played:
    """A unit with its time; `needs`: the numbers of the units that wrote its inputs."""

    step: int
    name: str
    seconds: float
    length: float
    needs: frozenset[int]


def played(run: str, stage: str, profile: str, *, by_rates: bool) -> list[Played]:
    """The units of a run in the order of its plan, their `length` by the bytes that they read or `by_rates`. Raises `KeyError`
    for a unit that has no receipt there."""
    settings = load_settings(stage, profile)
    parts = find_parts(settings)
    receipts = {(one.step, one.unit): one for one in read_receipts(Workspace(run))}
    sizes = {out.path: out.bytes for one in receipts.values() for out in one.outputs}
    writer: dict[str, int] = {}
    found: list[Played] = []
    known = [read_rates(Workspace(run))] if by_rates else []
    lengths = Lengths(kinds=kinds_of(parts, input_sizes(parts)), known=known)
    for number, (step, units) in enumerate(steps(parts, in_hand(settings, parts))):
        for unit, length in zip(units, lengths.of(step.name, units, sizes), strict=True):
            receipt = receipts[step.name, unit.name]
            needs = frozenset(writer[name] for name in unit.inputs if name in writer)
            writer.update((out.path, len(found)) for out in receipt.outputs)
            found.append(
                Played(number, f"{step.name}/{unit.name}", receipt.processor or receipt.seconds, length, needs)
            )
    return found


def makespan(units: Sequence[Played], workers: int, needs: Callable[[int], frozenset[int]]) -> float:
    """Seconds until the last unit is done, if a unit begins on a free worker when all that `needs` says are done; of those
    that may begin, that of the earliest step, and of one step that of the greatest `length`."""
    waiting = [len(needs(number)) for number in range(len(units))]
    after: list[list[int]] = [[] for _ in units]
    for number in range(len(units)):
        for other in needs(number):
            after[other].append(number)
    ready = [(unit.step, -unit.length, number) for number, unit in enumerate(units) if not waiting[number]]
    heapq.heapify(ready)
    working: list[tuple[float, int]] = []
    now = 0.0
    while ready or working:
        while ready and len(working) < workers:
            number = heapq.heappop(ready)[2]
            heapq.heappush(working, (now + units[number].seconds, number))
        now, done = heapq.heappop(working)
        for number in after[done]:
            waiting[number] -= 1
            if not waiting[number]:
                heapq.heappush(ready, (units[number].step, -units[number].length, number))
    return now


def by_steps(units: Sequence[Played], workers: int) -> float:
    """As `makespan`, step after step."""
    last = max(unit.step for unit in units)
    groups = ([unit for unit in units if unit.step == step] for step in range(last + 1))
    return sum(makespan(group, workers, lambda _: frozenset()) for group in groups if group)


def longest_chain(units: Sequence[Played]) -> list[Played]:
    """The units of which each reads what the one before wrote, and which take longest together."""
    ends: list[float] = []
    before: list[int | None] = []
    for unit in units:
        latest = max(unit.needs, key=lambda number: ends[number], default=None)
        before.append(latest)
        ends.append(unit.seconds + (ends[latest] if latest is not None else 0.0))
    chain: list[Played] = []
    number: int | None = max(range(len(units)), key=lambda number: ends[number])
    while number is not None:
        chain.append(units[number])
        number = before[number]
    return chain[::-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("--stage", default="mid")
    parser.add_argument("--profile", default="sample")
    parser.add_argument("--workers", type=int, nargs="+", default=[2, 16, 64])
    given = parser.parse_args()
    units, rated = (played(given.run, given.stage, given.profile, by_rates=by_rates) for by_rates in (False, True))
    whole = sum(unit.seconds for unit in units)
    chain = longest_chain(units)
    bound = sum(unit.seconds for unit in chain)
    print(f"{len(units):,} units of {whole:,.0f} s; bound {whole / bound:.1f} ×, by")
    for unit in sorted(chain, key=lambda unit: -unit.seconds)[:SHOWN]:
        print(f"  {unit.seconds:8.1f} s {unit.name}")
    for workers in given.workers:
        told = {
            "steps": by_steps(units, workers),
            "rates": by_steps(rated, workers),
            "flow": makespan(rated, workers, lambda number: rated[number].needs),
        }
        print(
            f"{workers:4} workers: " + ", ".join(f"{name} {whole / seconds:5.1f} ×" for name, seconds in told.items())
        )


if __name__ == "__main__":
    main()
