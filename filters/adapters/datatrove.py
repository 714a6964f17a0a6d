"""Recipes as a filter of a datatrove pipeline: measured in batches, dropped with the rule's name as the reason."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from datatrove.data import Document
from datatrove.pipeline.filters.base_filter import BaseFilter
from datatrove.pipeline.writers.disk_base import DiskWriter

from winnow.filters.recipes import Rule, find_recipe

COLUMNS = ("url", "language", "path", "source", "title", "messages")


class RecipeFilter(BaseFilter):  # type: ignore[misc]  # datatrove has no types
    """Keeps what a recipe keeps; `(False, "recipe.rule")` for the rest, the first broken rule in the recipe's order.

    `thresholds` changes bounds as in a manifest (`{"words": {"minimum": 20}}`, `{"words": None}`), `options` are the
    recipe's own. A recipe that edits text changes `doc.text`. With `annotate`, measures go to `doc.metadata` under
    their own names. Of `doc.metadata`, the keys of `COLUMNS` are read. Raises `LookupError` for an unknown recipe or
    rule.
    """

    name = "Winnow recipe"
    type = "FILTER"

    def __init__(
        self,
        recipe: str,
        *,
        thresholds: Mapping[str, Mapping[str, float | None] | None] | None = None,
        options: Mapping[str, Any] | None = None,
        annotate: bool = False,
        exclusion_writer: DiskWriter | None = None,
        batch_size: int = 1000,
    ) -> None:
        super().__init__(exclusion_writer, batch_size)
        found = find_recipe(recipe).with_thresholds(thresholds or {})
        self.recipe = replace(found, options={**found.options, **(options or {})})
        self.annotate = annotate

    def filter(self, doc: Document) -> bool | tuple[bool, str]:
        return self.filter_batch([doc])[0]

    def filter_batch(self, batch: list[Document]) -> list[bool | tuple[bool, str]]:
        """One answer per document, in order."""
        documents = as_table(batch)
        columns: dict[str, pa.ChunkedArray] = {}
        if self.recipe.edit is not None:
            documents, measures = self.recipe.edit(documents, **self.recipe.options)
            columns |= {name: measures[name] for name in measures.column_names}
            for doc, text in zip(batch, documents["text"].to_pylist(), strict=True):
                doc.text = text
        if self.recipe.measure is not None:
            measures = self.recipe.measure(documents, **self.recipe.options)
            columns |= {name: measures[name] for name in measures.column_names}
        if self.annotate:
            for name, values in columns.items():
                for doc, value in zip(batch, values.to_pylist(), strict=True):
                    doc.metadata[name] = value
        answers: list[bool | tuple[bool, str]] = [True] * len(batch)
        for rule in reversed(self.recipe.rules):
            for row in np.flatnonzero(broken(rule, columns[rule.measure])).tolist():
                answers[row] = (False, f"{self.recipe.name}.{rule.name}")
        return answers


def as_table(batch: list[Document]) -> pa.Table:
    """Documents of datatrove as the columns that recipes read; `messages` as JSON."""
    columns: dict[str, pa.Array] = {
        "id": pa.array([doc.id for doc in batch], pa.string()),
        "text": pa.array([doc.text for doc in batch], pa.large_string()),
    }
    for name in COLUMNS:
        values = [doc.metadata.get(name) for doc in batch]
        texts = [value if isinstance(value, str | None) else json.dumps(value, ensure_ascii=False) for value in values]
        columns[name] = pa.array(texts, pa.large_string())
    return pa.table(columns)


def broken(rule: Rule, values: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    """Where a measure breaks the rule; a null doesn't."""
    numbers = values.cast(pa.float64()).to_numpy(zero_copy_only=False)
    below = np.zeros(len(numbers), bool)
    if rule.minimum is not None:
        below |= numbers <= rule.minimum if rule.strict else numbers < rule.minimum
    if rule.maximum is not None:
        below |= numbers >= rule.maximum if rule.strict else numbers > rule.maximum
    outside: npt.NDArray[np.bool_] = below & ~np.isnan(numbers)
    return outside
