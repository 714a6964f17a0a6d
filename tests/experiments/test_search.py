"""A whole search through the real trainer: proxies apart from what they are scored on, resumed, and a manifest found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pytest

from winnow.experiments import search as module
from winnow.experiments.corpus import open_corpus
from winnow.experiments.found import base_of, evidence, write_manifest
from winnow.experiments.page import write_page
from winnow.experiments.pool import MARGIN, pool_files
from winnow.experiments.proxy import Model, Scored
from winnow.experiments.search import Result, Search, Validation, search
from winnow.experiments.windows import document_of
from winnow.pipeline.configuration.manifest import Manifest
from winnow.pipeline.configuration.reading import ConfigurationError, read_model
from winnow.pipeline.terminal import console
from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.inspection import read_groups
from winnow.stages.tokens.schema import list_lengths, list_values

MODEL = Model(preset="smallest", steps=20, batch_tokens=512, learning_rate=8e-3)
ASKED = Search(
    proxies=5, model=MODEL, length=128, held_out_tokens=1024, seed=2, weights=("sums=1",), floors=("prose=30",)
)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("search")


@pytest.fixture(scope="module")
def searched(finished: Path, out: Path) -> tuple[Result, list[Scored]]:
    from tests.experiments.conftest import here

    validation = Validation(model=MODEL, seeds=2)
    return search(str(finished), str(out), ASKED, cluster=here, console=console(), validation=validation)


def test_no_proxy_saw_what_it_is_scored_on(searched: Any, out: Path) -> None:
    workspace = Workspace(str(out))
    excluded = set(json.loads(workspace.read_bytes("held_out/excluded.json")))
    rows = list(read_groups(workspace.path("held_out/rows.parquet")))
    scored = {document_of(name) for batch in rows for name in batch.segments.field("document").to_pylist()}
    assert scored and scored <= excluded
    assert {name for batch in rows for name in batch.segments.field("source").to_pylist()} == {"prose", "sums"}
    for part in workspace.list("pools/run", ".parquet"):
        ids = workspace.read_table(part, columns=["id"])["id"].to_pylist()
        assert not {document_of(window) for window in ids} & excluded


def test_the_pool_is_thinned_so_that_a_source_repeats_as_in_the_full_run(
    searched: Any, finished: Path, out: Path
) -> None:
    corpus = open_corpus(str(finished), "run")
    share = MODEL.tokens / corpus.tokens
    for source in ("prose", "sums"):
        there = list_lengths(Workspace(str(finished)).read_table(f"tokens/{source}.parquet")["tokens"]).sum()
        drawn = list_lengths(Workspace(str(out)).read_table(f"pools/run/{source}.parquet")["tokens"]).sum()
        assert drawn == pytest.approx(MARGIN * share * there, abs=2 * ASKED.length) or source == "sums"  # sums repeat


def test_windows_hold_the_tokens_of_their_documents(searched: Any, finished: Path, out: Path) -> None:
    whole = Workspace(str(finished)).read_table("tokens/prose.parquet")
    pool = Workspace(str(out)).read_table("pools/run/prose.parquet")
    for row in range(0, pool.num_rows, 5):
        document, _, number = pool["id"][row].as_py().rpartition(":")
        tokens = whole.filter(pc.equal(whole["id"], document))["tokens"][0].as_py()
        first = int(number) * ASKED.length
        assert pool["tokens"][row].as_py() == tokens[first : first + ASKED.length]
    assert len(set(pool["id"].to_pylist())) == pool.num_rows
    assert len(list_values(pool["tokens"])) == list_lengths(pool["tokens"]).sum()


def test_proxies_have_the_shares_that_the_design_asked_for_and_equal_compute(searched: Any) -> None:
    result, _ = searched
    assert {(one.steps, one.sequences) for one in result.scored} == {(20, 80)}
    asked = module._design(result.corpus, result.sources, result.most, result.tokens, ASKED)
    assert np.abs(result.shares - asked).max() < 0.05  # a window is 1.2 % of a proxy
    assert np.ptp(result.shares[:, 0]) > 0.2


def test_more_of_a_source_is_learned_better_and_the_found_mixture_has_more_of_it(searched: Any) -> None:
    result, _ = searched
    sums = result.sources.index("sums")
    bits = np.array([one.bits_per_byte["sums"] for one in result.scored])
    assert np.corrcoef(result.shares[:, sums], bits)[0, 1] < -0.7
    assert result.found[sums] > result.given[sums] and result.gain > 0
    assert result.change("prose") <= 0.3 * result.surfaces["prose"](result.given) + 1e-3
    assert result.found.sum() == pytest.approx(1.0)


def test_the_found_manifest_reads_and_tells_its_evidence(searched: Any, out: Path) -> None:
    result, validated = searched
    base = out / "mine.yaml"
    base.write_text(json.dumps({**result.corpus.manifest.model_dump(mode="json", exclude_defaults=True), "seed": 1}))
    extended, manifest = base_of(result.corpus, str(base))
    write_manifest(out / "found.yaml", result, validated, extended, manifest)
    found = read_model(out / "found.yaml", Manifest)
    assert [found.mixture.weights()[source] for source in result.sources] == pytest.approx(100 * result.found)
    assert found.mixture.epochs == 4 and found.mixture.tokens == result.tokens
    assert found.curriculum == result.corpus.manifest.curriculum
    said = (out / "found.yaml").read_text()
    assert all(f"# {line}".rstrip() in said.splitlines() for line in evidence(result, validated))
    assert "found less given" in said and "rank correlation" in said


def test_the_page_shows_every_domain_against_every_source(searched: Any, out: Path) -> None:
    result, validated = searched
    page = write_page(out, result, validated).read_text()
    assert page.count("<figure>") == 4 and page.count("<circle") == 4 * len(result.scored)
    assert "http" not in page.replace("http-equiv", "")


def test_called_again_nothing_is_trained_and_with_more_proxies_only_the_new_ones(
    searched: Any, finished: Path, out: Path
) -> None:
    from tests.experiments.conftest import here

    def times() -> dict[str, int]:
        return {path.name: path.stat().st_mtime_ns for path in (out / "proxies").iterdir()}

    before = times()
    result, _ = search(str(finished), str(out), ASKED, cluster=_none, console=console(), validation=VALIDATION)
    assert times() == before
    assert result.found.tolist() == searched[0].found.tolist()
    more = Search(**{**vars(ASKED), "proxies": 6})
    search(str(finished), str(out), more, cluster=here, console=console())
    assert {name: time for name, time in times().items() if name in before and name.startswith("mixture")} == {
        name: time for name, time in before.items() if name.startswith("mixture")
    }
    assert "mixture-005.json" in times()


VALIDATION = Validation(model=MODEL, seeds=2)


def _none() -> Any:
    raise AssertionError("no cluster is needed")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"weights": ("code=1",)}, "nothing of that name is held out"),
        ({"model": Model(preset="smallest", steps=10**6, batch_tokens=512, learning_rate=1e-3)}, "fewer steps"),
        ({"length": 100}, "no multiple of --length"),
        ({"model": Model(preset="smal", steps=1, batch_tokens=512, learning_rate=1e-3)}, "no preset 'smal'"),
    ],
)
def test_what_cannot_be_searched_is_said_before_anything_is_worked(
    finished: Path, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        asked = Search(**{**vars(ASKED), **changes})
        search(str(finished), str(tmp_path / "out"), asked, cluster=_none, console=console())
    assert not (tmp_path / "out" / "held_out").exists()


def test_files_of_a_pool_are_those_of_the_run(finished: Path) -> None:
    assert pool_files(open_corpus(str(finished), "run")) == ("pools/run/prose.parquet", "pools/run/sums.parquet")
