"""One layer of the decoder: attention, then a dense or a sparse feed-forward network, each on a normalised residual."""

from __future__ import annotations

import torch
from torch import nn

from winnow.trainer.attention import Attention, Documents
from winnow.trainer.config import ModelConfig
from winnow.trainer.experts import MixtureOfExperts
from winnow.trainer.feedforward import FeedForward
from winnow.trainer.norm import RMSNorm
from winnow.trainer.router import load_of, sequence_balance

Angles = tuple[torch.Tensor, torch.Tensor]
Balance = tuple[torch.Tensor, torch.Tensor]
"""The load of each expert, int64 [E], and the summed sequence balance loss, a scalar."""


class Block(nn.Module):
    """Layer number `layer`; returns its output and, where it is sparse, its balance.

    Loads are returned, not counted inside: a checkpointed block runs twice and would count twice.
    """

    def __init__(self, config: ModelConfig, layer: int) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.self_attn = Attention(config)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.mlp: MixtureOfExperts | FeedForward
        if config.is_sparse(layer):
            self.mlp = MixtureOfExperts(config)
        else:
            self.mlp = FeedForward(config.hidden_size, config.intermediate_size)

    def forward(
        self, x: torch.Tensor, angles: Angles, documents: Documents, rows: list[int]
    ) -> tuple[torch.Tensor, Balance | None]:
        """x [T, hidden]; `documents` bounds attention, `rows` the sequences for the balance loss."""
        x = x + self.self_attn(self.input_layernorm(x), angles, documents)
        normed = self.post_attention_layernorm(x)
        if not isinstance(self.mlp, MixtureOfExperts):
            return x + self.mlp(normed), None
        mixed, route = self.mlp(normed)
        return x + mixed, (load_of(route.experts, route.scores.shape[1]), sequence_balance(route, rows))
