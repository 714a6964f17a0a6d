"""Mix: which documents are used, how often, and in which phase.

Three steps. `histogram` counts the tokens of each part by cell and by bin of the document's draw (of many parts,
`histogram.sum` adds them up in groups, so that no worker reads them all). `solve` finds how many tokens each phase takes
of each cell (`balance`) and which documents these are (`bounds`). With that plan every part can `select` its rows alone.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from winnow.stages.consumed import Consumed, left
from winnow.stages.mixing.balance import Solution, balance
from winnow.stages.mixing.bounds import BINS, Bounds, Line, place_bounds
from winnow.stages.mixing.mixture import OTHER, Cell, Mixture, Phase, length_class, named_languages, overall
from winnow.stages.run.chance import draws
from winnow.stages.run.exchange import MOST_FILES
from winnow.stages.run.unit import Counts, File, Files, Step, Unit, Units
from winnow.stages.run.workspace import Workspace
from winnow.stages.tokens.schema import list_lengths, tokens_path

PURPOSE = "mix"
DRAW_TO_BIN = np.uint64(64 - BINS.bit_length() + 1)
PLAN = File("mix/plan.json")
CELL = ("source", "language", "bucket", "length")
HISTOGRAM = pa.schema(
    [
        pa.field("source", pa.string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        pa.field("bucket", pa.int8(), nullable=False),
        pa.field("length", pa.int64(), nullable=False),  # see `Cell.length`
        pa.field("bin", pa.int32(), nullable=False),
        pa.field("tokens", pa.int64(), nullable=False),
        pa.field("documents", pa.int64(), nullable=False),
    ]
)


@dataclass(frozen=True, kw_only=True)
class HistogramPart:
    """The tokens of a part; `languages` are those that the mixture names."""

    tokens: File
    phases: tuple[Phase, ...]
    seed: int
    languages: tuple[str, ...]
    consumed: Consumed | None = None


@dataclass(frozen=True, kw_only=True)
class SumHistograms:
    """The histograms of some parts."""

    histograms: Files


@dataclass(frozen=True, kw_only=True)
class SolveMixture:
    """The histograms of all parts, or the sums of them, and what is asked."""

    histograms: Files
    mixture: Mixture
    phases: tuple[Phase, ...]


def histogram_path(part: str) -> File:
    return File(f"mix/histogram/{part}.parquet")


def histogram_part(workspace: Workspace, unit: Unit[HistogramPart]) -> Counts:
    """Writes `mix/histogram/<part>.parquet`."""
    asked = unit.asked
    tokens = workspace.read_table(asked.tokens)
    fresh = left(tokens, asked.consumed)
    rows = describe(fresh, asked.phases, asked.seed, asked.languages)
    counted = rows.append_column("documents", pa.array(np.ones(rows.num_rows, np.int64)))
    workspace.write_table(histogram_path(unit.name), _summed(counted))
    counts = {"documents": rows.num_rows, "tokens": int(rows["tokens"].to_numpy().sum())}
    if asked.consumed is not None:
        whole = int(list_lengths(tokens["tokens"]).sum())
        counts |= {
            "consumed_documents": tokens.num_rows - fresh.num_rows,
            "consumed_tokens": whole - counts["tokens"],
        }
    return counts


def sum_histograms(workspace: Workspace, unit: Unit[SumHistograms]) -> Counts:
    """Writes the sum of some histograms: as large as one of them, once its cells and bins are all there."""
    counted = _summed(pa.concat_tables([workspace.read_table(name) for name in unit.asked.histograms]))
    workspace.write_table(_sum_path(unit.name), counted)
    return {"histograms": len(unit.asked.histograms)}


def _summed(counted: pa.Table) -> pa.Table:
    """Tokens and documents by cell and bin, sorted by these."""
    whole = counted.group_by([*CELL, "bin"], use_threads=False).aggregate([("tokens", "sum"), ("documents", "sum")])
    whole = whole.rename_columns({"tokens_sum": "tokens", "documents_sum": "documents"}).select(HISTOGRAM.names)
    return whole.sort_by([(name, "ascending") for name in (*CELL, "bin")]).cast(HISTOGRAM)


def _sum_path(name: str) -> File:
    return File(f"mix/sums/{name}.parquet")


def describe(tokens: pa.Table, phases: Sequence[Phase], seed: int, languages: Sequence[str]) -> pa.Table:
    """The cell, bin and number of tokens of each tokenized document. What isn't in `languages` is `other`: cells that the
    mixture doesn't tell apart would only be smaller, and harder to fill."""
    lengths = list_lengths(tokens["tokens"])
    bins = (draws(tokens["id"], seed, PURPOSE) >> DRAW_TO_BIN).astype(np.int32)
    named = pc.is_in(tokens["language"], value_set=pa.array(languages, pa.string()))
    columns = {
        "source": tokens["source"],
        "language": pc.if_else(named, tokens["language"], OTHER),
        "bucket": tokens["bucket"],
        "length": pa.array(length_class(phases, lengths)),
        "bin": pa.array(bins),
        "tokens": pa.array(lengths),
    }
    return pa.table(columns)


