"""Multi-token prediction (DeepSeek-V3 report, section 2.2): one more layer that foresees the token after the next.

Several are a chain: each takes up the state of the one before and the embedding of one token more, and foresees one
token further.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from winnow.trainer.attention import Documents
from winnow.trainer.block import Angles, Balance, Block
from winnow.trainer.config import ModelConfig
from winnow.trainer.norm import RMSNorm


class SharedHead(nn.Module):
    """The norm before the output head; the head itself is the model's own."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)


class PredictionLayer(Block):
    """From the (normalised) state that predicts a token, and the embedding of that token, to a state that predicts the
    one after. The state is the model's final one, or the prediction layer's before this; `depth` counts from 1."""

    def __init__(self, config: ModelConfig, depth: int = 1) -> None:
        super().__init__(config, config.num_hidden_layers + depth - 1)
        self.enorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.hnorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.eh_proj = nn.Linear(2 * config.hidden_size, config.hidden_size, bias=False)
        self.shared_head = SharedHead(config)

    def forward(  # type: ignore[override]
        self, state: torch.Tensor, following: torch.Tensor, angles: Angles, documents: Documents, rows: list[int]
    ) -> tuple[torch.Tensor, Balance]:
        """state and following [T, hidden] → [T, hidden], ready for the output head, and the layer's balance."""
        joined = self.eh_proj(torch.cat([self.enorm(following), self.hnorm(state)], dim=-1))
        x, balance = super().forward(joined, angles, documents, rows)
        assert balance is not None, "the prediction layer is sparse"
        return self.shared_head.norm(x), balance


def mean_ahead(sums: Sequence[Any], counts: Sequence[int]) -> Any:
    """The mean over the depths of each one's loss a target (equation 25), of losses summed and targets counted by depth.

    0.0 where there is no depth.
    """
    if not counts:
        return 0.0
    return sum(total / max(1, count) for total, count in zip(sums, counts, strict=True)) / len(counts)
