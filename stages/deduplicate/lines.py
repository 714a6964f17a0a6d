"""Lines or paragraphs that many documents share: menus, notices, footers. They are taken out; the documents stay.

    count       each part: in how many documents each line stands, scattered by its hash
    resolve     each bucket: the hashes of lines in more documents than the bound, sent back to the parts that hold them
    mark        each part: where such lines stand, spans/deduplicate.lines/<part>.parquet; a document of which too
                little is left is dropped

Documents are never rewritten: `strip` applies the spans where the text is used. A line is compared as it stands,
without white space at its ends, by a 64-bit hash.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field

from winnow.stages.deduplicate.address import lane_of, lanes_for, part_keys
from winnow.stages.run.drops import DROP, drops_of, surviving, write_drops
from winnow.stages.run.exchange import gather, joined, scatter
from winnow.stages.run.unit import Counts, File, Files, Planned, Step, Unit, Units
from winnow.stages.run.workspace import Workspace

STAGE = "deduplicate.lines"
SPAN = pa.schema(
    [
        pa.field("row", pa.int32(), nullable=False),
        pa.field("start", pa.int64(), nullable=False),  # bytes of the text
        pa.field("end", pa.int64(), nullable=False),
        pa.field("documents", pa.int64(), nullable=False),  # that hold the line
    ]
)
COUNTED = pa.schema(
    [
        pa.field("key", pa.uint64(), nullable=False),  # the hash of a passage
        pa.field("part", pa.int32(), nullable=False),
        pa.field("documents", pa.int64(), nullable=False),  # of the part that hold it
    ]
)
COMMON = pa.schema(
    [
        pa.field("key", pa.uint64(), nullable=False),  # of the part that holds the passage
        pa.field("part", pa.int32(), nullable=False),
        pa.field("hash", pa.uint64(), nullable=False),
        pa.field("documents", pa.int64(), nullable=False),  # of all parts
    ]
)


class LineSettings(BaseModel):
    """The manifest's `lines` section."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    passage: Literal["line", "paragraph"] = "line"
    documents: int = Field(default=100, ge=1)
    """A passage in more documents than this is taken out of all of them."""
    shortest: int = Field(default=20, ge=1)
    """Bytes from which a passage counts: shorter ones are words of the trade, `Example:`."""
    left: float = Field(default=0.1, ge=0, le=1)
    """A document is dropped when less than this share of its bytes is left."""
    kinds: tuple[str, ...] = ("web",)
    """Kinds of documents that it is for. Lines of code are alike for good reasons."""
    buckets: int = Field(default=4, ge=1)


@dataclass(frozen=True, kw_only=True)
class CountPart:
    """The `index`-th part, whose passages are looked at as the settings say."""

    index: int
    documents: File
    drops: Files
    settings: LineSettings


@dataclass(frozen=True, kw_only=True)
class ResolveBucket:
    """One bucket of the counts of all parts, `parts` of them, and in how many documents a passage may stand."""

    bucket: int
    counts: Files
    documents: int
    parts: int


@dataclass(frozen=True, kw_only=True)
class MarkPart(CountPart):
    """A part, one of `parts`, and the common passages of every bucket as they were sent to the parts."""

    parts: int
    common: Files


def count_part(workspace: Workspace, unit: Unit[CountPart]) -> Counts:
    """Scatters how many documents of the part hold each passage."""
    passages = _passages(workspace, unit.asked)
    held = np.unique(np.stack([passages["hash"].to_numpy(), passages["row"].to_numpy().astype(np.uint64)]), axis=1)
    keys, counts = np.unique(held[0], return_counts=True)
    part = np.full(len(keys), unit.asked.index, np.int32)
    counted = pa.table([keys, part, counts.astype(np.int64)], schema=COUNTED)
    scatter(workspace, _counts(unit.name), counted, unit.asked.settings.buckets)
    return {"passages": passages.num_rows, "distinct": len(keys)}


