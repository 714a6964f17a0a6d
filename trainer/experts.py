"""The experts of one layer: stacked weights, tokens sorted by expert, grouped matrix products."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn
from torch.distributed.tensor import DTensor

from winnow.trainer.config import ModelConfig
from winnow.trainer.feedforward import FeedForward
from winnow.trainer.router import Route, Router, load_of

Compute = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
Exchange = Callable[[torch.Tensor, torch.Tensor, Compute], torch.Tensor]
"""Runs `compute` where the experts live: (tokens sorted by expert, counts of all experts, compute) → their outputs."""


class Experts(nn.Module):
    """E gated feed-forward networks: `gate_up_proj` [E, 2f, hidden], `down_proj` [E, hidden, f].

    `exchange` is set from outside when the experts are spread over ranks (`trainer/parallel.py`); these weights are
    then the rank's own.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        experts, inner = config.n_routed_experts, config.moe_intermediate_size
        self.count = experts
        self.gate_up_proj = nn.Parameter(torch.empty(experts, 2 * inner, config.hidden_size))
        self.down_proj = nn.Parameter(torch.empty(experts, config.hidden_size, inner))
        self.exchange: Exchange | None = None

    def forward(self, x: torch.Tensor, route: Route) -> torch.Tensor:
        """x [T, hidden] → the weighted sum of each token's experts, [T, hidden]; summed in fp32 in order of choice."""
        tokens, top_k = route.experts.shape
        order = torch.argsort(route.experts.flatten(), stable=True)
        back = torch.empty_like(order)
        back[order] = torch.arange(len(order), device=order.device)
        counts = load_of(route.experts, self.count)
        sent = x[order // top_k]
        got = self.compute(sent, counts) if self.exchange is None else self.exchange(sent, counts, self.compute)
        weighted = got * route.weights.flatten()[order, None]
        return weighted[back].view(tokens, top_k, -1).sum(dim=1).to(x.dtype)

    def compute(self, x: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
        """x [S, hidden], sorted by expert, the first counts[0] rows for the first expert held here → [S, hidden]."""
        ends = counts.cumsum(0).to(torch.int32)
        gate_up = F.grouped_mm(x, _local(self.gate_up_proj).transpose(-2, -1), offs=ends)
        gate, up = gate_up.chunk(2, dim=-1)
        return F.grouped_mm(F.silu(gate) * up, _local(self.down_proj).transpose(-2, -1), offs=ends)


def _local(weight: torch.Tensor) -> torch.Tensor:
    return weight.to_local() if isinstance(weight, DTensor) else weight


class MixtureOfExperts(nn.Module):
    """Router, experts and the shared expert that every token visits."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.gate = Router(config)
        self.experts = Experts(config)
        self.shared_experts = FeedForward(config.hidden_size, config.moe_intermediate_size * config.n_shared_experts)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, Route]:
        route = self.gate(x)
        return self.experts(x, route) + self.shared_experts(x), route
