"""Grouped-query attention within documents: tokens lie in one flat row, each document attends to itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import nn

from winnow.trainer.config import ModelConfig
from winnow.trainer.norm import RMSNorm
from winnow.trainer.rotary import rotate


@dataclass(frozen=True, kw_only=True)
class Documents:
    """Where documents begin and end in a flat row of T tokens: `bounds` ascends from 0 to T, [D + 1]."""

    bounds: list[int]

    @cached_property
    def lengths(self) -> list[int]:
        return [stop - start for start, stop in zip(self.bounds[:-1], self.bounds[1:], strict=True)]

    @cached_property
    def uniform(self) -> bool:
        """All documents of one length: then they are one batch, and no loop is needed."""
        return len(set(self.lengths)) == 1


class Attention(nn.Module):
    """Causal attention with partial rotary embedding, optional norms of queries and keys, biases on q, k and v."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.head_dim, bias = config.head_dim, config.attention_bias
        query, key = config.num_attention_heads * self.head_dim, config.num_key_value_heads * self.head_dim
        self.q_proj = nn.Linear(config.hidden_size, query, bias=bias)
        self.k_proj = nn.Linear(config.hidden_size, key, bias=bias)
        self.v_proj = nn.Linear(config.hidden_size, key, bias=bias)
        self.o_proj = nn.Linear(query, config.hidden_size, bias=False)
        if config.use_qk_norm:
            self.q_norm = RMSNorm(self.head_dim, config.rms_norm_eps)
            self.k_norm = RMSNorm(self.head_dim, config.rms_norm_eps)
        self.use_qk_norm = config.use_qk_norm

    def forward(self, x: torch.Tensor, angles: tuple[torch.Tensor, torch.Tensor], documents: Documents) -> torch.Tensor:
        """x [T, hidden] → [T, hidden]; `angles` are the cosines and sines of the tokens' positions."""
        query, key, value = (  # as many heads as this rank has: all, unless the layer is shared (`tensor_parallel`)
            projection(x).view(len(x), -1, self.head_dim) for projection in (self.q_proj, self.k_proj, self.v_proj)
        )
        if self.use_qk_norm:
            query, key = self.q_norm(query), self.k_norm(key)
        query, key = rotate(query, *angles), rotate(key, *angles)
        mixed = attend(query, key, value, documents)
        return self.o_proj(mixed.flatten(1))


def attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, documents: Documents) -> torch.Tensor:
    """Causal attention inside each document: query [T, H, D], key and value [T, G, D] → [T, H, D].

    Each document by its own on a CPU, where a block-diagonal mask would cost T² and fused kernels for packed rows are
    missing; one call of the variable-length kernel on CUDA in half precision.
    """
    if query.is_cuda and query.dtype in (torch.bfloat16, torch.float16):
        return _attend_varlen(query, key, value, documents)
    if documents.uniform:
        length = documents.lengths[0]
        query, key, value = (heads.unflatten(0, (-1, length)) for heads in (query, key, value))
        return _attend_batch(query, key, value).flatten(0, 1)
    parts = [
        _attend_batch(q[None], k[None], v[None])[0]
        for q, k, v in zip(
            query.split(documents.lengths), key.split(documents.lengths), value.split(documents.lengths), strict=True
        )
    ]
    return torch.cat(parts)


def _attend_batch(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """[B, L, H, D] and [B, L, G, D] → [B, L, H, D]."""
    query, key, value = query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2)
    return F.scaled_dot_product_attention(query, key, value, is_causal=True, enable_gqa=True).transpose(1, 2)


def _attend_varlen(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, documents: Documents) -> torch.Tensor:
    from torch.nn.attention.varlen import varlen_attn  # the module exists only where CUDA does

    bounds = torch.tensor(documents.bounds, dtype=torch.int32, device=query.device)
    longest = max(documents.lengths)
    mixed = varlen_attn(query, key, value, bounds, bounds, longest, longest, window_size=(-1, 0), enable_gqa=True)
    assert isinstance(mixed, torch.Tensor)
    return mixed
