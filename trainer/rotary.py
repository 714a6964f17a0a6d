"""Rotary position embedding (Su et al. 2021), half-split, on the leading part of each head."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


class Rotary(nn.Module):
    """Angles for a rotary base that the curriculum may change; holds no parameter and no buffer.

    Frequencies are computed in fp32 when asked: a buffer would be rounded by `model.to(bfloat16)`.
    """

    def __init__(self, dimensions: int, base: float) -> None:
        super().__init__()
        self.dimensions = dimensions
        self.base = base

    def forward(self, positions: torch.Tensor, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
        """Cosines and sines [T, 1, dimensions / 2] of the positions [T], ready for heads [T, H, D]."""
        steps = torch.arange(0, self.dimensions, 2, dtype=torch.float32, device=positions.device)
        frequencies = 1.0 / (self.base ** (steps / self.dimensions))
        angles = (positions[:, None].float() * frequencies)[:, None, :]
        return angles.cos().to(dtype), angles.sin().to(dtype)


def rotate(heads: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """Turns the first 2 × cos.shape[-1] dimensions of heads [T, H, D]; the rest pass through."""
    return _Rotate.apply(heads, cos, sin)


class _Rotate(torch.autograd.Function):
    """One output and no saved activation: the gradient of a rotation is the rotation back."""

    @staticmethod
    def forward(ctx: Any, heads: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(cos, sin)
        return _turned(heads, cos, sin)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        cos, sin = ctx.saved_tensors
        return _turned(gradient, cos, -sin), None, None


def _turned(heads: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    half = cos.shape[-1]
    first, second = heads[..., :half], heads[..., half : 2 * half]
    turned = torch.empty_like(heads)
    torch.sub(first * cos, second * sin, out=turned[..., :half])
    torch.add(second * cos, first * sin, out=turned[..., half : 2 * half])
    turned[..., 2 * half :] = heads[..., 2 * half :]
    return turned
