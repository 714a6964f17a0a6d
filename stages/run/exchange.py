"""The exchange: the only way parts learn of each other.

A part scatters keyed rows into one file of buckets (`stages/run/buckets.py`); the unit of bucket b then gathers its rows
from every file. A key is a 64-bit hash; bucket b holds the keys of the b-th of B equal ranges, so buckets are of equal
size and a resolved bucket is a sorted run of the whole.

P files and B buckets would make P × B reads. So the files of many parts are joined first, as they are, into at most
`MOST_FILES` (`joined`): a bucket, and a part that takes what is for it, never reads from more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.stages.run.buckets import BucketReader, join_buckets, write_buckets
from winnow.stages.run.unit import Counts, File, Files, Planned, Step, Unit
from winnow.stages.run.workspace import Workspace

KEY = "key"
MOST_FILES = 128


def bucket_of(keys: np.ndarray, buckets: int) -> np.ndarray:
    """The bucket of each uint64 key: `⌊key × buckets / 2⁶⁴⌋`, int64."""
    high = keys >> np.uint64(32)
    return ((high * np.uint64(buckets)) >> np.uint64(32)).astype(np.int64)


def scatter(workspace: Workspace, name: str, rows: pa.Table, buckets: int, *, compressed: bool = True) -> None:
    """Writes `rows` (with a uint64 column `key`) as one file of `buckets` buckets, sorted by key within each.

    The order of rows with equal keys is that of `rows`; equal tables give equal bytes. Hashes are not `compressed` to
    any use.
    """
    keys = rows[KEY].to_numpy()
    order = np.argsort(keys, kind="stable")
    bounds = np.searchsorted(bucket_of(keys[order], buckets), np.arange(buckets + 1))
    write_buckets(workspace, name, rows.take(pa.array(order)), bounds, compressed=compressed)


def gather(workspace: Workspace, names: Sequence[str], bucket: int, columns: Sequence[str] | None = None) -> pa.Table:
    """The rows of one bucket from every file, sorted by key, then by the order of `names`.

    Raises `OSError` where a bucket isn't as it was written.
    """
    rows = pa.concat_tables(list(bucket_tables(workspace, names, bucket, columns))).combine_chunks()
    return rows.take(pc.sort_indices(rows, sort_keys=[(KEY, "ascending")])) if rows.num_rows else rows


def bucket_tables(
    workspace: Workspace, names: Sequence[str], bucket: int, columns: Sequence[str] | None = None
) -> Iterator[pa.Table]:
    """The rows of one bucket, a table for each part that sent some; one without rows where none did."""
    sent = False
    for name in names:
        with BucketReader(workspace, name) as file:
            chosen = columns or file.schema.names
            for batch in file.batches(bucket):
                sent = True
                yield pa.Table.from_batches([batch.select(chosen)])
            if not sent and name == names[-1]:
                yield file.schema.empty_table().select(chosen)


@dataclass(frozen=True, kw_only=True)
class JoinFiles:
    """Files of buckets, and the file to write of them."""

    files: Files
    joined: str


def join_files(workspace: Workspace, unit: Unit[JoinFiles]) -> Counts:
    """One file of buckets from several, nothing decoded."""
    join_buckets(workspace, unit.asked.files, unit.asked.joined)
    return {"files": len(unit.asked.files)}


def joined(name: str, files: Files) -> tuple[list[Planned], Files]:
    """The step, if one is needed, that joins many files of buckets; and the files to gather from.

    `name` is the step's that wrote them. It depends on the number of files alone.
    """
    if len(files) <= MOST_FILES:
        return [], files
    size = -(-len(files) // MOST_FILES)
    groups = [files[start : start + size] for start in range(0, len(files), size)]
    targets = tuple(File(f"exchange/{name}.joined/{number:05d}.buckets") for number in range(len(groups)))
    units = [
        Unit(name=f"files-{number:05d}", asked=JoinFiles(files=group, joined=str(target)))
        for number, (group, target) in enumerate(zip(groups, targets, strict=True))
    ]
    return [(Step(name=f"{name}.join", version=1, work=join_files), units)], targets
