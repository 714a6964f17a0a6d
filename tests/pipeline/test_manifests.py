"""Every manifest of the tree goes with every profile, says the founding plan's shares, and names only what exists."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from winnow.pipeline.cli import cli
from winnow.pipeline.configuration.reading import ConfigurationError
from winnow.pipeline.configuration.settings import MANIFESTS, load_settings

STAGES = sorted(path.stem for path in MANIFESTS.glob("*.yaml"))
PROFILES = sorted(path.stem for path in (MANIFESTS / "profiles").glob("*.yaml"))


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("stage", STAGES)
def test_a_manifest_and_a_profile_are_sound_together(stage: str, profile: str) -> None:
    result = CliRunner().invoke(cli, ["plan", "--stage", stage, "--profile", profile, "--offline"])
    assert result.exit_code == 0, result.output
    assert "are sound" in result.output


@pytest.mark.parametrize(
    ("stage", "shares"),
    [
        ("pretrain", {"web": 60, "books": 15, "papers": 10, "code": 10, "multilingual": 5}),
        ("domain", {"github": 35, "coding_sites": 20, "mathematics": 20, "science": 15, "reasoning": 10}),
        ("sft", {"conversations": 30, "demonstrations": 25, "tool_use": 20, "safety": 15, "multi_turn": 10}),
    ],
)
def test_the_shares_are_the_missions(stage: str, shares: dict[str, float]) -> None:
    assert load_settings(stage, "sample").manifest.mixture.weights() == shares


def test_mid_training_has_its_shares_and_lengths() -> None:
    manifest = load_settings("mid", "commoncrawl").manifest
    weights = manifest.mixture.weights()
    instructions = sum(share for name, share in weights.items() if name.startswith("instructions."))
    assert (instructions, weights["repositories"], weights["long_documents"], weights["tool_use"]) == (40, 30, 20, 10)
    lengths = [phase.length for phase in manifest.curriculum]
    assert lengths == [4096, 8192, 16384, 32768, 65536, 131072, 200000]


def test_the_sample_scales_lengths_and_vocabulary_down() -> None:
    manifest = load_settings("mid", "sample").manifest
    assert [phase.length for phase in manifest.curriculum] == [512, 1024, 2048, 4096, 8192, 16384, 25000]
    assert manifest.tokenizer.vocabulary_size == 16_384


def test_a_profile_gives_one_stage_a_recipe_of_its_own(tmp_path: Path) -> None:
    profile = tmp_path / "small.yaml"
    scale = "scale: {training: {learning_rate: 8e-3, steps: 9}, stages: {sft: {learning_rate: 3e-4, epochs: 2}}}\n"
    profile.write_text("extends: sample\n" + scale)
    recipes = {stage: load_settings(stage, str(profile)).manifest.training for stage in ("mid", "sft")}
    assert [(recipe.learning_rate, recipe.steps, recipe.epochs) for recipe in recipes.values()] == [
        (8e-3, 9, None),
        (3e-4, None, 2),
    ]
    profile.write_text("extends: sample\nscale: {stages: {sft: {learning_rat: 1}}}\n")
    for stage in ("sft", "mid"):  # a mistake in what another stage reads is told, too
        with pytest.raises(
            ConfigurationError, match=r"scale\.stages\.sft\.learning_rat: .*did you mean 'learning_rate'"
        ):
            load_settings(stage, str(profile))
    profile.write_text("extends: sample\nscale: {stages: {sff: {epochs: 2}}}\n")
    with pytest.raises(ConfigurationError, match=r"scale\.stages\.sff: there is no such stage; did you mean 'sft'"):
        load_settings("mid", str(profile))
    profile.write_text("extends: sample\nscale: {stages: {annealing: {epochs: 2}}}\n")
    assert load_settings("mid", str(profile)).manifest.training.epochs is None  # a stage of the user's own


def test_an_unknown_stage_is_answered_without_a_traceback(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["plan", "--stage", "mdi"])
    assert "did you mean 'mid'" in str(result.exception)
