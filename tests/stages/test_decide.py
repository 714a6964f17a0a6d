"""Decisions: the first broken rule in manifest order, for the documents that a recipe applies to, worked by hand."""

from __future__ import annotations

import pyarrow as pa
import pytest

from winnow.filters.recipes import Recipe, Rule
from winnow.stages.decide import Application, decide
from winnow.stages.run.drops import DROP

LENGTH = Recipe(
    name="length",
    summary="",
    source="",
    rules=(
        Rule(name="words", measure="words.count", minimum=10, maximum=100),
        Rule(name="dots", measure="signs.dots", maximum=0.5, strict=True),
    ),
)
CHINESE = Recipe(name="chinese", summary="", source="", rules=(Rule(name="han", measure="han.fraction", minimum=0.3),))


def attributes(**columns):
    rows = len(columns["words"])
    return pa.table(
        {
            "id": [f"id{row}" for row in range(rows)],
            "locator": [f"place{row}" for row in range(rows)],
            "source": columns.get("source", ["web"] * rows),
            "kind": columns.get("kind", ["web"] * rows),
            "language.label": columns.get("language", ["en"] * rows),
            "words.count": pa.array(columns["words"], pa.int64()),
            "signs.dots": pa.array(columns.get("dots", [0.0] * rows), pa.float64()),
            "han.fraction": pa.array(columns.get("han", [0.0] * rows), pa.float64()),
        }
    )


def reasons(table, *applications):
    return {row["row"]: row["rule"] for row in decide(table, applications).to_pylist()}


def test_bounds_are_inclusive_unless_strict():
    table = attributes(words=[9, 10, 100, 101, 50, 50], dots=[0, 0, 0, 0, 0.4999, 0.5])
    assert reasons(table, Application(recipe=LENGTH)) == {0: "length.words", 3: "length.words", 5: "length.dots"}


def test_the_first_broken_rule_in_order_is_the_reason():
    table = attributes(words=[5, 50], dots=[0.9, 0.9], han=[0.0, 0.0])
    both = Application(recipe=LENGTH), Application(recipe=CHINESE)
    assert reasons(table, *both) == {0: "length.words", 1: "length.dots"}
    assert reasons(table, *both[::-1]) == {0: "chinese.han", 1: "chinese.han"}


def test_a_rejection_carries_what_was_measured_and_asked():
    table = attributes(words=[50], dots=[2 / 3])
    assert decide(table, [Application(recipe=LENGTH)]).to_pylist() == [
        {
            "id": "id0",
            "locator": "place0",
            "source": "web",
            "stage": "decide",
            "rule": "length.dots",
            "value": "0.666667",
            "threshold": "< 0.5",
            "row": 0,
        }
    ]


def test_recipes_apply_to_their_sources_languages_and_kinds():
    table = attributes(
        words=[50] * 4,
        source=["web", "web", "books", "web"],
        kind=["web", "code", "web", "web"],
        language=["zh", "zh", "zh", "en"],
    )
    everywhere = Application(recipe=CHINESE)
    restricted = Application(
        recipe=CHINESE, sources=frozenset({"web"}), languages=frozenset({"zh"}), kinds=frozenset({"web"})
    )
    assert len(reasons(table, everywhere)) == 4
    assert reasons(table, restricted) == {0: "chinese.han"}


def test_nulls_and_nans_pass_every_rule():
    table = attributes(words=[None, 50], dots=[None, float("nan")])
    assert reasons(table, Application(recipe=LENGTH)) == {}


def test_a_changed_threshold_decides_anew_from_the_same_measures():
    table = attributes(words=[9, 50])
    milder = LENGTH.with_thresholds({"words": {"minimum": 5}})
    assert reasons(table, Application(recipe=LENGTH)) == {0: "length.words"}
    assert reasons(table, Application(recipe=milder)) == {}
    assert reasons(table, Application(recipe=LENGTH.with_thresholds({"words": None}))) == {}


def test_rejections_come_in_the_order_of_their_rows_with_the_schema_of_drops():
    table = attributes(words=[50, 5, 50], dots=[0.9, 0, 0.9])
    drops = decide(table, [Application(recipe=LENGTH)])
    assert drops.schema.equals(DROP)
    assert drops["row"].to_pylist() == [0, 1, 2]
    assert decide(attributes(words=[50]), [Application(recipe=LENGTH)]).schema.equals(DROP)


def test_a_measure_that_is_missing_is_named():
    with pytest.raises(LookupError, match=r"recipe 'length' decides on 'words\.count', which was not measured"):
        decide(attributes(words=[1]).drop_columns(["words.count"]), [Application(recipe=LENGTH)])


@pytest.mark.parametrize("values", [pa.array(["en"]), pa.array([[1]]), pa.array([b"x"])])
def test_a_measure_that_is_no_number_is_named(values):
    table = attributes(words=[1])
    place = table.column_names.index("words.count")
    with pytest.raises(
        LookupError, match=r"rule 'words' has bounds for 'words\.count', which is .*: a bound needs a number"
    ):
        decide(table.set_column(place, "words.count", values), [Application(recipe=LENGTH)])


def test_booleans_are_measures_too():
    recipe = Recipe(name="flag", summary="", source="", rules=(Rule(name="set", measure="page.flag", maximum=0),))
    table = attributes(words=[1, 1]).append_column("page.flag", pa.array([True, False]))
    assert reasons(table, Application(recipe=recipe)) == {0: "flag.set"}
