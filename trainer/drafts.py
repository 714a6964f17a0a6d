"""Drafts of the prediction layers, and how many of them the model's own head would keep.

At each token i of held-out text the layer of depth k drafts the token k + 1 places on: its likeliest, given the text up to
i + k. The head's own choice for that place is its likeliest after the same text. A draft is kept where it and every draft of
lesser depth at the same token i are what the head chooses, as a server that verifies drafts by greedy decoding keeps them.
Counted are the tokens i whose draft stands for a token of the same document that the loss mask lets count: the targets of
that depth's loss. What the layers are given is the text, not the drafts before: rates are of text that the model is shown.
"""

from __future__ import annotations

from typing import Any

import torch

from winnow.trainer.batch import Batch
from winnow.trainer.loss import CHUNK_BYTES
from winnow.trainer.model import States, Transformer


@torch.no_grad()
def choices(state: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """The likeliest token by the head `weight` [V, hidden] at each state [T, hidden], int64 [T]; of equals the first."""
    size = max(64, CHUNK_BYTES // (4 * len(weight)))
    parts = [(part @ weight.T).argmax(dim=-1) for part in state.split(size)]
    return torch.cat(parts) if parts else torch.zeros(0, dtype=torch.int64, device=state.device)


def kept(model: Transformer, states: States, batch: Batch) -> list[torch.Tensor]:
    """For each depth whether each of its targets' drafts is kept, bool [N]."""
    head = model.lm_head.weight
    own = choices(states.main, head)
    agreed, places = torch.ones_like(own, dtype=torch.bool), torch.arange(len(own), device=own.device)
    found = []
    for number, (state, depth) in enumerate(zip(states.ahead, batch.depths, strict=False), start=1):
        places = places[depth.leading]
        agreed = agreed[depth.leading] & (choices(state, head) == own[places + number])
        found.append(agreed[depth.targets.index])
    return found


class Drafts:
    """Counts drafts by depth over batches."""

    def __init__(self) -> None:
        self._counts: list[list[int]] = []

    def add(self, model: Transformer, states: States, batch: Batch) -> None:
        for depth, outcome in enumerate(kept(model, states, batch)):
            if depth == len(self._counts):
                self._counts.append([0, 0])
            self._counts[depth][0] += len(outcome)
            self._counts[depth][1] += int(outcome.sum())

    def figures(self) -> list[dict[str, Any]]:
        """`depth`, `drafts` and the share of them that is kept, `acceptance`, of each depth."""
        return [
            {"depth": depth, "drafts": drafts, "acceptance": accepted / max(1, drafts)}
            for depth, (drafts, accepted) in enumerate(self._counts, start=1)
        ]
