"""Held-out text: the last sequences of each phase, without the documents that training has read elsewhere.

A mixture repeats documents, in one phase and in several: on the sample's `mid` 162 of the 212 documents in the held-out
sequences of 512 tokens lie in other sequences of that phase too. A loss over all of them would measure memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.stages.shards.reader import ShardReader
from winnow.stages.shards.sequences import Sequences
from winnow.stages.shards.shard import ShardIndex
from winnow.trainer.curriculum import Step, held_out_of


def tail(index_path: str, phase: str, count: int, most: int | None = None) -> Iterator[Sequences]:
    """The phase's last `count` sequences, or the first `most` of those, one at a time."""
    total = ShardReader(index_path, phase).phase.sequences
    kept = count if most is None else min(count, most)
    yield from ShardReader(index_path, phase, start=total - count, withheld=count - kept, batch=1, lanes=1)


def documents_of(sequences: Iterable[Sequences]) -> set[str]:
    """Ids of all documents that have a segment there."""
    return {document for part in sequences for document in part.segments.field("document").unique().to_pylist()}


def documents_read(index_path: str, index: ShardIndex, steps: Sequence[Step], held_out: float) -> set[str]:
    """Ids of the documents in the sequences that these steps took; a phase read more than once counts as a whole."""
    read: set[str] = set()
    for name in dict.fromkeys(step.phase for step in steps):
        mine = [step for step in steps if step.phase == name]
        phase = index.phase(name)
        available = phase.sequences - held_out_of(phase, held_out)
        stop = available if mine[-1].epoch else max(step.start + step.count for step in mine)
        reader = ShardReader(index_path, name, withheld=phase.sequences - available)
        read |= documents_of(_first(reader, stop))
    return read


def _first(parts: Iterable[Sequences], count: int) -> Iterator[Sequences]:
    """The first `count` sequences."""
    for part in parts:
        yield part.select(slice(0, count))
        count -= len(part)
        if count <= 0:
            return


def without(sequences: Iterable[Sequences], documents: set[str]) -> Iterator[Sequences]:
    """The same sequences without the segments of these documents; what has no segment left is left out."""
    excluded = pa.array(sorted(documents), type=pa.string())
    for part in sequences:
        kept = pc.invert(pc.is_in(part.segments.field("document"), excluded)).to_numpy(zero_copy_only=False)
        if kept.any():
            bounds = np.concatenate([[0], np.cumsum(kept)])[part.bounds]
            yield replace(part, segments=part.segments.filter(pa.array(kept)), bounds=bounds)
