"""Repositories: their files brought together, ordered by what they import, and written as sequences of tokens.

A first step scatters the surviving files of every part by the hash of their path, so that a large repository is no longer
unit than many small ones. A second one reads each bucket of files (`reading.py`): parsed for imports and tokenized, which is
most of the work, they are scattered by the hash of their repository's name. A third one gathers repositories: only the facts
of a file stay in memory and its tokens on a scratch file, so a repository may be larger than memory. Each is ordered
(`formats/languages/imports`), shared out over sequences (`pieces.py`), and written with the evidence of how.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict

from winnow.filters.license import PERMISSIVE, Category, category
from winnow.formats.languages.imports import is_manifest
from winnow.formats.languages.imports.graph import Policy
from winnow.stages.deduplicate.forks import origin_of
from winnow.stages.run.drops import DROP, drops_of, surviving, write_drops
from winnow.stages.run.exchange import KEY, bucket_tables, scatter
from winnow.stages.run.unit import Counts, File, Files, Step, Unit, Units
from winnow.stages.run.workspace import Workspace
from winnow.stages.tokens.schema import tokens_path, tokens_schema
from winnow.tokenizer.encoder import Encoder
from winnow.tokenizer.infill import Infill

KIND = "repositories"
LICENSE_STAGE = "license"
EXCHANGE = "exchange/repositories"
READ_EXCHANGE = "exchange/repositories.read"
FILE_BUCKET_BYTES = 64 << 20  # of raw inputs, a few hundred of text: what the files of a bucket take in memory
LEAST_FILE_BYTES = 1 << 20  # of raw inputs that are worth a bucket
LEAST_FILE_BUCKETS = 64  # where there is enough to read
READ = ("id", "text", "source", "kind", "locator", "license", "language", "repository", "path", "metadata")
FILE = pa.schema(
    [
        pa.field(KEY, pa.uint64(), nullable=False),
        pa.field("id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("repository", pa.string(), nullable=False),
        pa.field("origin", pa.string(), nullable=False),  # the input that holds it; "" for rows of tables
        pa.field("path", pa.string(), nullable=False),
        pa.field("language", pa.string()),
        pa.field("license", pa.string()),
        pa.field("package", pa.string()),  # the dotted package that a Python file is in
        pa.field("keep", pa.bool_(), nullable=False),  # False: a manifest that was dropped, which still informs
        pa.field("text", pa.large_string(), nullable=False),
    ]
)

Take = Callable[[pa.Table], None]


class Settings(BaseModel):
    """How a manifest asks for repositories.

    `length` is the tokens of the longest sequence. `licenses` are the categories that are allowed; `unknown` says what
    becomes of files whose licence nobody knows: `keep` or `drop`. `infill`: how many files get a gap to fill. `buckets`: of
    repositories, `file_buckets`: of files to be read.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    policy: Policy
    length: int
    seed: int = 0
    buckets: int = 16
    file_buckets: int = 16
    licenses: tuple[Category, ...] = PERMISSIVE
    unknown: str = "drop"
    infill: Infill | None = None


@dataclass(frozen=True, kw_only=True)
class ScatterPart:
    """A part, and which licences stay: those of the categories, and files of `unknown` licence or not."""

    documents: File
    drops: Files
    licenses: tuple[Category, ...]
    unknown: str
    buckets: int


@dataclass(frozen=True, kw_only=True)
class ReadBucket:
    """One bucket of files, from what every part scattered, to be sent to so many buckets of repositories.

    `infill` is the share of files with a gap to fill.
    """

    bucket: int
    scattered: Files
    tokenizer: File
    length: int
    seed: int
    infill: Infill | None
    buckets: int


@dataclass(frozen=True, kw_only=True)
class OrderBucket:
    """One bucket of repositories, from the files that were read."""

    bucket: int
    read: Files
    tokenizer: File
    policy: Policy
    length: int
    seed: int


def file_buckets(raw: int) -> int:
    """Into how many buckets the files of repositories go whose inputs have so many bytes."""
    return max(math.ceil(raw / FILE_BUCKET_BYTES), min(LEAST_FILE_BUCKETS, math.ceil(raw / LEAST_FILE_BYTES)), 1)


def scatter_units(parts: Sequence[str], settings: Settings, stages: Sequence[str] = ()) -> Sequence[Unit[ScatterPart]]:
    """One unit per part; `stages` are the dropping stages before this one."""
    return Units(
        parts,
        lambda _, part: ScatterPart(
            documents=File(f"documents/{part}.parquet"),
            drops=drops_of(part, stages),
            licenses=settings.licenses,
            unknown=settings.unknown,
            buckets=settings.file_buckets,
        ),
    )


