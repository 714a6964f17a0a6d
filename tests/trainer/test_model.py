"""The model: sizes of the released presets, documents that don't see each other, a loss with the right gradient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from winnow.stages.shards.sequences import Sequences
from winnow.trainer.attention import Documents, attend
from winnow.trainer.batch import make_batch
from winnow.trainer.config import ModelConfig, TrainingError, preset
from winnow.trainer.loss import head_loss
from winnow.trainer.model import Transformer
from winnow.trainer.rotary import Rotary, rotate

Maker = Callable[..., Transformer]
Packer = Callable[..., Sequences]


@pytest.mark.parametrize(
    ("name", "billions"), [("glm-4.6", 355.2), ("air", 108.0), ("small", 0.0728), ("nano", 0.0076)]
)
def test_presets_have_the_published_sizes_without_embeddings_and_head(name: str, billions: float) -> None:
    """355B is GLM-4.6's published size; Air's 106B leave its prediction layer out, which adds 2.4B."""
    with torch.device("meta"):
        model = Transformer(preset(name))
    tables = ("embed_tokens", "lm_head")
    count = sum(p.numel() for key, p in model.named_parameters() if not key.startswith(tables))
    assert count / 1e9 == pytest.approx(billions, rel=0.01)
    if name == "glm-4.6":
        assert round(count / 1e9, 1) == 355.2
    if name == "air":
        assert model.prediction is not None
        assert round((count - sum(p.numel() for p in model.prediction.parameters())) / 1e9) == 106


def test_packed_documents_give_the_logits_of_each_alone(tiny: ModelConfig, make_model: Maker, pack: Packer) -> None:
    model = make_model(tiny)
    packed = pack([[7, 12, 5], [20, 3]])
    with torch.no_grad():
        together = model.logits(make_batch(packed))
        ahead = model.logits_ahead(make_batch(packed))
        alone, alone_ahead = [], []
        for row, lengths in enumerate([[7, 12, 5], [20, 3]]):
            start = 0
            for length in lengths:
                part = pack([[length]])
                single = Sequences(
                    input_ids=packed.input_ids[row : row + 1, start : start + length],
                    segments=part.segments,
                    bounds=part.bounds,
                )
                alone.append(model.logits(make_batch(single)))
                alone_ahead.append(model.logits_ahead(make_batch(single)))
                start += length
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(ahead, torch.cat(alone_ahead), rtol=1e-4, atol=1e-5)


def test_attention_is_causal_attention_under_a_block_diagonal_mask() -> None:
    torch.manual_seed(0)
    documents = Documents(bounds=[0, 3, 4, 10])
    query, key, value = torch.randn(10, 6, 8), torch.randn(10, 2, 8), torch.randn(10, 2, 8)
    owner = torch.tensor([0, 0, 0, 1, 2, 2, 2, 2, 2, 2])
    mask = (owner[:, None] == owner[None]) & torch.ones(10, 10, dtype=torch.bool).tril()
    scores = torch.einsum("qhd,khd->hqk", query, key.repeat_interleave(3, 1)) / 8**0.5
    weights = scores.masked_fill(~mask, float("-inf")).softmax(-1)
    expected = torch.einsum("hqk,khd->qhd", weights, value.repeat_interleave(3, 1))
    torch.testing.assert_close(attend(query, key, value, documents), expected)


def test_rotation_turns_pairs_by_their_angle_and_its_gradient_turns_back() -> None:
    positions = torch.tensor([0, 1, 5])
    cos, sin = Rotary(4, 100.0)(positions, torch.float64)
    heads = torch.randn(3, 2, 6, dtype=torch.float64, requires_grad=True)
    turned = rotate(heads, cos, sin)
    angles = positions[:, None].double() * torch.tensor([1.0, 0.1])
    pairs = torch.complex(heads[..., :2], heads[..., 2:4]) * torch.polar(torch.ones_like(angles), angles)[:, None]
    torch.testing.assert_close(turned[..., :2], pairs.real, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(turned[..., 2:4], pairs.imag, rtol=1e-6, atol=1e-6)
    assert torch.equal(turned[..., 4:], heads[..., 4:])
    assert torch.autograd.gradcheck(lambda x: rotate(x, cos, sin), heads)


@pytest.mark.parametrize("size", [1, 700])
def test_the_head_loss_and_its_gradients_are_those_of_cross_entropy(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("winnow.trainer.loss.CHUNK_BYTES", 4 * 50 * 128)
    torch.manual_seed(0)
    state = torch.randn(size, 16, requires_grad=True)
    weight = torch.randn(50, 16, requires_grad=True)
    targets = torch.randint(0, 50, (size,))
    expected = F.cross_entropy(state @ weight.T, targets, reduction="none")
    wanted = torch.autograd.grad(expected.sum() * 0.3, (state, weight))
    total, each = head_loss(state, weight, targets)
    found = torch.autograd.grad(total * 0.3, (state, weight))
    torch.testing.assert_close(each, expected)
    torch.testing.assert_close(total, expected.sum())
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def test_checkpointed_activations_change_neither_gradients_nor_loads(
    tiny: ModelConfig, make_model: Maker, pack: Packer
) -> None:
    batch = make_batch(pack([[9, 4], [13]]))
    results = []
    for checkpoint in (False, True):
        model = make_model(tiny)
        model.checkpoint_activations = checkpoint
        losses = model(batch)
        (losses.next + losses.ahead.sum() + losses.balance).backward()
        results.append((losses.loads, [p.grad for p in model.parameters()]))
    assert torch.equal(results[0][0], results[1][0])
    assert int(results[0][0][0].sum()) == 26 * tiny.num_experts_per_tok
    assert all(torch.equal(a, b) for a, b in zip(results[0][1], results[1][1], strict=True))


def test_every_parameter_gets_a_gradient(tiny: ModelConfig, make_model: Maker, pack: Packer) -> None:
    model = make_model(tiny)
    losses = model(make_batch(pack([[30, 30], [60]])))
    (losses.next + losses.ahead.sum() + losses.balance).backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_impossible_sizes_are_refused_by_name(tiny: ModelConfig) -> None:
    for name, value in (("num_key_value_heads", 3), ("num_experts_per_tok", 9), ("num_nextn_predict_layers", 4)):
        with pytest.raises(TrainingError, match=name):
            replace(tiny, **{name: value})
    with pytest.raises(TrainingError, match="no preset 'huge'"):
        preset("huge")
