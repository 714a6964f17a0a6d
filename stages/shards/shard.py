"""Shards: Parquet files of packed token sequences, and the index that fixes their global order.

One row is one sequence of exactly L tokens. A segment is a run of the row that comes from one document, so attention
can be masked per document and every token traced to its source; what no segment covers is padding. Tokens are plain
lists of the smallest unsigned integer that holds the vocabulary, so any Parquet reader opens a shard as it is.
Encodings were chosen by measurement, see `benchmarks/shards.py`.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pyarrow as pa

from winnow.stages.run.digests import DIGEST_BYTES
from winnow.stages.run.workspace import Workspace, digest_file
from winnow.stages.shards.sequences import SEGMENT, Sequences, ShardError

INDEX = "shards/index.json"
PARQUET_MARK = b"PAR1"
FOOTER_TAIL = 8  # bytes: the footer's length as uint32, then the mark
GROUP_TOKENS = 1 << 18  # tokens in a row group, the grain of reading: larger ones leave the cache and read slower
SHARD_TOKENS = 200_000_000  # most tokens a file should get: below 512 MB even at 20 bits a token on disk


@dataclass(frozen=True, kw_only=True)
class Phase:
    """One length of the curriculum: shards of `length` tokens a row, trained at this rotary base."""

    name: str
    length: int
    rotary_base: float


@dataclass(frozen=True, kw_only=True)
class ShardFile:
    """One file of an index; `path` is relative to the folder of the index, `group` its rows in each full row group."""

    path: str
    sequences: int
    tokens: int  # covered by segments; the rest of `sequences` × length is padding
    digest: str
    bytes: int
    group: int
    footer: str = ""  # digest of the file's footer, which readers compare when they open it


@dataclass(frozen=True, kw_only=True)
class ShardPhase(Phase):
    """A phase with its files, in global order."""

    sequences: int
    tokens: int
    padding: int
    files: tuple[ShardFile, ...]


@dataclass(frozen=True, kw_only=True)
class ShardIndex:
    """`shards/index.json`: what a trainer needs to know before it opens a file."""

    stage: str
    dtype: str
    tokenizer: Mapping[str, Any]  # path relative to the run directory, digest, vocabulary_size
    phases: tuple[ShardPhase, ...]
    mixture: Mapping[str, Any] = field(default_factory=dict)  # asked and built

    def phase(self, name: str) -> ShardPhase:
        for phase in self.phases:
            if phase.name == name:
                return phase
        raise ShardError(f"the index has no phase {name!r}; it has {', '.join(p.name for p in self.phases) or 'none'}")

    def to_json(self) -> bytes:
        """The index with a digest of itself, by which a reader finds every change."""
        fields = asdict(self)
        return _encoded({**fields, "digest": hashlib.blake2b(_encoded(fields), digest_size=DIGEST_BYTES).hexdigest()})

    @staticmethod
    def from_json(content: bytes, name: str = INDEX) -> ShardIndex:
        """Raises `ShardError` where one byte isn't as it was written."""
        try:
            fields = json.loads(content)
            proved = fields.pop("digest", None) is not None
            phases = tuple(
                ShardPhase(**{**phase, "files": tuple(ShardFile(**file) for file in phase["files"])})
                for phase in fields.pop("phases")
            )
            index = ShardIndex(**fields, phases=phases)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ShardError(f"{name} is not a shard index: {error}") from error
        if not proved:
            raise ShardError(f"{name} doesn't hold its own digest: an earlier version made it; run `winnow run` again")
        if index.to_json() != content:
            raise ShardError(
                f"{name} isn't as it was written, its own digest differs; build the run again or restore it"
            )
        return index


def _encoded(fields: Mapping[str, Any]) -> bytes:
    return (json.dumps(fields, ensure_ascii=False, indent=1) + "\n").encode()


def shard_schema(dtype: np.dtype[Any] | type, *, loss_mask: bool) -> pa.Schema:
    """Columns of a shard file for ids of `dtype` (uint16 or uint32)."""
    kind = pa.from_numpy_dtype(np.dtype(dtype))
    if kind not in (pa.uint16(), pa.uint32()):
        raise ShardError(f"token ids must be uint16 or uint32, not {np.dtype(dtype)}")
    columns = [
        pa.field("input_ids", pa.list_(pa.field("element", kind, nullable=False)), nullable=False),
        pa.field("segments", pa.list_(pa.field("element", SEGMENT, nullable=False)), nullable=False),
    ]
    if loss_mask:
        columns.append(pa.field("loss_mask", pa.list_(pa.field("element", pa.bool_(), nullable=False)), nullable=False))
    return pa.schema(columns)


