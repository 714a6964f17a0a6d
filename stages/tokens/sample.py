"""The run's tokenizer: a seeded sample of what survived, weighted as the mixture asks, and the tokenizer trained on it.

Each part gives its share of the sample: the source's weight, divided by the parts of the source. Documents are cut into
chunks; the chunks with the smallest hash of (seed, chunk) are taken, so long documents weigh by their length and
the sample is the same whoever takes it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from winnow.stages.run.drops import drops_of, surviving
from winnow.stages.run.unit import Counts, File, Files, Place, Step, Unit, Units, Unworkable
from winnow.stages.run.workspace import Workspace
from winnow.tokenizer.conventions import with_tokens
from winnow.tokenizer.encoder import Encoder, digest_of
from winnow.tokenizer.export import export
from winnow.tokenizer.files import BESIDE, JSON, MODEL, read
from winnow.tokenizer.load import load
from winnow.tokenizer.special import END_OF_TEXT
from winnow.tokenizer.train import TrainingError, sample, train_model

FOLDER = "tokenizer"
TOKENIZER = File(f"{FOLDER}/summary.json")
"""What the run's tokenizer is: its file, digest, vocabulary size, dtype and special tokens. Written last."""

SAMPLE = pa.schema([pa.field("source", pa.string(), nullable=False), pa.field("text", pa.string(), nullable=False)])


@dataclass(frozen=True, kw_only=True)
class SamplePart:
    """A part of a source, and how many bytes of it to take at the most."""

    documents: File
    drops: Files
    source: str
    seed: int
    bytes: int


@dataclass(frozen=True, kw_only=True)
class TrainTokenizer:
    """The samples of all parts; `special` tokens are what the run can't do without."""

    samples: Files
    vocabulary_size: int
    special: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class GivenTokenizer:
    """A tokenizer that exists: where, and the digest of its files. It must have the `special` tokens.

    `tokens`: which of its own serve as ours, by the words of `winnow.tokenizer.special.WORDS`.
    """

    place: Place
    digest: str
    special: tuple[str, ...]
    tokens: Mapping[str, str] = field(default_factory=dict)


def sample_path(part: str) -> File:
    return File(f"sample/{part}.parquet")


def sample_part(workspace: Workspace, unit: Unit[SamplePart]) -> Counts:
    """Writes `sample/<part>.parquet`, chunks of text in the order of their hash."""
    asked = unit.asked
    chunks = sample(_survivors(workspace, asked), asked.seed, asked.bytes)
    sources = pa.array([asked.source] * len(chunks), pa.string())
    workspace.write_table(sample_path(unit.name), pa.table([sources, pa.array(chunks, pa.string())], schema=SAMPLE))
    return {"chunks": len(chunks), "bytes": sum(len(chunk.encode()) for chunk in chunks)}


def _survivors(workspace: Workspace, asked: SamplePart) -> Iterator[str]:
    with workspace.parquet(asked.documents) as file:
        mask = surviving(workspace, file.metadata.num_rows, asked.drops)
        first = 0
        for group in range(file.num_row_groups):
            texts = file.read_row_group(group, columns=["text"])["text"]
            kept = texts.filter(pa.array(mask[first : first + len(texts)]))
            first += len(texts)
            yield from (text.as_py() for text in kept)


