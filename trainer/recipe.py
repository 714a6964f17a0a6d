"""The recipe of a run's manifest as settings of the trainer: tokens become steps, the command line has the last word."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.shard import ShardIndex, ShardPhase
from winnow.stages.training import Training
from winnow.trainer.config import TrainingError
from winnow.trainer.curriculum import held_out_of, steps_in
from winnow.trainer.optimizer import OptimizerConfig
from winnow.trainer.schedule import WARMUP, Schedule

LOCK = "lock.json"


def recipe_of(workspace: Workspace) -> Training:
    """The recipe in the lock of a finished run, which the manifest gave it; the defaults where there is none.

    Raises `TrainingError` for a lock that can't be read.
    """
    if not workspace.exists(LOCK):
        return Training()
    try:
        manifest = json.loads(workspace.read_bytes(LOCK)).get("manifest", {})
        return Training.model_validate(manifest.get("training", {}))
    except (ValueError, AttributeError) as error:
        raise TrainingError(f"{workspace.path(LOCK)}: its training recipe can't be read: {error}") from error


def overridden(recipe: Training, given: Mapping[str, Any], say: Callable[[str], None]) -> Training:
    """The recipe with what the command line gives (None: nothing); `say` hears each value that isn't the manifest's.

    Raises `TrainingError` for a value that can't be.
    """
    changes = {name: value for name, value in given.items() if value is not None}
    try:
        changed = recipe.changed(**changes)
    except ValidationError as error:
        first = error.errors()[0]
        option = "--" + "-".join(map(str, first["loc"])).replace("_", "-") if first["loc"] else "the command line"
        raise TrainingError(f"{option}: {first['msg'].removeprefix('Value error, ')}") from None
    before, now = (found.model_dump(mode="json") for found in (recipe, changed))
    for name in sorted(changes.keys() | {name for name in now if now[name] != before[name]}):
        if now[name] != before[name]:
            say(f"{name} {_said(now[name])} in place of the manifest's {_said(before[name])}")
    return changed


def schedule_of(recipe: Training, index: ShardIndex, phases: Sequence[str]) -> Schedule:
    """The recipe in steps, for the phases that are trained on.

    The batch grows linearly over its first steps; an epoch is all sequences that aren't held out, padding included,
    as the batch counts it.
    """
    start = recipe.batch_start or recipe.batch_tokens
    ramp = (recipe.batch_growth or 0) * 2 / (start + recipe.batch_tokens)  # steps until the batch is whole
    growth = _Growth(start=start, full=recipe.batch_tokens, ramp=ramp)
    if recipe.steps is not None:
        steps = recipe.steps
    elif (chosen := _chosen(index, phases)) and epochs_of(recipe) is not None:
        size, share = recipe.batch_tokens, recipe.held_out
        steps = sum(steps_in(phase, epochs_of(recipe) or 1, batch_tokens=size, held_out=share) for phase in chosen)
    else:
        epoch = sum((phase.sequences - held_out_of(phase, recipe.held_out)) * phase.length for phase in chosen)
        tokens = recipe.tokens if recipe.tokens is not None else (recipe.epochs or 1.0) * epoch
        steps = max(math.ceil(growth.steps(tokens) - 1e-6), len(chosen), 1)
    turn = 1.0
    if recipe.turn is not None:
        turn = growth.steps(recipe.turn.tokens) / steps if recipe.turn.tokens is not None else recipe.turn.share or 0.0
    warmup = recipe.warmup_steps / steps if recipe.warmup_steps is not None else recipe.warmup
    return Schedule(
        steps=steps,
        decay=recipe.decay.value,
        warmup=WARMUP if warmup is None else min(warmup, 1.0),
        final=recipe.final,
        batch_warmup=ramp / steps,
        batch_start=start / recipe.batch_tokens,
        turn=min(turn, 1.0),
        early_balance_rate=recipe.balance_rate,
        late_balance_rate=recipe.turn.balance_rate if recipe.turn else recipe.balance_rate,
        early_prediction_weight=recipe.prediction_weight,
        late_prediction_weight=recipe.turn.prediction_weight if recipe.turn else recipe.prediction_weight,
    )


def epochs_of(recipe: Training) -> float | None:
    """How often each phase is read, where the recipe says how long by that and the batch doesn't grow."""
    if recipe.tokens is not None or recipe.steps is not None or recipe.batch_growth is not None:
        return None
    return recipe.epochs or 1.0


def _chosen(index: ShardIndex, phases: Sequence[str]) -> list[ShardPhase]:
    return [phase for phase in index.phases if phase.sequences and phase.name in phases]


def optimizer_of(recipe: Training) -> OptimizerConfig:
    return OptimizerConfig(
        learning_rate=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        momentum=recipe.momentum,
        newton_schulz_steps=recipe.newton_schulz_steps,
        clip=recipe.clip,
        matrices=recipe.matrices.value,
        head=recipe.head.value,
    )


class _Growth:
    """A batch that grows linearly from `start` to `full` tokens over `ramp` steps."""

    def __init__(self, *, start: int, full: int, ramp: float) -> None:
        self._start, self._full, self._ramp = start, full, ramp

    def steps(self, tokens: float) -> float:
        """After how many steps so many tokens have been read."""
        grown = (self._start + self._full) / 2 * self._ramp
        if tokens >= grown:
            return self._ramp + (tokens - grown) / self._full
        slope = (self._full - self._start) / self._ramp  # start·n + slope·n²/2 = tokens
        if slope == 0:
            return tokens / self._start
        return (math.sqrt(self._start**2 + 2 * slope * tokens) - self._start) / slope


def _said(value: object) -> str:
    return "(none)" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