def read_units(scattered: Files, settings: Settings) -> list[Unit[ReadBucket]]:
    """One unit per bucket of files; each reads its bucket of what every part scattered."""
    from winnow.stages.tokens.sample import TOKENIZER

    return [
        Unit(
            name=f"files-{bucket:05}",
            asked=ReadBucket(
                bucket=bucket,
                scattered=scattered,
                tokenizer=TOKENIZER,
                length=settings.length,
                seed=settings.seed,
                infill=settings.infill,
                buckets=settings.buckets,
            ),
        )
        for bucket in range(settings.file_buckets)
    ]


def order_units(read: Files, settings: Settings) -> list[Unit[OrderBucket]]:
    """One unit per bucket of repositories; each reads its bucket of every file of `read`."""
    from winnow.stages.tokens.sample import TOKENIZER

    return [
        Unit(
            name=f"repositories-{bucket:05}",
            asked=OrderBucket(
                bucket=bucket,
                read=read,
                tokenizer=TOKENIZER,
                policy=settings.policy,
                length=settings.length,
                seed=settings.seed,
            ),
        )
        for bucket in range(settings.buckets)
    ]


def scattered_path(part: str) -> File:
    return File(f"{EXCHANGE}/{part}.buckets")


def read_path(unit: str) -> File:
    """Where a unit of `read_units` leaves its files, by repository."""
    return File(f"{READ_EXCHANGE}/{unit}.buckets")


def scatter_part(workspace: Workspace, unit: Unit[ScatterPart]) -> Counts:
    """Writes the part's surviving files by path, and which of them its licence drops."""
    part, asked = unit.name, unit.asked
    with workspace.parquet(asked.documents) as file:
        documents = file.read(columns=list(READ))
    mask = surviving(workspace, documents.num_rows, asked.drops)
    ours = pc.equal(documents["kind"], KIND).to_numpy() & documents["repository"].is_valid().to_numpy()
    forbidden = mask & ours & ~allowed(documents["license"], asked.licenses, asked.unknown)
    _drop(workspace, part, documents, forbidden, asked)
    keep = mask & ours & ~forbidden
    informs = np.array([path is not None and is_manifest(path) for path in documents["path"].to_pylist()], dtype=bool)
    rows = np.flatnonzero(keep | (ours & informs))
    scatter(workspace, scattered_path(part), files_of(documents.take(pa.array(rows)), keep[rows]), asked.buckets)
    return {"files": int(keep.sum()), "dropped": int(forbidden.sum())}


def allowed(column: pa.ChunkedArray, categories: Sequence[str], unknown: str) -> np.ndarray:
    """Which licences are allowed, bool of shape (n,); each distinct expression is judged once."""
    if unknown not in ("keep", "drop"):
        raise ValueError(f"repositories.unknown must be keep or drop, not {unknown!r}")
    names = [Category(name) for name in categories] + ([Category.UNKNOWN] if unknown == "keep" else [])
    encoded = column.combine_chunks().dictionary_encode(null_encoding="encode")
    judged = np.array([category(said) in names for said in encoded.dictionary.to_pylist()], dtype=bool)
    return judged[encoded.indices.to_numpy()] if len(encoded) else np.zeros(0, dtype=bool)


def _drop(workspace: Workspace, part: str, documents: pa.Table, forbidden: np.ndarray, asked: ScatterPart) -> None:
    rows = np.flatnonzero(forbidden)
    dropped = documents.select(["id", "locator", "source", "license"]).take(pa.array(rows))
    count = len(rows)
    threshold = " | ".join([*(kind.value for kind in asked.licenses), f"unknown: {asked.unknown}"])
    table = pa.table(
        {
            "id": dropped["id"],
            "locator": dropped["locator"],
            "source": dropped["source"],
            "stage": pa.array([LICENSE_STAGE] * count, pa.string()),
            "rule": pa.array(["license.category"] * count, pa.string()),
            "value": pc.fill_null(dropped["license"], "unknown"),
            "threshold": pa.array([threshold] * count, pa.string()),
            "row": pa.array(rows, pa.int32()),
        },
        schema=DROP,
    )
    write_drops(workspace, LICENSE_STAGE, part, table)


