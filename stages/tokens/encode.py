"""Encode: the documents of a part that survived, as token ids.

Plain text ends with `<|endoftext|>`. Conversations are rendered by the chat template, code may be rearranged to fill
a gap in its middle. Beside the ids stand the places where a document is best cut, if a sequence can't hold it.
Repositories are encoded elsewhere (`stages/repositories/repository.py`), as whole sequences.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from winnow.formats.languages.parsing import spans
from winnow.stages.deduplicate import lines
from winnow.stages.deduplicate.contender import CLUSTER_SIZE, cluster_file, cluster_sizes
from winnow.stages.run.drops import DROP, drops_of, surviving, write_drops
from winnow.stages.run.unit import Counts, File, Files, Step, Unit, Units
from winnow.stages.run.workspace import Workspace
from winnow.stages.tokens.conversations import Tokenized, tokenize
from winnow.stages.tokens.cuts import paragraph_cuts
from winnow.stages.tokens.sample import TOKENIZER
from winnow.stages.tokens.schema import NO_BUCKET, lists, tokens_path, tokens_schema
from winnow.stages.tokens.settings import Thinking, TooLong
from winnow.tokenizer import infill
from winnow.tokenizer.encoder import Encoder
from winnow.tokenizer.infill import Infill
from winnow.tokenizer.load import load
from winnow.tokenizer.special import END_OF_TEXT, INFILL

COLUMNS = ("id", "text", "source", "kind", "language", "messages", "locator")
STAGE, RULE, TEMPLATE_RULE = "encode", "conversation.too_long", "conversation.template"
LABEL = "language.label"
_NATURAL = re.compile(r"[a-z]{2,3}([-_].*)?")  # ISO 639; programming languages are written Python, C++ …


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """How the documents of a run are encoded."""

    seed: int
    loss_mask: bool = False  # conversations get the mask of what their assistant says
    infill: Infill | None = None
    bucket: str | None = None  # the measure, or `cluster_size`, that sorts documents into buckets …
    edges: tuple[float, ...] = ()  # … and the ascending lower bounds of buckets 1, 2, …
    longest: int | None = None  # tokens of the longest sequence, where conversations must not be cut …
    too_long: TooLong = TooLong.DROP  # … and what becomes of longer ones
    thinking: Thinking = Thinking.LATEST


@dataclass(frozen=True, kw_only=True)
class EncodePart:
    """A part, and what was found out about its documents: without attributes, languages are those declared."""

    documents: File
    drops: Files
    tokenizer: File
    encoding: Encoding
    attributes: File | None = None
    clusters: File | None = None  # the sizes, where documents are sorted by them
    spans: File | None = None  # of lines that are taken out


def encode_part(workspace: Workspace, unit: Unit[EncodePart]) -> Counts:
    """Writes `tokens/<part>.parquet` and, where conversations can be too long, `drops/encode/<part>.parquet`."""
    asked, encoding = unit.asked, unit.asked.encoding
    encoder = load(f"{workspace.root}/tokenizer")
    counts: Counter[str] = Counter()
    measures = _measures(workspace, asked)
    schema = tokens_schema(encoder.dtype)
    first = 0
    drops: list[dict[str, Any]] = []
    with (
        workspace.parquet(asked.documents) as file,
        workspace.create_parquet(tokens_path(unit.name), schema) as writer,
    ):
        mask = surviving(workspace, file.metadata.num_rows, asked.drops)
        shared = workspace.read_table(asked.spans) if asked.spans is not None else None
        for group in range(file.num_row_groups):
            documents = file.read_row_group(group, columns=list(COLUMNS))
            if shared is not None:
                documents = lines.strip_from(documents, shared, first)
            rows = np.flatnonzero(mask[first : first + documents.num_rows])
            kept = documents.take(pa.array(rows))
            tokens, sizes = encode(kept, measures.take(pa.array(rows + first)), encoder, encoding)
            drops += _drops(kept, rows + first, sizes, encoding)
            first += documents.num_rows
            counts["documents"] += kept.num_rows - len(sizes)
            counts["bytes"] += kept["text"].nbytes
            counts["tokens"] += len(tokens["tokens"].combine_chunks().flatten()) if kept.num_rows else 0
            writer.write_table(tokens, row_group_size=max(tokens.num_rows, 1))
    if encoding.longest is not None or drops:
        counts["dropped"] = len(drops)
        write_drops(workspace, STAGE, unit.name, pa.Table.from_pylist(drops, schema=DROP))
    return dict(counts)


def _drops(
    documents: pa.Table, rows: npt.NDArray[np.int64], sizes: Mapping[int, int | str], encoding: Encoding
) -> list[dict[str, Any]]:
    """Rows of `DROP` for the documents of which nothing is left; `sizes` are their tokens by row, or what refused them."""
    return [
        {
            **{name: documents[name][row].as_py() for name in ("id", "locator", "source")},
            "stage": STAGE,
            "rule": TEMPLATE_RULE if isinstance(size, str) else RULE,
            "value": str(size),
            "threshold": None if isinstance(size, str) else str(encoding.longest),
            "row": int(rows[row]),
        }
        for row, size in sizes.items()
    ]


def _measures(workspace: Workspace, asked: EncodePart) -> pa.Table:
    """The language and quality of every document of the part, as far as they were measured, and its cluster's size."""
    bucket = asked.encoding.bucket
    with workspace.parquet(asked.attributes or asked.documents) as file:
        rows = file.metadata.num_rows
        names = set(file.schema_arrow.names) if asked.attributes else set()
        wanted = [column for column in (LABEL, bucket) if column in names]
        columns = dict(zip(wanted, file.read(columns=wanted).columns, strict=True)) if wanted else {}
    if bucket == CLUSTER_SIZE:
        columns[CLUSTER_SIZE] = pa.array(cluster_sizes(workspace, asked.clusters, rows))
    elif bucket and bucket not in columns and asked.attributes:
        raise ValueError(f"quality buckets need the measure {bucket!r}, which {asked.attributes} doesn't hold")
    return pa.table({LABEL: pa.nulls(rows, pa.string()), **columns})