def solve(workspace: Workspace, unit: Unit[SolveMixture]) -> Counts:
    """Writes `mix/plan.json` from all histograms. Raises `MixtureError`."""
    mixture, phases = unit.asked.mixture, unit.asked.phases
    counted = pa.concat_tables([workspace.read_table(name) for name in unit.asked.histograms])
    cells, lines = _by_cell(counted)
    available = np.array([line.whole for line in lines], dtype=np.float64)
    capacity = available * [mixture.cap(cell.source, cell.bucket) for cell in cells]
    if mixture.natural:
        there: Counter[str] = Counter()
        for cell, tokens in zip(cells, capacity.tolist(), strict=True):
            there[cell.source] += tokens
        mixture = replace(mixture, sources=dict(there))
    solution = balance(cells, available, mixture, phases, _sequences(lines, phases))
    own = any(phase.sources for phase in phases)
    bounds = place_bounds(cells, lines, solution.amounts, capacity, by_source=own)
    plan = {
        "languages": named_languages(mixture, phases),
        "phases": [
            {"name": phase.name, "length": phase.length, "tokens": int(tokens)}
            for phase, tokens in zip(phases, bounds.built.sum(axis=0), strict=True)
        ],
        "cells": [
            {
                **asdict(cell),
                "available": int(available[place]),
                "wanted": np.rint(solution.amounts[place]).astype(int).tolist(),
                "bounds": bounds.edges[place].tolist(),
                "extras": bounds.extras[bounds.extras[:, 0] == place, 1:].tolist(),
            }
            for place, cell in enumerate(cells)
        ],
        **_report(cells, mixture, phases, solution, bounds.built),
    }
    workspace.write_bytes(PLAN, (json.dumps(plan, ensure_ascii=False, indent=1) + "\n").encode())
    return {"tokens": int(bounds.built.sum()), "unmet": plan["unmet"]}


def _by_cell(counted: pa.Table) -> tuple[list[Cell], list[Line]]:
    """The cells, sorted, with the documents of each."""
    whole = _summed(counted)
    keys = list(zip(*(whole[name].to_pylist() for name in CELL), strict=True))
    starts = [place for place, key in enumerate(keys) if not place or key != keys[place - 1]]
    columns = (
        whole["bin"].to_numpy().astype(np.int64),
        whole["tokens"].to_numpy(),
        whole["documents"].to_numpy(),
    )
    lines = [Line(*(column[start:stop] for column in columns)) for start, stop in pairwise([*starts, len(keys)])]
    return [Cell(*keys[start]) for start in starts], lines


def _sequences(lines: Sequence[Line], phases: Sequence[Phase]) -> npt.NDArray[np.float64]:
    """How many sequences of each phase a token takes to itself [cells, phases]: full ones, and such as are more than
    half full. Nothing, where a phase splits whatever comes."""
    return np.array(
        [[0.0 if phase.splits else line.sequences(phase.length) / line.whole for phase in phases] for line in lines]
    )


def select(
    tokens: pa.Table, plan: Mapping[str, Any], phases: Sequence[Phase], seed: int
) -> list[npt.NDArray[np.int64]]:
    """For each phase, the rows of the part that it takes; a row stands there once for every copy."""
    rows = describe(tokens, phases, seed, plan["languages"])
    cells = pa.table(
        {name: [cell[name] for cell in plan["cells"]] for name in CELL}, schema=pa.schema(list(rows.schema)[:4])
    )
    cells = cells.append_column("cell", pa.array(np.arange(cells.num_rows)))
    places = rows.append_column("row", pa.array(np.arange(rows.num_rows))).join(cells, list(CELL), use_threads=False)
    places = places.sort_by("row")
    taken = bounds_of(plan).take(places["cell"].to_numpy(), places["bin"].to_numpy().astype(np.int64))
    return [np.repeat(np.arange(rows.num_rows), taken[:, place]) for place in range(len(phases))]


