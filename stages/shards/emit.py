"""Emit: from tokenized documents to shards.

Each part scatters the documents that the mixture chose into the buckets of their phases; a bucket is packed alone and
is one shard file. Buckets, the order of documents and the order of sequences follow from hashes of (seed, document,
copy), so the shards are shuffled as a whole and the same for any number of workers.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from winnow.stages.consumed import Consumed, left
from winnow.stages.mixing.mix import PLAN, select
from winnow.stages.mixing.mixture import Phase
from winnow.stages.run.chance import draws, key_of, order
from winnow.stages.run.exchange import KEY, gather, scatter
from winnow.stages.run.unit import Counts, File, Files, Step, Unit, Units
from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.pack import Packing, concatenate, pack_best_fit, split
from winnow.stages.shards.sequences import SEGMENT, Sequences
from winnow.stages.shards.shard import SHARD_TOKENS, write_shard
from winnow.stages.tokens.sample import TOKENIZER
from winnow.stages.tokens.schema import list_offsets, list_values, tokens_path
from winnow.tokenizer.special import END_OF_TEXT, require

EMITTED = ("id", "source", "language", "tokens", "loss", "cuts")
EMITTED_KEY = (*EMITTED, KEY)
BATCH_TOKENS = 1 << 23
LEAST_FILES = 8  # of a phase that has as many sequences: what readers that deal out files share
BUCKET_TOKENS = SHARD_TOKENS * 3 // 4  # leaves room for what a phase takes beyond its share

Longs = npt.NDArray[np.int64]


class Method(StrEnum):
    """How documents are packed."""

    CONCATENATE = "concatenate"
    BEST_FIT = "best_fit"


@dataclass(frozen=True, kw_only=True)
class ScatterPart:
    """The tokens of a part, the solved mixture, and the phases with the buckets of each."""

    tokens: File
    plan: File
    phases: tuple[Phase, ...]
    buckets: tuple[int, ...]
    seed: int
    consumed: Consumed | None = None


@dataclass(frozen=True, kw_only=True)
class PackBucket:
    """One bucket of a phase, from what every part scattered, and the most files to write of it."""

    phase: Phase
    bucket: int
    files: int
    scattered: Files
    tokenizer: File
    method: Method
    loss_mask: bool
    seed: int


def exchange_path(phase: str, part: str) -> File:
    return File(f"exchange/{phase}/{part}.buckets")


def exchange_files(parts: Iterable[str], phases: Sequence[Phase]) -> dict[str, Files]:
    """What the parts scatter, by phase."""
    return {phase.name: tuple(exchange_path(phase.name, part) for part in parts) for phase in phases}


def scatter_part(workspace: Workspace, unit: Unit[ScatterPart]) -> Counts:
    """Writes `exchange/<phase>/<part>.buckets` for every phase."""
    asked, phases, seed = unit.asked, unit.asked.phases, unit.asked.seed
    plan = json.loads(workspace.read_bytes(asked.plan))
    tokens = left(workspace.read_table(asked.tokens), asked.consumed)
    counts = {}
    for phase, rows, buckets in zip(phases, select(tokens, plan, phases, seed), asked.buckets, strict=True):
        chosen = tokens.select(EMITTED).take(pa.array(rows))
        chosen = chosen.append_column(KEY, pa.array(_shuffle_keys(chosen["id"], rows, phase, seed)))
        scatter(workspace, exchange_path(phase.name, unit.name), chosen, buckets)
        counts[phase.name] = len(rows)
    return {"documents": counts}


def _shuffle_keys(ids: pa.ChunkedArray, rows: Longs, phase: Phase, seed: int) -> npt.NDArray[np.uint64]:
    """A draw for each chosen row; the copies of one document get draws of their own."""
    copies = np.arange(len(rows)) - np.searchsorted(rows, rows)
    keys = np.empty(len(rows), np.uint64)
    for copy in np.unique(copies):
        inside = copies == copy
        keys[inside] = draws(ids.filter(pa.array(inside)), seed, f"shuffle {phase.name} {copy}")
    return keys


def pack_bucket(workspace: Workspace, unit: Unit[PackBucket]) -> Counts:
    """Writes the shard files of a bucket, none if not one sequence comes of it, and the note on it.

    What `concatenate` can't fill a last sequence with is dropped and counted.
    """
    asked, phase, bucket = unit.asked, unit.asked.phase, unit.asked.bucket
    tokenizer = json.loads(workspace.read_bytes(asked.tokenizer))
    (end,) = require({**tokenizer["special"], **tokenizer.get("roles", {})}, [END_OF_TEXT], "padding")
    documents = gather(workspace, asked.scattered, bucket, EMITTED_KEY)
    lengths = np.diff(list_offsets(documents["tokens"]))
    if asked.method == Method.CONCATENATE:
        packing = concatenate(lengths, phase.length)
    else:
        cuts = list_values(documents["cuts"]), list_offsets(documents["cuts"])
        packing = pack_best_fit(split(lengths, phase.length, *cuts), phase.length)
    packed = int(packing.length.sum())
    counts = {
        "sequences": packing.sequences,
        "tokens": packed,
        "padding": packing.sequences * phase.length - packed,
        "dropped": int(lengths.sum()) - packed,
    }
    digests, repeated = [], 0
    if packing.sequences:
        numbers = documents["id"].combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64)
        contents = contents_of(packing, numbers)
        repeated = packing.sequences - int(contents.max()) - 1
        packing = _shuffled(packing, key_of(asked.seed, f"order {phase.name} {bucket}"), contents)
        edges = np.linspace(0, packing.sequences, min(asked.files, packing.sequences) + 1).astype(np.int64)
        for number, (first, last) in enumerate(pairwise(edges.tolist())):
            part = rows(documents, packing, phase.length, first=first, last=last, end=end, loss_mask=asked.loss_mask)
            write_shard(workspace, shard_path(phase.name, bucket * asked.files + number), part)
            digests.append(workspace.written[-1].digest)
    shares = {f"{column}s": _tokens_by(documents[column], packing) for column in ("source", "language")}
    packed_note = {"digests": digests, "repeated": repeated, **counts, **shares}
    workspace.write_bytes(packed_path(phase.name, bucket), json.dumps(packed_note, ensure_ascii=False).encode())
    return counts


def _tokens_by(column: pa.ChunkedArray, packing: Packing) -> dict[str, int]:
    """The tokens that were packed, by the documents' source or language."""
    packed = pa.table({"name": column.take(pa.array(packing.document)).fill_null(""), "tokens": packing.length})
    summed = packed.group_by("name", use_threads=False).aggregate([("tokens", "sum")]).sort_by("name")
    return dict(zip(summed["name"].to_pylist(), summed["tokens_sum"].to_pylist(), strict=True))