def write_shard(workspace: Workspace, name: str, sequences: Iterable[Sequences] | Sequences) -> dict[str, int]:
    """Writes one shard file from sequences of one length, in bounded memory; returns its `sequences` and `tokens`.

    Raises `ShardError` where there is no sequence, where lengths or dtypes differ, or where segments overlap, leave
    their row or are out of order.
    """
    batches = iter([sequences]) if isinstance(sequences, Sequences) else iter(sequences)
    first = next(batches, None)
    if first is None:
        raise ShardError(f"{name}: a shard needs at least one sequence")
    schema = shard_schema(first.input_ids.dtype, loss_mask=first.loss_mask is not None)
    group = max(1, GROUP_TOKENS // first.length)
    counts = {"sequences": 0, "tokens": 0}
    with workspace.create_parquet(
        name,
        schema.with_metadata({"winnow.length": str(first.length), "winnow.group": str(group)}),
        use_dictionary=["segments.list.element.source", "segments.list.element.language"],
        column_encoding={"input_ids.list.element": "BYTE_STREAM_SPLIT"},
        write_statistics=[f"segments.list.element.{field.name}" for field in SEGMENT],
        write_page_checksum=True,  # .02 % more bytes, and a flipped bit is an error in every reader that looks
    ) as writer:
        for rows in _regroup(_checked(name, first, batches, counts), group):
            writer.write_table(to_table(rows, schema), row_group_size=group)
        writer.add_key_value_metadata({"winnow.tokens": str(counts["tokens"])})
    return counts


def to_table(sequences: Sequences, schema: pa.Schema) -> pa.Table:
    """The rows as an Arrow table of a shard's schema, without copying ids or segments."""
    size, length = sequences.input_ids.shape
    offsets = pa.array(np.arange(size + 1, dtype=np.int32) * np.int32(length))
    columns = [
        pa.ListArray.from_arrays(offsets, pa.array(sequences.input_ids.reshape(-1)), type=schema.field(0).type),
        pa.ListArray.from_arrays(
            pa.array(sequences.bounds.astype(np.int32)), sequences.segments.cast(SEGMENT), type=schema.field(1).type
        ),
    ]
    if sequences.loss_mask is not None:
        flags = pa.array(sequences.loss_mask.reshape(-1))
        columns.append(pa.ListArray.from_arrays(offsets, flags, type=schema.field(2).type))
    return pa.Table.from_arrays(columns, schema=schema)


def build_index(
    workspace: Workspace,
    *,
    stage: str,
    dtype: np.dtype[Any] | type,
    tokenizer: Mapping[str, Any],
    phases: Sequence[Phase],
    mixture: Mapping[str, Any] | None = None,
    digests: Mapping[str, Sequence[str]] | None = None,
) -> ShardIndex:
    """Reads the footers of `shards/<phase>/*.parquet`, digests the files, and writes `shards/index.json`.

    The global order of a phase is that of its files by name, and in a file that of its rows. `digests`: of each phase's
    files, where they are known; what else lies in the folder, another copy of one of them too, is left out.

    Raises `ShardError` for ids that can't hold the vocabulary and for files that don't belong to their phase, `Unworkable`
    where a file of these `digests` isn't there.
    """
    size, most = int(tokenizer.get("vocabulary_size", 0)), int(np.iinfo(dtype).max) + 1
    if size > most:
        raise ShardError(f"ids of {np.dtype(dtype)} hold {most:,} tokens, the vocabulary has {size:,}: use uint32")
    built = []
    for phase in phases:
        found = {name: digest_file(workspace, name) for name in workspace.list(f"shards/{phase.name}", ".parquet")}
        if digests is not None:
            found = _written(found, digests[phase.name], phase)
        files = tuple(_describe(workspace, name, phase, digest) for name, digest in found.items())
        sequences, tokens = sum(file.sequences for file in files), sum(file.tokens for file in files)
        padding = sequences * phase.length - tokens
        built.append(ShardPhase(**asdict(phase), sequences=sequences, tokens=tokens, padding=padding, files=files))
    index = ShardIndex(
        stage=stage,
        dtype=np.dtype(dtype).name,
        tokenizer=dict(tokenizer),
        phases=tuple(built),
        mixture=dict(mixture or {}),
    )
    workspace.write_bytes(INDEX, index.to_json())
    return index


def _written(found: Mapping[str, str], digests: Sequence[str], phase: Phase) -> dict[str, str]:
    """The files of these digests, each once: of two equal ones that with a plain number for a name."""
    wanted, own = Counter(digests), {}
    for name in sorted(found, key=lambda name: (not PurePosixPath(name).stem.isdecimal(), name)):
        if wanted[found[name]] > 0:
            wanted[found[name]] -= 1
            own[name] = found[name]
    if missing := wanted.total():
        from winnow.stages.run.unit import Unworkable  # here: readers load this module, and none of that one

        raise Unworkable(
            f"{missing} files of shards/{phase.name} aren't as they were packed: `winnow repair` takes them out"
        )
    return dict(sorted(own.items()))


def _describe(workspace: Workspace, name: str, phase: Phase, digest: str) -> ShardFile:
    with workspace.parquet(name) as file:
        metadata = file.metadata
    notes = metadata.metadata or {}
    length = int(notes.get(b"winnow.length", b"-1"))
    if length != phase.length:
        raise ShardError(f"{name} holds sequences of {length} tokens, phase {phase.name!r} wants {phase.length}")
    return ShardFile(
        path=name.removeprefix("shards/"),
        sequences=metadata.num_rows,
        tokens=int(notes[b"winnow.tokens"]),
        digest=digest,
        bytes=workspace.size(name),
        group=int(notes[b"winnow.group"]),
        footer=footer_digest(workspace, name),
    )


def footer_digest(workspace: Workspace, name: str) -> str:
    """Digest of a Parquet file's footer, its length and closing mark included: what page checksums don't cover.

    Raises `ShardError` where the file is too short to have one.
    """
    size = workspace.size(name)
    with workspace.open_input(name, reads_ahead=False) as stream:
        tail = b""
        if size > FOOTER_TAIL:
            stream.seek(size - FOOTER_TAIL)
            tail = stream.read(FOOTER_TAIL)
        length = int.from_bytes(tail[:4], "little") + FOOTER_TAIL
        if not tail.endswith(PARQUET_MARK) or length > size:
            raise ShardError(f"{name} has no Parquet footer: damaged or cut off")
        stream.seek(size - length)
        return hashlib.blake2b(stream.read(length), digest_size=DIGEST_BYTES).hexdigest()


def _checked(name: str, first: Sequences, rest: Iterator[Sequences], counts: dict[str, int]) -> Iterator[Sequences]:
    """Passes batches on once they are found consistent, counting sequences and tokens."""
    batch: Sequences | None = first
    while batch is not None:
        wanted = (first.length, first.input_ids.dtype, first.loss_mask is None)
        found = (batch.length, batch.input_ids.dtype, batch.loss_mask is None)
        if found != wanted:
            raise ShardError(f"{name}: sequences of one shard differ in length, dtype or loss mask: {found}, {wanted}")
        ends = batch.positions.astype(np.int64) + batch.lengths
        fits = (batch.positions >= 0).all() and (batch.lengths > 0).all() and (ends <= batch.length).all()
        rows = batch.rows
        follows = (rows[1:] != rows[:-1]) | (batch.positions[1:] >= ends[:-1])
        if not (fits and follows.all()) or len(ends) != batch.bounds[-1]:
            raise ShardError(f"{name}: segments overlap, leave their row of {batch.length} tokens or are out of order")
        counts["sequences"] += len(batch)
        counts["tokens"] += int(batch.lengths.sum())
        yield batch
        batch = next(rest, None)


def _regroup(batches: Iterator[Sequences], rows: int) -> Iterator[Sequences]:
    """The same sequences in batches of exactly `rows`, the last one shorter."""
    waiting: list[Sequences] = []
    size = 0
    for batch in batches:
        waiting.append(batch)
        size += len(batch)
        while size >= rows:
            joined = Sequences.concatenate(waiting)
            yield joined.select(slice(0, rows))
            waiting = [joined.select(slice(rows, None))]
            size -= rows
    if size:
        yield Sequences.concatenate(waiting)
