"""Looking into a shard: its statistics, and its rows decoded with document boundaries and sources in colour."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.groups import OpenShard
from winnow.stages.shards.sequences import Sequences, ShardError

Decode = Callable[[Sequence[int]], str]
COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "bright_red", "bright_cyan", "bright_green", "bright_magenta")


@dataclass(frozen=True, kw_only=True)
class ShardStatistics:
    """What one shard file holds. `sources` and `languages` map names to tokens."""

    sequences: int
    length: int
    tokens: int
    padding: int
    documents: int
    segments: int
    continued: int
    bytes: int
    sources: dict[str, int]
    languages: dict[str, int]
    masked: int | None  # tokens without a loss; None where the shard has no mask


def read_groups(path: str) -> Iterator[Sequences]:
    """The sequences of a shard file, one row group at a time. Raises `ShardError` for a file that isn't a shard."""
    folder, _, name = path.rpartition("/")
    workspace = Workspace(folder or ".")
    if not workspace.exists(name):
        raise ShardError(f"{path}: no such shard")
    try:
        shard = OpenShard.open(workspace, name)
        length = int((shard.parquet.metadata.metadata or {}).get(b"winnow.length", b"0"))
        if not length:
            raise ShardError(f"{path} is no shard: its footer names no sequence length")
        for group in range(shard.parquet.num_row_groups):
            yield shard.read(group, length)
    except (OSError, pa.ArrowException) as error:
        raise ShardError(f"{path} can't be read as Parquet: {error}") from error


def statistics(path: str) -> ShardStatistics:
    """Counts over the whole shard, in the memory of one row group and the document ids."""
    totals = {"sequences": 0, "tokens": 0, "segments": 0, "continued": 0}
    by_name: dict[str, dict[str, int]] = {"source": {}, "language": {}}
    documents: set[str] = set()
    length, masked = 0, None
    for batch in read_groups(path):
        length = batch.length
        totals["sequences"] += len(batch)
        totals["tokens"] += int(batch.lengths.sum())
        totals["segments"] += len(batch.segments)
        totals["continued"] += int(pc.sum(batch.segments.field("continued")).as_py() or 0)
        documents.update(batch.segments.field("document").to_pylist())
        for field, counts in by_name.items():
            table = pa.table({"name": batch.segments.field(field), "length": batch.segments.field("length")})
            sums = table.group_by("name").aggregate([("length", "sum")])
            for name, tokens in zip(sums["name"].to_pylist(), sums["length_sum"].to_pylist(), strict=True):
                counts[name or "unknown"] = counts.get(name or "unknown", 0) + tokens
        if batch.loss_mask is not None:
            masked = (masked or 0) + int((~batch.loss_mask).sum())
    folder, _, name = path.rpartition("/")
    return ShardStatistics(
        **totals,
        length=length,
        padding=totals["sequences"] * length - totals["tokens"],
        documents=len(documents),
        bytes=Workspace(folder or ".").size(name),
        sources=dict(sorted(by_name["source"].items())),
        languages=dict(sorted(by_name["language"].items())),
        masked=masked,
    )


def render_statistics(found: ShardStatistics) -> RenderableType:
    """A table of the shard's counts and one of its sources and languages, with shares."""
    total = found.sequences * found.length
    counts = Table(show_header=False, box=None)
    rows: list[tuple[str, Any, str]] = [
        ("sequences", found.sequences, f"of {found.length:,} tokens"),
        ("tokens", found.tokens, f"{8 * found.bytes / max(1, total):.2f} bits each on disk"),
        ("padding", found.padding, f"{found.padding / max(1, total):.4%}"),
        ("documents", found.documents, f"in {found.segments:,} segments, {found.continued:,} continued elsewhere"),
    ]
    if found.masked is not None:
        rows.append(("without loss", found.masked, f"{found.masked / max(1, total):.2%}"))
    for name, value, remark in rows:
        counts.add_row(name, f"{value:,}", remark)
    shares = Table("source or language", "tokens", "share", box=None)
    for names, tint in ((found.sources, True), (found.languages, False)):
        for name, tokens in sorted(names.items(), key=lambda item: -item[1]):
            style = colour_of(name) if tint else ""
            shares.add_row(Text(name, style=style), f"{tokens:,}", f"{tokens / max(1, found.tokens):.2%}")
    return Group(counts, "", shares)


