"""The exchange: the only way parts learn of each other.

A part scatters keyed rows into one Parquet file whose row group b holds the rows of bucket b; the unit of bucket b then
gathers its row group from the file of every part. P parts and B buckets cost P files and P × B ranged reads, never a
shuffle in memory. A key is a 64-bit hash; bucket b holds the keys of the b-th of B equal ranges, so buckets are of
equal size and a resolved bucket is a sorted run of the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.stages.run.workspace import Workspace

KEY = "key"


def bucket_of(keys: np.ndarray, buckets: int) -> np.ndarray:
    """The bucket of each uint64 key: `⌊key × buckets / 2⁶⁴⌋`, int64."""
    high = keys >> np.uint64(32)
    return ((high * np.uint64(buckets)) >> np.uint64(32)).astype(np.int64)


def scatter(workspace: Workspace, name: str, rows: pa.Table, buckets: int, **options: Any) -> None:
    """Writes `rows` (with a uint64 column `key`) as one file of `buckets` row groups, sorted by key within each.

    The order of rows with equal keys is that of `rows`; equal tables give equal bytes. `options` are the Parquet
    writer's: hashes are neither compressed nor put into dictionaries to any use.
    """
    keys = rows[KEY].to_numpy()
    order = np.argsort(keys, kind="stable")
    ordered = rows.take(pa.array(order)).combine_chunks()
    bounds = np.searchsorted(bucket_of(keys[order], buckets), np.arange(buckets + 1))
    with workspace.create_parquet(name, rows.schema, write_statistics=False, **options) as writer:
        for start, stop in pairwise(bounds.tolist()):
            writer.write_table(ordered.slice(start, stop - start), row_group_size=max(stop - start, 1))


def gather(workspace: Workspace, names: Sequence[str], bucket: int, columns: Sequence[str] | None = None) -> pa.Table:
    """The rows of one bucket from every part's file, sorted by key, then by the order of `names`."""
    read = None if columns is None else list(columns)
    tables = [workspace.read_table(name, columns=read, row_groups=[bucket]) for name in names]
    rows = pa.concat_tables(tables).combine_chunks()
    return rows.take(pc.sort_indices(rows, sort_keys=[(KEY, "ascending")])) if rows.num_rows else rows
