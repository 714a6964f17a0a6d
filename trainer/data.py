"""The feed: for each planned step, this rank's sequences as batches for the model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from winnow.stages.shards.reader import ShardReader
from winnow.stages.shards.sequences import Sequences
from winnow.trainer.batch import Batch, make_batch
from winnow.trainer.config import TrainingError
from winnow.trainer.curriculum import Step, held_out_of


class Feed:
    """Reads each run of steps in one phase and epoch with one reader, so that row groups are decoded once.

    Sequence g goes to rank g mod `world_size`; a step's sequences are cut into micro-batches of at most `micro_tokens`
    (at least one sequence), as many on every rank and at least `least` where there are so many sequences, for a model of
    so many prediction layers as `depths`.
    """

    def __init__(
        self,
        index_path: str,
        *,
        held_out: float,
        micro_tokens: int,
        depths: int = 1,
        least: int = 1,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self._index_path = index_path
        self._held_out = held_out
        self._micro_tokens = micro_tokens
        self._depths, self._least = depths, least
        self._rank, self._world_size = rank, world_size

    def __call__(self, steps: Sequence[Step]) -> Iterator[tuple[Step, list[Batch]]]:
        for step in steps:
            if step.count % self._world_size:
                raise TrainingError(
                    f"step {step.number}: {step.count} sequences can't be shared evenly by {self._world_size} ranks; "
                    f"set --multiple to a multiple of {self._world_size}"
                )
        for _, run in groupby(steps, key=lambda step: (step.phase, step.epoch)):
            planned = list(run)
            rows = _Rows(self._reader(planned[0]))
            for step in planned:
                sequences = rows.take(step.count // self._world_size)
                size = max(1, min(self._micro_tokens // step.length, len(sequences) // self._least))
                parts = [sequences.select(slice(i, i + size)) for i in range(0, len(sequences), size)]
                yield step, [make_batch(part, self._depths) for part in parts]

    def _reader(self, step: Step) -> ShardReader:
        withheld = held_out_of(ShardReader(self._index_path, step.phase).phase, self._held_out)
        return ShardReader(
            self._index_path,
            step.phase,
            rank=self._rank,
            world_size=self._world_size,
            start=step.start,
            withheld=withheld,
            order_seed=step.order_seed,
        )


class _Rows:
    """Takes any number of rows at a time from a reader's batches."""

    def __init__(self, reader: ShardReader) -> None:
        self._batches = iter(reader)
        self._rest: list[Sequences] = []

    def take(self, count: int) -> Sequences:
        waiting, size = self._rest, sum(len(part) for part in self._rest)
        while size < count:
            waiting.append(next(self._batches))
            size += len(waiting[-1])
        joined = Sequences.concatenate(waiting)
        self._rest = [joined.select(slice(count, None))] if size > count else []
        return joined.select(slice(0, count))
