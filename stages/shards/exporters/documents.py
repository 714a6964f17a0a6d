"""The documents of some phases, one by one, for formats that hold documents and not packed rows.

A document that was cut lies in several pieces: in pieces it has an end in the last one alone, and in a format that joins
what follows one another the others run into strangers. So pieces are joined again, or each is ended.
"""

from __future__ import annotations

import glob
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from winnow.stages.shards.reader import ShardReader
from winnow.stages.shards.sequences import ShardError

DOCUMENTS = ".documents.parquet"
BLOCK = 1 << 16  # documents in a row group of the table beside
TABLE = pa.schema(
    [
        pa.field("document", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("language", pa.string()),
        pa.field("phase", pa.string(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),  # tokens of the document that came before
        pa.field("tokens", pa.int64(), nullable=False),
        pa.field("continued", pa.bool_(), nullable=False),  # the document goes on elsewhere, or its rest was dropped
    ]
)


class Pieces(StrEnum):
    """What becomes of the pieces of a cut document."""

    JOIN = "join"  # one document again; what has lost a piece is ended
    END = "end"  # each a document of its own, with an end of text
    KEEP = "keep"  # as they lie


@dataclass(frozen=True)
class Document:
    """A document or a piece of one: ids [N], what is learned of them (bool [N] or None), where it comes from."""

    tokens: np.ndarray
    loss: np.ndarray | None
    name: str
    source: str
    language: str | None
    phase: str
    offset: int
    continued: bool

    @property
    def stop(self) -> int:
        return self.offset + len(self.tokens)


def names(phases: str | Sequence[str]) -> tuple[str, ...]:
    """The phases to export, in order. Raises `ShardError` where one is named twice."""
    asked = (phases,) if isinstance(phases, str) else tuple(phases)
    if not asked or len(set(asked)) < len(asked):
        raise ShardError(f"phases {', '.join(asked) or 'none'}: each once, and at least one")
    return asked


def documents(index_path: str, phases: str | Sequence[str], pieces: Pieces | str) -> Iterator[Document]:
    """The documents of the phases, padding left out.

    Joining keeps the pieces whose others are still to come: those of one bucket of packing, at most 200 M tokens. Raises
    `ShardError` where an end is due and the index, made by an earlier version, doesn't say which id it has.
    """
    if pieces not in tuple(Pieces):
        raise ShardError(f"pieces {pieces!r}: they are {', '.join(Pieces)}")
    for phase in names(phases):
        reader = ShardReader(index_path, phase, lanes=1)
        found = _as_they_lie(reader, phase)
        if pieces == Pieces.KEEP:
            yield from found
            continue
        end = reader.index.tokenizer.get("end")
        for document in _joined(found) if pieces == Pieces.JOIN else found:
            yield _ended(document, end, index_path) if document.continued else document


def _as_they_lie(reader: ShardReader, phase: str) -> Iterator[Document]:
    for batch in reader:
        flat = batch.input_ids.reshape(-1)
        mask = None if batch.loss_mask is None else batch.loss_mask.reshape(-1)
        starts = (batch.rows * batch.length + batch.positions).tolist()
        for start, segment in zip(starts, batch.segments.to_pylist(), strict=True):
            stop = start + segment["length"]
            yield Document(
                flat[start:stop],
                None if mask is None else mask[start:stop],
                segment["document"],
                segment["source"],
                segment["language"],
                phase,
                segment["offset"],
                segment["continued"],
            )


def _joined(found: Iterator[Document]) -> Iterator[Document]:
    """Whole documents as they come; a cut one when its last piece has come. What never gets whole comes at the end."""
    waiting: dict[str, dict[int, list[Document]]] = {}
    for document in found:
        if document.offset == 0 and not document.continued:
            yield document
            continue
        pieces = waiting.setdefault(document.name, defaultdict(list))
        pieces[document.offset].append(document)
        chain = _chain(pieces, 0)
        if chain:
            yield _one(chain)
            _take(pieces, chain)
            if not pieces:
                del waiting[document.name]
    for pieces in waiting.values():
        while pieces:
            first = min(pieces)
            chain = _longest(pieces, first)
            _take(pieces, chain)
            yield _one(chain)


def _chain(pieces: dict[int, list[Document]], offset: int) -> list[Document]:
    """Pieces that follow one another from `offset` to the document's end; none where one is missing.

    Copies of a document may be cut at different places, so pieces that begin alike are tried one after another.
    """
    for piece in pieces.get(offset, ()):
        if not piece.continued:
            return [piece]
        rest = _chain(pieces, piece.stop)
        if rest:
            return [piece, *rest]
    return []


def _longest(pieces: dict[int, list[Document]], offset: int) -> list[Document]:
    chain = []
    while offset in pieces:
        chain.append(pieces[offset][0])
        offset = chain[-1].stop
    return chain


def _take(pieces: dict[int, list[Document]], chain: Sequence[Document]) -> None:
    for piece in chain:
        left = [other for other in pieces[piece.offset] if other is not piece]
        if left:
            pieces[piece.offset] = left
        else:
            del pieces[piece.offset]


def _one(chain: Sequence[Document]) -> Document:
    first, last = chain[0], chain[-1]
    if len(chain) == 1:
        return first
    masks = [piece.loss for piece in chain if piece.loss is not None]
    return Document(
        np.concatenate([piece.tokens for piece in chain]),
        np.concatenate(masks) if masks else None,
        first.name,
        first.source,
        first.language,
        first.phase,
        first.offset,
        last.continued,
    )


def _ended(document: Document, end: int | None, index_path: str) -> Document:
    """The document with an end of text that nobody learns."""
    if end is None:
        raise ShardError(
            f"{index_path} doesn't say which id ends a text; build the run again, or keep pieces as they lie"
        )
    return Document(
        np.append(document.tokens, np.asarray(end, document.tokens.dtype)),
        None if document.loss is None else np.append(document.loss, False),
        document.name,
        document.source,
        document.language,
        document.phase,
        document.offset,
        document.continued,
    )


class DocumentTable:
    """`<target>.documents.parquet`: which document, of which source, each entry of an export is."""

    def __init__(self, path: str) -> None:
        self._writer = pq.ParquetWriter(path, TABLE, compression="zstd", write_page_checksum=True)
        self._rows: list[tuple[str, str, str | None, str, int, int, bool]] = []

    def add(self, document: Document) -> None:
        self._rows.append(
            (
                document.name,
                document.source,
                document.language,
                document.phase,
                document.offset,
                len(document.tokens),
                document.continued,
            )
        )
        if len(self._rows) == BLOCK:
            self._write()

    def close(self) -> None:
        self._write()
        self._writer.close()

    def _write(self) -> None:
        columns = zip(*self._rows, strict=True) if self._rows else [[] for _ in TABLE]
        arrays = [pa.array(list(column), field.type) for column, field in zip(columns, TABLE, strict=True)]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=TABLE))
        self._rows = []


@contextmanager
def appearing(*targets: str) -> Iterator[tuple[str, ...]]:
    """Temporary names for files that appear under their own, all together, when the block ends without an error.

    Raises `ShardError` where one of them is there already, since an export overwrites nothing, and where the block has
    written none of them: some writers put an ending of their own behind the name.
    """
    for target in targets:
        if os.path.lexists(target):
            raise ShardError(f"{target} is there already; remove it or name another target")
        Path(target).parent.mkdir(parents=True, exist_ok=True)
    temporary = tuple(f"{target}.tmp" for target in targets)
    try:
        yield temporary
        if not any(map(os.path.exists, temporary)):
            beside = [
                str(path) for name in temporary for path in Path(name).parent.glob(f"{glob.escape(Path(name).name)}*")
            ]
            raise ShardError(
                f"nothing was written to {', '.join(temporary)}"
                + (f"; there is {', '.join(sorted(beside))}: write to the very name that was given" if beside else "")
            )
        for name, target in zip(temporary, targets, strict=True):
            if os.path.exists(name):  # a mask that no phase had
                os.replace(name, target)
    finally:
        for name in temporary:
            if os.path.exists(name):
                os.unlink(name)