def encode(
    documents: pa.Table, measures: pa.Table, encoder: Encoder, encoding: Encoding
) -> tuple[pa.Table, dict[int, int | str]]:
    """The rows of `documents` (columns of `DOCUMENT`) and their measures, tokenized: a table of `tokens_schema`.

    A long conversation may become several rows, or none: those stand, with their tokens, in the mapping by row.
    """
    special = encoder.require([END_OF_TEXT, *(INFILL if encoding.infill else ())], "the ends and gaps of documents")
    declared, labels = documents["language"].to_pylist(), measures[LABEL].to_pylist()
    languages = [tag if is_programming(tag) else label or tag for tag, label in zip(declared, labels, strict=True)]
    tokenized: list[Tokenized | None] = [None] * documents.num_rows
    talks: dict[int, list[Tokenized]] = {}
    dropped: dict[int, int | str] = {}
    for row, conversation in enumerate(documents["messages"].to_pylist()):
        if conversation is not None:
            talks[row], size = tokenize(
                json.loads(conversation),
                encoder,
                loss_mask=encoding.loss_mask,
                longest=encoding.longest,
                too_long=encoding.too_long,
                thinking=encoding.thinking,
            )
            if not talks[row]:
                dropped[row] = size
    if encoding.infill is not None:
        for row, (identity, language) in enumerate(zip(documents["id"].to_pylist(), languages, strict=True)):
            if row not in talks and is_programming(language):
                text = documents["text"][row].as_py()
                nodes = partial(spans, text, language)
                parts = encoding.infill.rearrange(text, seed=encoding.seed, document=identity, spans=nodes)
                if parts:  # best not cut at all
                    ids = np.concatenate([_beginning(encoder), infill.encode(parts, encoder)])
                    tokenized[row] = Tokenized(ids, None, np.empty(0, np.int64))
    plain = [row for row, done in enumerate(tokenized) if done is None and row not in talks]
    for row, done in zip(plain, _texts(documents["text"].take(pa.array(plain, pa.int64())), encoder), strict=True):
        tokenized[row] = done
    rows: list[int] = []
    whole: list[Tokenized] = []
    for row, document in enumerate(tokenized):
        pieces = talks.get(row, [document] if document else [])
        rows += [row] * len(pieces)
        whole += pieces
    buckets = _buckets(measures, encoding)[np.array(rows, np.int64)]
    kept = documents.take(pa.array(rows, pa.int64()))
    return _table(kept, [languages[row] for row in rows], buckets, whole, encoder, special[0]), dropped


