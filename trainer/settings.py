"""What a training run is asked to do, apart from the shards."""

from __future__ import annotations

from dataclasses import dataclass, field

from winnow.trainer.config import ModelConfig
from winnow.trainer.optimizer import OptimizerConfig
from winnow.trainer.schedule import Schedule


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Settings of one run; written beside each checkpoint."""

    model: ModelConfig
    schedule: Schedule
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    batch_tokens: int = 8_192  # tokens of a step, all ranks together
    micro_tokens: int = 8_192  # most tokens in one forward pass of a rank
    epochs: float | None = None  # how often each phase is read, where that is what was asked
    multiple: int = 1  # sequences of a step are a multiple of this
    phases: tuple[str, ...] | None = None  # names to train on, in the index's order; None for all
    rotary_base: float | None = None  # overrides the phases' own: a control that doesn't change the base
    least_rotary_base: float = 0.0  # what the weights have come to: in a later stage the base grows or stays
    held_out: float = 0.02  # the last share of each phase is kept for evaluation
    balance_weight: float = 1e-4  # of the sequence balance loss
    seed: int = 0
    weights: str | None = None  # folder of a checkpoint in the released layout to start from; None: drawn by the seed
    optimizer_state: bool = False  # goes on with that of the run that the weights come from
    checkpoint_every: int = 50  # steps
    keep: int = 2  # checkpoints
    precision: str = "bf16"  # of the computation on CUDA, or fp32
    checkpoint_activations: bool = False  # recompute each block in the backward pass: less memory, 0.73 × the speed
    expert_parallel: int = 1  # ranks that share the experts of a layer
    tensor_parallel: int = 1  # ranks that share the matrices of a layer, its experts included
    pipeline_parallel: int = 1  # stages that the layers are dealt out to, each an equal share of the ranks
    pipeline_schedule: str = "1f1b"  # or gpipe


FREE = frozenset(
    {
        "micro_tokens",
        "checkpoint_every",
        "keep",
        "checkpoint_activations",
        "expert_parallel",
        "tensor_parallel",
        "pipeline_parallel",
        "pipeline_schedule",
    }
)
"""Settings that may change between a run and its resumption: no batch and no update depends on them."""