def resolve_bucket(workspace: Workspace, unit: Unit[ResolveBucket]) -> Counts:
    """Finds the passages of one bucket that stand in too many documents, and tells them to the parts that hold them.

    So a part reads of what is common what it holds itself, not what stands in the whole corpus.
    """
    asked = unit.asked
    rows = gather(workspace, asked.counts, asked.bucket)
    keys, first = np.unique(rows["key"].to_numpy(), return_index=True)
    documents = np.add.reduceat(rows["documents"].to_numpy(), first) if len(first) else np.zeros(0, np.int64)
    common = documents > asked.documents
    held = np.diff(np.append(first, rows.num_rows))  # parts that hold each
    part = rows["part"].to_numpy()[np.repeat(common, held)]
    told = {
        "key": part_keys(part, asked.parts),
        "part": part,
        "hash": np.repeat(keys[common], held[common]),
        "documents": np.repeat(documents[common], held[common]),
    }
    scatter(workspace, _common(asked.bucket), pa.table(told, schema=COMMON), lanes_for(asked.parts))
    return {"common": int(common.sum())}


def mark_part(workspace: Workspace, unit: Unit[MarkPart]) -> Counts:
    """Writes the spans of common passages, and drops documents that hold little else."""
    asked, settings, part = unit.asked, unit.asked.settings, unit.name
    passages = _passages(workspace, asked)
    common = gather(workspace, asked.common, lane_of(asked.index, asked.parts))
    common = common.filter(pa.array(common["part"].to_numpy() == asked.index)).sort_by("hash")
    keys, documents = common["hash"].to_numpy(), common["documents"].to_numpy()
    hashes = passages["hash"].to_numpy()
    place = np.minimum(np.searchsorted(keys, hashes), max(len(keys) - 1, 0))
    found = keys[place] == hashes if len(keys) else np.zeros(len(hashes), bool)
    marked = passages.filter(pa.array(found)).drop_columns(["hash"])
    spans = marked.append_column("documents", pa.array(documents[place[found]], pa.int64())).select(SPAN.names)
    workspace.write_table(spans_path(part), spans.cast(SPAN))

    rows = workspace.read_table(asked.documents, columns=["id", "locator", "source", "text"])
    sizes = pc.binary_length(rows["text"]).to_numpy()
    gone = np.zeros(len(sizes), np.int64)
    np.add.at(gone, spans["row"].to_numpy(), spans["end"].to_numpy() - spans["start"].to_numpy())
    share = 1 - gone / np.maximum(sizes, 1)
    empty = np.flatnonzero((gone > 0) & (share < settings.left))
    named = rows.select(["id", "locator", "source"]).take(pa.array(empty))
    columns = {
        "stage": [STAGE] * len(empty),
        "rule": ["left"] * len(empty),
        "value": [f"{share[row]:.4f}" for row in empty],
        "threshold": [f"≥ {settings.left:g}"] * len(empty),
        "row": empty.astype(np.int32),
    }
    drops = pa.table({**dict(zip(named.column_names, named.columns, strict=True)), **columns})
    write_drops(workspace, STAGE, part, drops.cast(DROP) if len(empty) else DROP.empty_table())
    return {"documents": len(sizes), "dropped": len(empty), "spans": spans.num_rows, "bytes": int(gone.sum())}


def strip(documents: pa.Table, spans: pa.Table) -> pa.Table:
    """The documents without the spans (rows of `SPAN`, `row` is that of `documents`) and the line breaks after them."""
    from winnow.filters.kernels.bytes import text_buffers
    from winnow.filters.kernels.passages import strip_spans

    data, offsets = text_buffers(documents["text"])
    spans = spans.sort_by([("row", "ascending"), ("start", "ascending")])
    bounds = np.searchsorted(spans["row"].to_numpy(), np.arange(documents.num_rows + 1)).astype(np.int64)
    stripped, placed = np.empty(int(offsets[-1] - offsets[0]), np.uint8), np.empty_like(offsets)
    strip_spans(data, offsets, bounds, spans["start"].to_numpy(), spans["end"].to_numpy(), stripped, placed)
    buffers = [None, pa.py_buffer(placed), pa.py_buffer(stripped)]
    text = pa.LargeStringArray.from_buffers(documents.num_rows, buffers[1], buffers[2])
    return documents.set_column(documents.schema.get_field_index("text"), documents.schema.field("text"), text)


