"""The pool: what proxies draw from, a thinned copy of a run's tokens without anything that is held out.

A full run of T tokens repeats a source of A tokens, of which it takes a share w, w·T/A times. A proxy of t tokens on all A
of them would repeat it t/T as often and never show what repetition costs. So each cell (source, language, quality
bucket) is thinned to t/T of its tokens, window by window in the order of a draw: any mixture then repeats each source as
often in the proxy as it would in the full run (Muennighoff et al. 2023, arXiv 2305.16264, for what repetition costs).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from winnow.experiments.corpus import Corpus, Documents, cell_names
from winnow.experiments.held_out import EXCLUDED, ROWS
from winnow.experiments.overlap import overlap, windows_of
from winnow.experiments.windows import cut, document_of, windows_in
from winnow.stages.run.chance import draws
from winnow.stages.run.unit import Counts, File, Files, Place, Step, Unit
from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.inspection import read_groups
from winnow.stages.tokens.sample import FOLDER as TOKENIZER_FOLDER
from winnow.stages.tokens.schema import list_lengths, list_offsets, list_values, tokens_path

MARGIN = 1.05  # of the tokens wanted: packing leaves padding, and a proxy's rows must be full in number
MOST_OVERLAP = 0.25  # of a window's runs of 16 tokens may stand in held-out text
PURPOSE = "pool"
ALL = (1 << 64) - 1


@dataclass(frozen=True, kw_only=True)
class CopyTokenizer:
    """The tokenizer that all arms share."""

    run: Place
    digest: str


@dataclass(frozen=True, kw_only=True)
class Thin:
    """Up to which draw windows are taken in each cell of a corpus, so that `share` of its tokens is."""

    corpus: Corpus
    excluded: File
    length: int
    share: float
    seed: int


@dataclass(frozen=True, kw_only=True)
class PoolPart:
    """A part of a run's tokens, what is excluded and how far each cell is drawn."""

    corpus: Corpus
    part: str
    excluded: File
    held_out: File
    limits: File
    length: int
    seed: int


def copy_tokenizer(workspace: Workspace, unit: Unit[CopyTokenizer]) -> Counts:
    """Writes `tokenizer/` as the run has it."""
    source = Workspace(unit.asked.run)
    for path in source.list(TOKENIZER_FOLDER):
        workspace.write_bytes(path, source.read_bytes(path))
    return {}


def limits_path(corpus: str) -> File:
    return File(f"pools/{corpus}.limits.json")


def pool_path(corpus: str, part: str) -> File:
    return File(f"pools/{corpus}/{part}.parquet")


def thin(workspace: Workspace, unit: Unit[Thin]) -> Counts:
    """Writes the limit of each cell's draws: one pass over the run's ids and lengths."""
    asked = unit.asked
    documents = asked.corpus.documents()
    excluded = frozenset(json.loads(workspace.read_bytes(asked.excluded)))
    limits = limits_of(documents, excluded, share=asked.share, length=asked.length, seed=asked.seed)
    workspace.write_bytes(limits_path(asked.corpus.name), (json.dumps(limits, ensure_ascii=False, indent=1)).encode())
    return {"cells": len(limits)}


def limits_of(
    documents: Documents, excluded: frozenset[str], *, share: float, length: int, seed: int
) -> dict[str, int]:
    """For each cell the last draw that is taken. What is left of a cell may be less than its share: then all of it."""
    ids = documents.table["id"].to_pylist()
    kept = np.array([document not in excluded for document in ids], dtype=bool)
    limits = {}
    for name, rows in documents.cells():
        wanted = share * float(documents.lengths[rows].sum())
        inside = rows[kept[rows]]
        windows = windows_in(documents.table["id"].take(pa.array(inside)), documents.lengths[inside], length)
        drawn = draws(windows.ids, seed, PURPOSE)
        order = np.argsort(drawn, kind="stable")
        enough = np.flatnonzero(np.cumsum(windows.size[order]) >= wanted)
        limits[name] = int(drawn[order[enough[0]]]) if len(enough) else ALL
    return limits


def pool_part(workspace: Workspace, unit: Unit[PoolPart]) -> Counts:
    """Writes `pools/<corpus>/<part>.parquet`: the drawn windows that don't repeat held-out text."""
    asked = unit.asked
    excluded = pa.array(json.loads(workspace.read_bytes(asked.excluded)), pa.string())
    limits = json.loads(workspace.read_bytes(asked.limits))
    table = asked.corpus.workspace.read_table(tokens_path(asked.part))
    table = table.filter(pa.compute.invert(pa.compute.is_in(table["id"], excluded)))
    windows = windows_in(table["id"], list_lengths(table["tokens"]), asked.length)
    most = np.array([limits[name] for name in cell_names(table)], dtype=np.uint64)
    chosen = np.flatnonzero(draws(windows.ids, asked.seed, PURPOSE) <= most[windows.row])
    drawn = cut(table, windows, chosen, asked.length)
    fresh = is_new(drawn, seen_in(workspace.path(asked.held_out)))
    kept = drawn.filter(pa.array(fresh))
    workspace.write_table(pool_path(asked.corpus.name, asked.part), kept)
    return {
        "windows": kept.num_rows,
        "tokens": int(list_lengths(kept["tokens"]).sum()),
        "repeating": int((~fresh).sum()),
    }


def seen_in(rows: str) -> npt.NDArray[np.uint64]:
    """The runs of 16 tokens of a shard of held-out text."""
    return windows_of(np.concatenate([batch.input_ids.reshape(-1) for batch in read_groups(rows)]))


def is_new(table: pa.Table, seen: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    """Which rows of a table of tokens repeat less than a quarter of themselves from held-out text."""
    values, starts = list_values(table["tokens"]), list_offsets(table["tokens"])
    return np.array(
        [overlap(values[starts[row] : starts[row + 1]], seen) < MOST_OVERLAP for row in range(table.num_rows)],
        dtype=bool,
    )


def check_apart(pool: pa.Table, excluded: frozenset[str]) -> list[str]:
    """The documents of a pool that are held out: none, or the experiment is void."""
    return sorted({document_of(window) for window in pool["id"].to_pylist()} & excluded)


COPY_TOKENIZER = Step(name="tokenizer", version=1, work=copy_tokenizer)
THIN = Step(name="pool.thin", version=1, work=thin)
POOL = Step(name="pool", version=1, work=pool_part)


def tokenizer_unit(corpus: Corpus) -> Unit[CopyTokenizer]:
    return Unit(name="tokenizer", asked=CopyTokenizer(run=corpus.run, digest=str(corpus.tokenizer["digest"])))


def thin_units(shares: Mapping[Corpus, float], *, length: int, seed: int) -> list[Unit[Thin]]:
    """One unit a corpus, with the share of its tokens that proxies draw from."""
    return [
        Unit(
            name=corpus.name,
            asked=Thin(corpus=corpus, excluded=EXCLUDED, length=length, share=min(1.0, MARGIN * share), seed=seed),
        )
        for corpus, share in shares.items()
    ]


def pool_units(corpus: Corpus, *, length: int, seed: int) -> list[Unit[PoolPart]]:
    """One unit a part of the run's tokens."""
    return [
        Unit(
            name=f"{corpus.name}.{part}",
            asked=PoolPart(
                corpus=corpus,
                part=part,
                excluded=EXCLUDED,
                held_out=ROWS,
                limits=limits_path(corpus.name),
                length=length,
                seed=seed,
            ),
        )
        for part in corpus.parts
    ]


def pool_files(corpus: Corpus) -> Files:
    return tuple(pool_path(corpus.name, part) for part in corpus.parts)
