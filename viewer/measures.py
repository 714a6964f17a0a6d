"""Every measure of a run as histograms, one for each source and language, with the bounds that its rules set."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from winnow.filters.recipes import Rule
from winnow.pipeline.configuration.manifest import Filter
from winnow.viewer.runs import Run
from winnow.viewer.seats import LANGUAGE

BINS = 60
GROUPS = 24  # histograms of one page, those of the most documents
SAMPLED = 500_000  # documents, at least, whose values tell where the axis ends
TAIL = 0.002  # of the documents at either end share the outermost bin
SKEWED = 40  # times the median: from there on the axis is logarithmic
FAR = 1.5  # a bound further out than this many axes isn't drawn to scale


@dataclass(frozen=True)
class Bound:
    """A rule of the manifest's filters that decides by a measure. `filter` and `rule` are their places there."""

    filter: int
    entry: Filter
    rule: Rule

    @property
    def name(self) -> str:
        return f"{self.entry.application().recipe.name}.{self.rule.name}"

    @property
    def key(self) -> str:
        """How addresses name it: a manifest may apply one recipe twice."""
        return f"{self.filter}.{self.rule.name}"


@dataclass(frozen=True)
class Axis:
    """From values to [0, 1]; logarithmic where the values are skewed. Values beyond the ends lie at the ends."""

    low: float
    high: float
    logarithmic: bool

    def place(self, value: float) -> float:
        low, high, at = (self._scaled(number) for number in (self.low, self.high, value))
        return min(1.0, max(0.0, (at - low) / (high - low))) if high > low else 0.5

    def value(self, place: float) -> float:
        low, high = self._scaled(self.low), self._scaled(self.high)
        at = low + (high - low) * place
        return self.low + math.expm1(at) if self.logarithmic else at

    def column(self, name: str) -> str:
        """The same as SQL over a column."""
        low, high = self._scaled(self.low), self._scaled(self.high)
        scaled = f"ln(1 + greatest({name} - {self.low!r}, 0))" if self.logarithmic else name
        return f"least({BINS - 1}, greatest(0, floor(({scaled} - {low!r}) / {max(high - low, 1e-300)!r} * {BINS})))"

    def _scaled(self, value: float) -> float:
        return math.log1p(max(value - self.low, 0.0)) if self.logarithmic else value


@dataclass(frozen=True)
class Histogram:
    """Documents of one source and language by a measure: `counts` has `BINS` of them along `axis`."""

    source: str
    language: str
    documents: int
    counts: tuple[int, ...]
    axis: Axis
    bounds: tuple[Bound, ...]  # those that decide on this source


def bounds_of(run: Run, measure: str = "") -> list[Bound]:
    """The rules that decide by a measure, or all; in the manifest's order. None before the run is finished."""
    filters = run.manifest.filters if run.manifest else ()
    return [
        Bound(place, entry, rule)
        for place, entry in enumerate(filters)
        for rule in _rules(entry)
        if not measure or rule.measure == measure
    ]


def _rules(entry: Filter) -> Sequence[Rule]:
    """None where the recipe is a user's own whose code isn't here."""
    try:
        return entry.application().recipe.rules
    except LookupError:
        return ()


def numeric(run: Run) -> list[str]:
    """The measures that are numbers."""
    return [name for name, kind in run.columns.items() if kind not in ("VARCHAR",) and not kind.endswith("[]")]


def column_of(run: Run, measure: str, table: str = "") -> str:
    """A measure as SQL: truth values as 0 and 1, what isn't a number as null. Raises `LookupError` for no measure."""
    if measure not in numeric(run):
        raise LookupError(f"this run has no measure {measure!r} that is a number")
    name = f'{table}"{measure}"'
    if run.columns[measure] == "BOOLEAN":
        return f"{name}::INTEGER"
    return f"CASE WHEN isnan({name}) THEN NULL ELSE {name} END" if run.columns[measure] in ("DOUBLE", "FLOAT") else name


def axis_of(run: Run, measure: str, bounds: Sequence[Bound], source: str = "") -> Axis | None:
    """An axis that shows all but the outermost values, and the bounds where they aren't far off. None without values."""
    column = column_of(run, measure)
    where = f"WHERE {_of_source(run, source)}"
    step = max(1, sum(part.rows for part in run.parts) // SAMPLED)
    quantiles, least, most = run.ask(
        f"SELECT approx_quantile({column}, [{TAIL}, 0.5, {1 - TAIL}]) FILTER (row % {step} = 0), "
        f"min({column}), max({column}) FROM attributes {where}"
    )[0]
    if least is None:
        return None
    low, middle, high = (float(value) for value in quantiles or (least, least, most))
    asked = [value for bound in bounds for value in (bound.rule.minimum, bound.rule.maximum) if value is not None]
    span = max(high - low, abs(high), 1e-9)
    near = [value for value in asked if low - FAR * span <= value <= high + FAR * span]
    low, high = min([low, *near]), max([high, *near])
    if low == high:
        low, high = min(float(least), low), max(float(most), high + (0 if most > high else 1))
    return Axis(low, high, logarithmic=low >= 0 and middle > 0 and high > SKEWED * middle)


def _of_source(run: Run, source: str) -> str:
    """A part is of one source, so its number tells it without a column being read."""
    places = [str(place) for place, part in enumerate(run.parts) if part.source == source]
    return f"part IN ({', '.join(places) or '-1'})" if source else "true"


def histograms(run: Run, measure: str, *, by_language: bool = True, source: str = "") -> list[Histogram]:
    """The histograms of a measure, of the most documents first; with one axis, so that they compare."""
    bounds = bounds_of(run, measure)
    axis = axis_of(run, measure, bounds, source)
    if axis is None:
        return []
    column = column_of(run, measure)
    language = f"coalesce(\"{LANGUAGE}\", '')" if by_language and LANGUAGE in run.columns else "''"
    found: dict[tuple[str, str], list[int]] = {}
    for part, spoken, place, count in run.ask(
        f"SELECT part, {language}, {axis.column(f'({column})')}::INTEGER, count(*) FROM attributes "
        f"WHERE {column} IS NOT NULL AND {_of_source(run, source)} GROUP BY ALL"
    ):
        found.setdefault((run.parts[part].source, spoken), [0] * BINS)[place] += count
    kinds: dict[str, set[tuple[str, str]]] = {}
    for part in run.parts:
        kinds.setdefault(part.source, set()).add((part.source, part.kind))
    concerned = {bound.key: run.concerned(bound.entry) for bound in bounds}
    shown = sorted(found.items(), key=lambda item: -sum(item[1]))[:GROUPS]
    return [
        Histogram(
            name,
            spoken,
            sum(counts),
            tuple(counts),
            axis,
            tuple(
                bound
                for bound in bounds
                if concerned[bound.key] & kinds.get(name, set())
                and (not bound.entry.languages or not spoken or spoken in bound.entry.languages)
            ),
        )
        for (name, spoken), counts in shown
    ]
