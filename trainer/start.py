"""Where a run starts: weights drawn by the seed, a checkpoint in the released layout, or another run of the trainer.

One model reads one tokenizer: what a run starts from must have been trained on the ids that the shards hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from winnow.stages.shards.shard import ShardIndex
from winnow.trainer import checkpoint
from winnow.trainer.config import ModelConfig, TrainingError
from winnow.trainer.model import Transformer

CHECKPOINTS = "checkpoints"


@dataclass(frozen=True, kw_only=True)
class Start:
    """A model in fp32, where its weights come from, and the stages that it has been through, oldest first."""

    model: Transformer
    folder: Path
    checkpoint: Path | None = None  # the trainer's own, which holds the optimizers' state too
    lineage: tuple[Mapping[str, Any], ...] = field(default=())


def start_from(folder: Path, index: ShardIndex, *, check_tokenizer: bool = True) -> Start:
    """The model of a checkpoint in the released layout, or of the last checkpoint of another run's folder.

    Raises `TrainingError` where there is none, where it is damaged, or where its tokenizer isn't the shards'.
    """
    if (folder / CHECKPOINTS).is_dir():
        return _from_run(folder, index)
    from winnow.trainer.export import (
        import_checkpoint,
        lineage_of,
    )  # loads numba: a run from scratch doesn't pay for it

    if check_tokenizer:
        _check(_tokenizer_digest(folder), index, folder)
    return Start(model=import_checkpoint(folder).float(), folder=folder, lineage=lineage_of(folder))


def extended(config: ModelConfig, index: ShardIndex, phases: tuple[str, ...]) -> ModelConfig:
    """The configuration with room for the longest of the phases."""
    longest = max((phase.length for phase in index.phases if phase.sequences and phase.name in phases), default=0)
    return replace(config, max_position_embeddings=max(config.max_position_embeddings, longest))


def _from_run(folder: Path, index: ShardIndex) -> Start:
    found = checkpoint.complete(folder / CHECKPOINTS)
    if not found:
        raise TrainingError(f"{folder / CHECKPOINTS} holds no complete checkpoint to start from")
    progress = checkpoint.progress_of(found[-1])
    _check(progress.inputs.get("tokenizer", ""), index, folder)
    config = ModelConfig(**progress.settings["model"])
    model = Transformer(replace(config, max_position_embeddings=progress.length))
    checkpoint.load_weights(found[-1], model)
    model.rotary.base = progress.rotary_base
    return Start(model=model, folder=folder, checkpoint=found[-1], lineage=checkpoint.lineage(progress))


def _tokenizer_digest(folder: Path) -> str:
    from winnow.tokenizer.load import load

    try:
        return load(str(folder)).digest
    except (OSError, ValueError) as error:
        raise TrainingError(
            f"{folder} holds no tokenizer that can be read ({error}), so nobody can tell whether its ids are the shards'; "
            "put it beside the weights, or pass --unchecked-tokenizer"
        ) from None


def _check(found: str, index: ShardIndex, folder: Path) -> None:
    wanted = str(index.tokenizer.get("digest", ""))
    if found != wanted:
        raise TrainingError(
            f"{folder} was trained with a tokenizer of digest {found}, the shards were encoded with {wanted}: build them "
            f"with `winnow run --after` the run that it was trained on, or with `tokenizer: {{path: {folder}}}`"
        )
