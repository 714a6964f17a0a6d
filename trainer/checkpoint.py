"""Checkpoints: whole or not there, checked before use, loadable on any number of ranks, bound to their shards."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.distributed.checkpoint as dcp
from torch import nn
from torch.distributed.checkpoint.state_dict import get_state_dict, set_state_dict
from torch.distributed.tensor import DTensor

from winnow.stages.run.workspace import flush_folder
from winnow.trainer import storage
from winnow.trainer.config import TrainingError
from winnow.trainer.parallel import World
from winnow.trainer.settings import FREE

STATE = "state.json"
_NAME = re.compile(r"step-(\d{8})")


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where a run stands: `steps` done, `sequences` consumed by all ranks together, and what it was trained on."""

    steps: int
    sequences: int
    tokens: int
    length: int  # of the longest sequences so far, those before this run included
    rotary_base: float  # of the last step
    inputs: dict[str, str]  # digests of the run's lock, tokenizer and shards, by path
    settings: dict[str, Any] = field(default_factory=dict)
    stage: str = ""
    before: tuple[Mapping[str, Any], ...] = ()  # the stages that the model had been through


def save(
    folder: Path, model: nn.Module, optimizers: list[torch.optim.Optimizer], progress: Progress, world: World, keep: int
) -> Path:
    """Writes `folder/step-N`, under another name until it is complete, and removes all but the last `keep`."""
    target = folder / f"step-{progress.steps:08d}"
    temporary = folder / f".{target.name}.tmp"
    if world.leads:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
    world.wait()
    weights, state = get_state_dict(model, optimizers)
    with _without_warnings():
        writer = storage.Writer(temporary)
        dcp.save(_tensors(weights, state), storage_writer=writer, no_dist=world.size == 1)
    if world.leads:
        (temporary / STATE).write_text(json.dumps(asdict(progress), indent=1, ensure_ascii=False) + "\n")
        told = {name: storage.digest_of(temporary / name) for name in (STATE, storage.LAYOUT)}
        storage.write_digests(temporary, writer.digests | told)
        _flush(temporary)
        shutil.rmtree(target, ignore_errors=True)
        os.replace(temporary, target)
        for old in complete(folder)[:-keep]:
            shutil.rmtree(old)
    world.wait()
    return target


def lineage(progress: Progress) -> tuple[dict[str, Any], ...]:
    """The stages that the model has been through, this one last: stage, digest of the run's lock, steps, tokens."""
    mine = {
        "stage": progress.stage,
        "lock": progress.inputs.get("lock.json"),
        "steps": progress.steps,
        "tokens": progress.tokens,
    }
    return (*map(dict, progress.before), mine)


def complete(folder: Path) -> list[Path]:
    """The finished checkpoints, oldest first."""
    return sorted(path for path in folder.glob("step-*") if _NAME.fullmatch(path.name) and (path / STATE).exists())


def progress_of(checkpoint: Path) -> Progress:
    """Where a run stood. Raises `TrainingError` where that is damaged."""
    wrong = storage.check(checkpoint, storage.read_digests(checkpoint), [STATE])
    if wrong:
        raise TrainingError(wrong)
    try:
        return Progress(**json.loads((checkpoint / STATE).read_text()))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise TrainingError(f"{checkpoint / STATE} can't be read: {error}") from error


def load(checkpoint: Path, model: nn.Module, optimizers: list[torch.optim.Optimizer], world: World) -> Progress:
    """Fills model and optimizers, however they are sharded now, and tells where the run stands.

    The options of the optimizers are those they were made with: `check_settings` has seen that they are the checkpoint's.
    Raises `TrainingError` for the first file that isn't as it was written.
    """
    progress = progress_of(checkpoint)
    check(checkpoint, world)
    weights, state = get_state_dict(model, optimizers)
    try:
        with _without_warnings():
            reader = storage.Reader(checkpoint)
            dcp.load(_tensors(weights, state), storage_reader=reader, no_dist=world.size == 1)
    except (OSError, dcp.api.CheckpointException) as error:
        raise TrainingError(
            f"{checkpoint} can't be loaded: {_said(error)}; remove it to go on from the one before"
        ) from None
    set_state_dict(model, optimizers, model_state_dict=weights, optim_state_dict=state)
    return progress


def _said(error: BaseException) -> str:
    """What went wrong, without the tracebacks of all ranks."""
    if isinstance(error, dcp.api.CheckpointException):
        return "; ".join(dict.fromkeys(str(failure[0]) for failure in error.failures.values()))
    return str(error)


def load_weights(checkpoint: Path, model: nn.Module) -> Progress:
    """Fills only the model, in one process. Raises `TrainingError` for the first file that isn't as it was written."""
    check(checkpoint, World())
    weights = model.state_dict()
    with _without_warnings():
        dcp.load({"model": weights}, storage_reader=storage.Reader(checkpoint), no_dist=True)
    model.load_state_dict(weights)
    return progress_of(checkpoint)


def check(checkpoint: Path, world: World) -> None:
    """Compares each file with its digest, the ranks sharing them out; all raise `TrainingError` for the first that differs."""
    digests = storage.read_digests(checkpoint)
    found = world.gather(storage.check(checkpoint, digests, sorted(digests)[world.rank :: world.size]))
    for wrong in found:
        if wrong is not None:
            raise TrainingError(str(wrong))


def check_settings(checkpoint: Path, progress: Progress, settings: Mapping[str, Any]) -> None:
    """Raises `TrainingError` for the first setting that would make other steps of the rest of the run."""
    asked = json.loads(json.dumps(settings))  # as the state file holds them: lists in place of tuples
    for name in sorted(asked.keys() - FREE):
        if name in progress.settings and progress.settings[name] != asked[name]:
            raise TrainingError(
                f"{checkpoint}: trained with {name} {progress.settings[name]}, asked for {asked[name]}; "
                "resume with the same settings, or train in another folder"
            )


def check_inputs(checkpoint: Path, progress: Progress, found: dict[str, str]) -> None:
    """Refuses to go on with other shards than the checkpoint's, naming the first that differs."""
    for path in sorted(progress.inputs.keys() | found.keys()):
        before, now = progress.inputs.get(path, "absent"), found.get(path, "absent")
        if before != now:
            raise TrainingError(
                f"{path} changed since {checkpoint.name} was written: digest {before} then, {now} now; "
                "restore the run, or train into another folder"
            )


def digest_weights(model: nn.Module) -> str:
    """BLAKE2b-128 over all parameters and buffers, by name; every rank must call it."""
    summary = hashlib.blake2b(digest_size=16)
    for name, tensor in sorted(model.state_dict().items()):
        full = tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
        summary.update(name.encode())
        summary.update(full.detach().cpu().contiguous().view(torch.uint8).numpy().data)
    return summary.hexdigest()


def _tensors(weights: Mapping[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
    """Weights and the optimizers' state by parameter: all that a checkpoint holds of them."""
    kept = {
        name: {key: value for key, value in values.items() if isinstance(value, torch.Tensor)}
        for name, values in state["state"].items()
    }
    return {"model": dict(weights), "optimizer": {"state": kept}}


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Silences the remark that one process saves alone, which is what it was asked to do."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="torch.distributed is disabled")
        yield


def _flush(folder: Path) -> None:
    """To the disk before the rename, so that a power cut can't leave a complete name with incomplete files."""
    for path in [*folder.rglob("*"), folder]:
        if path.is_dir():
            flush_folder(str(path))
            continue
        with path.open("rb") as stream:
            os.fsync(stream.fileno())
