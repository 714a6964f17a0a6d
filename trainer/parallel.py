"""Parallelism, applied from outside: FSDP2 shards every block, expert parallelism spreads the experts over ranks.

Ranks are first dealt out over the stages of a pipeline (`pipeline_parallel`), if there are some; all that follows is of the
ranks of one stage. With tensor parallelism they are data × tensor: what FSDP2 shards over `data` is the share that
`tensor_parallel` gave.

Without it they are replicas × expert groups. All parameters but the experts are sharded over the whole mesh;
a layer's experts are dealt out over the expert dimension, and sharded over the replicas of each share. Tokens travel to
their experts and back by all-to-all. Gradients are sums: the loss is already divided by the tokens of all ranks.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import torch
import torch.distributed as dist
import torch.distributed._functional_collectives as collectives
from torch import nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor, Shard, distribute_tensor

from winnow.trainer.config import TrainingError
from winnow.trainer.experts import Compute, Exchange, Experts, MixtureOfExperts
from winnow.trainer.model import Transformer
from winnow.trainer.tensor_parallel import Shares, check_tensor_parallel, share_block


@dataclass(frozen=True, kw_only=True)
class World:
    """This process among its peers."""

    rank: int = 0
    size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    tensor: int = 1  # ranks, one after another, that share each layer and read the same batches
    stages: int = 1  # of the pipeline: equal shares of the ranks, one after another
    mesh: DeviceMesh | None = None  # stage × data × tensor, where there are stages or shares

    @property
    def leads(self) -> bool:
        return self.rank == 0

    @property
    def data_rank(self) -> int:
        """Which share of a batch this rank reads, of `data_size`."""
        return self.rank // self.tensor % self.data_size

    @property
    def data_size(self) -> int:
        return self.size // (self.tensor * self.stages)

    @property
    def stage(self) -> int:
        """Which stage of the pipeline this rank works at."""
        return self.rank // self.stage_size

    @property
    def stage_size(self) -> int:
        """Ranks of each stage."""
        return self.size // self.stages

    def split(self, tensor: int = 1, stages: int = 1) -> World:
        """The same world, in which so many ranks each share the layers of a stage. Raises `TrainingError`."""
        if tensor == stages == 1:
            return self
        if self.size % (tensor * stages):
            asked = [f"--tensor-parallel {tensor}"] * (tensor > 1) + [f"--pipeline-parallel {stages}"] * (stages > 1)
            raise TrainingError(
                f"{' and '.join(asked)} wants a multiple of {tensor * stages} processes, not {self.size}"
            )
        shape = (stages, self.size // (tensor * stages), tensor)
        mesh = init_device_mesh(self.device.type, shape, mesh_dim_names=("stage", "data", "tensor"))
        return replace(self, tensor=tensor, stages=stages, mesh=mesh)

    def sum(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor summed over all ranks that read different batches, in place."""
        if self.data_size > 1:
            dist.all_reduce(tensor, group=self.mesh.get_group("data") if self.mesh else None)
        return tensor

    def sum_stages(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor summed over the stages of the pipeline, in place."""
        if self.stages > 1 and self.mesh:
            dist.all_reduce(tensor, group=self.mesh.get_group("stage"))
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
    """Shards a model of which every rank holds the same weights, and shares its layers where `world` is split.

    Does nothing for one process on a CPU. Where there are stages, the model is this rank's `pipeline_parallel.Stage`.

    On CUDA computes in bfloat16, unless `half_precision` is False; weights, gradients and the optimizer's state are fp32.
    """
    precision = MixedPrecisionPolicy()
    if world.device.type == "cuda" and half_precision:
        precision = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)
    if world.stage_size == 1 and world.device.type == "cpu":
        return model
    if world.tensor > 1 and world.mesh is not None:
        if expert_parallel > 1:
            raise TrainingError("--tensor-parallel deals out the experts, too: leave --expert-parallel at 1")
        check_tensor_parallel(model.config, world.tensor)
        return _shared(model, world.mesh, precision)
    if world.stage_size % expert_parallel or model.config.n_routed_experts % expert_parallel:
        raise TrainingError(
            f"{model.config.n_routed_experts} experts on {world.stage_size} ranks can't be dealt out in groups of "
            f"{expert_parallel}"
        )
    if world.size == 1 and not dist.is_initialized():
        dist.init_process_group("nccl", store=dist.HashStore(), rank=0, world_size=1)
    shape = (world.stages, world.stage_size // expert_parallel, expert_parallel)
    mesh = init_device_mesh(world.device.type, shape, mesh_dim_names=("stage", "replica", "expert"))
    everyone = mesh["replica", "expert"]._flatten("world")
    for block in model.blocks:
        if expert_parallel > 1 and isinstance(block.mlp, MixtureOfExperts):
            _deal_out(block.mlp.experts, mesh["expert"], _AllToAll(mesh.get_group("expert")))
            fully_shard(block.mlp.experts, mesh=mesh["replica"], mp_policy=precision)
        fully_shard(block, mesh=everyone, mp_policy=precision)
    return _outermost(model, everyone, precision)


def _shared(model: Transformer, mesh: DeviceMesh, precision: MixedPrecisionPolicy) -> Transformer:
    """Tensor parallelism in each block, and FSDP2 over the ranks that hold the same share."""
    tensor = mesh["tensor"]
    for block in model.blocks:
        share_block(block, tensor)
        if isinstance(block.mlp, MixtureOfExperts):
            _deal_out(block.mlp.experts, tensor, Shares(tensor.get_group()))
        fully_shard(block, mesh=mesh["data"], mp_policy=precision)
    return _outermost(model, mesh["data"], precision)


def _outermost(model: Transformer, mesh: DeviceMesh, precision: MixedPrecisionPolicy) -> Transformer:
    """Shards what lies outside the blocks; gradients are sums everywhere."""
    fully_shard(model, mesh=mesh, mp_policy=precision, reshard_after_forward=False)
    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.set_gradient_divide_factor(1.0)
            module.set_force_sum_reduction_for_comms(True)
    return model


def _deal_out(experts: Experts, mesh: DeviceMesh, exchange: Exchange) -> None:
    """Leaves each rank of a group, a mesh of one dimension, its share of the experts."""
    for name, weight in list(experts.named_parameters()):
        dealt = distribute_tensor(weight.data, mesh, [Shard(0)], src_data_rank=None)
        setattr(experts, name, nn.Parameter(dealt))
    experts.exchange = exchange


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


def clip_gradients(model: Transformer, limit: float, world: World) -> float:
    """Scales all gradients so that their global norm is at most `limit`; returns the norm before.

    Every parameter is sharded over all ranks of a stage that read different batches, so the squares of local shards add
    up to the whole; what isn't shared by tensor parallelism is there as often as that has ranks. What is lent counts where
    it comes from.
    """
    gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    local = [g.to_local() if isinstance(g, DTensor) else g for g in gradients.values()]
    squares = [
        norm.square().sum() / _copies(gradient, world)
        for (name, gradient), norm in zip(gradients.items(), torch._foreach_norm(local), strict=True)
        if name not in model.lent
    ]
    total = torch.stack(squares).sum()
    if world.size > 1:
        dist.all_reduce(total)
    norm = float(total.sqrt())
    if norm > limit:
        torch._foreach_mul_(local, limit / norm)
    return norm


def _copies(gradient: torch.Tensor, world: World) -> int:
    """How many ranks hold the same shard of a gradient."""
    names = gradient.device_mesh.mesh_dim_names or () if isinstance(gradient, DTensor) else ()
    if isinstance(gradient, DTensor) and "tensor" in names and gradient.placements[names.index("tensor")].is_shard():
        return 1
    return world.tensor