def packed_path(phase: str, bucket: int) -> File:
    """The note on a bucket: digests of its files, rows that repeat another, sequences, tokens by source and by language."""
    return File(f"packed/{phase}-{bucket:05d}.json")


def phase_of(packed: str) -> str:
    """The phase of the note at this path."""
    return packed.removeprefix("packed/").rpartition("-")[0]


def shard_path(phase: str, file: int) -> str:
    return f"shards/{phase}/{file:05d}.parquet"


def _shuffled(packing: Packing, key: np.uint64, contents: Longs) -> Packing:
    """The same sequences in an order that follows from the key; the n rows of one content each in an nth of their own.

    `contents` int64 [sequences] numbers what the rows hold.
    """
    drawn = order(packing.sequences, key)  # a place for each sequence, all different
    by_content = np.lexsort((drawn, contents))
    begins = np.flatnonzero(np.diff(contents[by_content], prepend=-1))
    copies = np.diff(begins, append=len(contents))
    copy = np.empty(len(contents), np.int64)
    copy[by_content] = np.arange(len(contents)) - np.repeat(begins, copies)
    place = (copy + (drawn + 0.5) / len(contents)) / copies[contents]
    ranked = np.empty(len(contents), np.int64)
    ranked[np.lexsort((drawn, place))] = np.arange(len(contents))
    sequence = ranked[packing.sequence]
    sorted_ = np.argsort(sequence, kind="stable")
    position, document, offset, length = (column[sorted_] for column in packing[1:5])
    return Packing(sequence[sorted_], position, document, offset, length, packing.sequences)


def contents_of(packing: Packing, documents: npt.NDArray[np.int64]) -> Longs:
    """The same number, from 0 on, for sequences that hold the same pieces of the same documents; int64 [sequences].

    `documents` numbers the documents of the packing, copies alike. Only sequences of one piece are compared: of others
    no two were seen to be alike.
    """
    pieces = np.bincount(packing.sequence, minlength=packing.sequences)
    alone = pieces[packing.sequence] == 1
    keys = np.stack([documents[packing.document[alone]], packing.offset[alone], packing.length[alone]])
    contents = np.full(packing.sequences, -1, np.int64)
    _, contents[packing.sequence[alone]] = np.unique(keys, axis=1, return_inverse=True)
    others = contents < 0
    contents[others] = contents.max(initial=-1) + 1 + np.arange(int(others.sum()))
    return contents


