"""The training loop: batches in, steps of the optimizer, a history and checkpoints out."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from winnow.stages.run.workspace import Workspace, digest_file
from winnow.stages.shards.shard import INDEX, ShardIndex
from winnow.trainer import checkpoint
from winnow.trainer.batch import Batch
from winnow.trainer.checkpoint import Progress
from winnow.trainer.config import TrainingError
from winnow.trainer.curriculum import Step, planned
from winnow.trainer.data import Feed
from winnow.trainer.history import History
from winnow.trainer.model import Transformer
from winnow.trainer.objective import Objective, counts_of, gather_gradient, merged
from winnow.trainer.optimizer import make_optimizers, set_rate
from winnow.trainer.parallel import World, clip_gradients, parallelise
from winnow.trainer.pipeline_parallel import Order, Pipeline, Stage
from winnow.trainer.prediction import mean_ahead
from winnow.trainer.router import correct, max_violation
from winnow.trainer.settings import RunConfig
from winnow.trainer.start import Start

Note = dict[str, Any]
Listener = Callable[[Note], None]


def inputs_of(run: str) -> dict[str, str]:
    """Digests of what a run's training depends on: its lock where it has one, the tokenizer, each shard.

    Raises `TrainingError` where the tokenizer that lies in the run isn't the one that the shards were encoded with.
    """
    workspace = Workspace(run)
    index = ShardIndex.from_json(workspace.read_bytes(INDEX), workspace.path(INDEX))
    inputs = {f"shards/{file.path}": file.digest for phase in index.phases for file in phase.files}
    tokenizer, encoded_with = str(index.tokenizer.get("path", "")), str(index.tokenizer.get("digest", ""))
    if tokenizer and workspace.exists(tokenizer):
        found = digest_file(workspace, tokenizer)
        if found != encoded_with:
            raise TrainingError(
                f"{workspace.path(tokenizer)} has digest {found}, the shards were encoded with a tokenizer of digest "
                f"{encoded_with} ({INDEX}): restore that tokenizer, or build the shards again with `make pipeline`"
            )
    inputs["tokenizer"] = encoded_with
    if workspace.exists("lock.json"):
        inputs["lock.json"] = hashlib.blake2b(workspace.read_bytes("lock.json"), digest_size=16).hexdigest()
    return inputs


class Training:
    """One run: made from its settings, resumed where a checkpoint lies in `out`, worked off by `run()`.

    `start` is a model to go on with; by default weights are drawn by the seed.
    """

    def __init__(self, run: str, out: Path, config: RunConfig, world: World, start: Start | None = None) -> None:
        world = world.split(config.tensor_parallel, config.pipeline_parallel)
        self.config, self.world, self.out = config, world, out
        workspace = Workspace(run)
        self.index_path = workspace.path(INDEX)
        self.index = ShardIndex.from_json(workspace.read_bytes(INDEX), self.index_path)
        self.inputs = inputs_of(run)
        self.steps = planned(self.index, config.model, asdict(config))
        self.history = History(out / "steps.jsonl")
        self.start = start
        model = (start.model if start else Transformer(config.model).initialise(config.seed)).to(world.device)
        model.checkpoint_activations = config.checkpoint_activations
        half = config.precision == "bf16"
        if world.stages > 1:
            model = Stage(model, world.stage, world.stages)
        self.model = parallelise(model, world, expert_parallel=config.expert_parallel, half_precision=half)
        self.pipeline = None
        if isinstance(self.model, Stage):
            self.pipeline = Pipeline(self.model, world, Order(config.pipeline_schedule), half_precision=half)
        self.optimizers = make_optimizers(self.model, config.optimizer)
        self.progress = Progress(
            steps=0,
            sequences=0,
            tokens=0,
            length=start.model.config.max_position_embeddings if start else 0,
            rotary_base=config.model.rope_theta,
            inputs=self.inputs,
            settings=asdict(config),
            stage=self.index.stage,
            before=start.lineage if start else (),
        )

    def resume(self) -> bool:
        """Goes back to the last complete checkpoint in `out`, if there is one, or else to the beginning."""
        found = checkpoint.complete(self.out / "checkpoints")
        if not found:
            if self.world.leads:
                self.history.cut(0)  # of a run that ended before its first checkpoint
            if self.start and self.config.optimizer_state:
                self._take_over(self.start)
            return False
        before = checkpoint.progress_of(found[-1])
        checkpoint.check_inputs(found[-1], before, self.inputs)
        checkpoint.check_settings(found[-1], before, self.progress.settings)
        self.progress = checkpoint.load(found[-1], self.model, self.optimizers, self.world)
        if self.world.leads:
            self.history.cut(self.progress.steps)
        return True

    def _take_over(self, start: Start) -> None:
        """The optimizers' state of the run that this one starts from, onto its weights."""
        if start.checkpoint is None:
            raise TrainingError(
                f"{start.folder} holds weights alone; --optimizer-state wants the folder of another run of winnow-train"
            )
        checkpoint.load(start.checkpoint, self.model, self.optimizers, self.world)

    def run(self, listener: Listener = lambda note: None) -> None:
        """Works off the remaining steps; `listener` hears each step's note on the leading rank."""
        self.out.mkdir(parents=True, exist_ok=True)
        feed = Feed(
            self.index_path,
            held_out=self.config.held_out,
            micro_tokens=self.config.micro_tokens,
            depths=self.config.model.num_nextn_predict_layers,
            least=self.world.stages,
            rank=self.world.data_rank,
            world_size=self.world.data_size,
        )
        begun = time.perf_counter()
        for step, batches in feed(self.steps[self.progress.steps :]):
            note = self._step(step, [batch.to(self.world.device) for batch in batches])
            now = time.perf_counter()
            note["tokens_per_second"] = round(note["tokens"] / (now - begun))
            begun = now
            if self.world.leads:
                self.history.append(note)
                listener(note)
            last = step.number + 1 == len(self.steps)
            if last or (step.number + 1) % self.config.checkpoint_every == 0:
                self._save()

    def _save(self) -> None:
        folder = self.out / "checkpoints"
        checkpoint.save(folder, self.model, self.optimizers, self.progress, self.world, self.config.keep)

    def _step(self, step: Step, batches: list[Batch]) -> Note:
        config, schedule = self.config, self.config.schedule
        self.model.rotary.base = config.rotary_base or max(step.rotary_base, config.least_rotary_base)
        counts = torch.tensor([counts_of(batch) for batch in batches]).sum(dim=0)
        tokens, next_count, *ahead_counts = self.world.sum(counts.to(self.world.device)).tolist()
        objective = Objective(
            next_count=next_count,
            ahead_counts=ahead_counts,
            prediction_weight=schedule.prediction_weight(step.number),
            balance_weight=config.balance_weight,
            sequences=step.count,
        )
        if self.pipeline is None:
            found = gather_gradient(self.model, batches, objective)
        else:
            found = self.pipeline.gather_gradient(batches, objective)
        total_next, total_balance, *total_ahead = self.world.sum_stages(self.world.sum(found.losses)).tolist()
        loads = self.world.sum_stages(self.world.sum(found.loads))
        norm = clip_gradients(self.model, config.optimizer.clip, self.world)
        if not all(math.isfinite(value) for value in (total_next, *total_ahead, total_balance, norm)):
            raise TrainingError(
                f"step {step.number}: the loss or its gradient is no longer a number (sequences {step.start} to "
                f"{step.start + step.count - 1} of phase {step.phase!r}, epoch {step.epoch}); the last good checkpoint "
                "stays; lower --learning-rate or look at these sequences with `winnow inspect`"
            )
        rate = config.optimizer.learning_rate * schedule.rate_factor(step.number)
        set_rate(self.optimizers, rate)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        own = self.model.rows if isinstance(self.model, Stage) else slice(None)
        for router, load in zip(self.model.routers, loads[own], strict=True):
            correct(router, load, schedule.balance_rate(step.number))
        self.progress = replace(
            self.progress,
            steps=step.number + 1,
            sequences=self.progress.sequences + step.count,
            tokens=self.progress.tokens + tokens,
            length=max(self.progress.length, step.length),
            rotary_base=self.model.rotary.base,
        )
        return {
            "step": step.number,
            "phase": step.phase,
            "length": step.length,
            "rotary_base": self.model.rotary.base,
            "epoch": step.epoch,
            "sequences": self.progress.sequences,
            "tokens": tokens,
            "loss": total_next / max(1, next_count),
            "loss_ahead": mean_ahead(total_ahead, ahead_counts),
            "losses_ahead": [total / max(1, count) for total, count in zip(total_ahead, ahead_counts, strict=True)],
            "balance": total_balance / step.count / max(1, len(loads)),
            "sources": merged(self.world.gather(dict(found.sources))[:: self.world.tensor]),
            "learning_rate": rate,
            "gradient_norm": norm,
            "max_violation": [round(max_violation(load), 4) for load in loads],
            "loads": loads.tolist(),
        }
