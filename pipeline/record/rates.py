"""What the steps of a run cost, by kind of source: `rates.json`, of which a plan tells what another run will take.

Seconds are those of the processor, which other load on the machine doesn't change much. A unit that works a part costs so
much for itself and so much for each raw byte of the part; a step that works buckets, or the run as a whole, so much for
each raw byte of the run.
"""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from winnow.pipeline.record.ledger import Ledger
from winnow.pipeline.record.receipt import Receipt
from winnow.stages.run.unit import Planned, Unit
from winnow.stages.run.workspace import Workspace

PATH = "rates.json"
WHOLE = ""  # in place of a kind: units that work no part
EXCHANGE = "exchange/"
LOOKED_AT = 64  # units of a step of which the inputs are looked at
Kinds = Mapping[str, tuple[str, int]]
"""The kind of source and the raw bytes of each part."""


@dataclass(frozen=True, kw_only=True)
class Rate:
    """What units of one step cost that work parts of one kind, or no part (`WHOLE`).

    `raw`: bytes of their parts, or of the run. `seconds`: of the processor, all of them; `each`: of a unit for itself,
    `byte`: for each raw byte, `longest`: of one unit. `read`, `written`, `exchanged`: bytes, the last of files that other
    units gather. `memory`: the most bytes of a worker.
    """

    units: int
    raw: int
    seconds: float
    each: float
    byte: float
    longest: float
    read: float
    written: int
    exchanged: int
    memory: int


Rates = Mapping[str, Mapping[str, Rate]]
"""By step and kind."""


def write_rates(
    workspace: Workspace,
    planned: Sequence[Planned],
    done: Iterable[Sequence[Receipt]],
    kinds: Kinds,
    sizes: Mapping[str, int],
) -> None:
    """Keeps the rates of a finished run. `sizes`: of each of its files."""
    raw = sum(size for _, size in kinds.values())
    found = {}
    for (step, units), receipts in zip(planned, done, strict=True):
        if rates := _rates(receipts, kinds, raw, _read(units, sizes)):
            found[step.name] = {kind: asdict(rate) for kind, rate in rates.items()}
    if found:
        workspace.write_bytes(PATH, (json.dumps(found, indent=1) + "\n").encode())


def read_rates(workspace: Workspace) -> Rates:
    """The rates that a run keeps; none where it keeps none that can be read."""
    try:
        found = json.loads(workspace.read_bytes(PATH))
        return {step: {kind: _read_rate(rate) for kind, rate in rates.items()} for step, rates in found.items()}
    except (OSError, ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return {}


def _read_rate(said: Mapping[str, Any]) -> Rate:
    """Raises `TypeError` or `ValueError` for what isn't one."""
    if not all(type(value) in (int, float) and math.isfinite(value) and value >= 0 for value in said.values()):
        raise ValueError("a rate is made of numbers")
    return Rate(**said)


def _rates(receipts: Sequence[Receipt], kinds: Kinds, raw: int, read: float) -> dict[str, Rate]:
    """Nothing of a step that was worked before receipts told the time of the processor."""
    groups: defaultdict[str, list[tuple[float, int, int, int, int]]] = defaultdict(list)
    for name, seconds, memory, outputs in _told(receipts):
        kind, size = kinds.get(name, (WHOLE, 0))
        exchanged = sum(size for path, size in outputs if path.startswith(EXCHANGE))
        groups[kind].append((seconds, size, sum(size for _, size in outputs) - exchanged, exchanged, memory))
    whole = sum(one[1] for group in groups.values() for one in group)
    found = {}
    for kind, group in groups.items():
        columns = np.array(group, np.float64).T
        seconds, own = columns[0], columns[1]
        if not seconds.any():
            return {}
        each, byte = _line(own, seconds) if kind != WHOLE else (0.0, float(seconds.sum()) / max(raw, 1))
        bytes_of = int(own.sum()) if kind != WHOLE else raw
        found[kind] = Rate(
            units=len(group),
            raw=bytes_of,
            seconds=round(float(seconds.sum()), 3),
            each=each,
            byte=byte,
            longest=float(seconds.max()),
            read=read * (bytes_of / whole if kind != WHOLE and whole else 1),
            written=int(columns[2].sum()),
            exchanged=int(columns[3].sum()),
            memory=int(columns[4].max()),
        )
    return found


def _told(receipts: Sequence[Receipt]) -> Iterable[tuple[str, float, int, list[tuple[str, int]]]]:
    """Of each unit its name, seconds of the processor, memory, and its files with their bytes."""
    if not isinstance(receipts, Ledger):
        for one in receipts:
            yield one.unit, one.processor, one.memory, [(out.path, out.bytes) for out in one.outputs]
        return
    for table in receipts.tables():
        starts, paths, sizes, _ = table.written()
        for row, told in enumerate(zip(*map(table.column, ("unit", "processor", "memory")), strict=True)):
            rows = slice(starts[row], starts[row + 1])
            yield *told, list(zip(paths[rows], sizes[rows], strict=True))


def _line(sizes: npt.NDArray[np.float64], seconds: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Seconds of a unit and of a byte, neither below nought, that come to the seconds of all: by least squares."""
    spread = sizes - sizes.mean()
    byte = float(spread @ seconds / (spread @ spread)) if spread.any() else 0.0
    each = float(seconds.mean() - byte * sizes.mean())
    if byte < 0 or not sizes.any():
        return float(seconds.mean()), 0.0
    return (each, byte) if each >= 0 else (0.0, float(seconds.sum() / sizes.sum()))


def _read(units: Sequence[Unit[Any]], sizes: Mapping[str, int]) -> float:
    """Bytes that the units of a step read, by a look at some of them: what all name is read once, in pieces, or is small."""
    looked = [units[len(units) * place // LOOKED_AT] for place in range(LOOKED_AT)] if len(units) > LOOKED_AT else units
    named = Counter(name for unit in looked for name in set(unit.inputs))
    grown = len(units) / max(len(looked), 1)
    inputs = sum(sizes.get(name, 0) * (1 if count == len(looked) else grown) for name, count in named.items())
    return inputs + grown * sum(unit.raw_bytes for unit in looked)