def strip_from(documents: pa.Table, spans: pa.Table, first: int) -> pa.Table:
    """`strip` for some documents of a part, of which the first is the part's row `first`."""
    rows = pc.subtract(spans["row"], pa.scalar(first, pa.int32()))
    inside = pc.and_(pc.greater_equal(rows, 0), pc.less(rows, documents.num_rows))
    here = spans.set_column(0, SPAN.field("row"), rows).filter(inside)
    return strip(documents, here) if here.num_rows else documents


def strip_part(workspace: Workspace, part: str, documents: pa.Table) -> pa.Table:
    """`strip` with the spans that `mark_part` wrote for the part."""
    return strip(documents, workspace.read_table(spans_path(part)))


# 2: what is common is sent to the parts that hold it
COUNT = Step(name="deduplicate.lines.count", version=2, work=count_part)
RESOLVE = Step(name="deduplicate.lines.resolve", version=2, work=resolve_bucket)
MARK = Step(name="deduplicate.lines.mark", version=2, work=mark_part)


def plan(parts: Sequence[str], settings: LineSettings, earlier: Sequence[str] = ()) -> tuple[Planned, ...]:
    """The steps of the level in order, with their units. `earlier`: the dropping stages before it."""
    parts = sorted(parts)
    count = Units(
        parts,
        lambda index, part: CountPart(
            index=index, documents=File(f"documents/{part}.parquet"), drops=drops_of(part, earlier), settings=settings
        ),
    )
    joining, counts = joined(COUNT.name, tuple(_counts(part) for part in parts))
    resolve = [
        Unit(
            name=f"bucket-{bucket:05d}",
            asked=ResolveBucket(bucket=bucket, counts=counts, documents=settings.documents, parts=len(parts)),
        )
        for bucket in range(settings.buckets)
    ]
    returning, common = joined(RESOLVE.name, tuple(_common(bucket) for bucket in range(settings.buckets)))
    mark = Units(
        parts,
        lambda index, part: MarkPart(
            index=index,
            parts=len(parts),
            documents=File(f"documents/{part}.parquet"),
            drops=drops_of(part, earlier),
            settings=settings,
            common=common,
        ),
    )
    return (COUNT, count), *joining, (RESOLVE, resolve), *returning, (MARK, mark)


def spans_path(part: str) -> str:
    return f"spans/{STAGE}/{part}.parquet"


def _counts(part: str) -> File:
    return File(f"exchange/{STAGE}.counts/{part}.buckets")


def _common(bucket: int) -> File:
    return File(f"exchange/{STAGE}.common/{bucket:05d}.buckets")


def _passages(workspace: Workspace, asked: CountPart) -> pa.Table:
    """The passages of the part's documents of the right kinds that are still there: hash, row, start, end."""
    from winnow.filters.kernels.bytes import text_buffers
    from winnow.filters.kernels.passages import Passages, list_passages

    settings = asked.settings
    documents = workspace.read_table(asked.documents, columns=["text", "kind"])
    kind = np.isin(np.asarray(documents["kind"].to_pylist(), object), list(settings.kinds))
    rows = np.flatnonzero(surviving(workspace, documents.num_rows, asked.drops) & kind)
    data, offsets = text_buffers(documents["text"].take(pa.array(rows)))
    room = 0
    while True:
        passages = Passages(
            np.empty(room, np.uint64), np.empty(room, np.int32), np.empty(room, np.int64), np.empty(room, np.int64)
        )
        count = list_passages(data, offsets, settings.passage == "paragraph", settings.shortest, passages)
        if count <= room:
            break
        room = count
    return pa.table(
        {
            "hash": passages.hashes[:count],
            "row": rows.astype(np.int32)[passages.documents[:count]],
            "start": passages.starts[:count],
            "end": passages.ends[:count],
        }
    )
