"""The shard reader: sequences of one phase in one global order, for one rank of many, from any count on."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from enum import StrEnum

import numpy as np
import pyarrow as pa

from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.files import OpenFiles
from winnow.stages.shards.order import LANES, Longs, Order, Places
from winnow.stages.shards.sequences import Sequences, ShardError
from winnow.stages.shards.shard import GROUP_TOKENS, ShardIndex, ShardPhase


class Uneven(StrEnum):
    """What becomes of the sequences at the end of an order that don't fill a batch on every rank."""

    KEEP = "keep"  # ranks differ by one sequence
    DROP = "drop"
    PAD = "pad"  # the order begins again until every rank's last batch is full


class ShardReader:
    """Iterates the sequences of a phase as batches of NumPy arrays.

    Position p of the global order goes to rank p mod `world_size`; `start` counts the sequences that all ranks together
    have consumed, so a run goes on exactly where it stopped, on any number of ranks. Of a rank's batches of `batch`
    rows, worker w of `workers` yields numbers w, w + workers, … With `batch=None` a batch is what one row group holds,
    or as many rows.

    The order is that of `winnow.stages.shards.order`: each row group is read by one rank wherever `world_size` divides
    `lanes`. `lanes=1` is the order in which the files were written. `order_seed` shuffles row groups and rows: for
    every epoch another one. The last `withheld` sequences as written are left out: for evaluation. `uneven` says what
    becomes of an end that doesn't fill a batch (without `batch`: a sequence) on every rank.

    Ids come without a copy where a batch lies in one row group of an order as written. A thread reads `prefetch` row
    groups ahead.

    The digest of each file's footer and the checksum of each page are compared; `check_files` also reads every file
    once as a whole, when it is opened first, and compares the index's digest of it. Raises `ShardError` naming the file
    where a shard is missing, truncated, damaged or not what the index says, and `ValueError` for arguments out of range.
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
        order_seed: int | Sequence[int] | None = None,
        lanes: int = LANES,
        uneven: Uneven | str = Uneven.KEEP,
        check_files: bool = False,
        prefetch: int = 2,
    ) -> None:
        if not 0 <= rank < world_size or not 0 <= worker < workers:
            raise ValueError(f"rank {rank} of {world_size}, worker {worker} of {workers}: no such reader")
        if workers > 1 and batch is None:
            raise ValueError("several workers need a batch size: they share a rank's batches by number")
        for name, value, least in (("start", start, 0), ("withheld", withheld, 0), ("prefetch", prefetch, 0)):
            if value < least:
                raise ValueError(f"{name} is {value}, must be at least {least}")
        if batch is not None and batch < 1:
            raise ValueError(f"batch is {batch}, must be at least 1")
        seed = [order_seed] if isinstance(order_seed, int) else order_seed
        if seed is not None and min(seed, default=0) < 0:
            raise ValueError(f"order_seed is {order_seed}, must not be negative")
        folder, _, name = index_path.rpartition("/")
        self._workspace = Workspace(folder or ".")
        self.index = ShardIndex.from_json(self._workspace.read_bytes(name), index_path)
        self.phase: ShardPhase = self.index.phase(phase)
        if withheld > self.phase.sequences:
            raise ValueError(f"withheld is {withheld:,}, phase {phase!r} has {self.phase.sequences:,} sequences")
        self._rank, self._world_size, self._start = rank, world_size, start
        self._batch, self._worker, self._workers = batch, worker, workers
        self._prefetch = prefetch
        self._files = OpenFiles(self._workspace, check=check_files)
        self._vocabulary_size = self.index.tokenizer.get("vocabulary_size")
        self._order = Order(self.phase, self.phase.sequences - withheld, lanes=lanes, seed=seed)
        uneven = Uneven(uneven)
        if start > self._order.total and uneven != Uneven.PAD:
            raise ValueError(f"start is {start:,}, phase {phase!r} has {self._order.total:,} sequences to read")
        self.total = start + evened(max(0, self._order.total - start), world_size * (batch or 1), uneven)
        """Where the order ends, over all ranks: with `drop` and `pad` a whole number of batches on each from `start`."""

    def __len__(self) -> int:
        """Sequences that this rank still gets, over all its workers."""
        return len(range(self._first(), self.total, self._world_size))

    def __iter__(self) -> Iterator[Sequences]:
        return self._assembled()

    def row_groups(self) -> list[tuple[str, int]]:
        """File and number of each row group that this reader will decode, in order of need; one twice if cut."""
        found, current = [], dict[int, int]()
        for places in self._chunks():
            for lane, number in _pairs(places)[0]:
                if current.get(lane) != number:
                    current[lane] = number
                    group = self._order.groups[number]
                    found.append((group.file.path, group.number))
        return found

    def place_of(self, position: int) -> tuple[int, int]:
        """The row group, for `read_group`, and the row in it of the sequence at this position of the order."""
        places = self._order.places(np.array([position], dtype=np.int64))
        return int(places.group[0]), int(places.row[0])

    def read_group(self, number: int) -> Sequences:
        """The sequences of one row group as written, by its number in the order."""
        return self._read(self._files, number)

    def _first(self) -> int:
        """The first position from `start` on that is this rank's."""
        return self._start + (self._rank - self._start) % self._world_size

    def _chunks(self) -> Iterator[Places]:
        """Where this reader's rows lie, a stretch at a time: whole batches, half a row group of each lane."""
        first, step, count = self._first(), self._world_size, len(self)
        lanes = self._order.lanes // math.gcd(self._order.lanes, self._world_size)
        rows = max(1, GROUP_TOKENS * max(1, lanes // 2) // self.phase.length)
        if self._batch is not None:
            rows = max(1, rows // self._batch) * self._batch
        reach = rows * self._workers
        along = self._batch is None and self._order.as_written
        begin = 0
        while begin < count:
            numbers = np.arange(begin, min(begin + reach, count), dtype=np.int64)
            mine = numbers
            if self._batch is not None:
                mine = numbers[(numbers // self._batch) % self._workers == self._worker]
            places = self._order.places((first + mine * step) % self._order.total)
            if along:  # a batch is what a row group holds
                places = Places(*(column[places.group == places.group[0]] for column in places))
            begin += len(places.group) if along else reach
            if len(mine):
                yield places

    def _assembled(self) -> Iterator[Sequences]:
        """The batches of each stretch of `_chunks`, in order. Of every lane the row group read last stays in memory."""
        stretches: deque[tuple[list[_Read], Longs, Longs]] = deque()

        def needed() -> Iterator[_Read | None]:
            """The row groups to read, in order of need; None where a stretch has all of its own."""
            current: dict[int, int] = {}
            for places in self._chunks():
                pairs, which = _pairs(places)
                for lane, group in pairs:
                    if current.get(lane) != group:
                        current[lane] = group
                        yield lane, group
                stretches.append((pairs, which, places.row))
                yield None

        held: dict[_Read, Sequences] = {}
        for read, part in self._read_ahead(needed()):
            if read is not None and part is not None:
                held[read] = part
                continue
            pairs, which, rows = stretches.popleft()
            yield from Sequences.gather([held[pair] for pair in pairs], which, rows, self._batch or len(rows))
            last = dict(pairs)
            held = {pair: part for pair, part in held.items() if last.get(pair[0], pair[1]) == pair[1]}

    def _read_ahead(self, reads: Iterator[_Read | None]) -> Iterator[tuple[_Read | None, Sequences | None]]:
        files = self._files
        if self._prefetch < 1:
            for read in reads:
                yield read, None if read is None else self._read(files, read[1])
            return
        with ThreadPoolExecutor(1, thread_name_prefix="shard-reader") as thread:
            coming: deque[tuple[_Read | None, Future[Sequences] | None]] = deque()
            try:
                for read in reads:
                    coming.append((read, None if read is None else thread.submit(self._read, files, read[1])))
                    while coming and _is_due(coming, self._prefetch):
                        read, future = coming.popleft()
                        yield read, None if future is None else future.result()
                while coming:
                    read, future = coming.popleft()
                    yield read, None if future is None else future.result()
            finally:
                for _, future in coming:
                    if future is not None:
                        future.cancel()

    def _read(self, files: OpenFiles, number: int) -> Sequences:
        group = self._order.groups[number]
        name = group.file.path
        try:
            sequences = files.opened(group.file).read(group.number, self.phase.length)
        except (OSError, pa.ArrowException) as error:
            raise ShardError(
                f"{name}: row group {group.number} can't be read: {error}; build the run again or restore the file"
            ) from error
        if len(sequences) < group.rows:
            raise ShardError(f"{name}: row group {group.number} has {len(sequences)} rows, expected {group.rows}")
        largest = int(sequences.input_ids.max())
        if self._vocabulary_size is not None and largest >= self._vocabulary_size:
            raise ShardError(
                f"{name}: row group {group.number} holds token {largest}, the vocabulary has {self._vocabulary_size}: "
                "written with another tokenizer?"
            )
        return sequences


_Read = tuple[int, int]  # a lane and the row group it needs
MARKS = 64  # stretches that may wait for row groups yet to be read


def _is_due(coming: deque[tuple[_Read | None, Future[Sequences] | None]], prefetch: int) -> bool:
    """Whether the first of what is coming should be waited for now."""
    if coming[0][0] is None:
        return True
    return len(coming) > MARKS + prefetch or sum(read is not None for read, _ in coming) > prefetch


def evened(total: int, unit: int, uneven: Uneven) -> int:
    """The sequences of an order of `total` when ranks take `unit` of them at a time."""
    if uneven == Uneven.KEEP or not total:
        return total
    return (total if uneven == Uneven.DROP else total + unit - 1) // unit * unit


def _pairs(places: Places) -> tuple[list[_Read], Longs]:
    """The lanes and groups of these places, each pair once and in order, and which of them each place has."""
    keys = places.lane * (int(places.group.max()) + 1) + places.group
    _, first, which = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    first = first[order]
    return list(zip(places.lane[first].tolist(), places.group[first].tolist(), strict=True)), rank[which]
