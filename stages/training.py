"""How a training stage's shards are meant to be trained on: part of the manifest, kept in the lock, read by the trainer.

Everything that grows with a run is counted in tokens, which mean the same whatever the batch, the hardware and the
number of steps that come of them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

LENGTHS = ("epochs", "tokens", "steps")
WARMUPS = ("warmup", "warmup_steps")


class Decay(StrEnum):
    """How the learning rate falls after the warm-up."""

    COSINE = "cosine"
    LINEAR = "linear"
    CONSTANT = "constant"


class Matrices(StrEnum):
    """The optimizer of a kind of parameter."""

    MUON = "muon"
    ADAMW = "adamw"


class Turn(BaseModel):
    """Values that hold from one point of the stage's training on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tokens: int | None = Field(None, ge=0, description="the point, in tokens trained on in this stage …")
    share: float | None = Field(None, ge=0, le=1, description="… or as a share of its steps")
    balance_rate: float = Field(0.0, ge=0, description="step of the routers' correction bias from there on")
    prediction_weight: float = Field(0.1, ge=0, description="weight of the multi-token prediction loss from there on")

    @model_validator(mode="after")
    def _one_point(self) -> Turn:
        if (self.tokens is None) == (self.share is None):
            raise ValueError("a turn stands at `tokens` or at a `share` of the steps: give one of them")
        return self


class Training(BaseModel):
    """The recipe that a stage's shards are trained by. What isn't given are values for small models and few tokens."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    learning_rate: float = Field(2e-3, gt=0, description="at the peak")
    decay: Decay = Field(Decay.COSINE, description="of the learning rate after the warm-up")
    final: float = Field(0.1, ge=0, le=1, description="the last learning rate as a share of the peak")
    warmup: float | None = Field(None, ge=0, le=1, description="share of the steps over which the rate rises (0.05) …")
    warmup_steps: int | None = Field(None, ge=0, description="… or their number")
    batch_tokens: int = Field(4_096, gt=0, description="tokens of a step, all ranks together")
    batch_start: int | None = Field(None, gt=0, description="tokens of the first step, where the batch grows …")
    batch_growth: int | None = Field(None, gt=0, description="… over this many tokens")
    epochs: float | None = Field(None, gt=0, description="how often everything is read (1) …")
    tokens: int | None = Field(None, gt=0, description="… or how many tokens are …")
    steps: int | None = Field(None, gt=0, description="… or how many steps are taken")
    matrices: Matrices = Field(Matrices.MUON, description="optimizer of the matrices")
    head: Matrices = Field(Matrices.ADAMW, description="optimizer of the output head; AdamW keeps embeddings and norms")
    weight_decay: float = Field(0.1, ge=0)
    momentum: float = Field(0.95, ge=0, lt=1, description="Muon's")
    newton_schulz_steps: int = Field(5, ge=1, description="Muon's")
    clip: float = Field(1.0, gt=0, description="largest global norm of the gradient")
    balance_rate: float = Field(1e-2, ge=0, description="step of the routers' correction bias")
    balance_weight: float = Field(1e-4, ge=0, description="of the sequence balance loss")
    prediction_weight: float = Field(0.3, ge=0, description="of the multi-token prediction loss")
    turn: Turn | None = Field(None, description="where balance rate and prediction weight change")
    precision: str = Field(
        "bf16",
        pattern="^(bf16|fp32)$",
        description="of the computation on CUDA; weights, gradients and states are fp32, and on a CPU all is",
    )
    held_out: float = Field(0.02, ge=0, lt=1, description="share of each phase kept for evaluation")
    checkpoint_every: int = Field(50, gt=0, description="steps between checkpoints")
    keep: int = Field(2, gt=0, description="checkpoints that are kept")
    checkpoint_activations: bool = Field(False, description="blocks are computed again in the backward pass")

    @model_validator(mode="after")
    def _says_each_thing_once(self) -> Training:
        for names in (LENGTHS, WARMUPS):
            given = [name for name in names if getattr(self, name) is not None]
            if len(given) > 1:
                raise ValueError(f"{' and '.join(given)} say the same thing: give one of them")
        if (self.batch_start is None) != (self.batch_growth is None):
            raise ValueError("batch_start and batch_growth go together")
        if self.batch_start is not None and self.batch_start > self.batch_tokens:
            raise ValueError(f"batch_start {self.batch_start} exceeds batch_tokens {self.batch_tokens}")
        return self

    def changed(self, **changes: Any) -> Training:
        """The recipe with other values; one that says how long or how to warm up replaces what said it before.

        Raises `ValueError` (pydantic's `ValidationError`) for what can't be.
        """
        fields = self.model_dump(mode="json", exclude_none=True)
        for names in (LENGTHS, WARMUPS):
            if any(changes.get(name) is not None for name in names):
                fields = {name: value for name, value in fields.items() if name not in names}
        if changes.get("batch_tokens", self.batch_tokens) < (self.batch_start or 0) and "batch_start" not in changes:
            fields = {name: value for name, value in fields.items() if name not in ("batch_start", "batch_growth")}
        return Training.model_validate(fields | changes)
