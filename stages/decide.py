"""Decides, from measures alone, which documents of a part are kept, and says of each of the others why it isn't.

A manifest applies recipes in order, each to all documents or to those of some sources, languages or kinds. A document's
rejection names the first rule that it breaks, with what was measured and what was asked. No text is read here, so a
changed threshold decides anew in milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from winnow.filters.recipes import Recipe, Rule
from winnow.stages.run.drops import DROP

STAGE = "decide"

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Application:
    """A recipe as a manifest applies it: to documents of these sources, languages and kinds; None is all of them."""

    recipe: Recipe
    sources: frozenset[str] | None = None
    languages: frozenset[str] | None = None
    kinds: frozenset[str] | None = None

    def identity(self) -> dict[str, Any]:
        """What a decision follows from: the rules with their measures, bounds and sources, and where they apply."""
        restrictions = {name: getattr(self, name) for name in ("sources", "languages", "kinds")}
        return {"recipe": self.recipe.name, "rules": self.recipe.rules, **restrictions}

    def applies(self, attributes: pa.Table) -> Mask:
        """A mask over the rows. Needs column `source`, `language.label` or `kind` for each restriction that is set."""
        mask = np.ones(attributes.num_rows, dtype=bool)
        for column, allowed in (
            ("source", self.sources),
            ("language.label", self.languages),
            ("kind", self.kinds),
        ):
            if allowed is not None:
                values = _column(attributes, column, self.recipe)
                member = pc.is_in(values, value_set=pa.array(sorted(allowed), values.type))
                mask &= _numpy(member)
        return mask


def decide(attributes: pa.Table, applications: Sequence[Application]) -> pa.Table:
    """The rejected documents: a table of schema `winnow.stages.run.drops.DROP`, one row each, in the order of their rows.

    `attributes` has a row for each document: `id`, `source`, the measures that the rules name and, where applications
    are restricted, `kind` and `language.label`; `locator` is copied where it is there. A null measure passes; a NaN is
    a null. Raises `LookupError` when a rule's measure is missing.
    """
    rows = attributes.num_rows
    undecided = np.ones(rows, dtype=bool)
    rejections: list[pa.Table] = []
    for application in applications:
        applies = application.applies(attributes)
        for rule in application.recipe.rules:
            values = _column(attributes, rule.measure, application.recipe)
            rejected = np.flatnonzero(applies & undecided & breaks(rule, values))
            if rejected.size:
                undecided[rejected] = False
                rejections.append(_rejections(attributes, rejected, application.recipe, rule, values))
    if not rejections:
        return DROP.empty_table()
    return pa.concat_tables(rejections).sort_by("row")


def breaks(rule: Rule, values: pa.ChunkedArray) -> Mask:
    """A mask of the measured values that lie outside the rule's bounds; nulls and NaNs lie inside.

    Raises `LookupError` for a measure that is no number.
    """
    kind = values.type
    if not (pa.types.is_primitive(kind) or pa.types.is_decimal(kind) or pa.types.is_null(kind)):
        raise LookupError(
            f"rule {rule.name!r} has bounds for {rule.measure!r}, which is {kind}: a bound needs a number"
        )
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.int8())
    broken = np.zeros(len(values), dtype=bool)
    below, above = (pc.less_equal, pc.greater_equal) if rule.strict else (pc.less, pc.greater)
    if rule.minimum is not None:
        broken |= _numpy(below(values, rule.minimum))
    if rule.maximum is not None:
        broken |= _numpy(above(values, rule.maximum))
    return broken


def _column(attributes: pa.Table, name: str, recipe: Recipe) -> pa.ChunkedArray:
    if name not in attributes.column_names:
        raise LookupError(
            f"recipe {recipe.name!r} decides on {name!r}, which was not measured; "
            f"measured are {', '.join(attributes.column_names)}"
        )
    return attributes[name]


def _numpy(mask: pa.ChunkedArray) -> Mask:
    return np.asarray(pc.fill_null(mask, False).to_numpy(), dtype=bool)


def _rejections(
    attributes: pa.Table, rows: npt.NDArray[np.intp], recipe: Recipe, rule: Rule, values: pa.ChunkedArray
) -> pa.Table:
    count = rows.size
    taken = attributes.select([name for name in ("id", "locator", "source") if name in attributes.column_names]).take(
        rows
    )
    empty = pa.array([""] * count)
    return pa.table(
        {
            "id": taken["id"],
            "locator": taken["locator"] if "locator" in taken.column_names else empty,
            "source": taken["source"] if "source" in taken.column_names else empty,
            "stage": pa.array([STAGE] * count),
            "rule": pa.array([f"{recipe.name}.{rule.name}"] * count),
            "value": pa.array([_written(value) for value in values.take(rows).to_pylist()]),
            "threshold": pa.array([rule.threshold()] * count),
            "row": pa.array(rows, pa.int32()),
        }
    ).cast(DROP)


def _written(value: object) -> str:
    """A measured value as text: six significant digits, so that it reads well and is the same everywhere."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
