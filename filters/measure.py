"""Measures several recipes over the same documents, each shared measure once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from winnow.filters.recipes import Measure, Recipe


def measure(documents: pa.Table, recipes: Sequence[Recipe]) -> pa.Table:
    """The measures of all `recipes` beside each other: n rows, columns in alphabetical order.

    Recipes with the same measure function are measured in one call when their options agree; options whose values are
    sets are united, so recipes that need different columns of one function still share its work.
    Raises `ValueError` when two functions give different values under the same column name.
    """
    columns: dict[str, pa.ChunkedArray] = {}
    for work, options in _calls(recipes):
        table = work(documents, **options)
        if table.num_rows != documents.num_rows:
            raise ValueError(f"{work.__module__} measured {table.num_rows} rows of {documents.num_rows} documents")
        for name in table.column_names:
            if name in columns and not columns[name].equals(table[name]):
                raise ValueError(f"two measures differ under the name {name!r}; give the recipes different options")
            columns[name] = table[name]
    return pa.table({name: columns[name] for name in sorted(columns)})


def _calls(recipes: Sequence[Recipe]) -> list[tuple[Measure, dict[str, Any]]]:
    """One entry for each distinct call, the cheap ones first."""
    calls: list[tuple[Measure, dict[str, Any]]] = []
    for recipe in sorted(recipes, key=lambda recipe: recipe.cost):
        if recipe.measure is None:
            continue
        for work, options in calls:
            if work is recipe.measure and _agree(options, recipe.options):
                for name, value in recipe.options.items():
                    if isinstance(value, frozenset):
                        options[name] = options[name] | value
                break
        else:
            calls.append((recipe.measure, dict(recipe.options)))
    return calls


def _agree(left: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    """Whether the options differ in the members of sets at most."""
    if left.keys() != right.keys():
        return False
    return all(
        left[name] == right[name] or (isinstance(left[name], frozenset) and isinstance(right[name], frozenset))
        for name in left
    )
