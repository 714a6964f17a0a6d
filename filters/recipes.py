"""Recipes: named sets of rules over measures, each with the place where it was published.

A filter module measures and, beside that, says which thresholds its authors chose. It exposes `RECIPES`, a tuple of
`Recipe`; every module of this package is found by itself, a user's own recipe by its dotted path (`package.module:NAME`).
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A document is kept when `minimum ≤ measure ≤ maximum`; a bound that is None doesn't bind; a null measure passes.

    `strict` makes both bounds exclusive. `source` says where the number stands when the recipe's source isn't it.
    """

    name: str
    measure: str
    minimum: float | None = None
    maximum: float | None = None
    strict: bool = False
    source: str = ""

    def threshold(self) -> str:
        """What is asked, as people write it: `≥ 50`, `3 … 10`, `< 0.1`."""
        at_least, at_most = (">", "<") if self.strict else ("≥", "≤")
        if self.minimum is not None and self.maximum is not None:
            return f"{self.minimum:g} … {self.maximum:g}" + (" (exclusive)" if self.strict else "")
        if self.minimum is not None:
            return f"{at_least} {self.minimum:g}"
        return f"{at_most} {self.maximum:g}" if self.maximum is not None else "any"


Measure = Callable[..., pa.Table]
"""`measure(documents, **options)`: a table of n rows of the columns of `stages.document.DOCUMENT` → n rows of measures."""

Edit = Callable[..., tuple[pa.Table, pa.Table]]
"""`edit(documents, **options)`: the documents with their text changed (n rows), and what was done, as n rows of measures."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A published filter under its own name: what it measures, which rules decide, and where that is written.

    A recipe with an `edit` changes the text (drops lines, replaces personal data) before anything else is measured.
    Column names of measures are `family.measure`, so that two recipes over the same measures share the columns.
    """

    name: str
    summary: str
    source: str
    measure: Measure | None = None
    edit: Edit | None = None
    rules: tuple[Rule, ...] = ()
    columns: tuple[str, ...] = ()  # text columns it reads besides `text`
    family: str = ""  # of measures that a user's model names: a threshold on NAME is a rule on `family.NAME`
    cost: int = 1  # relative; cheap recipes are measured first
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def families(self) -> frozenset[str]:
        """Of the measures that it gives: the words before the point."""
        return frozenset({self.name, *(rule.measure.partition(".")[0] for rule in self.rules)})

    def with_thresholds(self, changes: Mapping[str, Mapping[str, float | None] | None]) -> Recipe:
        """The recipe with bounds changed (`{"words": {"minimum": 20}}`) or a rule left out (`{"words": None}`).

        Where a user's model names the measures (`family`), a bound on one of them is a rule. Raises `LookupError` with
        the nearest right name when the recipe has no such rule.
        """
        known = {rule.name: rule for rule in self.rules}
        for name in changes:
            if name not in known:
                if not self.family:
                    raise LookupError(_unknown(f"rule of {self.name}", name, known))
                known[name] = Rule(name=name, measure=f"{self.family}.{name}")
        rules = []
        for rule in known.values():
            change = changes.get(rule.name, {})
            if change is not None:
                rules.append(replace(rule, **dict(change)) if change else rule)  # type: ignore[arg-type]
        return replace(self, rules=tuple(rules))


@cache
def recipes() -> Mapping[str, Recipe]:
    """Every recipe of this package by its name. Raises `ValueError` when two share a name."""

    found: dict[str, Recipe] = {}
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if module.ispkg or module.name == "recipes":
            continue
        for recipe in getattr(importlib.import_module(f"winnow.filters.{module.name}"), "RECIPES", ()):
            if recipe.name in found:
                raise ValueError(f"two recipes are called {recipe.name!r}")
            found[recipe.name] = recipe
    return dict(sorted(found.items()))


def find_recipe(name: str) -> Recipe:
    """A recipe by its name, or by `package.module:NAME`. Raises `LookupError` with the nearest right name."""
    if ":" in name:
        path, _, attribute = name.partition(":")
        try:
            module = importlib.import_module(path)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{path}.".startswith(f"{error.name}."):  # of something that it imports
                raise
            raise LookupError(
                f"there is no module {error.name!r} for recipe {name}: PYTHONPATH says where Python looks for it"
            ) from None
        if not hasattr(module, attribute):
            known = [key for key, value in vars(module).items() if isinstance(value, Recipe)]
            raise LookupError(_unknown(f"recipe of {path}", attribute, known))
        recipe = getattr(module, attribute)
        if not isinstance(recipe, Recipe):
            raise LookupError(f"{name} is no Recipe but {type(recipe).__name__}")
        return recipe
    if name not in recipes():
        raise LookupError(_unknown("recipe", name, recipes()))
    return recipes()[name]


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, list(known), n=1)
    return f"no {what} is called {name!r}" + (
        f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(known) or 'none'}"
    )
