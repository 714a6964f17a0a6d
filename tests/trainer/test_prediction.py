"""Prediction layers in a chain: losses and gradients are those of a computation written out here, one document at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from winnow.stages.shards.sequences import Sequences
from winnow.trainer.batch import make_batch
from winnow.trainer.config import ModelConfig
from winnow.trainer.evaluate import one_document, print_results, score
from winnow.trainer.export import export, import_checkpoint
from winnow.trainer.model import Transformer
from winnow.trainer.prediction import mean_ahead

Maker = Callable[..., Transformer]
Packer = Callable[..., Sequences]
ROWS = [[9, 1, 14, 2], [3, 23], [4, 5, 17]]


class Direct:
    """The model by its formulas, from named weights alone: no batch, no packing, no module of the trainer's."""

    def __init__(self, config: ModelConfig, weights: dict[str, torch.Tensor]) -> None:
        self.config, self.weights = config, weights

    def norm(self, x: torch.Tensor, name: str) -> torch.Tensor:
        return x / (x.square().mean(-1, keepdim=True) + self.config.rms_norm_eps).sqrt() * self.weights[name]

    def turned(self, heads: torch.Tensor, positions: list[int]) -> torch.Tensor:
        """Heads [T, H, D] of which the first `rotary_dim` dimensions turn in pairs (j, j + half)."""
        size = self.config.rotary_dim
        rates = self.config.rope_theta ** (-torch.arange(0, size, 2) / size)
        turn = torch.tensor(positions)[:, None, None] * rates
        first, second = heads[..., : size // 2], heads[..., size // 2 : size]
        turned = [first * turn.cos() - second * turn.sin(), second * turn.cos() + first * turn.sin()]
        return torch.cat([*turned, heads[..., size:]], dim=-1)

    def attention(self, x: torch.Tensor, positions: list[int], at: str) -> torch.Tensor:
        config = self.config
        heads = {}
        for kind, count in (("q", config.num_attention_heads), ("k", config.num_key_value_heads), ("v", 2)):
            weight, bias = self.weights[f"{at}{kind}_proj.weight"], self.weights[f"{at}{kind}_proj.bias"]
            heads[kind] = (x @ weight.T + bias).view(len(x), count, config.head_dim)
        for kind in ("q", "k"):
            heads[kind] = self.turned(self.norm(heads[kind], f"{at}{kind}_norm.weight"), positions)
        mixed = []
        for head in range(config.num_attention_heads):
            shared = head // config.group_size
            scores = heads["q"][:, head] @ heads["k"][:, shared].T / config.head_dim**0.5
            scores = scores.masked_fill(torch.ones_like(scores, dtype=torch.bool).triu(1), -torch.inf)
            mixed.append(scores.softmax(-1) @ heads["v"][:, shared])
        return torch.cat(mixed, dim=-1) @ self.weights[f"{at}o_proj.weight"].T

    def gated(self, x: torch.Tensor, gate: torch.Tensor, up: torch.Tensor, down: torch.Tensor) -> torch.Tensor:
        hidden = x @ gate.T
        return (hidden * hidden.sigmoid() * (x @ up.T)) @ down.T

    def forward(self, x: torch.Tensor, at: str) -> torch.Tensor:
        """Dense where the layer has no router, else each token's experts one by one and the shared one."""
        parts = ("gate_proj", "up_proj", "down_proj")
        if f"{at}gate.weight" not in self.weights:
            return self.gated(x, *(self.weights[f"{at}{part}.weight"] for part in parts))
        scores = (x @ self.weights[f"{at}gate.weight"].T).sigmoid()
        out = []
        for token, own in zip(x, scores, strict=True):
            biased = (own + self.weights[f"{at}gate.e_score_correction_bias"]).tolist()
            chosen = sorted(range(len(biased)), key=lambda e: -biased[e])[: self.config.num_experts_per_tok]
            mixed = self.gated(token, *(self.weights[f"{at}shared_experts.{part}.weight"] for part in parts))
            for expert in chosen:
                gate, up = self.weights[f"{at}experts.gate_up_proj"][expert].chunk(2)
                result = self.gated(token, gate, up, self.weights[f"{at}experts.down_proj"][expert])
                mixed = mixed + self.config.routed_scaling_factor * own[expert] / own[chosen].sum() * result
            out.append(mixed)
        return torch.stack(out)

    def block(self, x: torch.Tensor, positions: list[int], at: str) -> torch.Tensor:
        x = x + self.attention(self.norm(x, f"{at}input_layernorm.weight"), positions, f"{at}self_attn.")
        return x + self.forward(self.norm(x, f"{at}post_attention_layernorm.weight"), f"{at}mlp.")

    def states(self, ids: list[int]) -> list[torch.Tensor]:
        """Of one document of n tokens: final states [n, hidden], then those of each depth k, [n − k, hidden]."""
        size, embedded = len(ids), self.weights["embed_tokens.weight"][ids]
        x = embedded
        for layer in range(self.config.num_hidden_layers):
            x = self.block(x, list(range(size)), f"layers.{layer}.")
        found = [self.norm(x, "norm.weight")]
        names = ["prediction.", "further.0.", "further.1."][: self.config.num_nextn_predict_layers]
        for depth, at in enumerate(names, start=1):
            if depth >= size:
                break
            token, state = embedded[depth:], found[-1][: size - depth]
            both = torch.cat([self.norm(token, f"{at}enorm.weight"), self.norm(state, f"{at}hnorm.weight")], dim=-1)
            x = self.block(both @ self.weights[f"{at}eh_proj.weight"].T, list(range(depth, size)), at)
            found.append(self.norm(x, f"{at}shared_head.norm.weight"))
        return found


def documents_of(sequences: Sequences) -> list[tuple[list[int], list[bool]]]:
    """Tokens and loss mask of each document."""
    found = []
    for row, start, length in zip(sequences.rows, sequences.positions, sequences.lengths, strict=True):
        place = (row, slice(start, start + length))
        counts = [True] * int(length) if sequences.loss_mask is None else sequences.loss_mask[place].tolist()
        found.append((sequences.input_ids[place].tolist(), counts))
    return found


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("mask", [False, True])
def test_losses_and_gradients_are_those_of_a_direct_computation(
    tiny: ModelConfig, make_model: Maker, pack: Packer, layers: int, mask: bool
) -> None:
    config = replace(tiny, num_nextn_predict_layers=layers)
    model, sequences = make_model(config), pack(ROWS, mask=mask)
    weights = {name: value.detach().clone().requires_grad_() for name, value in model.state_dict().items()}
    direct = Direct(config, weights)
    sums, counts = [torch.zeros(()) for _ in range(layers + 1)], [0] * (layers + 1)
    for ids, kept in documents_of(sequences):
        for depth, state in enumerate(direct.states(ids)):
            logarithms = (state @ weights["lm_head.weight"].T).log_softmax(-1)
            for token in range(len(ids) - depth - 1):
                if kept[token + depth + 1]:
                    sums[depth] = sums[depth] - logarithms[token, ids[token + depth + 1]]
                    counts[depth] += 1
    wanted = sums[0] / counts[0] + 0.3 * sum(s / c for s, c in zip(sums[1:], counts[1:], strict=True)) / layers
    wanted.backward()

    batch = make_batch(sequences, layers)
    losses = model(batch)
    assert [len(depth.targets.tokens) for depth in batch.depths] == counts[1:]
    torch.testing.assert_close(losses.ahead, torch.stack(sums[1:]), rtol=1e-5, atol=1e-4)
    (losses.next / counts[0] + mean_ahead([0.3 * loss for loss in losses.ahead], counts[1:])).backward()
    for name, parameter in model.named_parameters():
        expected, found = weights[name].grad, parameter.grad
        assert expected is not None and found is not None, name
        assert (found - expected).abs().max() <= 1e-4 * expected.abs().max().clamp(min=1e-3), name


def test_a_layer_more_leaves_the_ones_before_bit_for_bit(tiny: ModelConfig, make_model: Maker, pack: Packer) -> None:
    """And one alone has the names that checkpoints have always had."""
    one, three = (Transformer(replace(tiny, num_nextn_predict_layers=n)).initialise(5) for n in (1, 3))
    names = set(one.state_dict())
    assert {name.split(".")[0] for name in names} == {"embed_tokens", "layers", "norm", "lm_head", "prediction"}
    assert all(torch.equal(one.state_dict()[name], three.state_dict()[name]) for name in names)
    batch = make_batch(pack(ROWS, mask=True), 3)
    with torch.no_grad():
        alone, chained = one(batch), three(batch)
    assert torch.equal(alone.next, chained.next) and torch.equal(alone.ahead, chained.ahead[:1])
    assert torch.equal(alone.loads, chained.loads[: len(alone.loads)])
    assert len(chained.loads) == len(alone.loads) + 2


def test_documents_too_short_for_a_depth_leave_it_idle(tiny: ModelConfig, make_model: Maker, pack: Packer) -> None:
    model = make_model(replace(tiny, num_nextn_predict_layers=3))
    losses = model(make_batch(pack([[2, 1, 1], [2]]), 3))
    (losses.next + losses.ahead.sum() + losses.balance).backward()
    assert losses.ahead.tolist() == [0.0, 0.0, 0.0]
    assert losses.loads.sum(dim=1).tolist() == [6 * 3, 6 * 3, 2 * 3, 0, 0]  # the depths above 1 have no token
    assert all(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.parametrize("mask", [False, True])
def test_a_draft_is_kept_where_the_head_chooses_as_it_and_all_before_it_do(
    tiny: ModelConfig, make_model: Maker, pack: Packer, mask: bool
) -> None:
    model = make_model(replace(tiny, num_nextn_predict_layers=3))
    with torch.no_grad():
        model.lm_head.weight[4:] = -model.lm_head.weight[0]  # so that drafts and choices meet now and then
    rows = [pack([lengths], seed=seed, mask=mask) for seed, lengths in enumerate([*ROWS, [164], [180, 3]])]
    drafted, kept = [0, 0, 0], [0, 0, 0]
    for row in rows:
        for ids, counts in documents_of(row):
            alone = make_batch(one_document(np.array(ids, dtype=np.uint16)), 3)
            with torch.no_grad():
                own = model.logits(alone).argmax(-1).tolist()
                drafts = [model.logits_ahead(alone, depth).argmax(-1).tolist() for depth in (1, 2, 3)]
            for token in range(len(ids)):
                for depth in (1, 2, 3):
                    if token + depth + 1 < len(ids) and counts[token + depth + 1]:
                        drafted[depth - 1] += 1
                        kept[depth - 1] += all(drafts[k - 1][token] == own[token + k] for k in range(1, depth + 1))
    found = score(model, iter(rows))
    assert [figure["drafts"] for figure in found["drafts"]] == drafted
    assert [round(figure["acceptance"] * figure["drafts"]) for figure in found["drafts"]] == kept
    assert drafted[0] > kept[0] > kept[1] > kept[2] > 0
    lines: list[str] = []
    print_results({"phases": {"short": found}, "qd": {}}, lines.append)
    assert lines[-1].strip() == f"drafts of depth 3: {kept[2] / drafted[2]:.1%} of {drafted[2]:,} kept"


def test_an_export_keeps_every_layer(tiny: ModelConfig, make_model: Maker, tmp_path: Path) -> None:
    from safetensors import safe_open

    model = make_model(replace(tiny, num_nextn_predict_layers=3))
    export(model, tmp_path)
    with safe_open(tmp_path / "model.safetensors", framework="pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    for depth, layer in enumerate(model.predictions):
        at = f"model.layers.{tiny.num_hidden_layers + depth}"
        assert torch.equal(tensors[f"{at}.eh_proj.weight"], layer.eh_proj.weight)
        assert torch.equal(tensors[f"{at}.shared_head.head.weight"], model.lm_head.weight)
        assert torch.equal(tensors[f"{at}.embed_tokens.weight"], model.embed_tokens.weight)
    back = import_checkpoint(tmp_path)
    assert back.config == model.config
    ours, theirs = model.state_dict(), back.state_dict()
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)
