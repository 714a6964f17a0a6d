"""Tensor parallelism, applied from outside: ranks that read the same batch share the matrices of every layer.

Each rank has some heads of attention and some columns of the dense and shared feed-forward networks, and adds its part of
the output to the others' (Shoeybi et al. 2019, arXiv 1909.08053, section 3). Experts are dealt out whole: every rank has
all tokens already, computes those of its experts, and what the experts gave is added up. Norms, routers, the prediction
layers' projections, embedding and head are on every rank, which all compute the same of them.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor.parallel import (
    ColwiseParallel,
    ParallelStyle,
    RowwiseParallel,
    SequenceParallel,
    parallelize_module,
)

from winnow.trainer.block import Block
from winnow.trainer.config import ModelConfig, TrainingError
from winnow.trainer.experts import Compute, MixtureOfExperts


def check_tensor_parallel(config: ModelConfig, size: int) -> None:
    """Raises `TrainingError` for the first part of the model that so many ranks can't share evenly."""
    shared = {
        "num_attention_heads": config.num_attention_heads,
        "num_key_value_heads": config.num_key_value_heads,
        "intermediate_size": config.intermediate_size,
        "moe_intermediate_size × n_shared_experts": config.moe_intermediate_size * config.n_shared_experts,
        "n_routed_experts": config.n_routed_experts,
    }
    for name, count in shared.items():
        if count % size:
            raise TrainingError(f"--tensor-parallel {size}: {name} is {count}, which isn't a multiple of {size}")


def share_block(block: Block, mesh: DeviceMesh) -> None:
    """Leaves each rank of the mesh, which has one dimension, its share of a layer of which all hold the same weights."""
    plan: dict[str, ParallelStyle] = {f"self_attn.{name}_proj": ColwiseParallel() for name in "qkv"}
    plan["self_attn.o_proj"] = RowwiseParallel()
    if block.self_attn.use_qk_norm:  # over the rank's own heads: their gradients are summed
        heads = SequenceParallel(sequence_dim=1, use_local_output=True)
        plan |= {"self_attn.q_norm": heads, "self_attn.k_norm": heads}
    sparse = isinstance(block.mlp, MixtureOfExperts)
    dense = "mlp.shared_experts" if sparse else "mlp"
    plan |= {f"{dense}.gate_proj": ColwiseParallel(), f"{dense}.up_proj": ColwiseParallel()}
    plan[f"{dense}.down_proj"] = RowwiseParallel()
    parallelize_module(block, mesh, plan, src_data_rank=None)


class Shares:
    """Computes the rank's own experts of all tokens; the ranks' outputs are added up."""

    def __init__(self, group: dist.ProcessGroup) -> None:
        self._group = group
        self._size, self._rank = dist.get_world_size(group), dist.get_rank(group)

    def __call__(self, tokens: torch.Tensor, counts: torch.Tensor, compute: Compute) -> torch.Tensor:
        """tokens [S, hidden] sorted by expert, counts [E] of all experts → outputs [S, hidden] in the same order."""
        shares = counts.view(self._size, -1)
        first = int(shares[: self._rank].sum())
        mine = slice(first, first + int(shares[self._rank].sum()))
        computed = compute(_Spread.apply(tokens, self._group)[mine], shares[self._rank])
        padded = nn.functional.pad(computed, (0, 0, mine.start, len(tokens) - mine.stop))
        added: torch.Tensor = _Sum.apply(padded, self._group)
        return added


class _Spread(torch.autograd.Function):
    """The same on every rank; the gradients of what they make of it are added up."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, group: dist.ProcessGroup) -> torch.Tensor:
        ctx.group = group
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        return _added(gradient, ctx.group), None


class _Sum(torch.autograd.Function):
    """Added up over the ranks, which all go on with the sum and so have its gradient."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, group: dist.ProcessGroup) -> torch.Tensor:
        return _added(x, group)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        return gradient, None


def _added(x: torch.Tensor, group: dist.ProcessGroup) -> torch.Tensor:
    added = x.clone(memory_format=torch.contiguous_format)
    dist.all_reduce(added, group=group)
    return added
