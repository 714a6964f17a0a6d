"""How the measures that rules decide over are spread among all documents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from winnow.filters.recipes import Rule
from winnow.pipeline.record.funnel import Funnel
from winnow.stages.run.workspace import Workspace

BINS = 40
TAIL = 0.005
FIRST_LOOK = 200_000  # values from which the range of a histogram is told
HELD = 8 << 20  # values of the first parts that are kept: 64 MB

Values = npt.NDArray[np.float64]
Axis = tuple[float, float]


@dataclass(frozen=True)
class Distribution:
    """A measure of the documents of the rule's recipe: `counts` over `BINS` equal steps from `low` to `high`."""

    rule: str
    threshold: str
    low: float
    high: float
    counts: tuple[int, ...]
    minimum: float | None  # as a share of the axis; None where it isn't on it
    maximum: float | None
    dropped: int


def distributions(workspace: Workspace, rules: Mapping[str, Rule], funnel: Funnel) -> list[Distribution]:
    """The measure of each rule over all documents that have it, those of rules that dropped most first.

    Every part is opened once for all measures, and again for the range of a measure that few documents have.
    """
    paths = workspace.list("attributes", ".parquet")
    held: list[Mapping[str, Values]] = []
    axes = _axes(workspace, paths, rules, held)
    counts = {name: np.zeros(BINS, np.int64) for name in axes}
    wanted = {rules[name].measure for name in axes}
    for found in chain(held, (dict(_values(workspace, path, wanted)) for path in paths[len(held) :])):
        for name, (low, high) in axes.items():
            if (values := found.get(rules[name].measure)) is not None:
                counts[name] += np.histogram(np.clip(values, low, high), BINS, (low, high))[0]
    dropped = funnel.dropped.get("decide", Counter())
    shown = [
        Distribution(
            name,
            rules[name].threshold(),
            low,
            high,
            tuple(counts[name].tolist()),
            _place(rules[name].minimum, low, high),
            _place(rules[name].maximum, low, high),
            dropped[name],
        )
        for name, (low, high) in axes.items()
    ]
    return sorted(shown, key=lambda shown: (-shown.dropped, shown.rule))


def _place(bound: float | None, low: float, high: float) -> float | None:
    return None if bound is None or not low <= bound <= high else (bound - low) / (high - low)


def _axes(
    workspace: Workspace, paths: Sequence[str], rules: Mapping[str, Rule], held: list[Mapping[str, Values]]
) -> dict[str, Axis]:
    """From where to where each rule's measure is shown, by its first values; nothing of one that has none. `held` gets all
    values of the first parts, up to `HELD` of them."""
    looked: dict[str, list[Values]] = {rule.measure: [] for rule in rules.values()}
    open_, sizes, room = set(looked), Counter[str](), HELD
    for path in paths:
        found = dict(_values(workspace, path, looked if room > 0 else open_))
        if room > 0:
            held.append(found)
            room -= sum(map(len, found.values()))
        for measure in open_ & found.keys():
            looked[measure].append(found[measure])
            sizes[measure] += len(found[measure])
        open_ = {measure for measure in open_ if sizes[measure] <= FIRST_LOOK}
        if not open_:
            break
    axes = {}
    for name, rule in rules.items():
        first = np.concatenate(looked[rule.measure]) if looked[rule.measure] else np.empty(0)
        if not len(first):
            continue
        low, high = (float(value) for value in np.quantile(first, [TAIL, 1 - TAIL]))
        span = max(high - low, abs(high), 1e-9)
        near = [
            bound for bound in (rule.minimum, rule.maximum) if bound is not None and low - span <= bound <= high + span
        ]
        low, high = min([low, *near]), max([high, *near])
        axes[name] = (low, high if low < high else low + 1)
    return axes


def _values(workspace: Workspace, path: str, measures: Collection[str]) -> Iterator[tuple[str, Values]]:
    """The numbers of a part by measure; of one that is text, nothing."""
    with workspace.parquet(path) as file:
        kinds = {field.name: field.type for field in file.schema_arrow}
        columns = [
            name
            for name in sorted(measures)
            if name in kinds and not pa.types.is_string(kinds[name]) and not pa.types.is_large_string(kinds[name])
        ]
        if not columns:
            return
        table = file.read(columns=columns)
    for name in columns:
        column = table[name]
        if pa.types.is_boolean(column.type):
            column = column.cast(pa.int8())
        values = column.drop_null().to_numpy().astype(np.float64)
        yield name, values[~np.isnan(values)]
