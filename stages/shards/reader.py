"""The shard reader: sequences of one phase in global order, for one rank of many, from any count on."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.sequences import Sequences, ShardError
from winnow.stages.shards.shard import ShardFile, ShardIndex, ShardPhase


@dataclass(frozen=True)
class _Group:
    """A row group and where its first row stands in the global order."""

    file: ShardFile
    number: int
    first: int
    rows: int


class ShardReader:
    """Iterates the sequences of a phase as batches of NumPy arrays.

    Sequence g of the global order goes to rank g mod `world_size`; `start` counts the sequences that all ranks together
    have consumed, so a run goes on exactly where it stopped, on any number of ranks. Of a rank's batches of `batch`
    rows, worker w of `workers` yields numbers w, w + workers, … With `batch=None` a batch is what one row group holds.
    The last `withheld` sequences as written are left out: for evaluation. `order_seed` shuffles the row groups (rows
    inside stay as written), the same way everywhere: for a second epoch.

    Ids come without a copy where a batch lies in one row group and `world_size` is 1. A thread reads `prefetch` row
    groups ahead. Every rank decodes each row group that holds a row of its own: at more than 100 M tokens a second and
    core that is cheaper than files cut for one number of ranks.

    Raises `ShardError` naming the file where a shard is missing, truncated or not what the index says.
    """

    def __init__(
        self,
        index_path: str,
        phase: str,
        *,
        rank: int = 0,
        world_size: int = 1,
        start: int = 0,
        batch: int | None = None,
        worker: int = 0,
        workers: int = 1,
        withheld: int = 0,
        order_seed: int | None = None,
        prefetch: int = 2,
    ) -> None:
        if not 0 <= rank < world_size or not 0 <= worker < workers:
            raise ValueError(f"rank {rank} of {world_size}, worker {worker} of {workers}: no such reader")
        if workers > 1 and batch is None:
            raise ValueError("several workers need a batch size: they share a rank's batches by number")
        folder, _, name = index_path.rpartition("/")
        self._workspace = Workspace(folder or ".")
        self.index = ShardIndex.from_json(self._workspace.read_bytes(name), index_path)
        self.phase: ShardPhase = self.index.phase(phase)
        self._rank, self._world_size, self._start = rank, world_size, start
        self._batch, self._worker, self._workers = batch, worker, workers
        self._prefetch = prefetch
        self._total = max(0, self.phase.sequences - withheld)
        self._vocabulary_size = self.index.tokenizer.get("vocabulary_size")
        self._groups = _ordered(self.phase, self._total, order_seed)

    def __len__(self) -> int:
        """Sequences that this rank still gets, over all its workers."""
        return len(range(self._first(), self._total, self._world_size))

    def __iter__(self) -> Iterator[Sequences]:
        reads = [(group, inside) for group in self._groups if len(inside := self._wanted(group))]
        waiting: list[Sequences] = []
        rows = 0
        for part in self._read_ahead(reads):
            if self._batch is None:
                yield part
                continue
            waiting.append(part)
            rows += len(part)
            while rows >= self._batch:
                joined = Sequences.concatenate(waiting)
                yield joined.select(slice(0, self._batch))
                rows -= self._batch
                waiting = [joined.select(slice(self._batch, None))] if rows else []
        if rows:
            yield Sequences.concatenate(waiting)

    def _first(self) -> int:
        """The first global number from `start` on that is this rank's."""
        return self._start + (self._rank - self._start) % self._world_size

    def _wanted(self, group: _Group) -> np.ndarray:
        """Rows of the group that this rank and worker reads."""
        first = self._first()
        start = first + max(0, -(-(group.first - first) // self._world_size)) * self._world_size
        numbers = np.arange(start, group.first + group.rows, self._world_size)
        if self._batch is not None and self._workers > 1:
            batches = (numbers - first) // self._world_size // self._batch
            numbers = numbers[batches % self._workers == self._worker]
        return numbers - group.first

    def _read_ahead(self, reads: list[tuple[_Group, np.ndarray]]) -> Iterator[Sequences]:
        files = _OpenFile(self._workspace)
        if self._prefetch < 1:
            for group, inside in reads:
                yield self._read(files, group, inside)
            return
        with ThreadPoolExecutor(1, thread_name_prefix="shard-reader") as thread:
            coming: deque[Future[Sequences]] = deque()
            try:
                for group, inside in reads:
                    coming.append(thread.submit(self._read, files, group, inside))
                    if len(coming) > self._prefetch:
                        yield coming.popleft().result()
                while coming:
                    yield coming.popleft().result()
            finally:
                for future in coming:
                    future.cancel()

    def _read(self, files: _OpenFile, group: _Group, inside: np.ndarray) -> Sequences:
        name = group.file.path
        try:
            table = files.parquet(group.file).read_row_group(group.number, use_threads=False)
        except (OSError, pa.ArrowException) as error:
            raise ShardError(f"{name}: row group {group.number} can't be read: {error}") from error
        sequences = from_table(table, name, self.phase.length)
        if len(sequences) < group.rows:
            raise ShardError(f"{name}: row group {group.number} has {len(sequences)} rows, expected {group.rows}")
        largest = int(sequences.input_ids.max())
        if self._vocabulary_size is not None and largest >= self._vocabulary_size:
            raise ShardError(
                f"{name}: row group {group.number} holds token {largest}, the vocabulary has {self._vocabulary_size}: "
                "written with another tokenizer?"
            )
        step = int(inside[1] - inside[0]) if len(inside) > 1 else 1
        if (np.diff(inside) == step).all():
            return sequences.select(slice(int(inside[0]), int(inside[-1]) + 1, step))
        return sequences.select(inside)


class _OpenFile:
    """The shard that was read last, kept open so that its footer is parsed once."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._path: str | None = None
        self._parquet: pq.ParquetFile | None = None

    def parquet(self, file: ShardFile) -> pq.ParquetFile:
        if self._parquet is None or self._path != file.path:
            size = self._workspace.size(file.path)
            if size != file.bytes:
                found = f"{size:,} bytes, the index says {file.bytes:,}"
                raise ShardError(
                    f"{file.path}: truncated or replaced: {found}; build the run again or restore the file"
                )
            self._path, self._parquet = file.path, self._workspace.parquet(file.path)
        return self._parquet


def from_table(table: pa.Table, name: str, length: int) -> Sequences:
    """Sequences over the buffers of a shard's table, whose rows must all have `length` tokens."""
    columns = {column: _one_chunk(table[column]) for column in table.column_names}
    ids, segments = columns["input_ids"], columns["segments"]
    tokens = ids.flatten()
    offsets = ids.offsets.to_numpy()
    if not (np.diff(offsets) == length).all():
        raise ShardError(f"{name}: a row has {int(np.diff(offsets).max())} tokens, the index says {length}")
    bounds = segments.offsets.to_numpy().astype(np.int64)
    mask = columns.get("loss_mask")
    return Sequences(
        input_ids=tokens.to_numpy().reshape(-1, length),
        segments=segments.flatten(),
        bounds=bounds - bounds[0],
        loss_mask=None if mask is None else mask.flatten().to_numpy(zero_copy_only=False).reshape(-1, length),
    )


def _one_chunk(column: pa.ChunkedArray) -> pa.ListArray:
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)


def _ordered(phase: ShardPhase, total: int, order_seed: int | None) -> list[_Group]:
    """The row groups that hold the first `total` sequences as written, in global order."""
    groups: list[tuple[ShardFile, int, int]] = []
    left = total
    for file in phase.files:
        for number in range(-(-file.sequences // file.group)):
            rows = min(file.group, file.sequences - number * file.group, left)
            if rows > 0:
                groups.append((file, number, rows))
                left -= rows
    if order_seed is not None:
        order = np.random.Generator(np.random.PCG64(order_seed)).permutation(len(groups))
        groups = [groups[i] for i in order]
    firsts = np.cumsum([0] + [rows for _, _, rows in groups])
    return [
        _Group(file, number, int(first), rows) for (file, number, rows), first in zip(groups, firsts[:-1], strict=True)
    ]
