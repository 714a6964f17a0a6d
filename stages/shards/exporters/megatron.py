"""Megatron-LM's indexed dataset: `<target>.bin` with raw tokens and `<target>.idx` with lengths and pointers.

The index is `MMIDIDX\\0\\0`, uint64 version 1, one byte for the token type, uint64 sequences and uint64 document
bounds, then int32 lengths, int64 byte pointers and int64 bounds. A Megatron sequence here is a segment, or with
`whole_rows=True` a packed row; each is a document of its own, so packing is Megatron's to do again or to keep.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any

import numpy as np

from winnow.stages.shards.reader import ShardReader
from winnow.stages.shards.sequences import ShardError

MAGIC = b"MMIDIDX\x00\x00"
VERSION = 1
TOKEN_CODES: dict[np.dtype[Any], int] = {
    np.dtype(np.uint16): 8,
    np.dtype(np.uint32): 4,
}  # Megatron has no uint32: ids below 2³¹ go as int32


def export(index_path: str, phase: str, target: str, *, whole_rows: bool = False) -> dict[str, int]:
    """Writes `<target>.bin` and `<target>.idx`. Loss masks are left out: the format has none.

    Raises `ShardError` for ids that Megatron's int32 can't hold.
    """
    reader = ShardReader(index_path, phase, lanes=1)
    dtype = np.dtype(reader.index.dtype)
    if dtype == np.uint32 and int(reader.index.tokenizer.get("vocabulary_size", 0)) > 1 << 31:
        raise ShardError(f"{index_path}: ids of a vocabulary above 2³¹ don't fit Megatron's int32")
    lengths: list[np.ndarray] = []
    place = Path(target)
    place.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{target}.bin.tmp", "wb") as tokens:
        for batch in reader:
            if whole_rows:
                tokens.write(np.ascontiguousarray(batch.input_ids).data)
                lengths.append(np.full(len(batch), batch.length, np.int32))
                continue
            starts = batch.rows * batch.length + batch.positions
            flat = batch.input_ids.reshape(-1)
            for start, length in zip(starts.tolist(), batch.lengths.tolist(), strict=True):
                tokens.write(flat[start : start + length].data)
            lengths.append(batch.lengths.astype(np.int32))
    sizes = np.concatenate(lengths)
    pointers = np.concatenate([[0], np.cumsum(sizes[:-1], dtype=np.int64) * dtype.itemsize]).astype(np.int64)
    with open(f"{target}.idx.tmp", "wb") as index:
        index.write(MAGIC + struct.pack("<QBQQ", VERSION, TOKEN_CODES[dtype], len(sizes), len(sizes) + 1))
        for array in (sizes, pointers, np.arange(len(sizes) + 1, dtype=np.int64)):
            index.write(array.astype(array.dtype.newbyteorder("<")).data)
    os.replace(f"{target}.bin.tmp", f"{target}.bin")
    os.replace(f"{target}.idx.tmp", f"{target}.idx")
    return {"sequences": len(sizes), "tokens": int(sizes.sum(dtype=np.int64))}


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
