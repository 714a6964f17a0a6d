"""Decontamination in steps.

index       the benchmarks' entries and their n-grams, once, into decontaminate/
match       each part: n-grams found, scattered by entry
judge       each bucket of entries: hits, sent back to the parts
drop        each part: drops/decontaminate/ and the table of hits, contamination/<part>.parquet
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from winnow.stages.decontaminate.items import KINDS, benchmark_digest, read_entries
from winnow.stages.decontaminate.judging import HIT, judge
from winnow.stages.decontaminate.settings import Altered, DecontaminationSettings, at
from winnow.stages.deduplicate.address import lanes_for, part_keys
from winnow.stages.run.drops import DROP as DROP_SCHEMA
from winnow.stages.run.drops import drops_of, surviving, write_drops
from winnow.stages.run.exchange import bucket_of, gather, joined, scatter
from winnow.stages.run.unit import Counts, File, Files, Place, Planned, Step, Unit, Units
from winnow.stages.run.workspace import Workspace

STAGE = "decontaminate"
ENTRIES = File("decontaminate/entries.parquet")
CONTAMINATION = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("row", pa.int32(), nullable=False),
        pa.field("benchmark", pa.string(), nullable=False),
        pa.field("item", pa.string(), nullable=False),
        pa.field("field", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),  # of terms: prose, code or string
        pa.field("entry", pa.int32(), nullable=False),  # row of decontaminate/entries.parquet
        pa.field("overlap", pa.float64(), nullable=False),
        pa.field("threshold", pa.float64(), nullable=False),
        pa.field("altered", pa.bool_(), nullable=False),  # held with other numbers than the benchmark's
        pa.field("start", pa.int64(), nullable=False),  # bytes of the document's text
        pa.field("end", pa.int64(), nullable=False),
    ]
)
"""`contamination/<part>.parquet`: every hit, the highest overlap of a document first."""
_SPREAD = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, kw_only=True)
class IndexBenchmarks:
    """The rules with their benchmarks, and the digest of each benchmark: a changed one is read again.

    The benchmarks' paths are names of files, which tell how they are read; `places` are where they lie.
    """

    settings: DecontaminationSettings
    digests: tuple[str, ...]
    places: tuple[Place, ...]


@dataclass(frozen=True, kw_only=True)
class MatchPart:
    """The `index`-th part; `postings` hold the n-grams of each of `KINDS`."""

    index: int
    documents: File
    drops: Files
    entries: File
    postings: Files
    buckets: int


@dataclass(frozen=True, kw_only=True)
class JudgeBucket:
    """One bucket of the matches of all parts, `parts` of them."""

    bucket: int
    parts: int
    entries: File
    matches: Files
    boilerplate: int


@dataclass(frozen=True, kw_only=True)
class DropPart:
    """The `index`-th of `parts` parts, the hits of every bucket, and what becomes of items with other numbers."""

    index: int
    parts: int
    documents: File
    entries: File
    hits: Files
    altered: Altered


def index_benchmarks(workspace: Workspace, unit: Unit[IndexBenchmarks]) -> Counts:
    """Reads the benchmarks and writes their entries and postings."""
    from winnow.stages.decontaminate.index import build_postings

    settings = unit.asked.settings
    found = zip(settings.benchmarks, unit.asked.places, strict=True)
    entries = pa.concat_tables([read_entries(at(benchmark, place)) for benchmark, place in found])
    measured, postings = build_postings(entries, settings)
    workspace.write_table(ENTRIES, measured)
    for kind, table in postings.items():
        workspace.write_table(_postings(kind), table)
    too_short = int((measured["length"].to_numpy() == 0).sum())
    return {"entries": entries.num_rows, "too_short": too_short, "grams": sum(map(len, postings.values()))}


def match_part(workspace: Workspace, unit: Unit[MatchPart]) -> Counts:
    """Looks the entries up in the documents of a part that are still there."""
    from winnow.stages.decontaminate.index import open_index
    from winnow.stages.decontaminate.matching import match_texts

    asked = unit.asked
    entries = workspace.read_table(asked.entries, columns=["kind", "length", "terms", "threshold"])
    texts = workspace.read_table(asked.documents, columns=["text"])["text"]
    rows = np.flatnonzero(surviving(workspace, len(texts), asked.drops))
    kept = texts if len(rows) == len(texts) else texts.take(pa.array(rows))
    tables = []
    for kind, name in zip(KINDS, asked.postings, strict=True):
        postings = workspace.read_table(name)
        if postings.num_rows or kind == KINDS[0]:
            tables.append(match_texts(kept, open_index(postings, entries, kind), entries, kind))
    found = pa.concat_tables(tables).combine_chunks()
    row = rows[found["row"].to_numpy()].astype(np.int32)
    table = found.set_column(found.schema.get_field_index("row"), "row", pa.array(row))
    table = table.add_column(0, "part", pa.array(np.full(len(row), asked.index, np.int32)))
    keys = found["entry"].to_numpy().astype(np.uint64) * _SPREAD
    scatter(workspace, _matches(unit.name), table.add_column(0, "key", pa.array(keys)), asked.buckets)
    return {"documents": len(rows), "matches": len(row)}


def judge_bucket(workspace: Workspace, unit: Unit[JudgeBucket]) -> Counts:
    """Judges all matches of one bucket of entries."""
    asked = unit.asked
    entries = workspace.read_table(asked.entries, columns=["length", "telling", "threshold"])
    matches = gather(workspace, asked.matches, asked.bucket)
    hits = judge(matches, entries, asked.boilerplate)
    keys = pa.array(part_keys(hits["part"].to_numpy(), asked.parts))
    hits = hits.set_column(hits.schema.get_field_index("key"), "key", keys).select(HIT.names).cast(HIT)
    scatter(workspace, _hits(asked.bucket), hits, lanes_for(asked.parts))
    return {"matches": matches.num_rows, "hits": hits.num_rows}


def drop_part(workspace: Workspace, unit: Unit[DropPart]) -> Counts:
    """Drops the contaminated documents of a part and writes its hits."""
    asked, part, index = unit.asked, unit.name, unit.asked.index
    lane = int(bucket_of(part_keys([index], asked.parts), lanes_for(asked.parts))[0])
    hits = gather(workspace, asked.hits, lane)
    hits = hits.filter(pa.array(hits["part"].to_numpy() == index))
    hits = hits.sort_by(
        [("row", "ascending"), ("overlap", "descending"), ("altered", "ascending"), ("entry", "ascending")]
    )
    documents = workspace.read_table(asked.documents, columns=["id", "locator", "source"]).take(hits["row"])
    entries = workspace.read_table(asked.entries, columns=["benchmark", "item", "field", "kind"]).take(hits["entry"])
    named = {**dict(zip(entries.column_names, entries.columns, strict=True)), "id": documents["id"]}
    columns = [named[name] if name in named else hits[name] for name in CONTAMINATION.names]
    workspace.write_table(f"contamination/{part}.parquet", pa.table(columns, schema=CONTAMINATION))

    row, other = hits["row"].to_numpy(), hits["altered"].to_numpy()
    _, worst = np.unique(row, return_index=True)
    altered = other[worst]
    if asked.altered is Altered.REPORT:
        _, first = np.unique(row[~other], return_index=True)
        worst = np.flatnonzero(~other)[first]
    told_hits = entries.append_column("overlap", hits["overlap"]).append_column("threshold", hits["threshold"])
    told_hits = told_hits.append_column("altered", hits["altered"])
    rows = told_hits.take(pa.array(worst)).to_pylist()
    named_documents = documents.take(pa.array(worst))
    drops = pa.table(
        {
            "id": named_documents["id"],
            "locator": named_documents["locator"],
            "source": named_documents["source"],
            "stage": pa.array([STAGE] * len(rows), pa.string()),
            "rule": pa.array([_rule(row) for row in rows], pa.string()),
            "value": pa.array([f"{row['item']} {row['overlap']:.4f}" for row in rows], pa.string()),
            "threshold": pa.array([f"< {row['threshold']:g}" for row in rows], pa.string()),
            "row": hits["row"].take(pa.array(worst)),
        },
        schema=DROP_SCHEMA,
    )
    write_drops(workspace, STAGE, part, drops)
    return {"dropped": len(rows), "hits": hits.num_rows, "altered": int(altered.sum())}


def _rule(hit: Mapping[str, Any]) -> str:
    """`gsm8k.question`, and `gsm8k.question.altered` where the numbers are others."""
    return f"{hit['benchmark']}.{hit['field']}{'.altered' if hit['altered'] else ''}"


# 5: terms that n-grams cover are counted, not n-grams; numbers are one and told apart where they are found.
INDEX = Step(name="decontaminate.index", version=5, work=index_benchmarks)
MATCH = Step(name="decontaminate.match", version=5, work=match_part)
JUDGE = Step(name="decontaminate.judge", version=3, work=judge_bucket)
DROP = Step(name="decontaminate.drop", version=3, work=drop_part)  # 3: a document is told by its highest overlap


def index_units(settings: DecontaminationSettings) -> list[Unit[IndexBenchmarks]]:
    """One unit."""
    benchmarks = settings.benchmarks
    named = tuple(at(benchmark, benchmark.path.rsplit("/", 1)[-1]) for benchmark in benchmarks)
    asked = IndexBenchmarks(
        settings=settings.model_copy(update={"benchmarks": named}),
        digests=tuple(benchmark_digest(benchmark) for benchmark in benchmarks),
        places=tuple(Place(benchmark.path) for benchmark in benchmarks),
    )
    return [Unit(name="benchmarks", asked=asked)]


def match_units(
    parts: Sequence[str], settings: DecontaminationSettings, earlier: Sequence[str] = ()
) -> Sequence[Unit[MatchPart]]:
    postings = tuple(_postings(kind) for kind in KINDS)
    return Units(
        parts,
        lambda index, part: MatchPart(
            index=index,
            documents=File(f"documents/{part}.parquet"),
            drops=drops_of(part, earlier),
            entries=ENTRIES,
            postings=postings,
            buckets=settings.buckets,
        ),
    )


def judge_units(matches: Files, parts: int, settings: DecontaminationSettings) -> list[Unit[JudgeBucket]]:
    return [
        Unit(
            name=f"bucket-{bucket:05d}",
            asked=JudgeBucket(
                bucket=bucket,
                parts=parts,
                entries=ENTRIES,
                matches=matches,
                boilerplate=settings.boilerplate,
            ),
        )
        for bucket in range(settings.buckets)
    ]


def drop_units(parts: Sequence[str], hits: Files, altered: Altered) -> Sequence[Unit[DropPart]]:
    return Units(
        parts,
        lambda index, part: DropPart(
            index=index,
            parts=len(parts),
            documents=File(f"documents/{part}.parquet"),
            entries=ENTRIES,
            hits=hits,
            altered=altered,
        ),
    )


def plan(parts: Sequence[str], settings: DecontaminationSettings, earlier: Sequence[str] = ()) -> tuple[Planned, ...]:
    """The steps in order, with their units. `earlier`: the dropping stages before it."""
    parts = sorted(parts)
    joining, matches = joined(MATCH.name, tuple(_matches(part) for part in parts))
    returning, hits = joined(JUDGE.name, tuple(_hits(bucket) for bucket in range(settings.buckets)))
    return (
        (INDEX, index_units(settings)),
        (MATCH, match_units(parts, settings, earlier)),
        *joining,
        (JUDGE, judge_units(matches, len(parts), settings)),
        *returning,
        (DROP, drop_units(parts, hits, settings.altered)),
    )


def _postings(kind: str) -> File:
    return File(f"decontaminate/{kind}.parquet")


def _matches(part: str) -> File:
    return File(f"exchange/{STAGE}.matches/{part}.buckets")


def _hits(bucket: int) -> File:
    return File(f"exchange/{STAGE}.hits/{bucket:05d}.buckets")
