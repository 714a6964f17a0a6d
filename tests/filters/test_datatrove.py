"""datatrove both ways, with the real thing: its blocks decide as they do there, and our recipes run in its pipeline."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from datatrove.data import Document
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.filters import C4QualityFilter, GopherQualityFilter
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter

from winnow.filters.adapters.datatrove import RecipeFilter
from winnow.filters.datatrove import edit, measure

TEXTS = [
    "too short",
    "The committee of the town met in the hall and talked about the budget that it has to pass with care. " * 6,
    "#### " * 60,
    "",
]
GOPHER = {"block": "datatrove.pipeline.filters.GopherQualityFilter", "arguments": {"language": "eng"}}
C4 = {"block": "datatrove.pipeline.filters.C4QualityFilter", "arguments": {"filter_no_terminal_punct": False}}


def documents(texts: list[str]) -> pa.Table:
    columns = {"id": [str(number) for number in range(len(texts))], "url": ["https://a.org/x"] * len(texts)}
    return pa.table({**columns, "text": pa.array(texts, pa.large_string())})


def test_a_filter_of_theirs_decides_document_by_document_with_its_own_reasons() -> None:
    found = measure(documents(TEXTS), blocks=[GOPHER])
    theirs = GopherQualityFilter(language="eng")
    for text, kept, reason in zip(TEXTS, *(found[name].to_pylist() for name in found.column_names), strict=True):
        answer = theirs.filter(Document(text=text, id="x"))
        assert kept == int(answer is True)
        assert reason == (None if answer is True else f"GopherQualityFilter: {answer[1]}")


def test_several_blocks_run_in_order_until_one_drops() -> None:
    found = measure(
        documents(TEXTS),
        blocks=[GOPHER, {"block": "datatrove.pipeline.filters.RegexFilter", "arguments": {"regex_exp": "budget"}}],
    )
    reasons = found["datatrove.reason"].to_pylist()
    assert reasons[0].startswith("GopherQualityFilter: ") and reasons[1].startswith("RegexFilter: ")


def test_blocks_that_change_text_edit_it_and_keep_their_reasons() -> None:
    text = TEXTS[1] + "Write to joe@orchard.net for more. "
    formatter = {"block": "datatrove.pipeline.formatters.PIIFormatter"}
    changed, measures = edit(documents([text, "Lorem ipsum dolor sit."]), blocks=[formatter, C4])
    expected = Document(text=text.replace("joe@orchard.net", "email@example.com"), id="0")
    assert C4QualityFilter(filter_no_terminal_punct=False).filter(expected) is True
    assert changed["text"].to_pylist() == [expected.text, "Lorem ipsum dolor sit."]
    assert measures["datatrove_edit.kept"].to_pylist() == [1, 0]
    assert measures["datatrove_edit.reason"][1].as_py().startswith("C4QualityFilter: ")


def test_an_extractor_of_theirs_leaves_the_text_of_a_page() -> None:
    page = f"<html><head><title>t</title></head><body><article><p>{TEXTS[1]}</p></article></body></html>"
    block = {"block": "datatrove.pipeline.extractors.Trafilatura", "arguments": {"timeout": 60}}
    changed, measures = edit(documents([page, ""]), blocks=[block])
    assert (
        changed["text"][0].as_py().startswith("The committee of the town") and "<p>" not in changed["text"][0].as_py()
    )
    assert measures["datatrove_edit.kept"].to_pylist() == [1, 0]


@pytest.mark.parametrize("path", ["datatrove.pipeline.filters.NoSuchFilter", "json.JSONDecoder", "nothing"])
def test_what_is_no_block_is_refused_by_its_path(path: str) -> None:
    with pytest.raises(LookupError, match=path):
        measure(documents(TEXTS), blocks=[{"block": path}])


def test_our_recipe_runs_in_their_pipeline_and_writes_its_reasons(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    lines = "".join(json.dumps({"text": text, "id": str(number)}) + "\n" for number, text in enumerate(TEXTS))
    (source / "a.jsonl").write_text(lines)
    dropped = JsonlWriter(str(tmp_path / "dropped"), compression=None)
    pipeline = [
        JsonlReader(str(source)),
        RecipeFilter("gopher_quality", exclusion_writer=dropped, batch_size=2, annotate=True),
        JsonlWriter(str(tmp_path / "kept"), compression=None),
    ]
    LocalPipelineExecutor(pipeline, tasks=1, logging_dir=str(tmp_path / "logs")).run()
    kept = [json.loads(line) for path in (tmp_path / "kept").glob("*.jsonl") for line in path.open()]
    out = [json.loads(line) for path in (tmp_path / "dropped").glob("*.jsonl") for line in path.open()]
    assert [row["id"] for row in kept] == ["1"]
    reasons = {row["id"]: row["metadata"]["filter_reason"] for row in out}
    assert reasons["0"] == "gopher_quality.words" and set(reasons) | {"1", "3"} == {"0", "1", "2", "3"}
    assert kept[0]["metadata"]["words.non_symbol_count"] > 50


def test_our_recipe_takes_thresholds_and_options_and_edits_text() -> None:
    batch = [Document(text=text, id=str(number)) for number, text in enumerate(TEXTS)]
    lenient = RecipeFilter("gopher_quality", thresholds={"words": None, "stop_words": None})
    assert RecipeFilter("gopher_quality").filter(batch[0]) == (False, "gopher_quality.words")
    assert lenient.filter(batch[0]) is True
    cleaning = RecipeFilter("personal_data", options={"kinds": ["email"]})
    letter = Document(text="write to joe@orchard.net or 13812345678", id="x")
    assert cleaning.filter_batch([letter]) == [True] and letter.text == "write to <EMAIL> or 13812345678"
    with pytest.raises(LookupError, match="gopher_quality"):
        RecipeFilter("gopher_qualty")
