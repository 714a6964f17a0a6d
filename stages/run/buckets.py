"""A file of buckets: rows in runs, of which one is found without a look at the others.

    frame *  offset *  schema  trailer

A frame is one Arrow record batch message, compressed by zstd or not, behind its two sizes and a CRC-32. The offsets
[buckets + 1] tell where the frames of each bucket begin, each beside a check of its own; an empty bucket costs those 16
bytes. A Parquet file of as many row groups has a footer of 100 bytes for each column of each, which every reader of one
bucket reads whole.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from winnow.stages.run.workspace import Workspace

MAGIC = b"WINNOWB1"
_FRAME = struct.Struct("<QQQ")  # bytes here, bytes of the message, CRC-32
_TRAILER = struct.Struct("<QQ?3xI8s")  # buckets, bytes of the schema, compressed, CRC-32 of those and the schema, magic
_OFFSET = np.dtype([("place", "<u8"), ("check", "<u8")])
_CHECK = np.uint64(0x9E3779B97F4A7C15)
SLAB = 64 << 20
"""Bytes of all files that are copied at once when they are joined."""

Offsets = npt.NDArray[np.uint64]


def write_buckets(
    workspace: Workspace, name: str, rows: pa.Table, bounds: npt.NDArray[np.int64], *, compressed: bool
) -> None:
    """Writes rows `bounds[b] … bounds[b + 1] - 1` as bucket b. Equal tables give equal bytes."""
    codec = pa.Codec("zstd") if compressed else None
    with workspace.create(name) as stream:
        offsets = [0]
        for start, stop in pairwise(bounds.tolist()):
            place = offsets[-1]
            for batch in rows.slice(start, stop - start).combine_chunks().to_batches() if stop > start else ():
                message = batch.serialize()
                body = codec.compress(message) if codec else message
                stream.write(_FRAME.pack(body.size, message.size, _frame_check(body, message.size)))
                stream.write(body)
                place += _FRAME.size + body.size
            offsets.append(place)
        _close(stream, np.array(offsets, np.uint64), rows.schema.serialize(), compressed)


def _close(stream: Any, offsets: Offsets, schema: pa.Buffer, compressed: bool) -> None:
    entries = np.empty(len(offsets), _OFFSET)
    entries["place"], entries["check"] = offsets, _checks(offsets)
    stream.write(entries.tobytes())
    stream.write(schema)
    buckets = len(offsets) - 1
    stream.write(_TRAILER.pack(buckets, schema.size, compressed, _check(buckets, compressed, schema), MAGIC))


def _checks(offsets: Offsets) -> Offsets:
    return ~offsets * _CHECK


def _check(buckets: int, compressed: bool, schema: pa.Buffer) -> int:
    return zlib.crc32(schema, zlib.crc32(f"{buckets} {compressed}".encode()))


def _frame_check(body: pa.Buffer, whole: int) -> int:
    return zlib.crc32(body, zlib.crc32(whole.to_bytes(8, "little")))


class BucketReader:
    """Reads single buckets. Raises `OSError` for a file that isn't one, or not as it was written."""

    def __init__(self, workspace: Workspace, name: str) -> None:
        self.name = name
        self._file = workspace.open_input(name, reads_ahead=False)
        size = self._file.size()
        trailer = self._read(max(size - _TRAILER.size, 0), size)
        try:
            self.buckets, schema, self.compressed, check, magic = _TRAILER.unpack(trailer)
        except struct.error:
            raise OSError(f"{name} is no file of buckets, or was cut off") from None
        end = size - _TRAILER.size
        self._offsets = end - schema - _OFFSET.itemsize * (self.buckets + 1)
        if magic != MAGIC or self._offsets < 0:
            raise OSError(f"{name} is no file of buckets, or was cut off")
        self.message = self._read(end - schema, end)
        if check != _check(self.buckets, self.compressed, self.message):
            raise OSError(f"{name}: its end isn't as it was written")
        self.schema = pa.ipc.read_schema(self.message)

    def __enter__(self) -> BucketReader:
        return self

    def __exit__(self, *error: Any) -> None:
        self._file.close()

    def _read(self, start: int, stop: int) -> pa.Buffer:
        self._file.seek(start)
        return self._file.read_buffer(stop - start)

    def offsets(self, first: int, last: int) -> list[int]:
        """Where buckets `first` … `last` begin; the end of all frames where `last` is the number of buckets."""
        place = self._offsets + _OFFSET.itemsize * first
        found = np.frombuffer(self._read(place, place + _OFFSET.itemsize * (last - first + 1)), _OFFSET)
        if not np.array_equal(found["check"], _checks(found["place"])):
            raise OSError(f"{self.name}: where bucket {first} begins isn't as it was written")
        return found["place"].tolist()  # type: ignore[no-any-return]

    def frames(self, start: int, stop: int) -> pa.Buffer:
        """Frames as they lie in the file."""
        return self._read(start, stop)

    def batches(self, bucket: int) -> Iterator[pa.RecordBatch]:
        """The rows of one bucket, in the order in which they were written."""
        frames = self._read(*self.offsets(bucket, bucket + 1))
        codec = pa.Codec("zstd") if self.compressed else None
        at = 0
        while at < frames.size:
            try:
                size, whole, check = _FRAME.unpack(frames.slice(at, _FRAME.size))
                body = frames.slice(at + _FRAME.size, size)
            except (struct.error, ValueError, IndexError, OverflowError):
                check = -1
            if check < 0 or body.size != size or check != _frame_check(body, whole):
                raise OSError(f"{self.name}: bucket {bucket} isn't as it was written")
            message = codec.decompress(body, decompressed_size=whole) if codec else body
            yield pa.ipc.read_record_batch(message, self.schema)
            at += _FRAME.size + size


def join_buckets(workspace: Workspace, names: Sequence[str], name: str) -> None:
    """Writes one file whose buckets hold those of several files, one behind the other, in the order of `names`.

    Nothing is decoded; of each file about `SLAB` ÷ files are read at once. Raises `ValueError` where they don't hold
    the same columns in as many buckets.
    """
    begins, kinds = [], set()
    for one in names:
        with BucketReader(workspace, one) as file:
            kinds.add((file.buckets, file.compressed, bytes(file.message)))
            begins.append(file.offsets(0, file.buckets))
    if len(kinds) != 1:
        raise ValueError(f"{names[0]} … {names[-1]} aren't of one kind: they can't be joined")
    [(buckets, compressed, schema)] = kinds
    offsets = np.sum(begins, axis=0)
    with workspace.create(name) as stream:
        first = 0
        while first < buckets:
            behind = int(np.searchsorted(offsets, offsets[first] + SLAB, side="right")) - 1
            last = min(max(behind, first + 1), buckets)
            slabs = []
            for one, begin in zip(names, begins, strict=True):
                with BucketReader(workspace, one) as file:  # opened anew: a system lets a process open some 1,000 files
                    slabs.append(file.frames(begin[first], begin[last]))
            for bucket in range(first, last):
                for slab, begin in zip(slabs, begins, strict=True):
                    start, stop = begin[bucket] - begin[first], begin[bucket + 1] - begin[first]
                    if stop > start:
                        stream.write(slab.slice(start, stop - start))
            first = last
        _close(stream, offsets.astype(np.uint64), pa.py_buffer(schema), compressed)
