"""A made-up run of any size, with the columns of a real one: ids and addresses that nothing compresses, measures, drops.

A third of the documents is dropped: those of too few words by the manifest's own rule, the rest by chance by four others,
of which near-duplicates name a document of their part that stays. What stays is packed into shards, a segment each. A second
run beside it has the same documents and another bound.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from winnow.pipeline.proof.lock import PATH as LOCK
from winnow.stages.document import DOCUMENT
from winnow.stages.run.drops import DROP, write_drops
from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.sequences import SEGMENT, Sequences
from winnow.stages.shards.shard import Phase, build_index, write_shard

PART = 50_000
GROUP = 5_000  # documents of a row group
WORDS = 40  # of a text
TOKENS = 8  # of a document in the shards
LENGTH = 512
SOURCES = ("web", "books", "code", "papers")
LANGUAGES = np.array(["en", "zh", "de", "fr"])
MEASURES = (
    "words.non_symbol_count",
    "words.non_symbol_mean_length",
    "words.hashes_per_word",
    "words.ellipses_per_word",
    "lines.bullet_fraction",
    "lines.ellipsis_fraction",
    "words.letter_fraction",
    "words.gopher_stop_words",
)
DECIDING = MEASURES[0]
BOUNDS = (30.0, 40.0)  # words that the two runs ask for
BY_CHANCE = (
    "decide/repeated",
    "deduplicate.exact/text",
    "deduplicate.minhash/jaccard",
    "decontaminate/benchmark",
)
SHORT = "decide/gopher_quality.words"


@dataclass(frozen=True)
class Made:
    """How many documents each rule drops in the first run; of how many, by what became of them there, the second run's
    bound makes something else. What became of a document is `stage/rule`, or nothing where it stays."""

    dropped: dict[str, int]
    moved: dict[str, int]


def make(folder: Path, documents: int) -> Made:
    """Writes `folder/run` and `folder/other`."""
    runs = [Workspace(str(folder / name)) for name in ("run", "other")]
    counted: Counter[str] = Counter()
    moved: Counter[str] = Counter()
    for number in range(0, documents, PART):
        part = f"{SOURCES[number // PART % 4]}-{number // PART:05d}"
        rng = np.random.default_rng(number)
        ids, words = _documents(runs[0], part, min(PART, documents - number), rng)
        chance = np.where(rng.random(len(ids)) < 0.2, rng.integers(0, len(BY_CHANCE), len(ids)), -1)
        reasons = [_reasons(words, bound, chance) for bound in BOUNDS]
        counted.update(reasons[0].tolist())
        moved.update(reasons[0][reasons[0] != reasons[1]].tolist())
        for workspace, bound, why in zip(runs, BOUNDS, reasons, strict=True):
            _drop(workspace, part, ids, words, bound, why)
        _pack(runs[0], part, ids[reasons[0] == ""], rng)
        for kind in ("documents", "attributes"):
            target = folder / "other" / kind / f"{part}.parquet"
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(folder / "run" / kind / f"{part}.parquet", target)
    stages = ["decide", "deduplicate.exact", "deduplicate.minhash", "decontaminate"]
    for workspace, bound in zip(runs, BOUNDS, strict=True):
        workspace.write_bytes("plan.json", json.dumps({"steps": ["ingest", "measure", *stages]}).encode())
        workspace.write_bytes(LOCK, json.dumps(_lock(bound)).encode())
    packed = Phase(name="length-512", length=LENGTH, rotary_base=1e4)
    build_index(runs[0], stage="mid", dtype=np.uint16, tokenizer={}, phases=[packed])
    counted.pop("", None)
    return Made(dict(counted), dict(moved))


def _documents(
    workspace: Workspace, part: str, rows: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.str_], npt.NDArray[np.float64]]:
    """Writes the part's documents and measures; their ids and numbers of words."""
    source = part.partition("-")[0]
    drawn = rng.bytes(16 * rows).hex()
    ids = [drawn[place : place + 32] for place in range(0, len(drawn), 32)]
    spoken = pa.array("the quick brown fox jumps over a lazy dog while rain falls on old stones".split())  # noqa: SIM905
    words = spoken.take(pa.array(rng.integers(0, len(spoken), rows * WORDS)))
    lines = pa.ListArray.from_arrays(pa.array(range(0, rows * WORDS + 1, WORDS), pa.int32()), words)
    languages = LANGUAGES[rng.integers(0, len(LANGUAGES), rows)].tolist()
    columns = {
        "id": ids,
        "text": pc.binary_join(lines, " "),
        "source": [source] * rows,
        "kind": ["web"] * rows,
        "locator": [f"{source}/{part}.warc.gz@{row}" for row in range(rows)],
        "url": [f"https://{name[:8]}.example/{name[8:14]}" for name in ids],
        "language": languages,
    }
    arrays = [
        pa.array(columns[field.name], field.type) if field.name in columns else pa.nulls(rows, field.type)
        for field in DOCUMENT
    ]
    workspace.write_table(f"documents/{part}.parquet", pa.table(arrays, schema=DOCUMENT), row_group_size=GROUP)
    measured = {"id": ids, "source": [source] * rows, "kind": ["web"] * rows, "language.label": languages}
    values = {name: rng.gamma(2.0, 40.0, rows) for name in MEASURES}
    workspace.write_table(f"attributes/{part}.parquet", pa.table({**measured, **values}), row_group_size=GROUP)
    return np.array(ids), values[DECIDING]


