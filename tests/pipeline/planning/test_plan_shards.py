"""The plan from documents to shards: what a manifest says reaches the units, what can't be is refused before work."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import tokenizers

from winnow.pipeline.configuration.reading import ConfigurationError
from winnow.pipeline.configuration.settings import load_settings
from winnow.pipeline.planning.parts import find_parts
from winnow.pipeline.planning.plan import steps
from winnow.stages.run.unit import Unit
from winnow.stages.shards import emit
from winnow.tokenizer.special import CONVERSATION, END_OF_TEXT, INFILL

MANIFEST = """\
stage: pretrain
seed: 1
filters:
  - {recipe: gopher_quality, sources: [web]}
mixture:
  sources: {web: 60, books: 40}
packing: concatenate
curriculum:
  - {length: 512, share: 50}
  - {length: 1024, share: 50}
"""

PROFILE = """\
root: ROOT
sources:
  web: [{kind: tables, paths: [web.jsonl]}]
  books: [{kind: tables, paths: [books.jsonl]}]
  talks: [{kind: conversations, paths: [talks.jsonl]}]
"""


def plan(folder: Path, *changes: tuple[str, str]) -> dict[str, list[Unit[Any]]]:
    """The units of each step, for a manifest with some changes."""
    text = MANIFEST
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    (folder / "m.yaml").write_text(text)
    (folder / "p.yaml").write_text(PROFILE.replace("ROOT", str(folder)))
    for name in ("web", "books", "talks"):
        (folder / f"{name}.jsonl").write_text('{"text": "some words"}\n')
    settings = load_settings(str(folder / "m.yaml"), str(folder / "p.yaml"))
    return {step.name: list(units) for step, units in steps(find_parts(settings), settings)}


def save_tokenizer(folder: Path, special: list[str]) -> None:
    tokenizer = tokenizers.ByteLevelBPETokenizer()
    tokenizer.train_from_iterator(["some words"], vocab_size=400, special_tokens=special, show_progress=False)
    tokenizer.save(str(folder / "tokenizer.json"))


def test_phases_by_tokens_make_the_budget_and_its_parts(tmp_path: Path) -> None:
    changed = [("512, share: 50", "512, tokens: 3000000"), ("1024, share: 50", "1024, tokens: 1000000")]
    (unit,) = plan(tmp_path, *changed)["mixture"]
    assert unit.asked.mixture.tokens == 4_000_000
    assert [phase.share for phase in unit.asked.phases] == [75, 25]


def test_a_phase_with_its_own_mixture_brings_its_sources(tmp_path: Path) -> None:
    own = "1024, share: 50, sources: {talks: 100}, languages: {zh: 100}"
    planned = plan(tmp_path, ("1024, share: 50", own))
    assert {unit.name.partition("-")[0] for unit in planned["ingest"]} == {"web", "books", "talks"}
    first, second = planned["mixture"][0].asked.phases
    assert (first.sources, first.languages) == ({}, {})
    assert (second.sources, second.languages) == ({"talks": 100}, {"zh": 100})
    # web has 60 per cent of the first half: 30 of 100 tokens, as books 20 and talks 50.
    sampled = {unit.name: unit.asked.bytes for unit in planned["sample"]}
    assert sampled["web-00000"] / sum(sampled.values()) == pytest.approx(0.3, rel=1e-6)


def test_only_parts_that_a_filter_scores_are_sorted_into_buckets(tmp_path: Path) -> None:
    quality = "books: 40}\n  quality: {measure: words.mean_length, edges: [3, 5]}\n  bucket_epochs: {0: 0, 2: 3}"
    planned = plan(tmp_path, ("books: 40}", quality))
    found = {unit.name: (unit.asked.encoding.bucket, unit.asked.encoding.edges) for unit in planned["encode"]}
    assert found == {"web-00000": ("words.mean_length", (3.0, 5.0)), "books-00000": (None, ())}
    assert planned["mixture"][0].asked.mixture.bucket_epochs == {0: 0, 2: 3}


def test_documents_may_be_sorted_by_how_many_they_stand_for(tmp_path: Path) -> None:
    """FineWeb-2's table: twice for a pair, five times for five and more, once for what is everywhere."""
    weighted = "books: 40}\n  quality: {measure: cluster_size, edges: [2, 5, 100]}\n  bucket_epochs: {1: 2, 2: 5}"
    planned = plan(tmp_path, ("books: 40}", weighted), ("seed: 1", "seed: 1\ndeduplicate: {exact: {}, minhash: {}}"))
    for unit in planned["encode"]:
        assert (unit.asked.encoding.bucket, unit.asked.encoding.edges) == ("cluster_size", (2.0, 5.0, 100.0))
        assert f"clusters/deduplicate.minhash/{unit.name}.parquet" in unit.inputs
    with pytest.raises(ConfigurationError, match="no level of deduplicate of the manifest gives the measure"):
        plan(tmp_path, ("books: 40}", weighted))


def test_a_quality_that_no_filter_measures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no filter of the manifest gives the measure 'scorer\.score'"):
        plan(tmp_path, ("books: 40}", "books: 40}\n  quality: {measure: scorer.score, edges: [0.5]}"))


@pytest.mark.parametrize(
    ("has", "change", "lacking"),
    [
        ([END_OF_TEXT], (), None),
        ([], (), END_OF_TEXT),
        ([END_OF_TEXT], [("seed: 1", "seed: 1\nfill_in_the_middle: {}")], INFILL[0]),
        ([END_OF_TEXT, *INFILL], [("seed: 1", "seed: 1\nfill_in_the_middle: {}")], None),
        ([END_OF_TEXT], [("{web: 60, books: 40}", "{web: 60, talks: 40}")], CONVERSATION[0]),
    ],
)
def test_a_given_tokenizer_must_have_what_the_run_writes(
    tmp_path: Path, has: list[str], change: Any, lacking: str | None
) -> None:
    save_tokenizer(tmp_path, has)
    given = ("seed: 1", "seed: 1\ntokenizer: {path: tokenizer.json}")
    if lacking is None:
        assert plan(tmp_path, *change, given)["tokenizer"][0].name == "given"
        return
    with pytest.raises(ConfigurationError) as caught:
        plan(tmp_path, *change, given)
    assert f"m.yaml:3: tokenizer.path: the tokenizer lacks {lacking}" in str(caught.value)


def test_a_given_tokenizer_that_is_none_is_named(tmp_path: Path) -> None:
    given = ("seed: 1", "seed: 1\ntokenizer: {path: tokenizer.json}")
    with pytest.raises(ConfigurationError, match="there is no tokenizer at"):
        plan(tmp_path, given)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ConfigurationError, match=r"is not a tokenizer\.json"):
        plan(tmp_path, given)


def test_a_folder_counts_for_what_lies_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own size is some kilobytes, by which all phases of a large one would be a file each."""
    monkeypatch.setattr(emit, "BUCKET_TOKENS", 100_000)
    (tmp_path / "pages").mkdir()
    for number in range(4):
        (tmp_path / "pages" / f"{number}.rst").write_text("Some words.\n" * 20_000)
    monkeypatch.setattr(
        sys.modules[__name__], "PROFILE", PROFILE.replace("tables, paths: [web.jsonl]", "documentation, paths: [pages]")
    )
    planned = plan(tmp_path)
    assert planned["scatter"][0].asked.buckets == (5, 5)  # of 960,000 bytes a half each