def rows(
    documents: pa.Table, packing: Packing, length: int, *, first: int, last: int, end: int, loss_mask: bool
) -> Iterator[Sequences]:
    """The sequences from `first` to before `last` of a packing in batches.

    Padding has the id `end`, is covered by no segment and never learned.
    """
    starts, values = list_offsets(documents["tokens"]), list_values(documents["tokens"])
    sizes = np.diff(starts)
    masks = _masks(documents["loss"], starts) if loss_mask else None
    names = [documents[name].combine_chunks() for name in ("id", "source", "language")]
    bounds = np.searchsorted(packing.sequence, np.arange(packing.sequences + 1))
    batch = max(1, BATCH_TOKENS // length)
    for begin in range(first, last, batch):
        stop = min(begin + batch, last)
        inside = slice(bounds[begin], bounds[stop])
        sequence, position, document, offset, size = (column[inside] for column in packing[:5])
        ids = np.full((stop - begin) * length, end, values.dtype)
        learned = None if masks is None else np.zeros(len(ids), bool)
        targets = (sequence - begin) * length + position
        for target, origin, count in zip(
            targets.tolist(), (starts[document] + offset).tolist(), size.tolist(), strict=True
        ):
            ids[target : target + count] = values[origin : origin + count]
            if masks is not None and learned is not None:
                learned[target : target + count] = masks[origin : origin + count]
        columns = [name.take(pa.array(document)) for name in names]
        columns += [pa.array(part, pa.int64()) for part in (position, size, offset)]
        columns.append(pa.array(offset + size < sizes[document]))
        yield Sequences(
            input_ids=ids.reshape(-1, length),
            segments=pa.StructArray.from_arrays(columns, fields=list(SEGMENT)),
            bounds=bounds[begin : stop + 1] - bounds[begin],
            loss_mask=None if learned is None else learned.reshape(-1, length),
        )


def _masks(loss: pa.ChunkedArray, starts: Longs) -> npt.NDArray[np.bool_]:
    """What is learned of each token; all of a document without a mask."""
    masks = np.ones(int(starts[-1]), bool)
    given = np.flatnonzero(loss.is_valid().to_numpy())
    marked = loss.drop_null()
    values, edges = list_values(marked), list_offsets(marked)
    for place, (first, last) in zip(given, pairwise(edges), strict=True):
        masks[starts[place] : starts[place + 1]] = values[first:last]
    return masks


SCATTER_STEP = Step(name="scatter", version=1, work=scatter_part)
# 4: page checksums, statistics and 64-bit lengths; several files a phase; copies of a row lie apart
PACK_STEP = Step(name="pack", version=4, work=pack_bucket)


def bucket_counts(phases: Sequence[Phase], tokens: float) -> list[int]:
    """Buckets, and so files, for each phase of a run of about so many tokens."""
    whole = sum(phase.share for phase in phases)
    return [max(1, math.ceil(tokens * phase.share / whole / BUCKET_TOKENS)) for phase in phases]


def scatter_units(
    parts: Sequence[str],
    phases: Sequence[Phase],
    buckets: Sequence[int],
    *,
    seed: int,
    consumed: Consumed | None = None,
) -> Sequence[Unit[ScatterPart]]:
    """One unit a part of tokens."""
    phases, buckets = tuple(phases), tuple(buckets)
    return Units(
        parts,
        lambda _, part: ScatterPart(
            tokens=tokens_path(part), plan=PLAN, phases=phases, buckets=buckets, seed=seed, consumed=consumed
        ),
    )


def pack_units(
    scattered: Mapping[str, Files],
    phases: Sequence[Phase],
    buckets: Sequence[int],
    *,
    method: Method,
    seed: int,
    loss_mask: bool = False,
) -> list[Unit[PackBucket]]:
    """One unit a bucket of a phase; `scattered` are the files of each."""
    return [
        Unit(
            name=f"{phase.name}-{bucket:05d}",
            asked=PackBucket(
                phase=phase,
                bucket=bucket,
                files=math.ceil(LEAST_FILES / count),
                scattered=scattered[phase.name],
                tokenizer=TOKENIZER,
                method=method,
                loss_mask=loss_mask,
                seed=seed,
            ),
        )
        for phase, count in zip(phases, buckets, strict=True)
        for bucket in range(count)
    ]
