"""Measuring several recipes: nothing twice, nothing lost, and the same whatever stands beside a document."""

from __future__ import annotations

import pyarrow as pa
import pytest

from winnow.filters import statistics
from winnow.filters.measure import measure
from winnow.filters.recipes import Recipe, find_recipe

CHAIN = [find_recipe(name) for name in ("gopher_repetition", "gopher_quality", "fineweb")]


def test_recipes_together_measure_what_each_measures_alone(english, documents):
    table = documents(english[:60])
    together = measure(table, CHAIN)
    for recipe in CHAIN:
        alone = measure(table, [recipe])
        assert together.select(alone.column_names).equals(alone)


def test_one_call_serves_recipes_of_one_function(documents):
    calls = []

    def count(table: pa.Table, *, columns: frozenset[str]) -> pa.Table:
        calls.append(columns)
        return pa.table({name: pa.nulls(table.num_rows, pa.int64()) for name in sorted(columns)})

    pair = [
        Recipe(name=name, summary="", source="", measure=count, options={"columns": frozenset({"a.b", column})})
        for name, column in (("one", "a.c"), ("two", "a.d"))
    ]
    assert measure(documents(["x"]), pair).column_names == ["a.b", "a.c", "a.d"]
    assert calls == [{"a.b", "a.c", "a.d"}]


def test_different_values_under_one_name_are_refused(documents):
    pair = [
        Recipe(
            name=str(value),
            summary="",
            source="",
            measure=lambda table, value: pa.table({"a.b": [value]}),
            options={"value": value},
        )
        for value in (1, 2)
    ]
    with pytest.raises(ValueError, match=r"two measures differ under the name 'a\.b'"):
        measure(documents(["x"]), [Recipe(**{**vars(recipe), "measure": pair[0].measure}) for recipe in pair])


def test_an_unknown_column_is_refused(documents):
    with pytest.raises(LookupError, match=r"no measure is called 'words\.none'"):
        statistics.measure(documents(["x"]), columns=frozenset({"words.none"}))
    with pytest.raises(LookupError, match=r"did you mean 'lines\.bullet_fraction'"):
        statistics.measure(documents(["x"]), columns=frozenset({"lines.bullet_fractio"}))


def test_order_slices_chunks_and_blocks_change_nothing(english, chinese, documents, monkeypatch):
    texts = [*english[:40], "", *chinese[:10], ""]
    table = documents(texts)
    expected = measure(table, CHAIN).to_pylist()
    assert measure(documents(texts[::-1]), CHAIN).to_pylist() == expected[::-1]
    assert measure(table.slice(7, 20), CHAIN).to_pylist() == expected[7:27]
    chunked = pa.concat_tables([table.slice(0, 3), table.slice(3, 0), table.slice(3)])
    assert measure(chunked, CHAIN).to_pylist() == expected
    monkeypatch.setattr(statistics, "BLOCK_BYTES", 5000)
    assert measure(table, CHAIN).to_pylist() == expected


def test_no_documents_give_no_rows(documents):
    assert measure(documents([]), CHAIN).num_rows == 0


def test_null_texts_measure_as_empty_ones(documents):
    table = documents(["", "a b"])
    nulls = table.set_column(2, "text", pa.array([None, "a b"], pa.large_string()))
    assert measure(nulls, CHAIN).equals(measure(table, CHAIN))


def test_a_document_of_megabytes_is_measured_whole(documents):
    text = "the cat and the dog sat.\n" * 200_000
    row = measure(documents([text]), CHAIN).to_pylist()[0]
    assert row["text.characters"] == len(text)
    assert row["lines.repeat_fraction"] == pytest.approx(199_999 / 200_001)
