"""What a step minimises, and the passes over its micro-batches that gather the gradient."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from winnow.trainer.batch import Batch
from winnow.trainer.model import Losses, Transformer
from winnow.trainer.prediction import mean_ahead


@dataclass(frozen=True, kw_only=True)
class Objective:
    """How the losses of a micro-batch count in a step. Targets are counted over all micro-batches of all ranks."""

    next_count: int
    ahead_counts: list[int]  # of each prediction layer
    prediction_weight: float
    balance_weight: float  # of the sequence balance loss
    sequences: int  # of the step

    def balance(self, loss: torch.Tensor) -> torch.Tensor:
        return self.balance_weight * loss / self.sequences

    def __call__(self, losses: Losses) -> torch.Tensor:
        """What is minimised: the mean loss of the next token, and the weighted others."""
        ahead = mean_ahead([self.prediction_weight * loss for loss in losses.ahead], self.ahead_counts)
        return losses.next / max(1, self.next_count) + ahead + self.balance(losses.balance)


@dataclass(kw_only=True)
class Found:
    """Sums over a rank's micro-batches of one step; where there are stages, what its own stage knows and zeros elsewhere."""

    losses: torch.Tensor  # fp64: next, balance, each depth ahead
    loads: torch.Tensor  # int64 [sparse layers of the whole model, E]
    sources: dict[str, list[float]] = field(default_factory=lambda: defaultdict(lambda: [0.0, 0]))  # [nats, tokens]

    @classmethod
    def nothing(cls, model: Transformer, device: torch.device) -> Found:
        config = model.config
        layers = config.num_hidden_layers + config.num_nextn_predict_layers
        sparse = sum(config.is_sparse(layer) for layer in range(layers))
        return cls(
            losses=torch.zeros(2 + config.num_nextn_predict_layers, dtype=torch.float64, device=device),
            loads=torch.zeros((sparse, config.n_routed_experts), dtype=torch.int64, device=device),
        )

    def add(self, losses: Losses, batch: Batch) -> None:
        self.losses += torch.stack([losses.next, losses.balance, *losses.ahead]).detach()
        add_by_source(self.sources, batch, losses.next_each)


def gather_gradient(model: Transformer, batches: Sequence[Batch], objective: Objective) -> Found:
    """Adds up the gradient of the objective over micro-batches, one after another."""
    found = Found.nothing(model, model.embed_tokens.weight.device)
    for batch in batches:
        losses = model(batch)
        objective(losses).backward()
        found.add(losses, batch)
        found.loads += losses.loads
    return found


def counts_of(batch: Batch) -> list[int]:
    """Tokens, next targets, and the targets of each depth."""
    return [len(batch.tokens), len(batch.next.tokens), *(len(depth.targets.tokens) for depth in batch.depths)]


def add_by_source(sums: dict[str, list[float]], batch: Batch, losses: torch.Tensor) -> None:
    """Adds each target's loss to [nats, tokens] of its token's source."""
    codes = batch.sources[batch.next.index]
    names = len(batch.source_names)
    totals = torch.zeros(names, dtype=torch.float64, device=losses.device).index_add_(0, codes, losses.double())
    counts = torch.bincount(codes, minlength=names)
    for name, total, count in zip(batch.source_names, totals.tolist(), counts.tolist(), strict=True):
        sums[name][0] += total
        sums[name][1] += count


def merged(shares: Iterable[Any]) -> dict[str, list[float]]:
    """Sums of all ranks as name → [mean loss in nats, tokens], by name."""
    total: dict[str, list[float]] = defaultdict(lambda: [0.0, 0])
    for share in shares:
        for name, (nats, tokens) in share.items():
            total[name][0] += nats
            total[name][1] += tokens
    return {name: [nats / max(1, tokens), tokens] for name, (nats, tokens) in sorted(total.items())}
