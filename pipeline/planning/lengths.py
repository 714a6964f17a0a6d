"""How long the units of a step will take beside each other: the longest begin first, so that none of them ends the step alone.

Bytes tell units of one kind of source from each other, but a byte of one kind may cost what a hundred of another do. So where a
run has measured the step (`rates.json`), each kind is given the seconds that its rate tells, shared out by bytes. The
order decides when a unit is worked, never what comes of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from winnow.pipeline.planning.estimate import rate_of
from winnow.pipeline.record.rates import WHOLE, Kinds, Rates
from winnow.stages.run.unit import Unit

FEW_INPUTS = 32
"""A unit of more reads a whole exchange, like all others of its step: these bytes don't tell them apart."""


@dataclass(frozen=True, kw_only=True)
class Lengths:
    """`kinds`: of the parts of a run; `known`: the rates of runs, those first that count most."""

    kinds: Kinds = field(default_factory=dict)
    known: Sequence[Rates] = ()

    def of(self, step: str, units: Sequence[Unit[Any]], sizes: Mapping[str, int]) -> list[float]:
        """A number for each unit, larger for longer ones: seconds of the processor or, where some unit works no part or
        no run has measured the step, bytes. `sizes`: of the files of the run."""
        read = [bytes_read(unit, sizes) for unit in units]
        of_kind, raw, count, whole = [], Counter[str](), Counter[str](), Counter[str]()
        for unit, size in zip(units, read, strict=True):
            kind, own = self.kinds.get(unit.name, (WHOLE, 0))
            of_kind.append(kind)
            raw[kind] += own
            count[kind] += 1
            whole[kind] += size
        rates = {kind: rate_of(self.known, step, kind) for kind in count if kind != WHOLE}
        known = {kind: rate for kind, rate in rates.items() if rate is not None}
        if len(known) < len(count):
            return [float(size) for size in read]
        shares = (
            size / whole[kind] if whole[kind] else 1 / count[kind] for kind, size in zip(of_kind, read, strict=True)
        )
        return [
            known[kind].each + known[kind].byte * raw[kind] * share for kind, share in zip(of_kind, shares, strict=True)
        ]


def bytes_read(unit: Unit[Any], sizes: Mapping[str, int]) -> int:
    """Bytes that the unit reads, as far as they tell it from others."""
    inputs = unit.inputs
    return unit.raw_bytes + (sum(sizes.get(name, 0) for name in inputs) if len(inputs) < FEW_INPUTS else 0)