def _reasons(words: npt.NDArray[np.float64], bound: float, chance: npt.NDArray[np.int64]) -> npt.NDArray[np.str_]:
    """For each document `stage/rule`, or nothing where it stays: it meets the filter first."""
    return np.where(words < bound, SHORT, np.array([*BY_CHANCE, ""])[chance])


def _drop(
    workspace: Workspace,
    part: str,
    ids: npt.NDArray[np.str_],
    words: npt.NDArray[np.float64],
    bound: float,
    reasons: npt.NDArray[np.str_],
) -> None:
    kept = np.flatnonzero(reasons == "")
    for stage in sorted({reason.partition("/")[0] for reason in (SHORT, *BY_CHANCE)}):
        rows = np.flatnonzero(np.char.startswith(reasons, f"{stage}/"))
        values = [f"{words[row]:.4g}" for row in rows]
        if stage == "deduplicate.minhash":
            values = [f"{ids[kept[row % len(kept)]]} 0.83" for row in rows]
        table = {
            "id": ids[rows].tolist(),
            "locator": [f"{part}@{row}" for row in rows],
            "source": [part.partition("-")[0]] * len(rows),
            "stage": [stage] * len(rows),
            "rule": [reason.partition("/")[2] for reason in reasons[rows].tolist()],
            "value": values,
            "threshold": [f"≥ {bound:g}"] * len(rows),
            "row": rows,
        }
        arrays = [pa.array(table[field.name], field.type) for field in DROP]
        write_drops(workspace, stage, part, pa.table(arrays, schema=DROP))


def _pack(workspace: Workspace, part: str, ids: npt.NDArray[np.str_], rng: np.random.Generator) -> None:
    """A shard of the documents that stay, `TOKENS` of each."""
    ids = rng.permutation(ids)
    rows = -(-len(ids) * TOKENS // LENGTH)
    columns: dict[str, Any] = {
        "document": ids.tolist(),
        "source": [part.partition("-")[0]] * len(ids),
        "language": ["en"] * len(ids),
        "position": np.arange(len(ids)) * TOKENS % LENGTH,
        "length": np.full(len(ids), TOKENS),
        "offset": np.zeros(len(ids), int),
        "continued": np.zeros(len(ids), bool),
    }
    segments = pa.StructArray.from_arrays([pa.array(columns[f.name], f.type) for f in SEGMENT], fields=list(SEGMENT))
    bounds = np.minimum(np.arange(rows + 1) * (LENGTH // TOKENS), len(ids))
    tokens = rng.integers(0, 60_000, (rows, LENGTH)).astype(np.uint16)
    write_shard(
        workspace, f"shards/length-512/{part}.parquet", Sequences(input_ids=tokens, segments=segments, bounds=bounds)
    )


def _lock(bound: float) -> dict[str, Any]:
    """As much of a lock as the pages read of it."""
    rules = {"words": {"minimum": bound, "maximum": None}}
    return {
        "manifest": {
            "stage": "mid",
            "seed": 1,
            "filters": [{"recipe": "gopher_quality", "kinds": ["web"], "thresholds": rules}],
            "mixture": {"sources": {source: 25 for source in SOURCES}},
            "curriculum": [{"length": LENGTH, "share": 100}],
        },
        "profile": {"sources": {source: [{"kind": "web", "paths": [f"{source}/*.warc.gz"]}] for source in SOURCES}},
        "environments": {},
        "inputs": [],
        "outputs": {},
        "steps": [{"step": "ingest", "digest": "the same"}],
    }
