"""Pipeline parallelism, applied from outside: ranks in a row each hold some layers, micro-batches pass through them.

The first stage embeds, the last has the prediction layers and the head. Stages and the order of work are
`torch.distributed.pipelining`'s: `gpipe` (arXiv 1811.06965) sends all micro-batches forward, then all gradients back; `1f1b`
(arXiv 2006.09503) keeps as many micro-batches under way as there are stages behind, and gives the same gradients. All ranks
of a pipeline read the same batches. Between stages goes one tensor a micro-batch, of the most tokens that one of the step
has; where there are prediction layers, the last stage embeds, too, and the gradients of both embeddings are added up.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.pipelining import PipelineStage, Schedule1F1B, ScheduleGPipe
from torch.distributed.tensor import DTensor

from winnow.trainer.batch import Batch
from winnow.trainer.block import Balance
from winnow.trainer.model import States, Transformer
from winnow.trainer.objective import Found, Objective
from winnow.trainer.parallel import World

EMBEDDING = "embed_tokens.weight"


class Order(StrEnum):
    """In which the micro-batches of a step are worked at."""

    ONE_FORWARD_ONE_BACKWARD = "1f1b"
    GPIPE = "gpipe"


class Stage(Transformer):
    """Stage `number` of a model: its share of the layers, under the names that they have in the whole."""

    def __init__(self, model: Transformer, number: int, stages: int) -> None:
        nn.Module.__init__(self)
        self.config, self.rotary = model.config, model.rotary
        self.checkpoint_activations = model.checkpoint_activations
        self.first, self.last = number == 0, number == stages - 1
        held = model.config.layers_of_stages(stages)[number]
        self.layers = nn.ModuleList()
        for layer in held:  # a list whose numbers don't begin at 0: checkpoints know layers by theirs
            self.layers.add_module(str(layer), model.layers[layer])
        self.prediction, self.further = (model.prediction, model.further) if self.last else (None, nn.ModuleList())
        if self.first or self.predictions:
            self.embed_tokens = model.embed_tokens
        if self.last:
            self.norm, self.lm_head = model.norm, model.lm_head
        self.lent = frozenset() if self.first or not self.predictions else frozenset({EMBEDDING})
        before = sum(model.config.is_sparse(layer) for layer in range(held.start))
        self.rows = slice(before, before + len(self.routers))
        """Its sparse layers among those of the whole model."""

    def begin(self, batches: Sequence[Batch], objective: Objective, width: int, found: Found) -> None:
        """What the next micro-batches are, by number, and where their sums go; states are passed on `width` tokens long."""
        self._batches, self._objective, self._width, self._found = batches, objective, width, found

    def forward(self, given: torch.Tensor, number: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        """States [width, hidden] of micro-batch `number` [1] → the next stage's; of the last stage the objective, a scalar."""
        batch = self._batches[int(number)]
        x = self.embed_tokens(batch.tokens) if self.first else given[: len(batch.tokens)]
        x, balances = self.through(x, batch.positions, batch.documents, batch.rows)
        if not self.last:
            return self._passed_on(x, balances)
        state = self.norm(x)
        ahead, ahead_balances = self.foresee(state, batch)
        losses = self.losses(States(main=state, ahead=ahead, balances=balances + ahead_balances), batch)
        self._found.add(losses, batch)
        self._found.loads[self.rows] += losses.loads
        return self._objective(losses)

    def _passed_on(self, x: torch.Tensor, balances: list[Balance]) -> torch.Tensor:
        if balances:
            balance = torch.stack([loss for _, loss in balances]).sum()
            self._found.losses[1] += balance.detach()
            self._found.loads[self.rows] += torch.stack([load for load, _ in balances])
            x = _Beside.apply(x, self._objective.balance(balance))
        return nn.functional.pad(x, (0, 0, 0, self._width - len(x)))


class Pipeline:
    """Takes the micro-batches of a step through the stages, of which this rank is one."""

    def __init__(self, stage: Stage, world: World, order: Order, *, half_precision: bool = True) -> None:
        assert world.mesh is not None, "the world isn't split into stages"
        self.stage, self.world, self.order = stage, world, order
        half = half_precision and world.device.type == "cuda"
        self._dtype = torch.bfloat16 if half else torch.float32
        self._group = world.mesh.get_group("stage")
        self._ends = _group_of_ends(world) if stage.config.num_nextn_predict_layers else None
        self._made: tuple[tuple[int, int], ScheduleGPipe | Schedule1F1B] | None = None

    def gather_gradient(self, batches: Sequence[Batch], objective: Objective) -> Found:
        """Adds up the gradient of the objective over micro-batches; the sums are those of this stage."""
        found = Found.nothing(self.stage, self.world.device)
        width = max(len(batch.tokens) for batch in batches)
        self.stage.begin(batches, objective, width, found)
        numbers = torch.arange(len(batches))
        given, target = [numbers] if self.stage.first else [], numbers if self.stage.last else None
        self._schedule(len(batches), width).step(*given, target=target, return_outputs=False, number=numbers)
        if self._ends is not None and hasattr(self.stage, "embed_tokens"):
            gradient = self.stage.embed_tokens.weight.grad
            assert gradient is not None, "both ends of a pipeline embed something of every batch"
            dist.all_reduce(gradient.to_local() if isinstance(gradient, DTensor) else gradient, group=self._ends)
        return found

    def _schedule(self, count: int, width: int) -> ScheduleGPipe | Schedule1F1B:
        """For so many micro-batches of at most so many tokens; the last one made is kept.

        A step of fewer micro-batches than stages has nothing to alternate: `gpipe` then, whatever was asked.
        """
        if self._made and self._made[0] == (count, width):
            return self._made[1]
        states = torch.empty(
            (width, self.stage.config.hidden_size), dtype=self._dtype, device="meta", requires_grad=True
        )
        stage = PipelineStage(
            self.stage,
            self.world.stage,
            self.world.stages,
            self.world.device,
            input_args=torch.empty(1, dtype=torch.int64, device="meta") if self.stage.first else states,
            output_args=torch.empty((), device="meta", requires_grad=True) if self.stage.last else states,
            group=self._group,
        )
        alternates = self.order is Order.ONE_FORWARD_ONE_BACKWARD and count >= self.world.stages
        kind: Any = Schedule1F1B if alternates else ScheduleGPipe
        schedule = kind(stage, count, loss_fn=lambda output, target: output, scale_grads=False)
        self._made = ((count, width), schedule)
        return schedule


def _group_of_ends(world: World) -> dist.ProcessGroup:
    """This rank's pipeline's first and last rank; every rank must call it."""
    assert world.mesh is not None
    found = None
    for line in world.mesh.mesh.flatten(1).T.tolist():
        group = dist.new_group([line[0], line[-1]])
        found = group if world.rank in line else found
    assert found is not None
    return found


class _Beside(torch.autograd.Function):
    """The states as they are; in the backward pass a loss of its own joins what comes back through them."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, loss: torch.Tensor) -> torch.Tensor:
        ctx.kind = loss.dtype, loss.device
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        dtype, device = ctx.kind
        return gradient, torch.ones((), dtype=dtype, device=device)
