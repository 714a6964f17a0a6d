"""A row group of a shard as sequences: ids and mask by their pages where the file is local, the rest by pyarrow."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.pages import ListColumn, list_columns, read_rows
from winnow.stages.shards.sequences import SEGMENT, Sequences, ShardError, numbers


class OpenShard(NamedTuple):
    """A shard file, its footer parsed."""

    name: str
    parquet: pq.ParquetFile
    columns: list[str]
    mapped: pa.Buffer | None  # a local file's bytes, of which no reading takes a copy
    by_pages: list[ListColumn]  # none of an object store's file, of which one request brings a row group

    @staticmethod
    def open(workspace: Workspace, name: str) -> OpenShard:
        if not workspace.is_local:
            parquet = workspace.parquet(name)
            return OpenShard(name, parquet, parquet.schema_arrow.names, None, [])
        mapped = workspace.open_input(name).read_buffer()
        parquet = pq.ParquetFile(pa.BufferReader(mapped), page_checksum_verification=True)
        lists = list_columns(parquet, ("input_ids", "loss_mask"))
        return OpenShard(name, parquet, parquet.schema_arrow.names, mapped, lists)

    def read(self, number: int, length: int) -> Sequences:
        """The sequences of one row group, each of `length` tokens; ids aren't copied once they are decoded.

        Raises `OSError` or `pyarrow.ArrowException` where it can't be read, `ShardError` for rows of another length.
        """
        lists = {
            column.name: rows
            for column in self.by_pages
            if (rows := read_rows(self.parquet, self.mapped, number, column, length)) is not None
        }
        rest = [name for name in self.columns if name not in lists]
        table = self.parquet.read_row_group(number, columns=rest, use_threads=False)
        columns = {name: _one_chunk(table[name]) for name in rest}
        lists |= {
            name: _equal_lists(column, self.name, length) for name, column in columns.items() if name != "segments"
        }
        segments = columns["segments"]
        described = segments.flatten()
        bounds = numbers(segments.offsets).astype(np.int64)
        return Sequences(
            input_ids=lists["input_ids"],
            segments=described if described.type == SEGMENT else described.cast(SEGMENT),  # lengths were int32 once
            bounds=bounds - bounds[0],
            loss_mask=lists.get("loss_mask"),
        )


def _equal_lists(column: pa.ListArray, name: str, length: int) -> np.ndarray:
    sizes = np.diff(numbers(column.offsets))
    if not (sizes == length).all():
        raise ShardError(f"{name}: a row has {int(sizes.max())} tokens, the index says {length}")
    values: np.ndarray = column.flatten().to_numpy(zero_copy_only=False)
    return values.reshape(-1, length)


def _one_chunk(column: pa.ChunkedArray) -> pa.ListArray:
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)
