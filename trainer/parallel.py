"""Parallelism, applied from outside: FSDP2 shards every block, expert parallelism spreads the experts over ranks.

The ranks form a mesh of replicas × expert groups. All parameters but the experts are sharded over the whole mesh;
a layer's experts are dealt out over the expert dimension, and sharded over the replicas of each share. Tokens travel to
their experts and back by all-to-all. Gradients are sums: the loss is already divided by the tokens of all ranks.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
import torch.distributed as dist
import torch.distributed._functional_collectives as collectives
from torch import nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor, Shard, distribute_tensor

from winnow.trainer.config import TrainingError
from winnow.trainer.experts import Compute, Experts, MixtureOfExperts
from winnow.trainer.model import Transformer


@dataclass(frozen=True, kw_only=True)
class World:
    """This process among its peers."""

    rank: int = 0
    size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def leads(self) -> bool:
        return self.rank == 0

    def sum(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor summed over all ranks, in place."""
        if self.size > 1:
            dist.all_reduce(tensor)
        return tensor

    def gather(self, value: object) -> list[object]:
        """One picklable value of each rank."""
        values: list[object] = [value]
        if self.size > 1:
            values = [None] * self.size
            dist.all_gather_object(values, value)
        return values

    def wait(self) -> None:
        if self.size > 1:
            dist.barrier()


@contextmanager
def joined_world(device: str | None = None) -> Iterator[World]:
    """The world that `torchrun` tells of, left in good order by all ranks together; one process alone joins no group.

    `device` is cpu or cuda, by default cuda where there is one. Without leaving, a rank that ends while its threads
    still talk to the others is now and then aborted by its own runtime, after all its work is done. A rank that fails
    doesn't wait for its peers: the launcher ends them.
    """
    kind = device or ("cuda" if torch.cuda.is_available() else "cpu")
    size, local = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("LOCAL_RANK", "0"))
    place = torch.device(kind, local) if kind == "cuda" else torch.device(kind)
    if kind == "cuda":
        torch.cuda.set_device(place)
    if size > 1 and not dist.is_initialized():
        dist.init_process_group("nccl" if kind == "cuda" else "gloo")
    world = World(device=place)
    if size > 1:
        world = World(rank=dist.get_rank(), size=dist.get_world_size(), device=place)
    yield world
    world.wait()
    if dist.is_initialized():
        dist.destroy_process_group()


def parallelise(
    model: Transformer, world: World, *, expert_parallel: int = 1, half_precision: bool = True
) -> Transformer:
    """Shards a model of which every rank holds the same weights; does nothing for one process on a CPU.

    On CUDA computes in bfloat16, unless `half_precision` is False; weights, gradients and the optimizer's state are fp32.
    """
    precision = MixedPrecisionPolicy()
    if world.device.type == "cuda" and half_precision:
        precision = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)
    if world.size == 1 and world.device.type == "cpu":
        return model
    if world.size % expert_parallel or model.config.n_routed_experts % expert_parallel:
        raise TrainingError(
            f"{model.config.n_routed_experts} experts on {world.size} ranks can't be dealt out in groups of "
            f"{expert_parallel}"
        )
    if world.size == 1 and not dist.is_initialized():
        dist.init_process_group("nccl", store=dist.HashStore(), rank=0, world_size=1)
    shape = (world.size // expert_parallel, expert_parallel)
    mesh = init_device_mesh(world.device.type, shape, mesh_dim_names=("replica", "expert"))
    everyone = mesh._flatten("world")
    for block in model.blocks:
        if expert_parallel > 1 and isinstance(block.mlp, MixtureOfExperts):
            _deal_out(block.mlp.experts, mesh)
            fully_shard(block.mlp.experts, mesh=mesh["replica"], mp_policy=precision)
        fully_shard(block, mesh=everyone, mp_policy=precision)
    fully_shard(model, mesh=everyone, mp_policy=precision, reshard_after_forward=False)
    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.set_gradient_divide_factor(1.0)
            module.set_force_sum_reduction_for_comms(True)
    return model


def _deal_out(experts: Experts, mesh: DeviceMesh) -> None:
    """Leaves each rank of an expert group its share of the experts."""
    for name, weight in list(experts.named_parameters()):
        dealt = distribute_tensor(weight.data, mesh["expert"], [Shard(0)], src_data_rank=None)
        setattr(experts, name, nn.Parameter(dealt))
    experts.exchange = _AllToAll(mesh.get_group("expert"))


class _AllToAll:
    """Sends tokens to the ranks that hold their experts, computes there, brings the outputs back."""

    def __init__(self, group: dist.ProcessGroup) -> None:
        self._group = group
        self._size = dist.get_world_size(group)

    def __call__(self, tokens: torch.Tensor, counts: torch.Tensor, compute: Compute) -> torch.Tensor:
        """tokens [S, hidden] sorted by expert, counts [E] of all experts → outputs [S, hidden] in the same order."""
        outgoing = counts.view(self._size, -1)
        incoming = torch.empty_like(outgoing)
        dist.all_to_all_single(incoming, outgoing, group=self._group)
        sent, got = outgoing.sum(dim=1).tolist(), incoming.sum(dim=1).tolist()
        arrived = collectives.all_to_all_single_autograd(tokens, got, sent, self._group)
        order = _by_expert(incoming)
        back = torch.empty_like(order)
        back[order] = torch.arange(len(order), device=order.device)
        computed = compute(arrived[order], incoming.sum(dim=0))
        return collectives.all_to_all_single_autograd(computed[back], sent, got, self._group)


def _by_expert(incoming: torch.Tensor) -> torch.Tensor:
    """The order by expert, then sender, of rows that lie by sender, then expert; incoming [senders, experts]."""
    experts = torch.arange(incoming.shape[1], device=incoming.device).repeat(incoming.shape[0])
    return torch.argsort(experts.repeat_interleave(incoming.flatten()), stable=True)


def clip_gradients(model: nn.Module, limit: float, world: World) -> float:
    """Scales all gradients so that their global norm is at most `limit`; returns the norm before.

    Every parameter is sharded over all ranks, so the squares of local shards add up to the whole.
    """
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    local = [g.to_local() if isinstance(g, DTensor) else g for g in gradients]
    squares = torch.stack([part.square().sum() for part in torch._foreach_norm(local)]).sum()
    norm = float(world.sum(squares).sqrt())
    if norm > limit:
        torch._foreach_mul_(local, limit / norm)
    return norm
