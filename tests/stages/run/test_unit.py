"""A unit's parameters: which of their values are inputs, which are places, and what of them is identity."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np
import pytest
from pydantic import BaseModel

from winnow.filters.recipes import Recipe, Rule
from winnow.stages.decide import Application
from winnow.stages.run.unit import File, Files, Place, Unit, canonical


class Colour(StrEnum):
    RED = "red"


class Options(BaseModel):
    width: float = 1.5


class Pair(NamedTuple):
    one: File
    two: str


@dataclass(frozen=True, kw_only=True)
class Inner:
    drops: Files


@dataclass(frozen=True, kw_only=True)
class Asked:
    documents: File
    inner: Inner
    pair: Pair
    root: Place
    resources: Mapping[str, Place]
    colour: Colour
    options: Options
    caps: Mapping[int, float]
    names: frozenset[str]
    missing: File | None = None


ASKED = Asked(
    documents=File("documents/a"),
    inner=Inner(drops=(File("drops/a"), File("drops/b"))),
    pair=Pair(File("pairs/a"), "pairs/not-an-input"),
    root=Place("/here"),
    resources={"resource:model": Place("/models/m")},
    colour=Colour.RED,
    options=Options(),
    caps={0: 0.5},
    names=frozenset({"b", "a"}),
)


def test_inputs_are_the_files_among_the_parameters_in_order() -> None:
    assert Unit(name="a", asked=ASKED).inputs == ("documents/a", "drops/a", "drops/b", "pairs/a")


def test_the_canonical_form_is_plain_json_without_places() -> None:
    found = canonical(ASKED)
    assert json.loads(json.dumps(found)) == found
    assert found["caps"] == {"0": 0.5} and found["colour"] == "red" and found["options"] == {"width": 1.5}
    assert found["names"] == ["a", "b"] and found["resources"] == {} and "root" not in found
    assert canonical(replace(ASKED, root=Place("/there"), resources={})) == found


@pytest.mark.parametrize(
    "change",
    [
        {"documents": File("documents/b")},
        {"inner": Inner(drops=(File("drops/b"), File("drops/a")))},
        {"missing": File("documents/b")},
        {"options": Options(width=2)},
        {"caps": {0: 0.75}},
        {"names": frozenset({"a"})},
    ],
)
def test_every_other_change_is_another_identity(change: Any) -> None:
    assert canonical(replace(ASKED, **change)) != canonical(ASKED)


def test_a_value_without_a_canonical_form_is_refused() -> None:
    for value in (np.float64(1.5).reshape(1), print, {1, 2}, b"bytes"):
        with pytest.raises(TypeError, match="has no canonical form"):
            canonical({"value": value})


def test_a_decision_is_its_rules_and_where_they_apply() -> None:
    recipe = Recipe(name="r", summary="says", source="s", rules=(Rule(name="w", measure="words.count", minimum=5),))
    asked = Application(recipe=recipe, kinds=frozenset({"web"}))
    same = Application(recipe=replace(recipe, summary="says it better"), kinds=frozenset({"web"}))
    assert canonical(asked) == canonical(same)
    for change in ({"minimum": 6}, {"measure": "words.mean"}, {"strict": True}, {"source": "elsewhere"}):
        changed = replace(recipe, rules=(replace(recipe.rules[0], **change),))
        assert canonical(Application(recipe=changed, kinds=frozenset({"web"}))) != canonical(asked)
    assert canonical(Application(recipe=recipe)) != canonical(asked)
