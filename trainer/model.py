"""The model, top to bottom: embedding, layers, norm, head, and the layer that predicts one token further."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from winnow.trainer.attention import Documents
from winnow.trainer.batch import Batch
from winnow.trainer.block import Angles, Balance, Block
from winnow.trainer.config import ModelConfig
from winnow.trainer.experts import Experts, MixtureOfExperts
from winnow.trainer.loss import head_loss
from winnow.trainer.norm import RMSNorm
from winnow.trainer.prediction import PredictionLayer
from winnow.trainer.rotary import Rotary
from winnow.trainer.router import Router


@dataclass(frozen=True, kw_only=True)
class Losses:
    """Sums over a batch. `next` and `ahead` are cross-entropies in nats, `balance` sums sequences and layers."""

    next: torch.Tensor
    ahead: torch.Tensor
    balance: torch.Tensor
    next_each: torch.Tensor  # fp32, of each of the batch's next targets, without gradient
    loads: torch.Tensor  # int64 [sparse layers, E], the prediction layer last


class Transformer(nn.Module):
    """A mixture-of-experts decoder whose modules are named as in the released weights."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList([Block(config, layer) for layer in range(config.num_hidden_layers)])
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.prediction = PredictionLayer(config) if config.num_nextn_predict_layers else None
        self.rotary = Rotary(config.rotary_dim, config.rope_theta)
        self.checkpoint_activations = False

    @torch.no_grad()
    def initialise(self, seed: int) -> Transformer:
        """Draws every matrix from a normal distribution of `initializer_range`; norms are 1, biases 0."""
        generator = torch.Generator().manual_seed(seed)
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding | Router):
                module.weight.normal_(0.0, self.config.initializer_range, generator=generator)
            if isinstance(module, nn.Linear) and module.bias is not None:
                module.bias.zero_()
            if isinstance(module, Experts):
                module.gate_up_proj.normal_(0.0, self.config.initializer_range, generator=generator)
                module.down_proj.normal_(0.0, self.config.initializer_range, generator=generator)
        return self

    @property
    def blocks(self) -> list[Block]:
        """All layers, the prediction layer last."""
        return [*self.layers, *([self.prediction] if self.prediction is not None else [])]

    @property
    def routers(self) -> list[Router]:
        """The routers of the sparse layers, in the order of `Losses.loads`."""
        return [block.mlp.gate for block in self.blocks if isinstance(block.mlp, MixtureOfExperts)]

    def forward(self, batch: Batch) -> Losses:
        state, balances = self.encode(batch.tokens, batch.positions, batch.documents, batch.rows)
        following, ahead_balances = self.foresee(state, batch)
        next_sum, next_each = head_loss(state[batch.next.index], self.lm_head.weight, batch.next.tokens)
        ahead_sum = next_sum.new_zeros(())
        if following is not None:
            ahead_sum, _ = head_loss(following[batch.ahead.index], self.lm_head.weight, batch.ahead.tokens)
        balances += ahead_balances
        return Losses(
            next=next_sum,
            ahead=ahead_sum,
            balance=sum((loss for _, loss in balances), start=next_sum.new_zeros(())),
            next_each=next_each,
            loads=torch.stack([load for load, _ in balances])
            if balances
            else torch.zeros((0, self.config.n_routed_experts), dtype=torch.int64),
        )

    def encode(
        self, tokens: torch.Tensor, positions: torch.Tensor, documents: Documents, rows: list[int]
    ) -> tuple[torch.Tensor, list[Balance]]:
        """Tokens [T] → normalised final states [T, hidden], and the balance of each sparse layer."""
        x = self.embed_tokens(tokens)
        angles = self.rotary(positions, x.dtype)
        balances = []
        for block in self.layers:
            x, balance = self._run(block, x, angles, documents, rows)
            if balance is not None:
                balances.append(balance)
        return self.norm(x), balances

    def foresee(self, state: torch.Tensor, batch: Batch) -> tuple[torch.Tensor | None, list[Balance]]:
        """States [T − D, hidden] that predict the token after the next, where the model has the layer for it."""
        if self.prediction is None:
            return None, []
        if not len(batch.leading):  # documents of one token alone: nothing to foresee, and still a load to report
            return None, [self._idle(state, batch)]
        angles = self.rotary(batch.positions[batch.leading] + 1, state.dtype)
        following = self.embed_tokens(batch.following)
        ahead, balance = self.prediction(state[batch.leading], following, angles, batch.lead_documents, batch.lead_rows)
        return ahead, [balance]

    def _idle(self, state: torch.Tensor, batch: Batch) -> Balance:
        """The prediction layer run on one token for nothing: no load, no loss, and no rank that waits for another."""
        assert self.prediction is not None
        angles = self.rotary(batch.positions[:1], state.dtype)
        following = self.embed_tokens(batch.tokens[:1])
        ahead, (load, _) = self.prediction(state[:1], following, angles, Documents(bounds=[0, 1]), [0, 1])
        return torch.zeros_like(load), ahead.sum() * 0

    def logits(self, batch: Batch) -> torch.Tensor:
        """Logits [T, V] of the next token at every token."""
        state, _ = self.encode(batch.tokens, batch.positions, batch.documents, batch.rows)
        return self.lm_head(state)

    def logits_ahead(self, batch: Batch) -> torch.Tensor:
        """Logits [T − D, V] of the token after the next, at every token but a document's last."""
        state, _ = self.encode(batch.tokens, batch.positions, batch.documents, batch.rows)
        ahead, _ = self.foresee(state, batch)
        assert ahead is not None, "the model has no prediction layer"
        return self.lm_head(ahead)

    def _run(
        self, block: nn.Module, x: torch.Tensor, angles: Angles, documents: Documents, rows: list[int]
    ) -> tuple[torch.Tensor, Balance | None]:
        if self.checkpoint_activations and torch.is_grad_enabled():
            return checkpoint(block, x, angles, documents, rows, use_reentrant=False)
        return block(x, angles, documents, rows)
