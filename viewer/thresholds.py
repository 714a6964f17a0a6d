"""What another threshold would keep: decided anew over the measures, by SQL, without a text being read.

Only the filters are decided anew. De-duplication and what follows compare the documents that are left, so they would
find others; a run tells what.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import yaml

from winnow.filters.recipes import Rule
from winnow.pipeline.manifest import Filter
from winnow.stages.decide import STAGE
from winnow.viewer.measures import Bound, bounds_of, column_of
from winnow.viewer.runs import LANGUAGE, Run

SHOWN = 8  # texts that change sides, of each side
WEIGHED = 40  # texts whose tokens are counted, to estimate those of all
BEYOND = 1e308

Place = tuple[int, int]


@dataclass(frozen=True)
class Turned:
    """Documents that change sides: how many, some of them drawn at random, and their tokens estimated from those."""

    documents: int
    places: tuple[Place, ...]
    tokens: int | None  # None without a tokenizer


@dataclass(frozen=True)
class Outcome:
    """What filters would keep with another bound. `concerned` documents are decided on by the rule's filter."""

    bound: Bound
    minimum: float | None
    maximum: float | None
    documents: int
    concerned: int
    passed: int  # by all filters, as the run is
    out: Turned
    back: Turned
    line: str

    @property
    def would_pass(self) -> int:
        return self.passed - self.out.documents + self.back.documents


def find_bound(run: Run, key: str) -> Bound:
    """Raises `LookupError` where the manifest has no such rule."""
    found = next((bound for bound in bounds_of(run) if bound.key == key), None)
    if found is None:
        raise LookupError(f"this run's manifest has no rule {key!r}")
    return found


def outcome(run: Run, key: str, minimum: float | None, maximum: float | None) -> Outcome:
    """Decides anew with other bounds of one rule. Raises `LookupError` for a rule that there isn't."""
    bound = find_bound(run, key)
    changed = replace(bound.rule, minimum=minimum, maximum=maximum)
    column = column_of(run, bound.rule.measure, "a.")
    scope = _scope(run, bound.entry)
    broken, new = _breaks(bound.rule, column), _breaks(changed, column)
    out = (
        f"SELECT a.part, a.row FROM attributes a WHERE {scope} AND {new} AND NOT {broken} "
        f"AND NOT EXISTS (SELECT 1 FROM dropped d WHERE d.part = a.part AND d.row = a.row AND d.stage = '{STAGE}')"
    )
    later = " AND ".join(f"NOT ({_scope(run, other.entry)} AND {_decides(run, other)})" for other in _after(run, bound))
    back = (
        f"SELECT a.part, a.row FROM attributes a JOIN dropped d ON d.part = a.part AND d.row = a.row "
        f"WHERE d.stage = '{STAGE}' AND d.rule = ? AND {scope} AND {broken} AND NOT {new}"
        + (f" AND {later}" if later else "")
    )
    documents = sum(part.rows for part in run.parts)
    passed = documents - sum(fate.documents for fate in run.fates if fate.stage == STAGE)
    return Outcome(
        bound=bound,
        minimum=minimum,
        maximum=maximum,
        documents=documents,
        concerned=run.ask(f"SELECT count(*) FROM attributes a WHERE {scope}")[0][0],
        passed=passed,
        out=_turned(run, out, []),
        back=_turned(run, back, [bound.name]),
        line=manifest_line(bound, minimum, maximum),
    )


def manifest_line(bound: Bound, minimum: float | None, maximum: float | None) -> str:
    """The filter's entry for a manifest, with these bounds and all else as it was.

    A manifest leaves a bound that it doesn't name as the recipe has it, so one that is lifted is set beyond all numbers;
    a rule without any is left out.
    """
    entry = bound.entry.model_dump(mode="json", exclude_defaults=True)
    changed: dict[str, float] | None = None
    if minimum is not None or maximum is not None:
        changed = {}
        for name, value, none in (("minimum", minimum, -BEYOND), ("maximum", maximum, BEYOND)):
            if value is not None:
                changed[name] = _short(value)
            elif getattr(bound.rule, name) is not None:
                changed[name] = none
    entry["thresholds"] = {**entry.get("thresholds", {}), bound.rule.name: changed}
    written = yaml.safe_dump(entry, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10_000)
    return f"- {written.strip()}"


def _short(value: float) -> float:
    return int(value) if value == int(value) else value


def _after(run: Run, bound: Bound) -> list[Bound]:
    """The rules that a document meets after this one."""
    bounds = bounds_of(run)
    return bounds[next(place for place, other in enumerate(bounds) if other.key == bound.key) + 1 :]


def _scope(run: Run, entry: Filter) -> str:
    pairs = sorted(run.concerned(entry))
    places = [place for place, part in enumerate(run.parts) if (part.source, part.kind) in set(pairs)]
    scope = f"a.part IN ({', '.join(map(str, places)) or '-1'})" if len(places) < len(run.parts) else "true"
    if entry.languages:
        listed = ", ".join("'" + name.replace("'", "''") + "'" for name in entry.languages)
        scope += f' AND coalesce(a."{LANGUAGE}" IN ({listed}), false)'
    return f"({scope})"


def _decides(run: Run, bound: Bound) -> str:
    return _breaks(bound.rule, column_of(run, bound.rule.measure, "a."))


def _breaks(rule: Rule, column: str) -> str:
    below, above = ("<=", ">=") if rule.strict else ("<", ">")
    sides = []
    if rule.minimum is not None:
        sides.append(f"{column} {below} {float(rule.minimum)!r}")
    if rule.maximum is not None:
        sides.append(f"{column} {above} {float(rule.maximum)!r}")
    return f"coalesce({' OR '.join(sides) or 'false'}, false)"


def _turned(run: Run, query: str, parameters: Sequence[Any]) -> Turned:
    count = run.ask(f"SELECT count(*) FROM ({query})", parameters)[0][0]
    if not count:
        return Turned(0, (), 0)
    drawn = run.ask(f"SELECT part, row FROM ({query}) ORDER BY hash(part, row) LIMIT {WEIGHED}", parameters)
    places = tuple((part, row) for part, row in drawn)
    encoder = run.encoder
    tokens = None
    if encoder is not None:
        texts = pa.array([fields["text"] for fields in run.rows(places, ["text"])], pa.large_string())
        tokens = round(len(encoder.encode(texts).ids) / len(texts) * count)
    return Turned(count, places[:SHOWN], tokens)
