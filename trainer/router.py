"""The router: which experts a token goes to, with what weight, and how the load stays even.

Sigmoid scores in fp32; the top k are chosen by score plus a correction bias per expert, the weights come from the
scores alone. Balance is kept without a loss (Wang et al. 2024, arXiv 2408.15664): after each step the bias moves by a
fixed rate against the sign of the load error. Beside it a small loss keeps single sequences even (DeepSeek-V3 report,
arXiv 2412.19437, equations 17 to 20), at weight 1e-4 in GLM-4.5.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from winnow.trainer.config import ModelConfig

LEAST = 1e-20  # keeps a sum of scores from dividing by zero, as in the released model


@dataclass(frozen=True, kw_only=True)
class Route:
    """Where T tokens go: the experts of each [T, k], the weight of each in fp32 [T, k], all scores [T, E]."""

    experts: torch.Tensor
    weights: torch.Tensor
    scores: torch.Tensor


class Router(nn.Module):
    e_score_correction_bias: torch.Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(config.n_routed_experts, config.hidden_size))
        self.register_buffer("e_score_correction_bias", torch.zeros(config.n_routed_experts, dtype=torch.float32))
        self.top_k = config.num_experts_per_tok
        self.scale = config.routed_scaling_factor
        self.normalise = config.norm_topk_prob

    def forward(self, x: torch.Tensor) -> Route:
        """x [T, hidden] → the tokens' route."""
        scores = F.linear(x.float(), self.weight.float()).sigmoid()
        with torch.no_grad():
            experts = torch.topk(scores + self.e_score_correction_bias, self.top_k, dim=-1, sorted=False).indices
        weights = scores.gather(1, experts)
        if self.normalise:
            weights = weights / (weights.sum(dim=-1, keepdim=True) + LEAST)
        return Route(experts=experts, weights=weights * self.scale, scores=scores)

    def _apply(self, function, recurse: bool = True):  # type: ignore[no-untyped-def]
        """A move to half precision leaves the correction bias in fp32: 1e-3 steps would be rounded away."""
        bias = self.e_score_correction_bias
        super()._apply(function, recurse)
        moved = self.e_score_correction_bias
        if moved.dtype != torch.float32:
            self.e_score_correction_bias = bias.to(moved.device)
        return self


def load_of(experts: torch.Tensor, count: int) -> torch.Tensor:
    """Tokens sent to each of `count` experts, int64 [E]."""
    return torch.bincount(experts.flatten(), minlength=count)


def sequence_balance(route: Route, rows: list[int]) -> torch.Tensor:
    """Sum over sequences of Σᵢ fᵢ·Pᵢ: the sequence's share of choices of expert i, scaled to 1 when even, times its
    mean normalised score.

    A choice here is by the scores alone (equation 18), not by score plus correction bias, by which tokens are sent: the
    loss evens out what the router itself prefers. `rows` bounds the sequences in the flat row of tokens, [B + 1]. An
    even load gives 1 for each sequence.
    """
    count = route.scores.shape[1]
    with torch.no_grad():
        preferred = torch.topk(route.scores, route.experts.shape[1], dim=-1, sorted=False).indices
    shares = route.scores / (route.scores.sum(dim=-1, keepdim=True) + LEAST)
    total = shares.new_zeros(())
    for start, stop in pairwise(rows):
        if start == stop:
            continue
        chosen = load_of(preferred[start:stop], count).to(shares.dtype)
        frequency = chosen * (count / (route.experts.shape[1] * (stop - start)))
        total = total + (frequency * shares[start:stop].mean(dim=0)).sum()
    return total


@torch.no_grad()
def correct(router: Router, load: torch.Tensor, rate: float) -> None:
    """Moves the bias of overloaded experts down and of underloaded ones up by `rate`; load [E] is that of all ranks."""
    error = load.float().mean() - load.float()
    router.e_score_correction_bias.add_(torch.sign(error), alpha=rate)


def max_violation(load: torch.Tensor) -> float:
    """MaxVio: how far the fullest expert lies above the mean load, as a share of it (0 is even)."""
    mean = load.float().mean()
    return float((load.max() - mean) / mean) if mean > 0 else 0.0
