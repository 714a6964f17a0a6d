"""Which parameter goes to which optimizer: matrices to Muon; embeddings, biases and norms to AdamW."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from winnow.trainer.muon import Muon


@dataclass(frozen=True, kw_only=True)
class OptimizerConfig:
    """Rates and decays. GLM-4.5 states momentum, Newton–Schulz steps and decay; AdamW's betas are ours."""

    learning_rate: float = 2e-3  # at the peak; GLM-4.5 used 2.5e-4 for 355B parameters
    weight_decay: float = 0.1
    momentum: float = 0.95
    newton_schulz_steps: int = 5
    betas: tuple[float, float] = (0.9, 0.95)
    eps: float = 1e-8
    clip: float = 1.0  # the largest global norm of the gradient; larger ones are scaled down to it
    matrices: str = "muon"  # or adamw, for comparison
    head: str = "adamw"  # or muon: the output head is a matrix, but a vocabulary wide


def make_optimizers(model: nn.Module, config: OptimizerConfig) -> list[torch.optim.Optimizer]:
    """Muon for the matrices, AdamW for the rest (decaying only embeddings and head), or AdamW for all."""
    matrices: list[nn.Parameter] = []
    pairs: list[nn.Parameter] = []  # two matrices in one: gate and up of every expert
    decayed: list[nn.Parameter] = []
    plain: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        is_head = name.startswith("lm_head.")
        is_table = is_head or name.startswith("embed_tokens.")
        if parameter.ndim < 2:
            plain.append(parameter)
        elif (config.head if is_head else "adamw" if is_table else config.matrices) == "muon":
            (pairs if name.endswith("gate_up_proj") else matrices).append(parameter)
        else:
            decayed.append(parameter)
    rate = config.learning_rate
    groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    adamw = torch.optim.AdamW(groups, lr=rate, betas=config.betas, eps=config.eps, foreach=True)
    if not matrices and not pairs:
        return [adamw]
    stacked: list[dict[str, Any]] = [{"params": pairs, "parts": 2}, {"params": matrices}]
    muon = Muon(
        [group for group in stacked if group["params"]],
        lr=rate,
        weight_decay=config.weight_decay,
        momentum=config.momentum,
        steps=config.newton_schulz_steps,
    )
    return [muon, adamw]


def set_rate(optimizers: list[torch.optim.Optimizer], rate: float) -> None:
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = rate
