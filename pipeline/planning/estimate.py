"""What a run will cost, by the rates that finished runs of this machine keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from winnow.pipeline.configuration.reading import ConfigurationError
from winnow.pipeline.configuration.settings import Settings
from winnow.pipeline.planning.parts import Part
from winnow.pipeline.record.rates import PATH, WHOLE, Kinds, Rate, Rates, read_rates
from winnow.stages.decontaminate.steps import INDEX as BENCHMARKS
from winnow.stages.run.unit import Planned, names_of
from winnow.stages.run.workspace import Workspace
from winnow.stages.tokens.sample import TRAIN_STEP

HOUR = 3600
TASK_SECONDS = 0.002
"""Of the scheduler for a unit: so many an hour go out, however many workers there are."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """`seconds`: of the processor; `longest`: of one unit. Bytes `read`, `written` and `exchanged` (written for other units
    to gather), `memory` of a worker at the most."""

    step: str
    units: int
    seconds: float
    longest: float
    read: float
    written: float
    exchanged: float
    memory: int

    @property
    def core_hours(self) -> float:
        return self.seconds / HOUR

    def hours(self, workers: int) -> float:
        """Until the step is done: no sooner than its longest unit."""
        return max(self.seconds / workers, self.longest, self.units * TASK_SECONDS) / HOUR


def known_rates(folder: str, runs: Sequence[str] = ()) -> list[Rates]:
    """The rates of these runs or, where none is named, of the run in a folder and of those beside it, the largest first.

    Raises `ConfigurationError` for a run that was named and keeps none.
    """
    for run in runs:
        if not read_rates(Workspace(run)):
            raise ConfigurationError(f"--rates: {run} keeps no rates: a run of this version leaves {PATH} when it ends")
    if runs:
        return [read_rates(Workspace(run)) for run in runs]
    beside = sorted(Path(folder).parent.glob(f"*/{PATH}")) if "://" not in folder else []
    others = [read_rates(Workspace(str(path.parent))) for path in beside if path.parent != Path(folder)]
    return [read_rates(Workspace(folder)), *sorted(others, key=_measured, reverse=True)]


def _measured(rates: Rates) -> float:
    """Seconds of all steps."""
    return sum(rate.seconds for step in rates.values() for rate in step.values())


def kinds_of(parts: Sequence[Part], sizes: Mapping[str, int]) -> Kinds:
    """The kind and the raw bytes of each part. `sizes`: of the inputs."""
    pieces: dict[str, int] = {}
    for part in parts:
        for piece in part.pieces:
            pieces[piece.path] = pieces.get(piece.path, 0) + 1
    return {
        part.name: (part.input.kind, sum(sizes[piece.path] // pieces[piece.path] for piece in part.pieces))
        for part in parts
    }


def estimates(
    planned: Sequence[Planned], kinds: Kinds, known: Sequence[Rates], settings: Settings
) -> tuple[list[Estimate], list[str]]:
    """What each step of a run will take that has units, and the names of those that no run has measured.

    `known`: the rates of runs, those first that count most; of a step the first that has measured it counts, and of a kind
    that it hasn't met all of its kinds together.
    """
    raw = sum(size for _, size in kinds.values())
    found, unknown = [], []
    for step, units in planned:
        if units and not any(step.name in rates for rates in known):
            unknown.append(step.name)
            continue
        groups: dict[str, list[int]] = {}
        for name in names_of(units):
            kind, size = kinds.get(name, (WHOLE, 0))
            group = groups.setdefault(kind, [0, 0, 0])
            group[0] += 1
            group[1] += size
            group[2] = max(group[2], size)
        told = []
        for kind, (count, size, most) in groups.items():
            rate = rate_of(known, step.name, kind)
            if rate is not None:
                fixed = _fixed(step.name, raw, rate, settings) if kind == WHOLE else None
                told.append(_of_kind(rate, kind, count, size if kind != WHOLE else raw, most, fixed))
        if len(told) < len(groups):
            unknown.append(step.name)
        elif told:
            found.append(_summed(step.name, told))
    return found, unknown


def rate_of(known: Sequence[Rates], step: str, kind: str) -> Rate | None:
    """The rate of the first run that has measured the step, of its other kinds together where it hasn't met this one."""
    measured = [rates[step] for rates in known if step in rates]
    for rates in measured:
        if kind in rates:
            return rates[kind]
    others = [[rate for name, rate in rates.items() if name != WHOLE] for rates in measured]
    together = next((rates for rates in others if rates), []) if kind != WHOLE else []
    if not together:
        return None
    units, raw, seconds = (sum(getattr(rate, name) for rate in together) for name in ("units", "raw", "seconds"))
    return Rate(
        units=units,
        raw=raw,
        seconds=seconds,
        each=sum(rate.each * rate.units for rate in together) / units,
        byte=sum(rate.byte * rate.raw for rate in together) / max(raw, 1),
        longest=max(rate.longest for rate in together),
        read=sum(rate.read for rate in together),
        written=sum(rate.written for rate in together),
        exchanged=sum(rate.exchanged for rate in together),
        memory=max(rate.memory for rate in together),
    )


def _fixed(step: str, raw: int, rate: Rate, settings: Settings) -> float | None:
    """How many times what was measured a step takes whose cost doesn't follow the inputs; None of all others."""
    if step == BENCHMARKS.name:
        return 1.0
    if step == TRAIN_STEP.name:
        most = settings.manifest.tokenizer.sample_bytes
        return min(raw, most) / min(max(rate.raw, 1), most)
    return None


def _of_kind(rate: Rate, kind: str, units: int, raw: int, most: int, fixed: float | None) -> Estimate:
    times = raw / max(rate.raw, 1) if fixed is None else fixed
    seconds = rate.each * units + rate.byte * raw if fixed is None else rate.seconds * fixed
    longest = rate.each + rate.byte * most
    if kind == WHOLE:  # as much longer than the others as it was there
        longest = seconds / units * rate.longest * rate.units / max(rate.seconds, rate.longest)
    return Estimate(
        step="",
        units=units,
        seconds=seconds,
        longest=min(longest, seconds),
        read=rate.read * times,
        written=rate.written * times,
        exchanged=rate.exchanged * times,
        memory=rate.memory,
    )


def _summed(step: str, told: Sequence[Estimate]) -> Estimate:
    return Estimate(
        step=step,
        units=sum(one.units for one in told),
        seconds=sum(one.seconds for one in told),
        longest=max(one.longest for one in told),
        read=sum(one.read for one in told),
        written=sum(one.written for one in told),
        exchanged=sum(one.exchanged for one in told),
        memory=max(one.memory for one in told),
    )
