"""An ablation through the real trainer: arms apart from all held-out text, equal compute, a verdict that noise earns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from tests.experiments.conftest import here, make_run
from winnow.experiments.ablation import Ablation, Compared, ablate, lines
from winnow.experiments.arms import as_it_came, open_arms
from winnow.experiments.corpus import open_corpus
from winnow.experiments.held_out import Gold
from winnow.experiments.proxy import Model, Scored, check_equal_compute
from winnow.experiments.windows import document_of
from winnow.pipeline.configuration.packaged import MANIFESTS
from winnow.pipeline.configuration.reading import ConfigurationError
from winnow.pipeline.configuration.settings import load_settings
from winnow.pipeline.terminal import console
from winnow.stages.run.unit import Place, Unworkable
from winnow.stages.run.workspace import Workspace

ASKED = Ablation(
    model=Model(preset="smallest", steps=20, batch_tokens=512, learning_rate=8e-3),
    length=128,
    held_out_tokens=1024,
    seeds=2,
)


@pytest.fixture(scope="module")
def noisy(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same run with half of the words of prose swapped, by the same tokenizer."""
    return make_run(tmp_path_factory.mktemp("noisy") / "run", finished, noise=0.5)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ablation")


@pytest.fixture(scope="module")
def compared(finished: Path, noisy: Path, out: Path) -> Compared:
    gold = out / "gold.jsonl"
    gold.write_text("".join(json.dumps({"text": "two and two are five.\n" * 12 + str(n)}) + "\n" for n in range(4)))
    corpora = [open_corpus(str(finished), "clean"), open_corpus(str(noisy), "noisy")]
    asked = Ablation(**{**vars(ASKED), "gold": (Gold(domain="gold", place=Place(gold), digest="0"),)})
    return ablate(corpora, str(out), asked, cluster=here, console=console())


def test_each_arm_is_scored_on_the_text_of_every_arm_and_on_gold(compared: Compared) -> None:
    for mine in compared.scored.values():
        for one in mine:
            assert set(one.bits_per_byte) == {
                "gold", "prose of clean", "prose of noisy", "sums of clean", "sums of noisy"
            }  # fmt: skip
            assert min(one.bits_per_byte.values()) > 0 and max(one.bits_per_byte.values()) < 8


def test_no_arm_was_trained_on_a_document_that_any_arm_holds_out(compared: Compared, out: Path) -> None:
    workspace = Workspace(str(out))
    excluded = set(json.loads(workspace.read_bytes("held_out/excluded.json")))
    for arm in ("clean", "noisy"):
        for part in workspace.list(f"pools/{arm}", ".parquet"):
            ids = workspace.read_table(part, columns=["id"])["id"].to_pylist()
            assert ids and not {document_of(window) for window in ids} & excluded


def test_clean_text_is_learned_better_and_the_verdict_says_so(compared: Compared) -> None:
    found = compared.differences["clean", "noisy"]
    assert found["prose of clean"].mean < -0.05
    said = list(lines(compared))
    assert said[-1].startswith("clean ")
    means = [np.mean([one.bits_per_byte["gold"] for one in compared.scored[arm]]) for arm in ("clean", "noisy")]
    assert any(line.startswith("gold") and f"{means[0]:.4f}" in line and f"{means[1]:.4f}" in line for line in said)


def test_unequal_compute_is_refused(compared: Compared) -> None:
    one = compared.scored["clean"][0]
    check_equal_compute([one, compared.scored["noisy"][0]])
    for changed in ({"sequences": one.sequences + 1}, {"held_out_tokens": {"prose": 1}}):
        with pytest.raises(Unworkable, match="differ"):
            check_equal_compute([one, Scored(**{**vars(one), **changed})])


def test_arms_that_cannot_be_compared_are_refused(finished: Path, tmp_path: Path) -> None:
    other = make_run(tmp_path / "other", documents=60, noise=0.3)
    corpora = [open_corpus(str(finished), "one"), open_corpus(str(other), "other")]
    with pytest.raises(ConfigurationError, match="different tokenizers"):
        ablate(corpora, str(tmp_path / "out"), ASKED, cluster=here, console=console())
    longer = Ablation(
        **{**vars(ASKED), "model": Model(preset="smallest", steps=9**9, batch_tokens=512, learning_rate=1)}
    )
    with pytest.raises(ConfigurationError, match="fewer --steps"):
        ablate(corpora[:1] * 2, str(tmp_path / "out"), longer, cluster=here, console=console())


def test_mistakes_in_naming_arms_are_said(finished: Path, tmp_path: Path) -> None:
    def opened(*arms: str, raw: bool = False) -> Any:
        return open_arms(arms, "sample", tmp_path, raw=raw, workers=1, console=console())

    assert [corpus.name for corpus in opened(f"a={finished}", f"b={finished}")] == ["a", "b"]
    for arms, raw, said in (
        ((f"a={finished}",), False, "compares with nothing"),
        ((str(finished), str(finished)), False, "two arms are called run"),
        ((f"a={finished}",), True, "a raw arm is made from a manifest"),
        ((f"a={finished}", "midd"), False, "neither a finished run nor a manifest"),
        ((f"a b={finished}", f"c={finished}"), False, "letters, digits"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            opened(*arms, raw=raw)


@pytest.mark.parametrize("stage", ["pretrain", "mid", "sft"])
def test_raw_asks_for_the_same_mixture_and_drops_nothing(stage: str) -> None:
    manifest = load_settings(stage, "sample").manifest
    raw = as_it_came(manifest)
    assert raw.mixture.weights() == manifest.mixture.weights() and raw.mixture.languages == manifest.mixture.languages
    assert raw.curriculum == manifest.curriculum and not raw.edits and raw.decontaminate is None
    assert all(not entry.application().recipe.rules for entry in raw.filters)
    assert not any(getattr(raw.deduplicate, level) for level in type(raw.deduplicate).model_fields)
    assert yaml.safe_load((MANIFESTS / f"{stage}.yaml").read_text())["filters"]
