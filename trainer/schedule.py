"""What changes as training goes on: learning rate, batch size, balance rate, weight of the prediction layer."""

from __future__ import annotations

import math
from dataclasses import dataclass

from winnow.trainer.config import TrainingError

WARMUP = 0.05


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Fractions are of all steps. The turn from `early` to `late` values is GLM-4.5's, at 15T of 23T tokens."""

    steps: int
    decay: str = "cosine"  # or linear, or constant, after the warm-up
    warmup: float = WARMUP  # linear to the peak
    final: float = 0.1  # the last learning rate as a share of the peak: 2.5e-5 of 2.5e-4
    batch_warmup: float = 0.0  # the share of steps over which the batch grows; GLM-4.5: the first 500B tokens
    batch_start: float = 0.25  # the first batch as a share of the full one: 16M of 64M tokens
    turn: float = 0.65
    early_balance_rate: float = 1e-2  # GLM-4.5: 1e-3, which needs more steps than runs of this size take
    late_balance_rate: float = 0.0
    early_prediction_weight: float = 0.3
    late_prediction_weight: float = 0.1

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise TrainingError(f"a run needs at least one step, not {self.steps}")

    def rate_factor(self, step: int) -> float:
        """The learning rate of a step (from 0) as a share of the peak."""
        ramp = max(1, round(self.warmup * self.steps))
        if step < ramp:
            return (step + 1) / ramp
        done = min((step - ramp) / max(1, self.steps - 1 - ramp), 1.0)
        left = {"cosine": 0.5 * (1 + math.cos(math.pi * done)), "linear": 1 - done, "constant": 1.0}[self.decay]
        return self.final + (1 - self.final) * left

    def batch_factor(self, step: int) -> float:
        """The batch of a step as a share of the full one."""
        ramp = self.batch_warmup * self.steps
        if step >= ramp:
            return 1.0
        return self.batch_start + (1 - self.batch_start) * step / ramp

    def balance_rate(self, step: int) -> float:
        return self.early_balance_rate if self._is_early(step) else self.late_balance_rate

    def prediction_weight(self, step: int) -> float:
        return self.early_prediction_weight if self._is_early(step) else self.late_prediction_weight

    def _is_early(self, step: int) -> bool:
        return step < self.turn * self.steps - 1e-6  # a turn that was counted in steps stands at exactly that one
