"""What another threshold would keep: decided anew over the measures, by SQL, without a text being read.

Only the filters are decided anew. De-duplication and what follows compare the documents that are left, so they would
find others; a run tells what.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import yaml

from winnow.filters.recipes import Rule
from winnow.pipeline.configuration.manifest import Filter
from winnow.stages.decide import STAGE
from winnow.viewer import records
from winnow.viewer.measures import Bound, bounds_of, column_of
from winnow.viewer.runs import Run
from winnow.viewer.seats import LANGUAGE

SHOWN = 8  # texts that change sides, of each side
WEIGHED = 40  # texts whose tokens are counted, to estimate those of all
BEYOND = 1e308
SPREAD = np.uint64(0x9E3779B97F4A7C15)  # places multiplied by it lie in no order: how some are drawn

Place = tuple[int, int]


@dataclass(frozen=True)
class Turned:
    """Documents that change sides: how many, some of them drawn at random, and their tokens estimated from those."""

    documents: int
    places: tuple[Place, ...]
    tokens: int | None  # None without a tokenizer


NOBODY = Turned(0, (), 0)


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
    later = " AND ".join(f"NOT ({_scope(run, other.entry)} AND {_decides(run, other)})" for other in _after(run, bound))
    raised, lifted = _stretch(run, bound.rule, changed), _stretch(run, changed, bound.rule)
    documents = sum(part.rows for part in run.parts)
    return Outcome(
        bound=bound,
        minimum=minimum,
        maximum=maximum,
        documents=documents,
        concerned=_concerned(run, bound.entry),
        passed=documents - sum(fate.documents for fate in run.fates if fate.stage == STAGE),
        out=_turned(run, f"{raised} AND {scope} AND {new} AND NOT {broken}", _numbers(run), False)
        if raised
        else NOBODY,
        back=_turned(
            run,
            f"{lifted} AND {scope} AND {broken} AND NOT {new}" + (f" AND {later}" if later else ""),
            _numbers(run, bound.name),
            True,
        )
        if lifted
        else NOBODY,
        line=manifest_line(bound, minimum, maximum),
    )


def _stretch(run: Run, rule: Rule, changed: Rule) -> str:
    """Where the values lie that break the changed rule and not this one; empty where there can't be any. As plain ranges
    of the column, which are looked for in the files before any other column is read."""
    name = f'a."{rule.measure}"'
    column = f"{name}::INTEGER" if run.columns[rule.measure] == "BOOLEAN" else name
    sides = []
    for here, there, inner, outer in (
        (rule.minimum, changed.minimum, ">=", "<="),
        (rule.maximum, changed.maximum, "<=", ">="),
    ):
        if there is not None and (here is None or (there > here if outer == "<=" else there < here)):
            bounds = [f"{column} {outer} {float(there)!r}"]
            bounds += [f"{column} {inner} {float(here)!r}"] if here is not None else []
            sides.append(f"({' AND '.join(bounds)})")
    return f"({' OR '.join(sides)})" if len(sides) > 1 else "".join(sides)


def _numbers(run: Run, rule: str = "") -> list[int]:
    """Of this rule of the filters, or of all, as `seats` have them."""
    return [n for n, (stage, name) in enumerate(run.reasons) if stage == STAGE and name == (rule or name)]


def _concerned(run: Run, entry: Filter) -> int:
    if entry.languages:
        count: int = run.ask(f"SELECT count(*) FROM attributes a WHERE {_scope(run, entry)}")[0][0]
        return count
    return sum(part.rows for part in run.parts if (part.source, part.kind) in run.concerned(entry))


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


def _turned(run: Run, measured: str, reasons: list[int], among: bool) -> Turned:
    """The documents of which this holds, `a` being their measures, and that were dropped for one of these reasons, or,
    not `among` them, weren't."""
    found = run.table(f"SELECT part, row FROM attributes a WHERE {measured}")
    parts, rows = (np.asarray(found[name].to_numpy()).astype(np.int64) for name in ("part", "row"))
    same = np.isin(run.seated.reasons(parts, rows), reasons) == among
    parts, rows = parts[same], rows[same]
    count = len(parts)
    if not count:
        return NOBODY
    drawn = np.argsort((parts.astype(np.uint64) << 32 | rows.astype(np.uint64)) * SPREAD, kind="stable")[:WEIGHED]
    places = tuple(zip(parts[drawn].tolist(), rows[drawn].tolist(), strict=True))
    encoder = run.encoder
    tokens = None
    if encoder is not None:
        texts = pa.array([fields["text"] for fields in records.rows(run, places, ["text"])], pa.large_string())
        tokens = round(len(encoder.encode(texts).ids) / len(texts) * count)
    return Turned(count, places[:SHOWN], tokens)
