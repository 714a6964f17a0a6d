"""A proxy: a small model trained on one mixture, and the bits that it needs for a byte of each held-out domain.

A unit is one proxy. It mixes, trains with checkpoints, scores, writes `proxies/<name>.json` and removes the rest; killed,
it goes on from its last checkpoint when it is called again.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import torch

from winnow.experiments.held_out import EXCLUDED, ROWS
from winnow.experiments.pool import check_apart
from winnow.experiments.remix import PHASE, Recipe, Remixed, remix
from winnow.pipeline.configuration.reading import ConfigurationError
from winnow.stages.run.unit import Counts, File, Files, Step, Unit, Unworkable, canonical
from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.inspection import read_groups
from winnow.stages.tokens.sample import FOLDER as TOKENIZER_FOLDER
from winnow.stages.tokens.sample import TOKENIZER
from winnow.trainer.config import TrainingError, preset
from winnow.trainer.evaluate import score, spelling_lengths
from winnow.trainer.loop import Training
from winnow.trainer.optimizer import OptimizerConfig
from winnow.trainer.parallel import World
from winnow.trainer.schedule import Schedule
from winnow.trainer.settings import RunConfig

CHECKPOINTS = 4  # of a training: what a kill costs is a quarter of a proxy at the most


@dataclass(frozen=True, kw_only=True)
class Model:
    """What is trained, and how long: a preset of the trainer, `steps` of `batch_tokens` tokens."""

    preset: str
    steps: int
    batch_tokens: int
    learning_rate: float

    @property
    def tokens(self) -> int:
        return self.steps * self.batch_tokens


@dataclass(frozen=True, kw_only=True)
class TrainProxy:
    """A pool, the recipe of its rows, the model and the seed of its weights."""

    pool: Files
    held_out: File
    excluded: File
    tokenizer: File
    recipe: Recipe
    model: Model
    seed: int


@dataclass(frozen=True, kw_only=True)
class Scored:
    """What a proxy came to: tokens by source that it was trained on, bits per byte by domain, and its compute."""

    name: str
    sources: Mapping[str, int]
    languages: Mapping[str, int]
    unmet: tuple[str, ...]
    bits_per_byte: Mapping[str, float]
    held_out_tokens: Mapping[str, int]
    steps: int
    sequences: int
    seed: int

    def share(self, source: str) -> float:
        """The part of the trained tokens that are of a source."""
        return self.sources.get(source, 0) / sum(self.sources.values())


def proxy_path(name: str) -> File:
    return File(f"proxies/{name}.json")


def train_proxy(workspace: Workspace, unit: Unit[TrainProxy]) -> Counts:
    """Writes `proxies/<name>.json`. Raises `Unworkable` for what the trainer refuses, and for text that was held out."""
    asked = unit.asked
    _one_thread()
    folder = _own_folder(workspace, unit)
    excluded = frozenset(json.loads(workspace.read_bytes(asked.excluded)))
    for part in asked.pool:
        if found := check_apart(workspace.read_table(part, columns=["id"]), excluded):
            raise Unworkable(f"{part} holds {found[0]}, which is held out: the experiment would be void")
    pool = Path(workspace.path(asked.pool[0])).parent
    remixed = remix(pool, Path(workspace.path(TOKENIZER_FOLDER)), folder, asked.recipe)
    try:
        scored = _train_and_score(workspace, unit, folder, remixed)
    except TrainingError as error:
        raise Unworkable(str(error)) from None
    content = json.dumps(vars(scored), ensure_ascii=False, indent=1) + "\n"
    workspace.write_bytes(proxy_path(unit.name), content.encode())
    shutil.rmtree(folder)
    return {"sequences": scored.sequences, "tokens": sum(scored.sources.values())}


def _one_thread() -> None:
    """As `winnow-train` sets a process up, on one thread: proxies run beside each other, and equal seeds give equal losses."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    torch.use_deterministic_algorithms(True)


def _own_folder(workspace: Workspace, unit: Unit[TrainProxy]) -> Path:
    """Where this proxy works: what the same name was asked otherwise left no checkpoint here."""
    mark = hashlib.blake2b(json.dumps(canonical(unit.asked), sort_keys=True).encode(), digest_size=6).hexdigest()
    place = Path(workspace.path("work"))
    for other in place.glob(f"{unit.name}@*"):
        if other.name != f"{unit.name}@{mark}":
            shutil.rmtree(other)
    return place / f"{unit.name}@{mark}"


def _train_and_score(workspace: Workspace, unit: Unit[TrainProxy], folder: Path, remixed: Remixed) -> Scored:
    asked, model = unit.asked, unit.asked.model
    summary = json.loads(workspace.read_bytes(asked.tokenizer))
    config = RunConfig(
        model=preset(model.preset, vocab_size=int(summary["vocabulary_size"])),
        schedule=Schedule(steps=model.steps),
        optimizer=OptimizerConfig(learning_rate=model.learning_rate),
        batch_tokens=model.batch_tokens,
        micro_tokens=model.batch_tokens,
        phases=(PHASE,),
        held_out=0.0,
        seed=asked.seed,
        checkpoint_every=max(1, model.steps // CHECKPOINTS),
        keep=1,
    )
    training = Training(str(folder), folder / "model", config, World())
    training.resume()
    training.run()
    spelled = spelling_lengths(workspace.path(str(summary["path"])))
    rows = chain.from_iterable(
        (batch.select(slice(row, row + 1)) for row in range(len(batch)))
        for batch in read_groups(workspace.path(asked.held_out))
    )
    found = score(training.model.eval(), rows, spelled)["sources"]
    return Scored(
        name=unit.name,
        sources=remixed.sources,
        languages=remixed.languages,
        unmet=tuple(remixed.unmet),
        bits_per_byte={domain: figures["bits_per_byte"] for domain, figures in found.items()},
        held_out_tokens={domain: figures["tokens"] for domain, figures in found.items()},
        steps=training.progress.steps,
        sequences=training.progress.sequences,
        seed=asked.seed,
    )


def read_scored(workspace: Workspace, name: str) -> Scored:
    fields: dict[str, Any] = json.loads(workspace.read_bytes(proxy_path(name)))
    return Scored(**{**fields, "unmet": tuple(fields["unmet"])})


def check_model(model: Model, length: int) -> None:
    """Raises `ConfigurationError` for a preset that there isn't, or a step that isn't whole rows of `length` tokens."""
    try:
        preset(model.preset)
    except TrainingError as error:
        raise ConfigurationError(f"--preset: {error}") from None
    if model.batch_tokens % length:
        raise ConfigurationError(f"--batch-tokens {model.batch_tokens} is no multiple of --length {length}")


def check_equal_compute(scored: list[Scored]) -> None:
    """Raises `Unworkable` unless all were trained on as much and scored on the same."""
    kinds = {(one.steps, one.sequences, tuple(sorted(one.held_out_tokens.items()))) for one in scored}
    if len(kinds) > 1:
        raise Unworkable(f"the proxies differ in steps, sequences or held-out tokens: {sorted(kinds)[:2]}")


PROXY = Step(name="proxy", version=1, work=train_proxy)
VALIDATION = Step(name="validation", version=1, work=train_proxy)


def proxy_unit(name: str, *, pool: Files, recipe: Recipe, model: Model, seed: int) -> Unit[TrainProxy]:
    asked = TrainProxy(
        pool=pool,
        held_out=ROWS,
        excluded=EXCLUDED,
        tokenizer=TOKENIZER,
        recipe=recipe,
        model=model,
        seed=seed,
    )
    return Unit(name=name, asked=asked)
