"""Arms from manifests: run by the pipeline, one tokenizer for all, the raw arm with what the other dropped."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.experiments.conftest import prose, sums
from winnow.experiments.ablation import Ablation, check_arms
from winnow.experiments.arms import open_arms
from winnow.experiments.proxy import Model
from winnow.pipeline.terminal import console

MANIFEST = """\
stage: mid
seed: 3
deduplicate: {exact: {}}
decontaminate: null
tokenizer: {vocabulary_size: 600}
mixture: {sources: {prose: 50, sums: 50}, epochs: 2}
curriculum: [{length: 128, share: 100}]
"""
PROFILE = """\
sources:
  prose: [{kind: tables, content: prose, paths: [prose.jsonl]}]
  sums: [{kind: tables, content: prose, paths: [sums.jsonl]}]
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("arms")
    random = np.random.default_rng(4)
    for name, made in (("prose", prose), ("sums", sums)):
        texts = [made(random) for _ in range(40)]
        rows = [*texts, *texts[:15]]  # 15 are there twice
        (folder / f"{name}.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in rows))
    (folder / "clean.yaml").write_text(MANIFEST)
    (folder / "profile.yaml").write_text(PROFILE)
    return folder


def test_a_manifest_and_its_raw_arm_are_run_and_can_be_compared(place: Path) -> None:
    def opened() -> list:
        return open_arms(
            [str(place / "clean.yaml")],
            str(place / "profile.yaml"),
            place / "out",
            raw=True,
            workers=1,
            console=console(),
        )

    clean, raw = opened()
    assert (clean.name, raw.name) == ("clean", "raw")
    assert clean.tokenizer["digest"] == raw.tokenizer["digest"]
    assert len(clean.documents().group) == 80 and len(raw.documents().group) == 110
    model = Model(preset="smallest", steps=4, batch_tokens=512, learning_rate=1e-3)
    check_arms([clean, raw], Ablation(model=model, length=128, held_out_tokens=512, seeds=2))
    locks = [corpus.lock for corpus in (clean, raw)]
    assert [corpus.lock for corpus in opened()] == locks  # what is done stays done
