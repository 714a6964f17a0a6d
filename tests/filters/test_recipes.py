"""Every recipe alone: nulls, slices, chunks, types of strings and no rows at all change nothing of what it says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
import pytest

from winnow.filters.recipes import Recipe, Rule, find_recipe, recipes
from winnow.stages.document import DOCUMENT

OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "datatrove": {"blocks": [{"block": "datatrove.pipeline.filters.RegexFilter", "arguments": {"regex_exp": "of"}}]},
    "datatrove_edit": {"blocks": [{"block": "datatrove.pipeline.formatters.PIIFormatter"}]},
    "harm": {},
    "scorer": {"scorer": f"{__name__}:lengths"},
}
NEED_A_MODEL = {"classifier", "language", "perplexity"}  # their own tests do the same with one
TEXTS = [
    "Repeated line of words.\n" * 40,
    "",
    None,
    "Ｆｕｌｌ　ｗｉｄｔｈ １２３。机器学习 is a subset of AI that focuses on data。",
    "def add(left, right):\n    return left + right\n" * 12,
    " \n\t",
    "\U0001f600",
    "Write to someone@example.org or call +1 202 555 0143; the sum is $\\frac{1}{2}$ of it.\n\n" * 6,
    "在一年的时间里，他和她是中国的人，有被称为大的城市。" * 9,
    None,
]


def lengths(texts: list[str]) -> list[float]:
    return [len(text) for text in texts]


def table(texts: list[str | None], kind: pa.DataType) -> pa.Table:
    columns = {field.name: pa.nulls(len(texts), field.type) for field in DOCUMENT}
    columns |= {"id": pa.array(map(str, range(len(texts))), pa.string()), "text": pa.array(texts, kind)}
    return pa.table(columns)


def answers(recipe: Recipe, documents: pa.Table) -> dict[str, list[Any]]:
    """What the recipe measures, and the text as it leaves it."""
    options = {**recipe.options, **OPTIONS.get(recipe.name, {})}
    tables = []
    if recipe.edit is not None:
        documents, counted = recipe.edit(documents, **options)
        tables += [documents.select(["text"]), counted]
    if recipe.measure is not None:
        tables.append(recipe.measure(documents, **options))
    found = {name: table[name].to_pylist() for table in tables for name in table.column_names}
    assert {rule.measure for rule in recipe.rules} <= found.keys()
    return found


CUTS: Mapping[str, Callable[[pa.Table], pa.Table]] = {
    "one row a chunk": lambda whole: pa.concat_tables([whole.slice(row, 1) for row in range(whole.num_rows)]),
    "empty chunks": lambda whole: pa.concat_tables([whole.slice(0, 0), whole.slice(0, 4), whole.slice(4, 0), whole.slice(4)]),
    "narrow offsets": lambda whole: table(whole["text"].to_pylist(), pa.string()),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(recipes().keys() - NEED_A_MODEL))
def test_how_a_column_lies_in_memory_changes_no_answer(name: str) -> None:
    recipe = find_recipe(name)
    whole = answers(recipe, table(TEXTS, pa.large_string()))
    for cut in CUTS.values():
        assert repr(answers(recipe, cut(table(TEXTS, pa.large_string())))) == repr(whole)
    part = answers(recipe, table([*TEXTS, *TEXTS], pa.large_string()).slice(3, len(TEXTS) + 2))
    alone = answers(recipe, table([*TEXTS[3:], *TEXTS[:5]], pa.large_string()))
    assert repr({**part, "id": None}) == repr({**alone, "id": None})
    assert answers(recipe, table([], pa.large_string())) == {column: [] for column in whole}


def test_a_threshold_on_a_measure_that_a_users_model_names_is_a_rule() -> None:
    bounded = find_recipe("scorer").with_thresholds({"fluency": {"minimum": 0.5}, "unused": None})
    assert bounded.rules == (Rule(name="fluency", measure="scorer.fluency", minimum=0.5),)
    with pytest.raises(LookupError, match="did you mean 'words'"):
        find_recipe("gopher_quality").with_thresholds({"wods": {"minimum": 1}})
