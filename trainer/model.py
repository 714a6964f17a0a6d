"""The model, top to bottom: embedding, layers, norm, head, and the layers that predict further tokens."""

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
    ahead: torch.Tensor  # [prediction layers]
    balance: torch.Tensor
    next_each: torch.Tensor  # fp32, of each of the batch's next targets, without gradient
    loads: torch.Tensor  # int64 [sparse layers, E], the prediction layers last


@dataclass(frozen=True, kw_only=True)
class States:
    """What a batch is to the model: normalised states that the head makes predictions of, and each sparse layer's balance."""

    main: torch.Tensor  # [T, hidden]
    ahead: list[torch.Tensor]  # of each prediction layer [N, hidden], at the tokens of its `Depth`
    balances: list[Balance]


class Transformer(nn.Module):
    """A mixture-of-experts decoder whose modules are named as in the released weights."""

    lent: frozenset[str] = frozenset()
    """Parameters of another rank that this one holds a copy of (`pipeline_parallel`)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList([Block(config, layer) for layer in range(config.num_hidden_layers)])
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.prediction = PredictionLayer(config) if config.num_nextn_predict_layers else None
        self.further = nn.ModuleList(  # apart from the first, which checkpoints know by its name
            [PredictionLayer(config, depth) for depth in range(2, config.num_nextn_predict_layers + 1)]
        )
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
        """All layers, the prediction layers last."""
        return [*self.layers, *self.predictions]

    @property
    def predictions(self) -> list[PredictionLayer]:
        """The prediction layers, that of depth 1 first."""
        return [self.prediction, *self.further] if self.prediction is not None else []

    @property
    def routers(self) -> list[Router]:
        """The routers of the sparse layers, in the order of `Losses.loads`."""
        return [block.mlp.gate for block in self.blocks if isinstance(block.mlp, MixtureOfExperts)]

    def forward(self, batch: Batch) -> Losses:
        return self.losses(self.read(batch), batch)

    def read(self, batch: Batch) -> States:
        """The states of a batch, which was made for at least as many depths as there are prediction layers."""
        state, balances = self.encode(batch.tokens, batch.positions, batch.documents, batch.rows)
        ahead, ahead_balances = self.foresee(state, batch)
        return States(main=state, ahead=ahead, balances=balances + ahead_balances)

    def losses(self, states: States, batch: Batch) -> Losses:
        """What the head makes of the states."""
        head, balances = self.lm_head.weight, states.balances
        next_sum, next_each = head_loss(states.main[batch.next.index], head, batch.next.tokens)
        ahead = [
            head_loss(state[depth.targets.index], head, depth.targets.tokens)[0]
            for state, depth in zip(states.ahead, batch.depths, strict=False)
        ]
        return Losses(
            next=next_sum,
            ahead=torch.stack(ahead) if ahead else next_sum.new_zeros(0),
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
        x, balances = self.through(self.embed_tokens(tokens), positions, documents, rows)
        return self.norm(x), balances

    def through(
        self, x: torch.Tensor, positions: torch.Tensor, documents: Documents, rows: list[int]
    ) -> tuple[torch.Tensor, list[Balance]]:
        """States [T, hidden] before the layers → those behind the last of them, and the balance of each sparse layer."""
        angles = self.rotary(positions, x.dtype)
        balances = []
        for block in self.layers:
            x, balance = self._run(block, x, angles, documents, rows)
            if balance is not None:
                balances.append(balance)
        return x, balances

    def foresee(self, state: torch.Tensor, batch: Batch) -> tuple[list[torch.Tensor], list[Balance]]:
        """Final states [T, hidden] → those of each prediction layer, the next layer's made of the last one's."""
        assert len(batch.depths) >= len(self.predictions), "make_batch(…, depths=) is fewer than the prediction layers"
        found, balances = list[torch.Tensor](), list[Balance]()
        before, positions = state, batch.positions
        for number, (layer, depth) in enumerate(zip(self.predictions, batch.depths, strict=False), start=1):
            positions = positions[depth.leading]
            if len(depth.leading):
                angles = self.rotary(positions + number, state.dtype)
                following = self.embed_tokens(depth.following)
                before, balance = layer(before[depth.leading], following, angles, depth.documents, depth.rows)
            else:  # documents too short for any foresight: nothing to say, and still a load to report
                before, balance = state[:0], self._idle(layer, state, batch)
            found.append(before)
            balances.append(balance)
        return found, balances

    def _idle(self, layer: PredictionLayer, state: torch.Tensor, batch: Batch) -> Balance:
        """A prediction layer run on one token for nothing: no load, no loss, and no rank that waits for another."""
        angles = self.rotary(batch.positions[:1], state.dtype)
        following = self.embed_tokens(batch.tokens[:1])
        ahead, (load, _) = layer(state[:1], following, angles, Documents(bounds=[0, 1]), [0, 1])
        return torch.zeros_like(load), ahead.sum() * 0

    def logits(self, batch: Batch) -> torch.Tensor:
        """Logits [T, V] of the next token at every token."""
        state, _ = self.encode(batch.tokens, batch.positions, batch.documents, batch.rows)
        return self.lm_head(state)

    def logits_ahead(self, batch: Batch, depth: int = 1) -> torch.Tensor:
        """Logits [N, V] of the prediction layer of this depth: of the token `depth` after the next, where there is one."""
        assert 1 <= depth <= len(self.predictions), "the model has no such prediction layer"
        return self.lm_head(self.read(batch).ahead[depth - 1])

    def _run(
        self, block: nn.Module, x: torch.Tensor, angles: Angles, documents: Documents, rows: list[int]
    ) -> tuple[torch.Tensor, Balance | None]:
        if self.checkpoint_activations and torch.is_grad_enabled():
            return checkpoint(block, x, angles, documents, rows, use_reentrant=False)
        return block(x, angles, documents, rows)
