"""Muon (Jordan 2024): momentum whose matrices are made orthogonal before they are applied.

`torch.optim.Muon` takes whole 2-D parameters, one matrix at a time and always in bfloat16. This one takes stacks of
experts matrix by matrix, shards of a parameter (DTensor), batches matrices of one shape into one product, and works in
fp32 where that is the faster. On 2-D parameters in bfloat16 it is torch's, update for update (a test holds it).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import torch
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.optim import Optimizer

COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # Jordan's quintic: steepest at zero, maps singular values to about 0.7–1.2
LEAST_NORM = 1e-7
UPDATE_RMS = (
    0.2  # that of AdamW's updates in practice, so learning rates carry over (Liu et al. 2025, arXiv 2502.16982)
)


def orthogonalise(matrices: torch.Tensor, steps: int, dtype: torch.dtype) -> torch.Tensor:
    """Newton–Schulz: matrices [N, A, B] → [N, A, B] with singular values near 1, in `dtype`.

    Costs 2·A²·(2B + A) floating-point operations a step and matrix, A the smaller side.
    """
    a, b, c = COEFFICIENTS
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.to(dtype)
    x = x.mT if tall else x
    x = x / x.norm(dim=(-2, -1), keepdim=True).clamp(min=LEAST_NORM)
    for _ in range(steps):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x


class Muon(Optimizer):
    """Nesterov momentum, orthogonal updates of RMS about 0.2 × lr, decoupled weight decay.

    Takes parameters of two dimensions, or of three as stacks of matrices. `parts` of a group is how many matrices lie
    one below the other in each: gate and up of an expert are two maps, each made orthogonal by itself, as they would be
    if they were kept apart.
    """

    def __init__(
        self,
        params: Iterable[torch.nn.Parameter] | Iterable[dict[str, Any]],
        *,
        lr: float,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        steps: int = 5,
        dtype: torch.dtype | None = None,
        parts: int = 1,
    ) -> None:
        defaults = {"lr": lr, "weight_decay": weight_decay, "momentum": momentum, "steps": steps, "dtype": dtype}
        super().__init__(params, {**defaults, "parts": parts})
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.ndim not in (2, 3):
                    raise ValueError(f"Muon takes matrices and stacks of them, not a shape {tuple(parameter.shape)}")
                if parameter.shape[-2] % group["parts"]:
                    raise ValueError(f"{parameter.shape[-2]} rows are not {group['parts']} matrices of one size")

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            shaped: dict[torch.Size, list[torch.nn.Parameter]] = defaultdict(list)
            for parameter in group["params"]:
                if parameter.grad is not None:
                    shaped[parameter.shape[-2:]].append(parameter)
            for parameters in shaped.values():
                self._step_together(parameters, group)

    def _step_together(self, parameters: list[torch.nn.Parameter], group: dict) -> None:  # type: ignore[type-arg]
        """One step of parameters whose matrices have one shape."""
        lr, momentum = group["lr"], group["momentum"]
        stacks = []
        for parameter in parameters:
            gradient = parameter.grad
            assert gradient is not None
            state = self.state[parameter]
            if "momentum_buffer" not in state:
                state["momentum_buffer"] = torch.zeros_like(gradient)
            buffer = state["momentum_buffer"]
            buffer.lerp_(gradient, 1 - momentum)
            update = whole(gradient.lerp(buffer, momentum))
            stacks.append(update if update.ndim == 3 else update[None])
        together = torch.cat(stacks).unflatten(1, (group["parts"], -1)).flatten(0, 1)
        dtype = group["dtype"] or (torch.bfloat16 if together.is_cuda else torch.float32)
        orthogonal = orthogonalise(together, group["steps"], dtype).to(together.dtype)
        scale = UPDATE_RMS * math.sqrt(max(together.shape[-2:]))
        orthogonal = orthogonal.unflatten(0, (-1, group["parts"])).flatten(1, 2)
        for parameter, update in zip(parameters, orthogonal.split([len(stack) for stack in stacks]), strict=True):
            parameter.mul_(1 - lr * group["weight_decay"])
            like = update if parameter.ndim == 3 else update[0]
            parameter.add_(shard_like(like, parameter), alpha=-lr * scale)


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """All of the matrices that this rank has to do with: gathers a sharded matrix, keeps a rank's share of a stack.

    A stack sharded by expert holds whole matrices already, so experts cost no communication.
    """
    if not isinstance(tensor, DTensor):
        return tensor
    return tensor.to_local() if _is_split_by_matrix(tensor) else tensor.full_tensor()


def shard_like(update: torch.Tensor, parameter: torch.Tensor) -> torch.Tensor:
    """The update as `parameter` is sharded; the inverse of `whole`."""
    if not isinstance(parameter, DTensor):
        return update
    mesh, placements = parameter.device_mesh, parameter.placements
    if _is_split_by_matrix(parameter):
        return DTensor.from_local(update, mesh, placements, shape=parameter.shape, stride=parameter.stride())
    return distribute_tensor(update, mesh, placements, src_data_rank=None)


def _is_split_by_matrix(tensor: DTensor) -> bool:
    """Whether every placement is a shard, plain or strided, of the first of three dimensions."""
    return tensor.ndim == 3 and all(getattr(place, "dim", None) == 0 for place in tensor.placements)
