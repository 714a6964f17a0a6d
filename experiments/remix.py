"""Remix: a mixture as shards, from tokens that are there, by the steps of a run as they are.

A folder of its own stands in for a run: the pool is its `tokens/`, and histogram, solution, scattering and packing work
there as in any run. Of the rows that come of it exactly as many are kept as the proxy reads, so that all read as much.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from winnow.experiments.pool import MARGIN
from winnow.pipeline.planning.plan_shards import Layout, mixing_steps
from winnow.stages.mixing.mixture import Mixture, Phase
from winnow.stages.run.unit import Unworkable
from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.emit import Method
from winnow.stages.shards.inspection import read_groups
from winnow.stages.shards.sequences import Sequences
from winnow.stages.shards.shard import Phase as ShardPhase
from winnow.stages.shards.shard import build_index, write_shard
from winnow.stages.tokens.sample import FOLDER as TOKENIZER_FOLDER
from winnow.stages.tokens.sample import TOKENIZER

PHASE = "proxy"
ROTARY_BASE = 10_000.0


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What becomes of a pool: its mixture (of `rows` × `length` tokens), packed by a method."""

    mixture: Mixture
    method: Method
    length: int
    rows: int
    loss_mask: bool
    seed: int


@dataclass(frozen=True)
class Remixed:
    """The tokens that the rows hold, by source and by language, and what of the mixture couldn't be met."""

    sources: dict[str, int]
    languages: dict[str, int]
    unmet: list[str]


def remix(pool: Path, tokenizer: Path, folder: Path, recipe: Recipe) -> Remixed:
    """Writes `folder/shards/`, a run to train on, from the pool's parts; seconds for a proxy's worth of tokens.

    Raises `Unworkable` where the pool gives fewer rows than were asked for.
    """
    mixed = Workspace(str(folder / "mixed"))
    for name, target in (("tokens", pool), (TOKENIZER_FOLDER, tokenizer)):
        _link(folder / "mixed" / name, target)
        if name == TOKENIZER_FOLDER:
            _link(folder / name, target)
    cut = recipe.method == Method.CONCATENATE
    phase = Phase(name=PHASE, length=recipe.length, share=1.0, splits=cut)
    parts = sorted(path.stem for path in pool.glob("*.parquet"))
    layout = Layout(method=recipe.method, seed=recipe.seed, buckets=[1], loss_mask=recipe.loss_mask)
    for step, units in mixing_steps(parts, recipe.mixture, [phase], layout):
        for unit in units:
            step.work(mixed, unit)
    dealt = Workspace(str(folder))
    sources: Counter[str] = Counter()
    languages: Counter[str] = Counter()

    def counted() -> Iterator[Sequences]:
        for batch in _rows(mixed, recipe.rows):
            lengths = batch.lengths.tolist()
            sources.update(_summed(batch.segments.field("source").to_pylist(), lengths))
            languages.update(_summed(batch.segments.field("language").to_pylist(), lengths))
            yield batch

    counts = write_shard(dealt, f"shards/{PHASE}/00000.parquet", counted())
    if counts["sequences"] < recipe.rows:
        raise Unworkable(
            f"the mixture gives {counts['sequences']:,} of {recipe.rows:,} rows of {recipe.length:,} tokens within its "
            "epochs: fewer steps, or a smaller share of what is scarce"
        )
    summary = json.loads(dealt.read_bytes(TOKENIZER))
    build_index(
        dealt,
        stage=PHASE,
        dtype=summary["dtype"],
        tokenizer={name: summary[name] for name in ("path", "digest", "vocabulary_size")},
        phases=[ShardPhase(name=PHASE, length=recipe.length, rotary_base=ROTARY_BASE)],
    )
    unmet = json.loads(mixed.read_bytes("mix/plan.json"))["unmet"]
    return Remixed(dict(sources), dict(languages), unmet)


def asked_tokens(rows: int, length: int) -> int:
    """Tokens to ask of the mixture so that packing gives so many rows at least."""
    return round(MARGIN * rows * length)


def _rows(mixed: Workspace, count: int) -> Iterator[Sequences]:
    """The first rows of what was packed: packing has shuffled them."""
    for path in mixed.list("shards", ".parquet"):
        for batch in read_groups(mixed.path(path)):
            yield batch.select(slice(0, count))
            count -= len(batch)
            if count <= 0:
                return


def _summed(names: list[str | None], lengths: list[int]) -> Counter[str]:
    found: Counter[str] = Counter()
    for name, length in zip(names, lengths, strict=True):
        found[name or ""] += length
    return found


def _link(place: Path, target: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if not place.is_symlink():
        os.symlink(target.resolve(), place)