def rows(path: str, *, first: int = 0, most: int = 3, document: str | None = None) -> Iterator[tuple[int, Sequences]]:
    """Row numbers and rows, from number `first` on; with `document` only rows that hold a segment of it.

    Raises `ShardError` where nothing is found.
    """
    number = found = 0
    for batch in read_groups(path):
        wanted = np.ones(len(batch), bool)
        if document is not None:
            hits = pc.equal(batch.segments.field("document"), document).to_numpy(zero_copy_only=False)
            wanted = np.bincount(batch.rows[hits], minlength=len(batch)) > 0
        for row in np.flatnonzero(wanted):
            if number + row < first:
                continue
            yield number + int(row), batch.select(slice(int(row), int(row) + 1))
            found += 1
            if found == most:
                return
        number += len(batch)
    if not found:
        raise ShardError(f"{path} has no row {first}" if document is None else f"{path} holds no document {document}")


def holds(path: str, document: str) -> bool:
    """Whether a shard holds a segment of the document; reads nothing but the documents' ids."""
    folder, _, name = path.rpartition("/")
    with Workspace(folder or ".").parquet(name) as file:
        column = file.read(columns=["segments.list.element.document"])["segments"]
    ids = pc.struct_field(pc.list_flatten(column), "document")
    return bool(pc.any(pc.equal(ids, document)).as_py())


def render_row(number: int, row: Sequences, decode: Decode, *, document: str | None = None, width: int = 400) -> Text:
    """One row: a coloured head line and the decoded text of each segment, at most `width` characters of each.

    With `document` its segments come whole and the others only as head lines. Text without a loss is dimmed.
    """
    text = Text()
    text.append(f"row {number}\n", style="bold")
    ids = row.input_ids[0]
    mask = None if row.loss_mask is None else row.loss_mask[0]
    for segment in row.segments.to_pylist():
        start, stop = segment["position"], segment["position"] + segment["length"]
        colour = colour_of(segment["source"])
        where = f"[{start}:{stop}] of the row, from token {segment['offset']} of the document"
        more = ", continued" if segment["continued"] else ""
        language = segment["language"] or "–"
        text.append(f"▌{segment['source']} {language} {segment['document']} {where}{more}\n", style=f"bold {colour}")
        if document is not None and segment["document"] != document:
            continue
        limit = None if document is not None else width
        for part, counted in _runs(ids[start:stop], None if mask is None else mask[start:stop]):
            shown = decode(part.tolist())
            if limit is not None and len(shown) > limit:
                shown = f"{shown[:limit]} … ({len(part):,} tokens)"
            text.append(shown, style=colour if counted else f"dim {colour}")
            if limit is not None and (limit := limit - len(shown)) <= 0:
                break
        text.append("\n")
    covered = int(row.lengths.sum())
    if covered < row.length:
        text.append(f"▌padding: {row.length - covered:,} tokens\n", style="bold white")
    return text


def show(
    console: Console,
    path: str,
    decode: Decode,
    *,
    first: int = 0,
    most: int = 3,
    document: str | None = None,
    width: int = 400,
) -> None:
    """Prints statistics (unless a document is asked for) and rows of a shard, `width` characters of each segment."""
    if document is None:
        console.print(render_statistics(statistics(path)))
    for number, row in rows(path, first=first, most=most, document=document):
        console.print(render_row(number, row, decode, document=document, width=width), soft_wrap=True)


def colour_of(source: str) -> str:
    """The same colour for the same source, in every shard."""
    return COLOURS[zlib.crc32(source.encode()) % len(COLOURS)]


def _runs(ids: np.ndarray, mask: np.ndarray | None) -> Iterator[tuple[np.ndarray, bool]]:
    """Stretches of ids with one value of the loss mask."""
    if mask is None:
        yield ids, True
        return
    edges = [0, *(np.flatnonzero(np.diff(mask)) + 1).tolist(), len(ids)]
    for start, stop in pairwise(edges):
        yield ids[start:stop], bool(mask[start])
