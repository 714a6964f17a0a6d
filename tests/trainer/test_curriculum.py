"""Schedules and the plan of steps."""

from __future__ import annotations

from dataclasses import replace

import pytest

from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.shard import ShardIndex
from winnow.trainer.config import ModelConfig, TrainingError
from winnow.trainer.curriculum import held_out_of, plan_steps
from winnow.trainer.schedule import Schedule


@pytest.fixture
def index(shards: Workspace) -> ShardIndex:
    return ShardIndex.from_json(shards.read_bytes("shards/index.json"))


def test_the_rate_warms_up_and_falls_by_half_a_cosine_to_a_tenth() -> None:
    schedule = Schedule(steps=100, warmup=0.1)
    assert [schedule.rate_factor(step) for step in (0, 4, 9)] == pytest.approx([0.1, 0.5, 1.0])
    assert schedule.rate_factor(10) == pytest.approx(1.0)
    assert schedule.rate_factor(99) == pytest.approx(0.1)
    assert all(schedule.rate_factor(s) >= schedule.rate_factor(s + 1) for s in range(10, 99))


def test_batch_balance_and_prediction_change_as_glm_did() -> None:
    schedule = Schedule(steps=100, batch_warmup=0.2)
    assert [schedule.batch_factor(step) for step in (0, 10, 20, 99)] == pytest.approx([0.25, 0.625, 1, 1])
    assert [schedule.balance_rate(step) for step in (0, 64, 65)] == [1e-2, 1e-2, 0.0]
    assert [schedule.prediction_weight(step) for step in (0, 64, 65)] == [0.3, 0.3, 0.1]


def test_phases_follow_each_other_and_no_sequence_is_taken_twice_in_an_epoch(
    index: ShardIndex, tiny: ModelConfig
) -> None:
    steps = plan_steps(index, tiny, Schedule(steps=20), batch_tokens=128, held_out=0.1)
    assert [step.number for step in steps] == list(range(20))
    assert [step.phase for step in steps] == sorted(step.phase for step in steps)
    assert [s.rotary_base for s in steps if s.length == 64] == [1e6] * sum(s.length == 64 for s in steps)
    for phase in index.phases:
        taken = [
            (step.epoch, g)
            for step in steps
            if step.phase == phase.name
            for g in range(step.start, step.start + step.count)
        ]
        assert len(taken) == len(set(taken))
        assert max(g for _, g in taken) < phase.sequences - held_out_of(phase, 0.1)


def test_more_steps_than_sequences_go_on_with_a_shuffled_epoch(index: ShardIndex, tiny: ModelConfig) -> None:
    steps = plan_steps(index, tiny, Schedule(steps=60), batch_tokens=256, held_out=0.1, phases=["length-32"])
    assert {step.epoch for step in steps} > {0, 1}
    assert next(step.order_seed for step in steps if step.epoch == 0) is None
    assert {step.order_seed for step in steps if step.epoch} == {step.epoch for step in steps if step.epoch}


@pytest.mark.parametrize("batch_tokens", [64, 200, 300, 460, 700])
@pytest.mark.parametrize("multiple", [1, 3])
def test_every_sequence_is_read_once_an_epoch_whatever_the_batch(
    index: ShardIndex, tiny: ModelConfig, batch_tokens: int, multiple: int
) -> None:
    options = {"batch_tokens": batch_tokens, "held_out": 0.1, "multiple": multiple, "phases": ["length-32"]}
    steps = plan_steps(index, tiny, Schedule(steps=60), **options)
    phase = index.phase("length-32")
    available = phase.sequences - held_out_of(phase, 0.1)
    whole = [epoch for epoch in range(steps[-1].epoch)]
    assert whole
    for epoch in whole:
        taken = [g for step in steps if step.epoch == epoch for g in range(step.start, step.start + step.count)]
        assert taken == list(range(available // multiple * multiple))
    asked = max(1, round(batch_tokens / 32 / multiple)) * multiple
    assert all(step.count <= 2 * asked for step in steps)


def test_batches_are_multiples_that_ranks_can_share(index: ShardIndex, tiny: ModelConfig) -> None:
    schedule = Schedule(steps=20, batch_warmup=0.5)
    steps = plan_steps(index, tiny, schedule, batch_tokens=300, held_out=0.1, multiple=4)
    assert all(step.count % 4 == 0 and step.count > 0 for step in steps)


def test_what_cannot_be_trained_is_refused_by_name(index: ShardIndex, tiny: ModelConfig) -> None:
    options = {"batch_tokens": 128, "held_out": 0.1}
    with pytest.raises(TrainingError, match=r"'length-64' holds sequences of 64 tokens, the model allows 50"):
        plan_steps(index, replace(tiny, max_position_embeddings=50), Schedule(steps=9), **options)
    with pytest.raises(TrainingError, match="tokenizer has 64 tokens, the model's vocabulary 60"):
        plan_steps(index, replace(tiny, vocab_size=60), Schedule(steps=9), **options)
    with pytest.raises(TrainingError, match="1 steps are too few for 2 phases"):
        plan_steps(index, tiny, Schedule(steps=1), **options)
    with pytest.raises(TrainingError, match="no sequence"):
        plan_steps(index, tiny, Schedule(steps=9), phases=["other"], **options)
    with pytest.raises(TrainingError, match="at least one step"):
        Schedule(steps=0)
