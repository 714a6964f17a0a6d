"""The passes over a part: rules on what an edit counted decide in a run as they do alone."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from winnow.filters.recipes import find_recipe, recipes
from winnow.pipeline.cli import cli
from winnow.pipeline.configuration.manifest import Filter
from winnow.pipeline.configuration.reading import ConfigurationError
from winnow.pipeline.standalone import filter_files
from winnow.stages.ingest import tables
from winnow.stages.measuring import MeasurePart, measure_part
from winnow.stages.passes import (
    DecidePart,
    IngestPart,
    Measuring,
    Piece,
    attributes_path,
    decide_part,
    documents_path,
    edits_path,
    ingest,
    recipe_of,
    resources_of,
)
from winnow.stages.run.unit import Place, Unit
from winnow.stages.run.workspace import Workspace

PROSE = "This line is a sentence of the page and it ends as such. "
TEXTS = [
    "\n".join(PROSE + f"Number {number} is another." for number in range(8)),
    "\n".join([PROSE] * 4) + "\nvar x = { y: 1 }; and a few words more.",
    "Too short a page. It has two sentences.",
    "\n".join([PROSE + "One more here."] * 3 + ["SHOUTED FURNITURE OF THE SITE AND MORE OF IT"] * 9),
]


@pytest.fixture
def pages(tmp_path: Path) -> str:
    path = tmp_path / "pages.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS))
    return str(path)


def dropped(pages: str, out: Path, recipe: str, *, edited: bool) -> tuple[dict[str, tuple[str, str]], list[str]]:
    """Text id → rule and value, and the texts as stored, of a part that a run ingests, measures and decides."""
    workspace = Workspace(str(out))
    documents = documents_path("part")
    ingesting = IngestPart(
        source=recipe,
        kind="tables",
        settings=tables.Settings(),
        pieces=(Piece(path="pages.jsonl", start=0, stop=1 << 20, place=Place(pages)),),
        root=Place(Path(pages).parent),
        edits=(Measuring(recipe=recipe),) if edited else (),
        kept_measures=(recipe,) if edited else (),
    )
    ingest(workspace, Unit(name="part", asked=ingesting))
    edits = edits_path("part") if edited else None
    measuring = MeasurePart(documents=documents, filters=(Measuring(recipe=recipe),), edits=edits)
    measure_part(workspace, Unit(name="part", asked=measuring))
    applications = (Filter(recipe=recipe).application(),)
    deciding = DecidePart(attributes=attributes_path("part"), documents=documents, applications=applications)
    decide_part(workspace, Unit(name="part", asked=deciding))
    assert (out / edits_path("part")).exists() == edited
    drops = pl.read_parquet(out / "drops/decide/part.parquet")
    texts = pl.read_parquet(out / documents_path("part"))["text"].to_list()
    return {row["id"]: (row["rule"], row["value"]) for row in drops.iter_rows(named=True)}, texts


@pytest.mark.parametrize("recipe", ["c4", "refinedweb_lines", "dclm"])
@pytest.mark.parametrize("edited", [True, False])
def test_rules_on_an_edit_decide_in_a_run(pages: str, tmp_path: Path, recipe: str, edited: bool) -> None:
    drops, texts = dropped(pages, tmp_path / "run", recipe, edited=edited)
    assert (texts != TEXTS) == edited
    rules = {rule.partition(".")[2] for rule, _ in drops.values()}
    assert rules and (len(drops) < len(TEXTS) or recipe == "dclm")
    if recipe == "c4":
        assert sorted(rule for rule, _ in drops.values()) == ["c4.curly_bracket", "c4.sentences"]
    if recipe == "refinedweb_lines":
        assert rules == {"removed_words"}
        lines = [len(line.split()) for line in TEXTS[3].splitlines()]
        assert [float(value) for _, value in drops.values()] == [pytest.approx(sum(lines[3:]) / sum(lines), rel=1e-5)]


WITH_OPTIONS = {"classifier", "datatrove", "datatrove_edit", "language", "perplexity", "scorer"}


@pytest.mark.parametrize("recipe", sorted(recipes().keys() - WITH_OPTIONS))
def test_every_recipe_runs_alone_and_accounts_for_each_document(pages: str, tmp_path: Path, recipe: str) -> None:
    found = filter_files(find_recipe(recipe), [pages], str(tmp_path / "out"))
    kept, rejected, measured = (
        pl.read_parquet(tmp_path / "out" / f"{name}.parquet") for name in ("kept", "rejected", "measures")
    )
    assert found.documents == len(TEXTS) == kept.height + rejected.height == measured.height
    assert {*kept["id"]} | {*rejected["id"]} == {*measured["id"]}
    names = {f"{recipe}.{rule.name}" for rule in find_recipe(recipe).rules}
    assert {*rejected["rule"]} <= names
    assert {rule.measure for rule in find_recipe(recipe).rules} <= {*measured.columns}


@pytest.mark.parametrize("recipe", sorted(WITH_OPTIONS))
def test_an_option_that_a_recipe_lacks_is_named(pages: str, tmp_path: Path, recipe: str) -> None:
    with pytest.raises(LookupError, match=r"needs the option '\w+': give --option"):
        filter_files(find_recipe(recipe), [pages], str(tmp_path))


def test_a_recipe_alone_reads_the_columns_that_it_asks_for(tmp_path: Path) -> None:
    rows = [{"text": "One.", "license": "MIT", "url": "https://a.org"}, {"text": "Two.", "license": "GPL-3.0-only"}]
    path = tmp_path / "pages.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = filter_files(find_recipe("license_permissive"), [str(path)], str(tmp_path / "out"))
    assert list(found.rejected.items()) == [("license_permissive.restriction", 1)]


def test_options_are_written_as_in_a_manifest(pages: str, tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("furniture\n")
    words = f"words={{sexual: {tmp_path / 'words.txt'}}}"
    command = ["filter", "--recipe", "harm", "--in", pages, "--out", str(tmp_path / "out"), "--option", words]
    assert CliRunner().invoke(cli, command, catch_exceptions=False).exit_code == 0
    assert pl.read_parquet(tmp_path / "out" / "measures.parquet")["harm.words"].to_list() == [0, 0, 0, 9]
    with pytest.raises(ConfigurationError, match="harm' has no option 'wrods'; there are addresses"):
        CliRunner().invoke(cli, [*command[:-1], "wrods=1"], catch_exceptions=False)
    with pytest.raises(ConfigurationError, match="no category of harm is called 'boredom'"):
        CliRunner().invoke(cli, [*command[:-1], f"words={{boredom: {pages}}}"], catch_exceptions=False)


def test_a_resource_is_found_at_any_depth_of_the_options() -> None:
    options = {"words": {"sexual": "resource:list"}, "scorer": "a:B", "arguments": {"files": ["resource:model", 1]}}
    assert sorted(resources_of(options)) == ["resource:list", "resource:model"]
    places = {"resource:list": Place("/lists/words"), "resource:model": Place("/models/m")}
    recipe = recipe_of(Measuring(recipe="harm", options=options), places)
    assert recipe.options["words"] == {"sexual": "/lists/words"}
    assert recipe.options["arguments"] == {"files": ["/models/m", 1]}