def is_programming(language: str | None) -> bool:
    """Whether a document's language is a programming language: those have names (Python, C++), others ISO 639 codes."""
    return language is not None and not _NATURAL.fullmatch(language)


def _texts(texts: pa.ChunkedArray, encoder: Encoder) -> Iterator[Tokenized]:
    encoded = encoder.encode(texts)
    cuts = paragraph_cuts(texts, encoded, encoder)
    begin = _beginning(encoder)
    for start, end, cut in zip(encoded.offsets[:-1], encoded.offsets[1:], cuts, strict=True):
        yield Tokenized(np.concatenate([begin, encoded.ids[start:end]]), None, cut + len(begin))


def _beginning(encoder: Encoder) -> npt.NDArray[Any]:
    """What the tokenizer puts before every text that isn't a conversation; often nothing."""
    return np.array(encoder.conventions.beginning, encoder.dtype)


def _table(
    documents: pa.Table,
    languages: Sequence[str | None],
    buckets: npt.NDArray[np.int8],
    tokenized: Sequence[Tokenized],
    encoder: Encoder,
    end: int,
) -> pa.Table:
    """The rows of `tokens_schema`, each document with its end. The end is learned where the last token is."""
    schema = tokens_schema(encoder.dtype)
    stop = np.array([end], encoder.dtype)
    ids = [np.concatenate([document.ids, stop]) for document in tokenized]
    loss = [None if t.loss is None else np.append(t.loss, t.loss[-1:]) for t in tokenized]
    cuts = [document.cuts for document in tokenized]
    columns = {
        "id": documents["id"],
        "source": documents["source"],
        "language": pa.array(languages, pa.string()),
        "kind": documents["kind"],
        "bucket": pa.array(buckets, pa.int8()),
        "tokens": lists(ids, schema.field("tokens").type),
        "loss": pa.array(loss, schema.field("loss").type),
        "cuts": lists(cuts, schema.field("cuts").type),
    }
    return pa.table(columns, schema=schema)


def _buckets(measures: pa.Table, encoding: Encoding) -> npt.NDArray[np.int8]:
    """The number of edges that each document reaches; `NO_BUCKET` where nothing was measured."""
    if encoding.bucket is None:
        return np.full(measures.num_rows, NO_BUCKET, np.int8)
    values = measures[encoding.bucket].to_numpy().astype(np.float64)  # a null becomes NaN
    return np.where(np.isnan(values), NO_BUCKET, np.searchsorted(encoding.edges, values, side="right")).astype(np.int8)


ENCODE = Step(name="encode", version=7, work=encode_part)
# 7: turns of calls alone, whole; results name their calls; 6: templates that rewrite turns; 5: the tokenizer's own template


def encode_units(
    parts: Sequence[str], encoding: Encoding, *, stages: Sequence[str] = (), attributes: bool = False
) -> Sequence[Unit[EncodePart]]:
    """One unit a part. `stages` dropped documents before; `attributes`: languages and quality were measured."""
    return Units(
        parts,
        lambda _, part: EncodePart(
            documents=File(f"documents/{part}.parquet"),
            drops=drops_of(part, stages),
            tokenizer=TOKENIZER,
            encoding=encoding,
            attributes=File(f"attributes/{part}.parquet") if attributes else None,
            clusters=cluster_file(part, stages) if encoding.bucket == CLUSTER_SIZE else None,
            spans=File(lines.spans_path(part)) if lines.STAGE in stages else None,
        ),
    )
