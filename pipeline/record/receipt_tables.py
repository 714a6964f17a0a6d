"""Tables of receipts: those of a step of many units, some thousands in a Parquet file.

A table is named by the digest of its bytes, and so proves itself. Receipts come back as they were entered.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from winnow.pipeline.record.receipt import FOLDER, LATER, Receipt
from winnow.stages.run.digests import content_digest
from winnow.stages.run.workspace import COMPRESSION, Workspace, Written

ROWS = 4_096
"""Receipts of a table: half a megabyte. That many units are worked again where one is damaged."""
TABLE = ".parquet"

WRITTEN = pa.struct([("path", pa.string()), ("bytes", pa.int64()), ("digest", pa.string())])
SCHEMA = pa.schema(
    [
        ("unit", pa.string()),
        ("fingerprint", pa.string()),
        ("outputs", pa.list_(WRITTEN)),
        ("counts", pa.string()),  # JSON
        ("seconds", pa.float64()),
        ("environment", pa.string()),
        ("began", pa.float64()),
        ("memory", pa.int64()),
        ("processor", pa.float64()),
    ]
)


class Table:
    """Receipts of one step as they lie in a file. Columns are lists, of a row each, decoded when they are asked for."""

    def __init__(self, path: str, step: str, data: pa.Table | None = None, content: bytes = b"") -> None:
        """Of `data`, or of the bytes of a Parquet file."""
        self.path, self.step = path, step
        self._file = None if data is not None else pq.ParquetFile(pa.BufferReader(content))
        self._data = data

    def __len__(self) -> int:
        return int(self.data.num_rows if self._file is None else self._file.metadata.num_rows)

    @property
    def data(self) -> pa.Table:
        if self._data is None:
            self._data = self._read(SCHEMA.names)
        return self._data

    def array(self, name: str) -> pa.ChunkedArray:
        """A column as it is, decoded alone."""
        return (self._read([name]) if self._data is None else self._data)[name]

    def _read(self, names: list[str]) -> pa.Table:
        assert self._file is not None
        found = self._file.read(names, use_threads=False)
        for name in LATER:  # which a table of an earlier version lacks
            if name in names and name not in found.column_names:
                found = found.append_column(SCHEMA.field(name), pa.array(np.zeros(len(found)), SCHEMA.field(name).type))
        return found

    def column(self, name: str) -> list[Any]:
        found: list[Any] = self.array(name).to_pylist()
        return found

    def outputs(self) -> Iterator[tuple[int, str, int, str]]:
        """Every file: the row of its receipt, its path, bytes and digest."""
        starts, *columns = self.written()
        rows = (row for row, (start, stop) in enumerate(pairwise(starts)) for _ in range(start, stop))
        yield from zip(rows, *columns, strict=True)

    def counts(self) -> list[Any]:
        """What the unit of each row reports."""
        told = self.column("counts")
        try:
            found: list[Any] = orjson.loads(f"[{','.join(told)}]")
        except orjson.JSONDecodeError:
            return [_counts(one) for one in told]
        return found

    def receipts(self, rows: Sequence[int] | None = None) -> Iterator[Receipt]:
        """Those in these rows, or all."""
        data = self.data if rows is None else self.data.take(pa.array(rows, pa.int64()))
        taken = self if rows is None else Table(self.path, self.step, data)
        starts, paths, sizes, digests = taken.written()
        files = [Written(*told) for told in zip(paths, sizes, digests, strict=True)]
        outputs = (tuple(files[start:stop]) for start, stop in pairwise(starts))
        names = [name for name in SCHEMA.names if name not in ("outputs", "counts")]
        others = zip(*(taken.column(name) for name in names), strict=True)
        for written, counts, told in zip(outputs, taken.counts(), others, strict=True):
            fields = dict(zip(names, told, strict=True))
            yield Receipt(step=self.step, outputs=written, counts=counts, **fields)

    def written(self) -> tuple[list[int], list[str], list[int], list[str]]:
        """Where the files of each row begin among all (one more than rows), their paths, bytes and digests."""
        chunks = self.array("outputs").combine_chunks()
        column = pa.concat_arrays(chunks.chunks) if isinstance(chunks, pa.ChunkedArray) else chunks
        files, starts = column.flatten(), column.offsets.to_pylist()
        paths, sizes, digests = (files.field(name).to_pylist() for name in range(3))
        return [start - starts[0] for start in starts], paths, sizes, digests


def _counts(content: str) -> Any:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:  # integers of more than 64 bits, numbers that are none
        return json.loads(content)


def table_of(receipts: Iterable[Receipt]) -> pa.Table:
    """Raises `UnicodeEncodeError` where names aren't Unicode: those of files that somebody named in another charset."""
    rows = [
        {**vars(one), "outputs": [vars(written) for written in one.outputs], "counts": json.dumps(one.counts)}
        for one in receipts
    ]
    return pa.table({name: pa.array([row[name] for row in rows], SCHEMA.field(name).type) for name in SCHEMA.names})


def write_table(workspace: Workspace, step: str, data: pa.Table) -> Table:
    """Writes receipts of a step under the name that their bytes give them."""
    sink = pa.BufferOutputStream()
    pq.write_table(data, sink, compression=COMPRESSION)
    content = sink.getvalue().to_pybytes()
    path = f"{FOLDER}/{step}/{content_digest(content)}{TABLE}"
    workspace.write_bytes(path, content)
    return Table(path, step, data)


def read_table(workspace: Workspace, path: str) -> Table:
    """Raises `OSError` where there is none and `ValueError` where one byte isn't as it was written."""
    content = workspace.read_bytes(path)
    if content_digest(content) != table_digest(path):
        raise ValueError("its bytes have another digest than its name says")
    return Table(path, path.split("/")[1], content=content)


def table_digest(path: str) -> str:
    """The digest of a table's bytes, by its name."""
    return path.rpartition("/")[2].removesuffix(TABLE)
