"""Muon: torch's own on matrices, matrix by matrix on stacks, updates of the promised size."""

from __future__ import annotations

import pytest
import torch

from winnow.trainer.config import ModelConfig
from winnow.trainer.model import Transformer
from winnow.trainer.muon import Muon, orthogonalise
from winnow.trainer.optimizer import OptimizerConfig, make_optimizers


def stepped(optimizer: torch.optim.Optimizer, parameters: list[torch.nn.Parameter], seed: int, steps: int = 4) -> None:
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        for parameter in parameters:
            parameter.grad = torch.randn(parameter.shape, generator=generator)
        optimizer.step()


@pytest.mark.parametrize("shape", [(24, 64), (64, 24), (32, 32)])
def test_on_matrices_in_bfloat16_it_is_the_muon_of_torch(shape: tuple[int, int]) -> None:
    start = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    ours, theirs = torch.nn.Parameter(start.clone()), torch.nn.Parameter(start.clone())
    stepped(Muon([ours], lr=0.02, weight_decay=0.1, dtype=torch.bfloat16), [ours], 1)
    reference = torch.optim.Muon([theirs], lr=0.02, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    stepped(reference, [theirs], 1)
    moved = (theirs - start).abs().max()
    assert (ours - theirs).abs().max() <= 0.02 * moved


def test_a_stack_of_experts_moves_as_its_matrices_would_alone() -> None:
    start = torch.randn(5, 12, 20, generator=torch.Generator().manual_seed(0))
    stack = torch.nn.Parameter(start.clone())
    alone = [torch.nn.Parameter(matrix.clone()) for matrix in start]
    stepped(Muon([stack], lr=0.02), [stack], 3, steps=1)
    gradient = stack.grad
    for matrix, own in zip(alone, gradient, strict=True):
        matrix.grad = own.clone()
    Muon(alone, lr=0.02).step()
    torch.testing.assert_close(stack.data, torch.stack([m.data for m in alone]), rtol=1e-5, atol=1e-6)


def test_gate_and_up_move_as_they_would_apart() -> None:
    start = torch.randn(3, 24, 20, generator=torch.Generator().manual_seed(0))
    joined = torch.nn.Parameter(start.clone())
    gate, up = torch.nn.Parameter(start[:, :12].clone()), torch.nn.Parameter(start[:, 12:].clone())
    stepped(Muon([joined], lr=0.02, parts=2), [joined], 3, steps=1)
    gate.grad, up.grad = joined.grad[:, :12].clone(), joined.grad[:, 12:].clone()
    Muon([gate, up], lr=0.02).step()
    torch.testing.assert_close(joined.data, torch.cat([gate.data, up.data], dim=1), rtol=1e-5, atol=1e-6)


def test_newton_schulz_brings_singular_values_near_one_and_keeps_the_directions() -> None:
    matrices = torch.randn(3, 16, 40, generator=torch.Generator().manual_seed(0))
    found = orthogonalise(matrices, 5, torch.float32)
    values = torch.linalg.svdvals(found)
    assert values.min() > 0.6 and values.max() < 1.25
    u, _, v = torch.linalg.svd(matrices, full_matrices=False)
    inner = torch.einsum("nij,nij->n", found, u @ v) / (found.norm(dim=(1, 2)) * 16**0.5)
    assert inner.min() > 0.97


@pytest.mark.parametrize("shape", [(64, 256), (256, 64), (8, 48, 96)])
def test_updates_have_the_root_mean_square_of_adamw(shape: tuple[int, ...]) -> None:
    parameter = torch.nn.Parameter(torch.zeros(shape))
    stepped(Muon([parameter], lr=1.0, weight_decay=0.0), [parameter], 0, steps=1)
    assert parameter.square().mean().sqrt().item() == pytest.approx(0.2, rel=0.2)


def test_vectors_are_refused() -> None:
    with pytest.raises(ValueError, match="matrices and stacks"):
        Muon([torch.nn.Parameter(torch.zeros(3))], lr=0.1)


def test_matrices_go_to_muon_and_the_rest_to_adamw(tiny: ModelConfig) -> None:
    model = Transformer(tiny)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    muon, adamw = make_optimizers(model, OptimizerConfig())
    matrices = {names[id(p)] for group in muon.param_groups for p in group["params"]}
    rest = {names[id(p)] for group in adamw.param_groups for p in group["params"]}
    assert matrices | rest == set(names.values()) and not matrices & rest
    assert "layers.1.mlp.experts.gate_up_proj" in matrices and "layers.1.mlp.gate.weight" in matrices
    assert {"embed_tokens.weight", "lm_head.weight", "norm.weight", "layers.0.self_attn.q_proj.bias"} <= rest
    muon, adamw = make_optimizers(model, OptimizerConfig(head="muon"))
    assert "lm_head.weight" in {names[id(p)] for group in muon.param_groups for p in group["params"]}
    assert len(make_optimizers(model, OptimizerConfig(matrices="adamw"))) == 1
