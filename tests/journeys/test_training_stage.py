"""A training stage of one's own is a manifest alone, as docs/guides/training-stage.md has it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from winnow.pipeline.configuration.manifest import Loss, Manifest, Output, Packing
from winnow.pipeline.configuration.reading import read_model

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "training-stage.md"


def test_the_guides_manifest_is_planned(winnow, tmp_path: Path) -> None:
    found = re.search(r"```yaml\n(.+?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    assert found
    (tmp_path / "anneal.yaml").write_text(found[1])
    (tmp_path / "where.yaml").write_text(
        "resources: {lid.176: lid.ftz}\nsources:\n  web: [{kind: web, paths: [web]}]\n"
        "  books: [{kind: longform, paths: [books]}]\n  conversations: [{kind: conversations, paths: [talks.jsonl]}]\n"
    )
    answer = winnow("plan", "--stage", tmp_path / "anneal.yaml", "--profile", tmp_path / "where.yaml", "--offline")
    assert answer.status == 0
    assert answer.said.startswith("anneal The last tokens at a falling rate")
    assert "packing: best_fit" in answer.said
    assert (
        "note: source conversations, kind conversations (conversations): no filter decides on its texts" in answer.said
    )


@pytest.mark.parametrize(
    ("stage", "packing", "loss", "output"),
    [
        ("pretrain", Packing.CONCATENATE, Loss.ALL, Output.SHARDS),
        ("domain", Packing.CONCATENATE, Loss.ALL, Output.SHARDS),
        ("mid", Packing.BEST_FIT, Loss.ALL, Output.SHARDS),
        ("sft", Packing.BEST_FIT, Loss.ASSISTANT, Output.SHARDS),
        ("rl", Packing.BEST_FIT, Loss.ALL, Output.PREFERENCES),
    ],
)
def test_defaults_by_stage(tmp_path: Path, stage: str, packing: Packing, loss: Loss, output: Output) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(
        f"stage: {stage}\nseed: 1\nmixture: {{sources: {{a: 100}}}}\ncurriculum: [{{length: 64, share: 100}}]\n"
    )
    manifest = read_model(file, Manifest)
    assert (manifest.packing, manifest.loss, manifest.output) == (packing, loss, output)
    file.write_text(file.read_text() + "packing: concatenate\nloss: all\noutput: shards\n")
    manifest = read_model(file, Manifest)
    assert (manifest.packing, manifest.loss, manifest.output) == (Packing.CONCATENATE, Loss.ALL, Output.SHARDS)


def test_a_stage_of_ones_own_must_say_how_it_packs(winnow, tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("stage: mdi\nseed: 1\nmixture: {sources: {a: 100}}\ncurriculum: [{length: 64, share: 100}]\n")
    said = winnow("plan", "--stage", file).said
    assert f"{file}:1: packing: is missing, and a stage 'mdi' of your own (did you mean 'mid'?) has no default" in said
    file.write_text(file.read_text() + "packing: best_fit\n")
    assert (read_model(file, Manifest).loss, read_model(file, Manifest).output) == (Loss.ALL, Output.SHARDS)
