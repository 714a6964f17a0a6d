"""Held-out text: the last sequences of each phase, without the documents that training has read elsewhere.

A mixture repeats documents, in one phase and in several: on the sample's `mid` 162 of the 212 documents in the held-out
sequences of 512 tokens lie in other sequences of that phase too. A loss over all of them would measure memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.reader import ShardReader
from winnow.stages.shards.sequences import Sequences
from winnow.stages.shards.shard import INDEX, ShardIndex, ShardPhase
from winnow.trainer import checkpoint
from winnow.trainer.config import ModelConfig, TrainingError
from winnow.trainer.curriculum import Step, held_out_of, planned


@dataclass(frozen=True, kw_only=True)
class Split:
    """The shards of a run, the steps that a training took of them, and the share that it kept for evaluation."""

    workspace: Workspace
    index_path: str
    index: ShardIndex
    steps: tuple[Step, ...]
    share: float

    def phases(self) -> list[ShardPhase]:
        """The phases trained on."""
        taken = {step.phase for step in self.steps}
        return [phase for phase in self.index.phases if phase.name in taken]

    def read(self) -> set[str]:
        """Ids of the documents that lie in a sequence which the steps took."""
        return documents_read(self.index_path, self.index, self.steps, self.share)

    def sequences(self) -> Iterator[Sequences]:
        """The sequences that the steps took, each once."""
        return sequences_read(self.index_path, self.index, self.steps, self.share)

    def unread(self, phase: ShardPhase, read: set[str], most: int | None = None) -> Iterator[Sequences]:
        """The phase's held-out sequences, or the first `most` of them, without the documents `read`."""
        return without(tail(self.index_path, phase.name, held_out_of(phase, self.share), most), read)

    def tokenizer(self) -> str:
        return self.workspace.path(str(self.index.tokenizer["path"]))


def split_of(run: str, out: Path) -> Split:
    """What the last checkpoint in `out` was trained on. Raises `TrainingError` where there is none."""
    found = checkpoint.complete(out / "checkpoints")
    if not found:
        raise TrainingError(f"{out / 'checkpoints'} holds no complete checkpoint")
    progress = checkpoint.progress_of(found[-1])
    workspace = Workspace(run)
    index_path = workspace.path(INDEX)
    index = ShardIndex.from_json(workspace.read_bytes(INDEX), index_path)
    steps = planned(index, ModelConfig(**progress.settings["model"]), progress.settings)[: progress.steps]
    return Split(
        workspace=workspace,
        index_path=index_path,
        index=index,
        steps=tuple(steps),
        share=progress.settings["held_out"],
    )


def tail(index_path: str, phase: str, count: int, most: int | None = None) -> Iterator[Sequences]:
    """The phase's last `count` sequences, or the first `most` of those, one at a time."""
    total = ShardReader(index_path, phase).phase.sequences
    kept = count if most is None else min(count, most)
    yield from ShardReader(index_path, phase, start=total - count, withheld=count - kept, batch=1, lanes=1)


def documents_of(sequences: Iterable[Sequences]) -> set[str]:
    """Ids of all documents that have a segment there."""
    return {document for part in sequences for document in part.segments.field("document").unique().to_pylist()}


def documents_read(index_path: str, index: ShardIndex, steps: Sequence[Step], held_out: float) -> set[str]:
    """Ids of the documents in the sequences that these steps took."""
    return documents_of(sequences_read(index_path, index, steps, held_out))


def sequences_read(index_path: str, index: ShardIndex, steps: Sequence[Step], held_out: float) -> Iterator[Sequences]:
    """The sequences that these steps took, each once; a phase read more than once counts as a whole."""
    for name in dict.fromkeys(step.phase for step in steps):
        mine = [step for step in steps if step.phase == name]
        phase = index.phase(name)
        available = phase.sequences - held_out_of(phase, held_out)
        stop = available if mine[-1].epoch else max(step.start + step.count for step in mine)
        reader = ShardReader(index_path, name, withheld=phase.sequences - available)
        yield from _first(reader, stop)


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
