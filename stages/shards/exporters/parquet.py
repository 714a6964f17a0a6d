"""Plain Parquet: rows with the columns that stock collators know, without structs, for `load_dataset("parquet", …)`.

`input_ids`, `position_ids` and `labels` are lists of L int32, so that a default collate stacks them once `datasets` gives
tensors; `seq_lengths`, the lengths of the documents as TRL's `padding_free` takes them, vary from row to row and are for
collators that know them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from winnow.stages.shards.columns import cu_seqlens, labels, position_ids
from winnow.stages.shards.exporters.documents import appearing, names
from winnow.stages.shards.reader import ShardReader
from winnow.stages.shards.sequences import Sequences, ShardError

COLUMNS = ("input_ids", "position_ids", "labels", "seq_lengths")
DEFAULT = COLUMNS[:3]
FILE_TOKENS = 1 << 27  # tokens in a file, so that workers have files to share
KIND = pa.list_(pa.int32())


def export(
    index_path: str, phases: str | Sequence[str], target: str, *, columns: Sequence[str] = DEFAULT
) -> dict[str, int]:
    """Writes `<target>/<phase>-00000.parquet` … with these columns, padding included as a document of its own.

    Raises `ShardError` for unknown columns and for files that exist.
    """
    unknown = [name for name in columns if name not in COLUMNS]
    if unknown or not columns:
        raise ShardError(f"no columns {', '.join(unknown) or 'at all'}: there are {', '.join(COLUMNS)}")
    schema = pa.schema([pa.field(name, KIND, nullable=False) for name in columns])
    counts = {"sequences": 0, "tokens": 0}
    for phase in names(phases):
        number = 0
        batches = iter(ShardReader(index_path, phase, lanes=1))
        batch = next(batches, None)
        while batch is not None:
            written = 0
            with (
                appearing(str(Path(target) / f"{phase}-{number:05d}.parquet")) as (temporary,),
                pq.ParquetWriter(temporary, schema, compression="zstd", write_page_checksum=True) as writer,
            ):
                while batch is not None and written < FILE_TOKENS:
                    writer.write_table(_table(batch, schema))
                    written += batch.input_ids.size
                    counts["sequences"] += len(batch)
                    counts["tokens"] += int(batch.lengths.sum())
                    batch = next(batches, None)
            number += 1
    return counts


def _table(batch: Sequences, schema: pa.Schema) -> pa.Table:
    made = {
        "input_ids": lambda: _lists(batch.input_ids),
        "position_ids": lambda: _lists(position_ids(batch)),
        "labels": lambda: _lists(labels(batch)),
        "seq_lengths": lambda: pa.array([np.diff(bounds) for bounds in cu_seqlens(batch)], KIND),
    }
    return pa.Table.from_arrays([made[name]() for name in schema.names], schema=schema)


def _lists(values: np.ndarray) -> pa.ListArray:
    size, length = values.shape
    offsets = pa.array(np.arange(size + 1, dtype=np.int32) * np.int32(length))
    return pa.ListArray.from_arrays(offsets, pa.array(values.reshape(-1).astype(np.int32)), type=KIND)
