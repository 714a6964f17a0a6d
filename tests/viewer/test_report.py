"""The report of the run that the viewer's tests look at: what it tells agrees with the run's tables; texts are escaped."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from tests.viewer.conftest import read_rejections
from winnow.filters.recipes import find_recipe
from winnow.pipeline.proof.lock import read_lock
from winnow.pipeline.record.funnel import read_funnel, read_index
from winnow.pipeline.reports import account
from winnow.pipeline.reports.distributions import distributions
from winnow.pipeline.reports.rejections import PURPOSE, survey_rejections
from winnow.stages.run.chance import draws
from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.inspection import statistics


@pytest.fixture(scope="module")
def workspace(finished: Path) -> Workspace:
    return Workspace(str(finished))


def table(workspace: Workspace, folder: str, columns: list[str]) -> pa.Table:
    return pa.concat_tables(
        [workspace.read_table(path, columns=columns) for path in workspace.list(folder, ".parquet")]
    )


def test_sources_add_up_through_the_funnel(workspace: Workspace) -> None:
    index, drops = read_index(workspace), read_rejections(workspace).filter(pl.col("stage") != "ingest")
    assert index is not None
    lost = survey_rejections(workspace, 7).lost
    found = {source.name: source for source in account.sources(workspace, index, lost)}
    read = Counter(table(workspace, "documents", ["source"])["source"].to_pylist())
    lost = Counter(drops["source"].to_list())
    assert {name: (source.read, source.kept) for name, source in found.items()} == {
        name: (read[name], read[name] - lost[name]) for name in read
    }
    for name, source in found.items():
        assert source.built == index.mixture["built"]["sources"][name]
        assert source.epochs == source.built / source.available


def test_phases_hold_what_their_shards_hold(workspace: Workspace) -> None:
    index = read_index(workspace)
    assert index is not None
    for name, tokens in account.by_phase(workspace, index).items():
        counted: Counter[str] = Counter()
        for file in index.phase(name).files:
            counted.update(statistics(workspace.path(f"shards/{file.path}")).sources)
        assert counted == +tokens


def test_fertility_is_that_of_texts_and_their_tokens(workspace: Workspace) -> None:
    documents = table(workspace, "documents", ["id", "text", "messages"]).to_pylist()
    texts = {row["id"]: row["text"] for row in documents if row["messages"] is None}
    characters = tokens = 0
    for row in table(workspace, "tokens", ["id", "language", "tokens"]).to_pylist():
        if row["language"] is None and row["id"] in texts:
            characters, tokens = characters + len(texts[row["id"]]), tokens + len(row["tokens"])
    told = {language: each for language, _, each, _ in account.fertility(workspace)}
    assert told["not known"] == pytest.approx(characters / tokens)


def test_every_document_with_the_measure_is_in_a_distribution(workspace: Workspace) -> None:
    decided = account.rules_of(read_lock(workspace))
    found = distributions(workspace, decided, read_funnel(workspace))
    names = {rule.name for recipe in ("gopher_quality", "gopher_repetition") for rule in find_recipe(recipe).rules}
    assert {shown.rule.partition(".")[2] for shown in found} == names
    prose = sum(source == "prose" for source in table(workspace, "documents", ["source"])["source"].to_pylist())
    assert {sum(shown.counts) for shown in found} <= {prose}
    assert [shown.dropped for shown in found] == sorted((shown.dropped for shown in found), reverse=True)


def test_examples_say_what_became_of_them(workspace: Workspace) -> None:
    rejections = survey_rejections(workspace, 7)
    kept, dropped = account.examples(workspace, rejections, 7)
    lost = {entry["id"]: entry for entry in read_rejections(workspace).iter_rows(named=True)}
    assert len(kept) == len({example.id for example in kept}) == 20 and not {example.id for example in kept} & set(lost)
    assert len(dropped) == 20 and all(lost[example.id]["rule"] in example.reason for example in dropped)
    assert account.examples(workspace, rejections, 7) == (kept, dropped)


def test_rejections_are_told_as_all_of_them_together_are(workspace: Workspace) -> None:
    found, every = survey_rejections(workspace, 7), read_rejections(workspace)
    assert found.counts == {
        (stage, rule): count for stage, rule, count in every.group_by("stage", "rule").len().iter_rows()
    }
    for (stage, rule), rows in found.first.items():
        of_rule = every.filter(pl.col("stage") == stage, pl.col("rule") == rule).head(3)
        assert [row["locator"] for row in rows] == of_rule["locator"].to_list()
    dropped = every.filter(pl.col("stage") != "ingest", pl.col("id").is_not_null())
    ids = dropped["id"].to_arrow().cast("string")
    lowest = [name for _, name in sorted(zip(draws(ids, 7, PURPOSE).tolist(), ids.to_pylist(), strict=True))]
    assert [row["id"] for row in found.drawn] == lowest[:20]
    assert [row["id"] for row in survey_rejections(workspace, 8).drawn] != lowest[:20]


def test_the_page_tells_all_of_it_without_a_script(workspace: Workspace) -> None:
    page = workspace.read_bytes("report.html").decode()
    for heading in ("Sources through the funnel", "Not met", "Mixture by phase", "Lengths", "Fertility by language"):
        assert f">{heading}</h2>" in page
    for heading in ("What the rules measured", "Kept, drawn at random", "Dropped, drawn at random", "Near-duplicates"):
        assert f">{heading}</h2>" in page
    assert "Rules that dropped nothing: " in page
    assert not re.search(r"<script|src=|https?://[^<]*\"", page)
    assert "\x1b" not in page and "\u202e" not in page
