"""Megatron-LM's indexed dataset: `<target>.bin` with raw tokens and `<target>.idx` with lengths and pointers.

The index is `MMIDIDX\\0\\0`, uint64 version 1, one byte for the token type, uint64 sequences and uint64 document
bounds, then int32 lengths, int64 byte pointers and int64 bounds. A Megatron sequence here is a document or, with
`whole_rows=True`, a packed row; so packing is Megatron's to do again or to keep.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from winnow.stages.shards.exporters.documents import (
    DOCUMENTS,
    Document,
    DocumentTable,
    Pieces,
    appearing,
    documents,
    names,
)
from winnow.stages.shards.reader import ShardReader
from winnow.stages.shards.sequences import ShardError

MAGIC = b"MMIDIDX\x00\x00"
VERSION = 1
LOSS = ".loss"
TOKEN_CODES: dict[np.dtype[Any], int] = {
    np.dtype(np.uint16): 8,
    np.dtype(np.uint32): 4,
    np.dtype(np.uint8): 1,
}  # Megatron has no uint32: ids below 2³¹ go as int32


def export(
    index_path: str,
    phases: str | Sequence[str],
    target: str,
    *,
    pieces: Pieces | str = Pieces.KEEP,
    whole_rows: bool = False,
) -> dict[str, int]:
    """Writes `<target>.bin` and `.idx`, and `<target>.documents.parquet`, which says what each document is.

    The format has no loss mask: where the stage has one it lies beside, as a data set of its own of one byte a token,
    `<target>.loss.bin` and `.idx`, which a training script has to multiply the losses by. With `whole_rows` a document is
    a packed row. Raises `ShardError` for ids that Megatron's int32 can't hold, and for a target that exists.
    """
    index = ShardReader(index_path, names(phases)[0]).index
    dtype = np.dtype(index.dtype)
    if dtype == np.uint32 and int(index.tokenizer.get("vocabulary_size", 0)) > 1 << 31:
        raise ShardError(f"{index_path}: ids of a vocabulary above 2³¹ don't fit Megatron's int32")
    lengths: list[int] = []
    suffixes = (".bin", ".idx", f"{LOSS}.bin", f"{LOSS}.idx", DOCUMENTS)
    found = _rows(index_path, phases) if whole_rows else documents(index_path, phases, pieces)
    with appearing(*(target + suffix for suffix in suffixes)) as (bin_, idx, loss_bin, loss_idx, table_path):
        table, masked = DocumentTable(table_path), 0
        with open(bin_, "wb") as tokens, open(loss_bin, "wb") as losses:
            for document in found:
                tokens.write(np.ascontiguousarray(document.tokens).data)
                if document.loss is not None:
                    losses.write(document.loss.astype(np.uint8).data)
                    masked += 1
                lengths.append(len(document.tokens))
                table.add(document)
        table.close()
        _write_index(idx, lengths, dtype)
        if masked:
            _write_index(loss_idx, lengths, np.dtype(np.uint8))
        else:
            os.unlink(loss_bin)
        if whole_rows:
            os.unlink(table_path)
    return {"sequences": len(lengths), "tokens": sum(lengths)}


def _rows(index_path: str, phases: str | Sequence[str]) -> Iterator[Document]:
    for phase in names(phases):
        for batch in ShardReader(index_path, phase, lanes=1):
            for row in range(len(batch)):
                mask = None if batch.loss_mask is None else batch.loss_mask[row]
                yield Document(batch.input_ids[row], mask, "", "", None, phase, 0, False)


def _write_index(path: str, lengths: Sequence[int], dtype: np.dtype[Any]) -> None:
    sizes = np.asarray(lengths, np.int32)
    pointers = np.concatenate([[0], np.cumsum(sizes[:-1], dtype=np.int64) * dtype.itemsize]).astype(np.int64)
    with open(path, "wb") as index:
        index.write(MAGIC + struct.pack("<QBQQ", VERSION, TOKEN_CODES[dtype], len(sizes), len(sizes) + 1))
        for array in (sizes, pointers[: len(sizes)], np.arange(len(sizes) + 1, dtype=np.int64)):
            index.write(array.astype(array.dtype.newbyteorder("<")).data)


def read(target: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lengths int32 [S], byte pointers int64 [S] and all tokens, memory-mapped, of an indexed dataset.

    Raises `ShardError` for a file that isn't one.
    """
    content = Path(f"{target}.idx").read_bytes()
    head = len(MAGIC) + struct.calcsize("<QBQQ")
    if content[: len(MAGIC)] != MAGIC or len(content) < head:
        raise ShardError(f"{target}.idx is not a Megatron index")
    version, code, count, _ = struct.unpack_from("<QBQQ", content, len(MAGIC))
    if version != VERSION:
        raise ShardError(f"{target}.idx has version {version}, expected {VERSION}")
    dtype = {code: dtype for dtype, code in TOKEN_CODES.items()}[code]
    lengths = np.frombuffer(content, "<i4", count, head)
    pointers = np.frombuffer(content, "<i8", count, head + 4 * count)
    return lengths, pointers, np.memmap(f"{target}.bin", dtype=dtype, mode="r")