def train_tokenizer(workspace: Workspace, unit: Unit[TrainTokenizer | GivenTokenizer]) -> Counts:
    """Writes `tokenizer/`: trained on the parts' samples, or a copy of the one that is given.

    Raises `Unworkable` when there is nothing to train on, `SpecialTokenError` for a given tokenizer that lacks what
    is needed.
    """
    asked = unit.asked
    counts: Counter[str] = Counter()
    if isinstance(asked, GivenTokenizer):
        files = with_tokens(read(asked.place), asked.tokens)
        content, name, given = files.content, JSON if files.path.endswith(".json") else MODEL, files.beside
    else:
        chunks = [workspace.read_table(path) for path in asked.samples]
        for table in chunks:
            counts.update({table["source"][0].as_py(): table["text"].nbytes} if table.num_rows else {})
        texts = [text for table in chunks for text in table["text"].to_pylist()]
        if not texts:
            raise Unworkable("there is no text to train a tokenizer on: nothing survived the filters")
        try:
            content, name, given = train_model(texts, asked.vocabulary_size), MODEL, ()
        except TrainingError as error:
            raise Unworkable(str(error)) from None
    for old in (
        *BESIDE,
        JSON,
        MODEL,
    ):  # of another tokenizer, or of this unit when it was killed: they'd be read as given
        workspace.remove(f"{FOLDER}/{old}")
    for beside, said in (*given, (name, content)):
        workspace.write_bytes(f"{FOLDER}/{beside}", said)
    encoder = load(f"{workspace.root}/{FOLDER}/{name}")
    encoder.require(asked.special, "the documents of this run")
    for file, exported in export(encoder).items():
        workspace.write_bytes(f"{FOLDER}/{file}", exported)
    size = encoder.vocabulary_size if isinstance(asked, GivenTokenizer) else asked.vocabulary_size
    workspace.write_bytes(TOKENIZER, _summary(encoder, name, size))
    return {"vocabulary": encoder.vocabulary_size, "bytes": dict(counts)}


def _summary(encoder: Encoder, name: str, asked: int) -> bytes:
    fields = {
        "path": f"{FOLDER}/{name}",
        "digest": encoder.digest,
        "vocabulary_size": encoder.vocabulary_size,
        "vocabulary_asked": asked,  # more where the text has no more pieces
        "dtype": encoder.dtype.name,
        "special": dict(encoder.special),
        "roles": dict(encoder.conventions.roles),
        "files": {beside: digest_of(content) for beside, content in encoder.files.beside},
    }
    return (json.dumps(fields, ensure_ascii=False, indent=1) + "\n").encode()


SAMPLE_STEP = Step(name="sample", version=1, work=sample_part)
TRAIN_STEP = Step(name="tokenizer", version=1, work=train_tokenizer)


def sample_units(
    parts: Mapping[str, Sequence[str]],
    weights: Mapping[str, float],
    *,
    seed: int,
    sample_bytes: int,
    stages: Sequence[str],
) -> Sequence[Unit[SamplePart]]:
    """One unit a part. `parts` by source; `weights` by source, of any sum; a source without a weight gives nothing."""
    present = {source: weights[source] for source, names in parts.items() if names and weights.get(source)}
    whole = sum(present.values())
    size = {
        source: max(int(sample_bytes * weight / whole / len(parts[source])), 1) for source, weight in present.items()
    }
    sources = [source for source in present for _ in parts[source]]

    def asked(place: int, part: str) -> SamplePart:
        source = sources[place]
        documents, drops = File(f"documents/{part}.parquet"), drops_of(part, stages)
        return SamplePart(documents=documents, drops=drops, source=source, seed=seed, bytes=size[source])

    return Units([part for source in present for part in parts[source]], asked)


def train_units(
    parts: Sequence[str],
    *,
    vocabulary_size: int,
    digest: str = "",
    place: str | None = None,
    special: Sequence[str] = (END_OF_TEXT,),
    tokens: Mapping[str, str] | None = None,
) -> list[Unit[TrainTokenizer | GivenTokenizer]]:
    """One unit. A tokenizer that exists is `place`, with the `digest` of its files; then no sample is needed.

    `tokens`: which of its own serve as ours, by the words of `winnow.tokenizer.special.WORDS`.

    `special`: what the run can't do without; `winnow.tokenizer.special.CONVERSATION` and `INFILL` where there are such.
    """
    if place is not None:
        given = GivenTokenizer(place=Place(place), digest=digest, special=tuple(special), tokens=dict(tokens or {}))
        return [Unit(name="given", asked=given)]
    samples = tuple(sample_path(part) for part in parts)
    asked = TrainTokenizer(samples=samples, vocabulary_size=vocabulary_size, special=tuple(special))
    return [Unit(name="trained", asked=asked)]