def files_of(documents: pa.Table, keep: np.ndarray) -> pa.Table:
    """Documents as the files of repositories that they are, columns as in `FILE`; `keep` bool [n]."""
    names, paths = documents["repository"].to_pylist(), documents["path"].to_pylist()
    origins = [origin_of(locator) for locator in documents["locator"].to_pylist()]
    # Of one path twice, both come to one bucket, where they stay in their order.
    keys = np.array([key_of(f"{name}\0{path}") for name, path in zip(names, paths, strict=True)], dtype=np.uint64)
    columns = {name: documents[name] for name in ("id", "source", "repository", "path", "language", "license", "text")}
    said = [json.loads(metadata or "{}") for metadata in documents["metadata"].to_pylist()]
    columns |= {KEY: pa.array(keys), "origin": pa.array(origins, pa.string()), "keep": pa.array(keep)}
    columns["package"] = pa.array([fields.get("package") for fields in said], pa.string())
    return pa.table({name: columns[name] for name in FILE.names}, schema=FILE)


def key_of(name: str) -> int:
    """The 64-bit hash by which the files of one repository, or copies of one file, find each other."""
    return int.from_bytes(hashlib.blake2b(name.encode("utf-8"), digest_size=8).digest(), "little")


def read_bucket(workspace: Workspace, unit: Unit[ReadBucket]) -> Counts:
    """Writes `exchange/repositories.read/<bucket>.buckets`: the files of a bucket as they are read, by repository."""
    from winnow.stages.repositories.reading import Reader, read_schema
    from winnow.tokenizer.load import load

    asked = unit.asked
    encoder = load(f"{workspace.root}/tokenizer")
    reader = Reader(encoder, length=asked.length, seed=asked.seed, infill=asked.infill)
    read = [read_schema(encoder.dtype).empty_table()]
    for files in bucket_tables(workspace, asked.scattered, asked.bucket):  # never more than one part's texts in memory
        read += reader.read(files)
    found = pa.concat_tables(read).combine_chunks()
    names = found["repository"].to_pylist()
    hashes = {name: key_of(name) for name in set(names)}
    keys = pa.array(np.array([hashes[name] for name in names], dtype=np.uint64))
    scatter(workspace, read_path(unit.name), found.set_column(0, KEY, keys).cast(found.schema), asked.buckets)
    return {"files": found.num_rows}


def order_bucket(workspace: Workspace, unit: Unit[OrderBucket]) -> Counts:
    """Writes `tokens/<bucket>.parquet`, one row per piece, and `sequences/<bucket>.parquet`, one row per repository."""
    from winnow.tokenizer.load import load

    asked = unit.asked
    settings = Settings(policy=asked.policy, length=asked.length, seed=asked.seed)

    def feed(take: Take) -> None:
        for files in bucket_tables(workspace, asked.read, asked.bucket):
            take(files)

    return write_sequences(workspace, unit.name, feed, load(f"{workspace.root}/tokenizer"), settings)


def write_sequences(
    workspace: Workspace, name: str, feed: Callable[[Take], None], encoder: Encoder, settings: Settings
) -> Counts:
    """Orders the repositories whose files (tables of `reading.read_schema`) `feed` hands over, batch by batch."""
    from winnow.stages.repositories.assembly import Assembly
    from winnow.stages.repositories.evidence import sequences_schema

    counts: Counter[str] = Counter()
    with (
        Assembly(encoder, policy=settings.policy, length=settings.length, seed=settings.seed) as assembly,
        workspace.create_parquet(tokens_path(name), tokens_schema(encoder.dtype)) as tokens,
        workspace.create_parquet(f"sequences/{name}.parquet", sequences_schema()) as sequences,
    ):
        feed(assembly.take)
        for rows, evidence in assembly.write():
            tokens.write_table(rows, row_group_size=max(rows.num_rows, 1))
            sequences.write_table(evidence)
            counts["pieces"] += rows.num_rows
            counts["repositories"] += evidence.num_rows
            for column in ("files", "tokens", "edges", "acyclic", "acyclic_respected"):
                counts[column] += pc.sum(evidence[column]).as_py() or 0
    return dict(counts)


# 2: by path, for the step that reads files
SCATTER = Step(name="repositories.scatter", version=2, work=scatter_part)
READ_FILES = Step(name="repositories.read", version=1, work=read_bucket)
ORDER = Step(name="repositories.order", version=3, work=order_bucket)  # 3: begins as the tokenizer begins texts
