"""The manifest's recipe: tokens become steps, each thing is said once, the command line has the last word."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from winnow.pipeline.configuration.settings import load_settings
from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.shard import ShardIndex
from winnow.stages.training import Training, Turn
from winnow.trainer.config import ModelConfig, TrainingError
from winnow.trainer.curriculum import plan_steps
from winnow.trainer.recipe import overridden, recipe_of, schedule_of

PHASES = ("length-32", "length-64")


@pytest.fixture
def index(shards: Workspace) -> ShardIndex:
    return ShardIndex.from_json(shards.read_bytes("shards/index.json"))


def tokens_by_step(recipe: Training, steps: int) -> list[float]:
    """Tokens read after each step, by adding up batches one by one."""
    total, read = 0.0, []
    start, ramp = recipe.batch_start or recipe.batch_tokens, 0.0
    if recipe.batch_growth:
        ramp = recipe.batch_growth / ((start + recipe.batch_tokens) / 2)
    for step in range(steps):
        share = min(1.0, (step + 0.5) / ramp) if ramp else 1.0  # the middle of the step: the line's mean over it
        total += start + (recipe.batch_tokens - start) * share
        read.append(total)
    return read


@pytest.mark.parametrize("growth", [None, 50_000, 400_000])
def test_steps_and_the_turn_come_of_tokens(index: ShardIndex, growth: int | None) -> None:
    recipe = Training(
        batch_tokens=4_000,
        batch_start=1_000 if growth else None,
        batch_growth=growth,
        tokens=300_000,
        turn=Turn(tokens=100_000, balance_rate=0.0, prediction_weight=0.1),
    )
    schedule = schedule_of(recipe, index, PHASES)
    read = tokens_by_step(recipe, schedule.steps)
    assert read[-2] < 300_000 <= read[-1] * 1.001
    turn = next(step for step in range(schedule.steps) if schedule.prediction_weight(step) == 0.1)
    assert read[turn - 2] < 100_000 * 1.001 and read[turn] > 100_000
    assert schedule.balance_rate(turn - 1) == recipe.balance_rate and schedule.balance_rate(turn) == 0.0


def test_an_epoch_reads_every_sequence_once(index: ShardIndex, tiny: ModelConfig) -> None:
    for epochs in (1, 3):
        recipe = Training(batch_tokens=256, epochs=epochs, held_out=0.1)
        schedule = schedule_of(recipe, index, PHASES)
        steps = plan_steps(index, tiny, schedule, batch_tokens=256, held_out=0.1, epochs=epochs)
        for name, available in (("length-32", 48 - 5), ("length-64", 24 - 4)):
            assert sum(step.count for step in steps if step.phase == name) == epochs * available
            assert {step.epoch for step in steps if step.phase == name} == set(range(epochs))


@pytest.mark.parametrize(
    ("decay", "middle", "last"), [("cosine", 0.55, 0.1), ("linear", 0.55, 0.1), ("constant", 1, 1)]
)
def test_the_rate_rises_and_falls_as_asked(index: ShardIndex, decay: str, middle: float, last: float) -> None:
    schedule = schedule_of(Training(steps=111, warmup_steps=10, decay=decay), index, PHASES)
    assert [schedule.rate_factor(step) for step in (0, 4, 9)] == pytest.approx([0.1, 0.5, 1.0])
    assert schedule.rate_factor(10) == pytest.approx(1.0)
    assert schedule.rate_factor(60) == pytest.approx(middle) and schedule.rate_factor(110) == pytest.approx(last)


def test_a_changed_length_replaces_the_one_before_and_is_told(shards: Workspace) -> None:
    shards.write_bytes("lock.json", json.dumps({"manifest": {"training": {"epochs": 3, "warmup_steps": 9}}}).encode())
    recipe = recipe_of(shards)
    told: list[str] = []
    changed = overridden(recipe, {"steps": 7, "warmup": 0.25, "head": None}, told.append)
    assert (changed.steps, changed.epochs, changed.warmup, changed.warmup_steps) == (7, None, 0.25, None)
    assert "steps 7 in place of the manifest's (none)" in told and "epochs (none) in place of the manifest's 3" in told
    assert not any("head" in line for line in told)
    with pytest.raises(TrainingError, match="--learning-rate: Input should be greater than 0"):
        overridden(recipe, {"learning_rate": -1.0}, told.append)
    shards.write_bytes("lock.json", b'{"manifest": {"training": {"learning_rat": 1}}}')
    with pytest.raises(TrainingError, match=r"lock\.json: its training recipe can't be read"):
        recipe_of(shards)


@pytest.mark.parametrize(
    "wrong", [{"epochs": 1, "steps": 2}, {"warmup": 0.1, "warmup_steps": 3}, {"batch_start": 8}, {"turn": {}}]
)
def test_what_is_said_twice_or_by_half_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Training.model_validate(wrong)


@pytest.mark.parametrize(
    ("stage", "wanted"),
    [
        ("pretrain", {"learning_rate": 1.5e-4, "warmup_steps": 2000, "batch_start": 2048 * 4096, "batch_tokens": 4096 * 4096}),
        ("mid", {"learning_rate": 5e-5, "batch_tokens": 1024 * 4096}),
        ("sft", {"learning_rate": 5e-6, "epochs": 3, "warmup": 0.1, "batch_tokens": 64 * 8 * 8192}),
        ("glm45-general", {"learning_rate": 2.5e-4, "batch_start": 16_000_000, "batch_tokens": 64_000_000}),
    ],
)  # fmt: skip
def test_the_manifests_give_the_missions_and_the_reports_numbers(stage: str, wanted: dict[str, float]) -> None:
    recipe = load_settings(stage, "commoncrawl").manifest.training
    assert {name: getattr(recipe, name) for name in wanted} == wanted
    small = load_settings(stage, "sample").manifest.training
    assert (small.steps, small.learning_rate, small.epochs) == (50, 2e-3, None)