def bounds_of(plan: Mapping[str, Any]) -> Bounds:
    """The bounds of a plan."""
    edges = np.array([cell["bounds"] for cell in plan["cells"]], dtype=np.int64)
    extras = [(place, *extra) for place, cell in enumerate(plan["cells"]) for extra in cell["extras"]]
    built = np.zeros((len(edges), edges.shape[1] - 1), np.int64)
    return Bounds(edges=edges, extras=np.array(extras, dtype=np.int64).reshape(-1, 3), built=built)


def _report(
    cells: Sequence[Cell],
    mixture: Mixture,
    phases: Sequence[Phase],
    solution: Solution,
    built: npt.NDArray[np.int64],
) -> dict[str, Any]:
    """What was asked and what was built, as shares of the tokens, and in words what can't be met."""
    tokens = built.sum(axis=1)

    def shares(names: Sequence[str]) -> dict[str, float]:
        return {
            name: float(sum(t for n, t in zip(names, tokens, strict=True) if n == name) / max(tokens.sum(), 1))
            for name in sorted(set(names))
        }

    return {
        "asked": {
            "tokens": mixture.tokens,
            "sources": overall(mixture.source_shares, [(phase.share, phase.sources) for phase in phases]),
            "languages": overall(mixture.language_shares, [(phase.share, phase.languages) for phase in phases]),
        },
        "built": {
            "tokens": int(tokens.sum()),
            "sources": shares([cell.source for cell in cells]),
            "languages": shares([cell.language for cell in cells]),
        },
        "unmet": solution.unmet_by(built.astype(np.float64)),
        "scarce": describe_scarce(
            [cell for cell in cells if mixture.cap(cell.source, cell.bucket) > 0],
            {cells[place] for place in solution.scarce},
            longest=max(phase.length for phase in phases),
        ),
    }


def describe_scarce(cells: Sequence[Cell], scarce: Set[Cell], *, longest: int) -> list[str]:
    """The scarce ones of the cells that may be used, in few words: `web`, `zh web`, `web of at most 4,096 tokens`."""
    sentences = []
    for source in sorted({cell.source for cell in scarce}):
        every = {cell for cell in cells if cell.source == source}
        if every <= scarce:
            sentences.append(source)
            continue
        several = len({cell.language for cell in every}) > 1
        for language in sorted({cell.language for cell in every & scarce}):
            name = f"{language} {source}" if several else source
            spoken = {cell for cell in every if cell.language == language}
            lengths = sorted({cell.length for cell in spoken & scarce if not spoken <= scarce})
            sentences += [f"{name} of {_reach(length, longest)} tokens" for length in lengths] or [name]
    return sentences


def _reach(length: int, longest: int) -> str:
    return f"at most {length:,}" if length else f"more than {longest:,}"


HISTOGRAM_STEP = Step(name="histogram", version=1, work=histogram_part)
SUM_STEP = Step(name="histogram.sum", version=1, work=sum_histograms)
# 5: several documents beyond its bound make up for what a small cell lacks; what whole documents miss is said
# 6: says which documents are scarce; phases with sources of their own are filled source by source
SOLVE_STEP = Step(name="mixture", version=6, work=solve)


def histogram_units(
    parts: Sequence[str],
    mixture: Mixture,
    phases: Sequence[Phase],
    *,
    seed: int,
    consumed: Consumed | None = None,
) -> Sequence[Unit[HistogramPart]]:
    """One unit a part of tokens."""
    languages, phases = tuple(named_languages(mixture, phases)), tuple(phases)
    return Units(
        parts,
        lambda _, part: HistogramPart(
            tokens=tokens_path(part), phases=phases, seed=seed, languages=languages, consumed=consumed
        ),
    )


def sum_units(parts: Sequence[str]) -> tuple[list[Unit[SumHistograms]], Files]:
    """Units that sum the histograms of many parts, none where they are few; and the files that hold all of them."""
    files = tuple(histogram_path(part) for part in parts)
    if len(files) <= MOST_FILES:
        return [], files
    size = -(-len(files) // MOST_FILES)
    units = [
        Unit(name=f"histograms-{number:05d}", asked=SumHistograms(histograms=files[start : start + size]))
        for number, start in enumerate(range(0, len(files), size))
    ]
    return units, tuple(_sum_path(unit.name) for unit in units)


def solve_units(histograms: Files, mixture: Mixture, phases: Sequence[Phase]) -> list[Unit[SolveMixture]]:
    """One unit for the whole run."""
    return [Unit(name="mixture", asked=SolveMixture(histograms=histograms, mixture=mixture, phases=tuple(phases)))]
