"""Ids and masks of a row group straight from their Parquet pages, for rows that all have one length.

A Parquet reader puts lists together from two levels that are kept for every value, which takes longer than the values
do. In a shard the lists of a column are all of one length, so that their levels need only be compared with what they
must be. Read here are pages as `write_shard` makes them (version 1, plain or split bytes, each with a checksum); of
others `read_rows` says None, and `pyarrow.parquet` reads the same from them. A page's header is written in Thrift's
compact protocol, the rest as Parquet's `Encodings.md` says.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

DATA_PAGE, PLAIN, RLE, SPLIT = 0, 0, 3, 9
CODECS = {"ZSTD": "zstd", "SNAPPY": "snappy", "GZIP": "gzip", "BROTLI": "brotli"}
TYPES: dict[tuple[pa.DataType, str], type] = {
    (pa.uint16(), "INT32"): np.uint16,
    (pa.uint32(), "INT32"): np.uint32,
    (pa.bool_(), "BOOLEAN"): np.bool_,
}
DEEPEST = 4  # structs in one another: statistics lie in the second


class PageError(OSError):
    """A page isn't what its checksum, its header or the length of the rows says."""


class _UnusualError(Exception):
    """A page that pyarrow has to read."""


class ListColumn(NamedTuple):
    """A column of lists: its number among a file's columns of values, and what its lists are of."""

    name: str
    number: int
    kind: pa.DataType


def list_columns(parquet: pq.ParquetFile, names: Sequence[str]) -> list[ListColumn]:
    """Those of `names` that the file has."""
    found, fields = [], parquet.schema_arrow
    for number in range(len(parquet.schema)):
        name = parquet.schema.column(number).path.partition(".")[0]
        if name in names:
            found.append(ListColumn(name, number, fields.field(name).type.value_type))
    return found


def read_rows(
    parquet: pq.ParquetFile, mapped: pa.Buffer, group: int, wanted: ListColumn, length: int
) -> np.ndarray | None:
    """A column of a row group as [rows, `length`] of uint16, uint32 or bool; None where pyarrow has to read it.

    `mapped` is the file that `parquet` reads. Raises `PageError` where a checksum or a count is wrong or a row has
    another length.
    """
    name, kind = wanted.name, wanted.kind
    about = parquet.metadata.row_group(group)
    column = about.column(wanted.number)
    dtype = TYPES.get((kind, column.physical_type))
    if dtype is None or column.compression not in (*CODECS, "UNCOMPRESSED") or column.has_dictionary_page:
        return None
    if column.num_values != about.num_rows * length:
        raise PageError(f"{column.num_values:,} values in {about.num_rows:,} rows of {length:,}")
    chunk = memoryview(mapped).cast("B")[column.data_page_offset :][: column.total_compressed_size]
    values = np.empty(column.num_values, dtype)
    try:
        done = at = 0
        while done < len(values):
            header, at = _header(chunk, at)
            body = chunk[at : at + header[3]]
            at += len(body)
            done += _page(header, body, column.compression, values, done, length)
    except PageError:
        raise
    except (IndexError, KeyError, TypeError, OSError, pa.ArrowException) as error:
        raise PageError(f"a page of {name} is damaged: {error}") from error
    except _UnusualError:
        return None
    values.flags.writeable = False  # as pyarrow's are
    return values.reshape(-1, length)


def _page(
    header: dict[int, Any], body: memoryview, compression: str, values: np.ndarray, first: int, length: int
) -> int:
    """Decodes a page into `values[first:]`; returns how many values it has."""
    data = header.get(5)
    if header[1] != DATA_PAGE or data is None or 4 not in header or data[3] != RLE or data[4] != RLE:
        raise _UnusualError
    if len(body) != header[3] or zlib.crc32(body) != header[4] & 0xFFFFFFFF:
        raise PageError("a page's checksum is another one")
    count = int(data[1])
    if not 0 < count <= len(values) - first:
        raise PageError(f"a page has {count:,} values where {len(values) - first:,} are left")
    whole = body
    if compression != "UNCOMPRESSED":
        whole = memoryview(pa.Codec(CODECS[compression]).decompress(body, header[2])).cast("B")
    at = 0
    for kind in ("repetition", "definition"):
        size = int.from_bytes(whole[at : at + 4], "little")
        if not _levels_fit(kind, bytes(whole[at + 4 : at + 4 + size]), count, first % length, length):
            raise PageError(f"a row isn't {length:,} values long")
        at += 4 + size
    into, encoded = values[first : first + count], np.frombuffer(whole[at:], np.uint8)
    if values.dtype == bool:
        if data[2] != PLAIN or len(encoded) != -(-count // 8):
            raise _UnusualError
        into[:] = np.unpackbits(encoded, count=count, bitorder="little")
        return count
    if data[2] not in (PLAIN, SPLIT) or len(encoded) != 4 * count:
        raise _UnusualError
    if data[2] == PLAIN:
        into[:] = encoded.view("<u4")
        return count
    planes = encoded.reshape(4, count)[: values.dtype.itemsize]
    into[:] = planes[-1]
    for plane in planes[-2::-1]:
        np.multiply(into, 256, out=into)
        np.add(into, plane, out=into)
    return count


@lru_cache(maxsize=256)  # the same bytes in nearly every page of a file
def _levels_fit(kind: str, encoded: bytes, count: int, first: int, length: int) -> bool:
    """Whether levels of one bit, runs of them or eight to a byte, say that rows are whole and nothing is null."""
    found = np.zeros(count, bool)
    at = filled = 0
    while filled < count:
        run, at = _varint(encoded, at)
        if run & 1:
            size = run >> 1
            bits = np.unpackbits(np.frombuffer(encoded, np.uint8, size, at), bitorder="little")
            some = bits[: count - filled]
            at += size
        else:
            some = np.full(min(run >> 1, count - filled), encoded[at], np.uint8)
            at += 1
        if not len(some):
            return False
        found[filled : filled + len(some)] = some
        filled += len(some)
    wanted = np.ones(count, bool)
    if kind == "repetition":
        wanted[-first % length :: length] = False
    return bool((found == wanted).all())


def _varint(data: bytes | memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise PageError("a number has no end")


def _header(data: memoryview, at: int, depth: int = 0) -> tuple[dict[int, Any], int]:
    """A struct of Thrift's compact protocol by its field numbers: integers, booleans, binary, structs."""
    fields: dict[int, Any] = {}
    number = 0
    while True:
        byte = data[at]
        at += 1
        if not byte:
            return fields, at
        kind, step = byte & 0x0F, byte >> 4
        if step:
            number += step
        else:
            number, at = _zigzag(data, at)
        if kind in (1, 2):
            fields[number] = kind == 1
        elif kind in (4, 5, 6):
            fields[number], at = _zigzag(data, at)
        elif kind == 8:
            size, at = _varint(data, at)
            fields[number], at = data[at : at + size], at + size
        elif kind == 12 and depth < DEEPEST:
            fields[number], at = _header(data, at, depth + 1)
        else:
            raise _UnusualError


def _zigzag(data: memoryview, at: int) -> tuple[int, int]:
    value, at = _varint(data, at)
    return (value >> 1) ^ -(value & 1), at
