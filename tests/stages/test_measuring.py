"""Recipes bound to languages: measured on documents of these alone, and every decision as if on all."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from winnow.filters.recipes import Recipe, Rule
from winnow.pipeline.configuration.manifest import Filter, Manifest
from winnow.stages.decide import decide
from winnow.stages.document import DOCUMENT
from winnow.stages.measuring import Asked, MeasurePart, measure_documents, measure_part, unmeasured
from winnow.stages.passes import Measuring, attributes_path, documents_path
from winnow.stages.run.unit import Unit, canonical
from winnow.stages.run.workspace import Workspace

TEXTS = {
    "en": "The cat that sat on the mat was seen by the dog. " * 4,
    "zh": "春天来了,公园里的花开了。人们在湖边散步,孩子们放风筝。" * 5,
    "de": "Der Hund sah die Katze auf der Matte. " * 4,
}
LABELS = ["en", "zh", "de", "en", "zh", "en"]


def label(documents: pa.Table) -> pa.Table:
    """A language by the documents' first letter, so that no model is needed."""
    known = {text[0]: name for name, text in TEXTS.items()}
    labels = [known[text[0]] for text in documents["text"].to_pylist()]
    return pa.table({"language.label": pa.array(labels, pa.string())})


LANGUAGE = Recipe(name="language", summary="", source="", measure=label)


def documents(labels: list[str]) -> pa.Table:
    rows = [
        {"id": f"{number:032x}", "text": TEXTS[name] + "x" * number, "source": "web", "kind": "tables"}
        for number, name in enumerate(labels)
    ]
    columns = {field.name: pa.array([row.get(field.name) for row in rows], field.type) for field in DOCUMENT}
    return pa.table({**columns, "locator": columns["id"]}).select(DOCUMENT.names)


FILTERS = [
    Filter(recipe="gopher_quality", languages=("en",)),
    Filter(recipe="fineweb", languages=("en", "de")),
    Filter(recipe="mapneo_zh", languages=("zh",)),
    Filter(recipe="garbled_encoding"),
]


def measured(labels: list[str], *, bound: bool) -> pa.Table:
    asked = [Asked(LANGUAGE, frozenset())]
    for entry in FILTERS:
        recipe = entry.application().recipe
        asked.append(Asked(recipe, frozenset(entry.languages) if bound else frozenset()))
    return measure_documents(documents(labels), asked, pa.table({"edits.replaced": list(range(len(labels)))}))


def test_every_decision_is_that_of_measuring_everything() -> None:
    texts = documents(LABELS)
    keys = texts.select(["id", "source", "kind", "locator"])
    found = []
    for bound in (True, False):
        table = keys
        measures = measured(LABELS, bound=bound)
        for name in measures.column_names:
            table = table.append_column(name, measures[name])
        found.append(decide(table, [entry.application() for entry in FILTERS]))
    assert found[0].equals(found[1]) and found[0].num_rows > 0


def test_a_document_in_another_language_has_nulls_and_the_others_what_they_had() -> None:
    apart, whole = measured(LABELS, bound=True), measured(LABELS, bound=False)
    assert set(apart.column_names) == set(whole.column_names)
    for name in whole.column_names:
        asking = [entry for entry in FILTERS if name in {rule.measure for rule in entry.application().recipe.rules}]
        everywhere = not asking or any(not entry.languages for entry in asking)
        of = None if everywhere else {language for entry in asking for language in entry.languages}
        expected = [
            value if of is None or language in of else None
            for language, value in zip(LABELS, whole[name].to_pylist(), strict=True)
        ]
        assert apart[name].to_pylist() == expected, name


def test_a_part_without_a_language_has_its_columns_and_says_who_was_spared(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        "from winnow.filters.recipes import Recipe\nfrom tests.stages.test_measuring import label\n"
        "LANGUAGE = Recipe(name='language', summary='', source='', measure=label)\n"
    )
    asked = (
        Measuring(recipe="tests.stages.test_measuring:LANGUAGE"),
        *(entry.measuring(entry.languages) for entry in FILTERS),
    )
    schemas = []
    for labels in (LABELS, ["en", "en"], []):
        workspace = Workspace(str(tmp_path / str(len(labels))))
        workspace.write_table(documents_path("part"), documents(labels), row_group_size=2)
        measure_part(workspace, Unit(name="part", asked=MeasurePart(documents=documents_path("part"), filters=asked)))
        attributes = workspace.read_table(attributes_path("part"))
        assert attributes.num_rows == len(labels)
        decide(attributes, [entry.application() for entry in FILTERS])
        schemas.append(attributes.schema)
    assert schemas[0] == schemas[1] == schemas[2]
    assert set(unmeasured(schemas[1], "zh")) == {"gopher_quality", "fineweb"}
    assert unmeasured(schemas[1], "de") == {"gopher_quality": ["en"], "mapneo_zh": ["zh"]}


def test_a_recipe_of_another_language_costs_a_document_nothing() -> None:
    seen: list[str] = []

    def listen(documents: pa.Table) -> pa.Table:
        seen.extend(documents["text"].to_pylist())
        return pa.table({"own.value": pa.nulls(documents.num_rows, pa.int64())})

    own = Recipe(name="own", summary="", source="", measure=listen, rules=(Rule(name="value", measure="own.value"),))
    measure_documents(documents(LABELS), [Asked(LANGUAGE, frozenset()), Asked(own, frozenset({"zh"}))], pa.table({}))
    assert [text[0] for text in seen] == ["春", "春"]


def test_without_a_measured_language_nothing_is_left_out_in_silence() -> None:
    with pytest.raises(LookupError, match=r"language\.label"):
        measure_documents(documents(LABELS), [Asked(LANGUAGE, frozenset({"en"}))], pa.table({}))


def manifest(**fields: object) -> Manifest:
    given = {
        "stage": "pretrain",
        "seed": 1,
        "filters": [
            {"recipe": "language", "options": {"model": "resource:lid"}, "languages": ["en"]},
            {"recipe": "gopher_quality", "languages": ["en"]},
        ],
        "mixture": {"sources": {"web": 100}},
        "curriculum": [{"length": 4096, "share": 100}],
        **fields,
    }
    return Manifest.model_validate(json.loads(json.dumps(given)))


def test_what_others_ask_for_is_measured_everywhere() -> None:
    plain = manifest()
    assert plain.measuring(plain.filters[0]).languages == ()  # it tells the languages itself
    assert plain.measuring(plain.filters[1]).languages == ("en",)
    for wanting in (
        {"deduplicate": {"exact": {"preference": {"quality": "words.count"}}}},
        {"mixture": {"sources": {"web": 100}, "quality": {"measure": "words.count", "edges": [10]}}},
    ):
        asked = manifest(**wanting)
        assert asked.measuring(asked.filters[1]).languages == ()


def test_other_languages_in_the_manifest_are_other_work() -> None:
    entry = Filter(recipe="fineweb", languages=("en",))
    assert canonical(entry.measuring(("en",))) != canonical(entry.measuring(("en", "de")))
