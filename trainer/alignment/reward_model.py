"""A reward model: the body of a GLM-4.5 model and an ensemble of heads that judge the last token of an answer.

Reads and writes the layout of transformers. `logits` [B, 1] is the ensemble's mean, which TRL and every user of
`AutoModelForSequenceClassification` takes for the reward; `rewards` [B, heads] are the heads' own. This file lies beside the
weights, so that they load without Winnow (`trust_remote_code=True`); it imports nothing of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from transformers import Glm4MoeConfig, Glm4MoeModel, Glm4MoePreTrainedModel
from transformers.utils.generic import ModelOutput

LIMIT = 10.0


@dataclass
class Judgement(ModelOutput):
    """`logits` [B, 1]: the mean reward, within ±10; `rewards` [B, heads]; `loss` stays None."""

    loss: torch.Tensor | None = None
    logits: torch.Tensor | None = None
    rewards: torch.Tensor | None = None


class Head(nn.Module):
    """A perceptron of one hidden layer; its value is bent to ±10, so that no answer is worth more than the scale."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.inner = nn.Linear(size, size)
        self.outer = nn.Linear(size, 1)

    def draw(self) -> None:
        """Weights anew, from torch's generator: values of a size that doesn't grow with the model."""
        for layer in (self.inner, self.outer):
            nn.init.normal_(layer.weight, std=layer.in_features**-0.5)
            nn.init.zeros_(layer.bias)

    def forward(self, state: torch.Tensor) -> torch.Tensor:
        """[B, hidden] → [B]."""
        value = self.outer(nn.functional.silu(self.inner(state))).squeeze(-1)
        return LIMIT * torch.tanh(value / LIMIT)


class RewardModel(Glm4MoePreTrainedModel):
    """`config.reward_heads` heads on the body of the model."""

    config_class = Glm4MoeConfig

    def __init__(self, config: Glm4MoeConfig) -> None:
        super().__init__(config)
        config.num_labels = 1
        self.model = Glm4MoeModel(config)
        self.heads = nn.ModuleList(Head(config.hidden_size) for _ in range(getattr(config, "reward_heads", 1)))
        self.post_init()

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None, **ignored: Any) -> Judgement:
        """Judges token ids int64 [B, T], padded on either side where `attention_mask` [B, T] is 0."""
        state = self.model(input_ids=input_ids, attention_mask=attention_mask, use_cache=False).last_hidden_state
        rewards = self.judge(last_states(state, attention_mask))
        return Judgement(logits=rewards.mean(dim=1, keepdim=True), rewards=rewards)

    def judge(self, states: torch.Tensor) -> torch.Tensor:
        """[B, hidden] → [B, heads]."""
        return torch.stack([head(states) for head in self.heads], dim=1)


def last_states(state: torch.Tensor, attention_mask: torch.Tensor | None) -> torch.Tensor:
    """The states [B, hidden] at each row's last token that isn't padding, of [B, T, hidden]."""
    if attention_mask is None:
        return state[:, -1]
    places = torch.arange(state.shape[1], device=state.device)
    last = (places * attention_mask.to(places.dtype)).argmax(dim=1)
    return state[torch.arange(len(state), device=state.device), last]
