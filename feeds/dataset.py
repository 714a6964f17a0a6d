"""Shards as torch data sets: an iterable one for ranks and loader workers, and one by row number for samplers."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset, IterableDataset, get_worker_info

from winnow.feeds.schedule import Phase, Schedule
from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.columns import cu_seqlens, labels, padding_of, position_ids
from winnow.stages.shards.order import LANES
from winnow.stages.shards.reader import ShardReader, Uneven
from winnow.stages.shards.sequences import Sequences
from winnow.stages.shards.shard import ShardIndex

Row = dict[str, Any]
Collate = Callable[[list[Row]], Any]
STATE = 1  # version of what `state_dict` gives
MAPPED_GROUPS = 64  # row groups, 1 MB each, that a data set by number keeps decoded


class ShardDataset(IterableDataset[Any]):
    """The sequences of a run's phases for one rank, shared out over its loader workers: each row once.

    Yields rows, or with `batch_size` whole batches, collated by `collate` (a list of rows without it); give the loader
    `batch_size=None` then. A row is a dictionary of

        input_ids, position_ids, labels   int64 [L]; positions restart with each document; labels are the ids, and −100
                                          at the first token of a document, in padding and where the loss mask says so
        cu_seqlens                        int32 [D + 1], the bounds of the documents, padding as the last of them
        padding                           int, the tokens of padding at the end
        sources, documents, languages     lists, one entry a document, with `sources=True`

    `phases` come in the order given (None: that of the index); `blend=True` mixes them in proportion to their tokens, a
    mapping by these shares of tokens, batch by batch. `shuffle` takes another order of rows for every epoch, which
    `set_epoch` names. `uneven` says what becomes of rows that don't fill a batch on every rank; where phases follow each
    other on several ranks, such rows must not leave a rank empty-handed. `rank` and `world_size` are those of
    torch.distributed where it runs. `withheld` rows at the end of each phase are left for evaluation.

    `state_dict` tells the rows taken so far over all ranks; loaded anywhere, on any number of ranks and workers, the data
    set goes on with the next row. In a loader with workers it is the workers that read, ahead of training: ask
    `state_dict(batches=n)`, n being the batches (without `batch_size`: rows) that this rank has trained on since it began
    to iterate, or use torchdata's StatefulDataLoader, which keeps each worker's own state.

    Raises `ValueError` for arguments out of range, and what `ShardReader` raises.
    """

    def __init__(
        self,
        index: str,
        phases: str | Sequence[str] | None = None,
        *,
        batch_size: int | None = None,
        collate: Collate | None = None,
        blend: bool | Mapping[str, float] = False,
        shuffle: bool = True,
        seed: int = 0,
        uneven: Uneven | str = Uneven.KEEP,
        rank: int | None = None,
        world_size: int | None = None,
        withheld: int = 0,
        sources: bool = False,
        lanes: int = LANES,
        check_files: bool = False,
    ) -> None:
        if (rank is None) != (world_size is None):
            raise ValueError("rank and world_size go together")
        if batch_size is not None and batch_size < 1:
            raise ValueError(f"batch_size is {batch_size}, must be at least 1")
        if seed < 0:
            raise ValueError(f"seed is {seed}, must not be negative")
        self.index_path = index
        self.index = read_index(index)
        self.phases = phase_names(self.index, phases)
        self._shares = _shares(self.index, self.phases, blend)
        self.batch_size, self._collate = batch_size, collate
        self._shuffle, self._seed, self._uneven = shuffle, seed, Uneven(uneven)
        self._given = None if rank is None or world_size is None else (rank, world_size)
        self._withheld, self._sources, self._lanes, self._check = withheld, sources, lanes, check_files
        self.epoch = 0
        self._taken: dict[str, int] = {}
        self._resumed = 0  # batches from `_taken` on that had been yielded when the state was saved
        self._begun = 0  # the same for the present iteration
        self._finished = False
        for phase in self.phases:
            self._reader(phase, 0)

    def __len__(self) -> int:
        """Rows, or batches, that this rank gets in an epoch."""
        size = self.batch_size or 1
        if self._shares is None:
            return sum(-(-len(self._reader(phase, 0)) // size) for phase in self.phases)
        rank, world_size = self._place()
        turns = self._schedule({}).turns({}, self._stride(world_size))
        rows = {name: self._reader(name, 0).total for name in self.phases}
        return sum(start + rank < rows[phase.name] for phase, start in turns)

    def __iter__(self) -> Iterator[Any]:
        if self._finished:
            self.set_epoch(self.epoch + 1)
        info = get_worker_info()
        worker, workers = (0, 1) if info is None else (info.id, info.num_workers)
        self._begun = self._resumed
        for number, batch in self._parts(worker, workers, self._resumed):
            rows = rows_of(batch, sources=self._sources)
            self._begun = number + 1
            if self.batch_size is None:
                yield from rows
            else:
                yield self._collate(rows) if self._collate else rows
        self._finished = True

    def set_epoch(self, epoch: int) -> None:
        """Takes the order of this epoch, from its beginning; the present one, unless finished, stays as it was loaded.

        A data set that is iterated again after its end takes the next epoch by itself, in loader workers too.
        """
        if epoch < 0:
            raise ValueError(f"epoch is {epoch}, must not be negative")
        if epoch != self.epoch or self._finished:
            self.epoch, self._taken, self._resumed, self._begun, self._finished = epoch, {}, 0, 0, False

    def state_dict(self, batches: int | None = None) -> dict[str, Any]:
        """Where this data set stands: JSON values. `batches`: as if so many had been taken since iteration began."""
        _, world_size = self._place()
        begun = self._begun if batches is None else self._resumed + batches
        taken = dict(self._taken)
        if get_worker_info() is None:
            taken, begun = self._schedule(taken).after(taken, self._stride(world_size), begun), 0
        return {
            "version": STATE,
            "epoch": self.epoch,
            "seed": self._seed if self._shuffle else None,
            "lanes": self._lanes,
            "phases": list(self.phases),
            "taken": taken,
            "batches": begun,
            "rows": self._stride(world_size),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from a state. Raises `ValueError` for one of other phases, another order or another version."""
        mine = {
            "version": STATE,
            "seed": self._seed if self._shuffle else None,
            "lanes": self._lanes,
            "phases": list(self.phases),
        }
        for name, value in mine.items():
            if state.get(name) != value:
                raise ValueError(f"this state was saved with {name} {state.get(name)!r}, the data set has {value!r}")
        _, world_size = self._place()
        taken, begun = dict(state["taken"]), int(state["batches"])
        if begun and state["rows"] != self._stride(world_size):  # another loader's workers: the rows count, not turns
            taken, begun = self._schedule(taken).after(taken, int(state["rows"]), begun), 0
        self.epoch, self._taken, self._resumed, self._begun = int(state["epoch"]), taken, begun, begun
        self._finished = False

    def __getstate__(self) -> dict[str, Any]:
        """For loader workers, which have no process group: the rank is settled before they start."""
        return {**self.__dict__, "_given": self._place()}

    def _place(self) -> tuple[int, int]:
        if self._given is not None:
            return self._given
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            return torch.distributed.get_rank(), torch.distributed.get_world_size()
        return 0, 1

    def _stride(self, world_size: int) -> int:
        """Rows of one turn over all ranks."""
        return world_size * (self.batch_size or 1)

    def _schedule(self, taken: Mapping[str, int]) -> Schedule:
        """The phases as they end for ranks that begin after `taken`."""
        found = []
        for name in self.phases:
            reader = self._reader(name, taken.get(name, 0))
            found.append(Phase(name, reader.total, reader.phase.length))
        return Schedule(tuple(found), self._shares)

    def _refuse_ranks_apart(self, schedule: Schedule, taken: Mapping[str, int], world_size: int) -> None:
        """Raises `ValueError` where ranks would get out of step: some without a row in a turn that isn't the last."""
        phases = schedule.phases if self._shares is not None else schedule.phases[:-1]
        for phase in phases if len(schedule.phases) > 1 else ():
            left = phase.rows - taken.get(phase.name, 0)
            if 0 < left % self._stride(world_size) < world_size:
                raise ValueError(
                    f"the last {left % self._stride(world_size)} rows of phase {phase.name!r} don't reach all of "
                    f"{world_size} ranks, and another phase follows: say uneven='drop' or 'pad'"
                )

    def _reader(self, phase: str, start: int, worker: int = 0, workers: int = 1) -> ShardReader:
        rank, world_size = self._place()
        return ShardReader(
            self.index_path,
            phase,
            rank=rank,
            world_size=world_size,
            start=start,
            batch=self.batch_size or 1,
            worker=worker,
            workers=workers,
            withheld=self._withheld,
            order_seed=[self._seed, self.epoch] if self._shuffle else None,
            lanes=self._lanes,
            uneven=self._uneven,
            check_files=self._check,
        )

    def _parts(self, worker: int, workers: int, first: int) -> Iterator[tuple[int, Sequences]]:
        """Number and rows of this worker's batches; numbers count from `_taken` on."""
        schedule = self._schedule(self._taken)
        _, world_size = self._place()
        stride = self._stride(world_size)
        taken = schedule.after(self._taken, stride, first)
        self._refuse_ranks_apart(schedule, taken, world_size)
        if self._shares is not None:
            readers: dict[str, Iterator[Sequences]] = {}
            for number, (phase, start) in enumerate(schedule.turns(taken, stride), first):
                reader = readers.setdefault(phase.name, iter(self._reader(phase.name, start)))
                part = next(reader, None)  # the last turn of a phase may have no row for this rank
                if part is not None and number % workers == worker:
                    yield number, part
            return
        number = first
        while (following := schedule.next(taken)) is not None:
            start = taken.get(following.name, 0)
            turns = -(-(following.rows - start) // stride)
            own = (worker - number) % workers
            for turn, part in enumerate(self._reader(following.name, start, own, workers)):
                yield number + own + turn * workers, part
            taken[following.name] = following.rows
            number += turns


class ShardRows(Dataset[Row]):
    """The sequences of a run's phases by number, in the order in which they were written, for samplers of others.

    Rows are dictionaries as `ShardDataset` gives them. A row costs the decoding of its row group, 1.5 ms for 262,144
    tokens; the groups used last stay decoded. It knows no ranks: a `DistributedSampler`, Accelerate and transformers'
    Trainer deal out the numbers themselves.
    """

    def __init__(
        self, index: str, phases: str | Sequence[str] | None = None, *, withheld: int = 0, sources: bool = False
    ) -> None:
        self.index_path, self._sources = index, sources
        self.phases = phase_names(read_index(index), phases)
        self._withheld = withheld
        totals = [self._reader(phase).total for phase in self.phases]
        self._firsts = np.cumsum([0, *totals])
        self._readers: dict[str, ShardReader] = {}
        self._groups: OrderedDict[tuple[str, int], Sequences] = OrderedDict()

    def __len__(self) -> int:
        return int(self._firsts[-1])

    def __getitem__(self, number: int) -> Row:
        if not -len(self) <= number < len(self):
            raise IndexError(f"row {number} of {len(self)}")
        number %= len(self)
        place = int(np.searchsorted(self._firsts, number, side="right")) - 1
        phase = self.phases[place]
        if phase not in self._readers:
            self._readers[phase] = self._reader(phase)
        reader, inside = self._readers[phase], number - int(self._firsts[place])
        group, row = reader.place_of(inside)
        if (phase, group) not in self._groups:
            self._groups[phase, group] = reader.read_group(group)
            if len(self._groups) > MAPPED_GROUPS:
                self._groups.popitem(last=False)
        self._groups.move_to_end((phase, group))
        return rows_of(self._groups[phase, group].select(slice(row, row + 1)), sources=self._sources)[0]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_readers": {}, "_groups": OrderedDict()}

    def _reader(self, phase: str) -> ShardReader:
        return ShardReader(self.index_path, phase, withheld=self._withheld, lanes=1, prefetch=0)


def rows_of(sequences: Sequences, *, sources: bool = False) -> list[Row]:
    """The rows of some sequences as `ShardDataset` yields them."""
    ids = torch.from_numpy(sequences.input_ids.astype(np.int64))
    places, wanted = torch.from_numpy(position_ids(sequences)), torch.from_numpy(labels(sequences))
    bounds = [torch.from_numpy(row) for row in cu_seqlens(sequences)]
    padding = padding_of(sequences).tolist()
    rows: list[Row] = [
        {
            "input_ids": ids[i],
            "position_ids": places[i],
            "labels": wanted[i],
            "cu_seqlens": bounds[i],
            "padding": padding[i],
        }
        for i in range(len(sequences))
    ]
    if sources:
        for name, field in (("sources", "source"), ("documents", "document"), ("languages", "language")):
            values = sequences.segments.field(field).to_pylist()
            for i, row in enumerate(rows):
                row[name] = values[sequences.bounds[i] : sequences.bounds[i + 1]]
    return rows


def read_index(path: str) -> ShardIndex:
    folder, _, name = path.rpartition("/")
    return ShardIndex.from_json(Workspace(folder or ".").read_bytes(name), path)


def phase_names(index: ShardIndex, asked: str | Sequence[str] | None) -> tuple[str, ...]:
    """The phases asked for, each once; all that hold a sequence where none is named."""
    if asked is None:
        return tuple(phase.name for phase in index.phases if phase.sequences)
    names = (asked,) if isinstance(asked, str) else tuple(asked)
    for name in names:
        index.phase(name)
    if len(set(names)) < len(names) or not names:
        raise ValueError(f"phases {', '.join(names) or 'none'}: each once, and at least one")
    return names


def _shares(index: ShardIndex, phases: Sequence[str], blend: bool | Mapping[str, float]) -> dict[str, float] | None:
    if blend is False:
        return None
    if blend is True:
        return {name: float(index.phase(name).sequences * index.phase(name).length) for name in phases}
    if set(blend) != set(phases) or min(blend.values(), default=0) < 0 or not sum(blend.values()) > 0:
        raise ValueError(f"blend names a share of at least 0 for each of {', '.join(phases)}, not {dict(blend)}")
    return dict(blend)
