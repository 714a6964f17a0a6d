"""The plan of a training run: for each step its phase, its rotary base and its sequences, fixed before it starts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from winnow.stages.shards.shard import ShardIndex, ShardPhase
from winnow.trainer.config import ModelConfig, TrainingError
from winnow.trainer.schedule import Schedule

LEAST_HELD_OUT = 4  # sequences of each phase, so that evaluation has something to read


@dataclass(frozen=True, kw_only=True)
class Step:
    """One optimizer step: `count` sequences of `phase` from number `start` on in the order of that epoch."""

    number: int
    phase: str
    length: int
    rotary_base: float
    epoch: int
    start: int
    count: int

    @property
    def order_seed(self) -> int | None:
        """The first epoch goes through the shards as they were written, later ones shuffle their rows."""
        return self.epoch or None


def held_out_of(phase: ShardPhase, share: float) -> int:
    """How many of the phase's last sequences are kept for evaluation."""
    if share <= 0:
        return 0
    return min(max(LEAST_HELD_OUT, round(share * phase.sequences)), phase.sequences // 2)


def planned(index: ShardIndex, model: ModelConfig, settings: Mapping[str, Any]) -> list[Step]:
    """The steps of a run with these settings: those of a `RunConfig`, as a checkpoint keeps them."""
    return plan_steps(
        index,
        model,
        Schedule(**settings["schedule"]),
        batch_tokens=settings["batch_tokens"],
        held_out=settings["held_out"],
        multiple=settings["multiple"],
        phases=settings["phases"],
        epochs=settings.get("epochs"),
    )


def plan_steps(
    index: ShardIndex,
    model: ModelConfig,
    schedule: Schedule,
    *,
    batch_tokens: int,
    held_out: float,
    multiple: int = 1,
    phases: Sequence[str] | None = None,
    epochs: float | None = None,
) -> list[Step]:
    """Steps in the order of the index's phases, each phase's share of the steps that of its tokens, but at least one.

    With `epochs` each phase has the steps that so many take, where they add up to the schedule's.

    A step takes `batch_tokens` (times the schedule's batch factor) in whole sequences, rounded to a `multiple` so that
    any number of ranks that divides it can share them. Raises `TrainingError` for a phase longer than the model allows
    or a tokenizer larger than its vocabulary.
    """
    chosen = [phase for phase in index.phases if phase.sequences and (phases is None or phase.name in phases)]
    if not chosen:
        raise TrainingError("the index holds no sequence to train on; build the run first")
    vocabulary = index.tokenizer.get("vocabulary_size", 0)
    if vocabulary > model.vocab_size:
        raise TrainingError(f"the shards' tokenizer has {vocabulary} tokens, the model's vocabulary {model.vocab_size}")
    for phase in chosen:
        if phase.length > model.max_position_embeddings:
            raise TrainingError(
                f"phase {phase.name!r} holds sequences of {phase.length} tokens, the model allows "
                f"{model.max_position_embeddings} (max_position_embeddings)"
            )
    if schedule.steps < len(chosen):
        raise TrainingError(f"{schedule.steps} steps are too few for {len(chosen)} phases; name fewer with --phases")
    steps: list[Step] = []
    numbers = _shares([p.tokens for p in chosen], schedule.steps)
    if epochs is not None:
        whole = [steps_in(phase, epochs, batch_tokens=batch_tokens, held_out=held_out) for phase in chosen]
        numbers = whole if sum(whole) == schedule.steps else numbers
    for phase, number in zip(chosen, numbers, strict=True):
        available = phase.sequences - held_out_of(phase, held_out)
        epoch = start = 0
        for _ in range(number):
            asked = batch_tokens * schedule.batch_factor(len(steps)) / phase.length
            usable = available // multiple
            if usable == 0:
                raise TrainingError(
                    f"phase {phase.name!r} has {available} sequences to train on, a step needs {multiple}"
                )
            count = evened(usable - start // multiple, max(1, round(asked / multiple))) * multiple
            steps.append(
                Step(
                    number=len(steps),
                    phase=phase.name,
                    length=phase.length,
                    rotary_base=phase.rotary_base,
                    epoch=epoch,
                    start=start,
                    count=count,
                )
            )
            start += count
            if (
                start + multiple > available
            ):  # what is left of the epoch, less than `multiple`, differs from one to the next
                epoch, start = epoch + 1, 0
    return steps


def steps_in(phase: ShardPhase, epochs: float, *, batch_tokens: int, held_out: float) -> int:
    """How many steps of a batch that doesn't grow read a phase so often, as `evened` deals it out."""
    asked = max(1, round(batch_tokens / phase.length))
    return max(1, round(epochs * max(1, round((phase.sequences - held_out_of(phase, held_out)) / asked))))


def evened(left: int, asked: int) -> int:
    """How many of the `left` sequences of an epoch the next step takes, where about `asked` are wanted.

    The epoch ends with a whole step: what is left is dealt out evenly to as many steps as `asked` fits best, so that
    every sequence is read once an epoch whatever the batch, and no step is a fraction of the others.
    """
    return math.ceil(left / max(1, round(left / asked)))


def _shares(weights: Sequence[int], total: int) -> list[int]:
    """Splits `total` in whole numbers of at least 1, in proportion to the weights, by largest remainder."""
    spare = total - len(weights)
    exact = [weight / sum(weights) * spare for weight in weights]
    shares = [int(share) for share in exact]
    by_remainder = sorted(range(len(weights)), key=lambda i: (shares[i] - exact[i], i))
    for i in by_remainder[: spare - sum(shares)]:
        shares[i] += 1
    return [share + 1 for share in shares]
