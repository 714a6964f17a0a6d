"""Packed token sequences in memory: ids, the segments that say where each token came from, loss masks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

SEGMENT = pa.struct(
    [
        pa.field("document", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("language", pa.string()),
        # Where the segment starts in the row, and its tokens. 64 bits, so that a reader's sums can't wrap.
        pa.field("position", pa.int64(), nullable=False),
        pa.field("length", pa.int64(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),  # tokens of the document that came before this segment
        pa.field("continued", pa.bool_(), nullable=False),  # the document goes on in another segment
    ]
)


def numbers(array: pa.Array) -> np.ndarray:
    """Numbers without nulls, not copied. Arrow's own `to_numpy` imports pandas where that is installed: a second."""
    return np.from_dlpack(array)


def _as_arrow(values: np.ndarray) -> pa.Array:
    """int64 not copied; `pa.array` would import pandas, too."""
    return pa.Array.from_buffers(pa.int64(), len(values), [None, pa.py_buffer(values)])


class ShardError(ValueError):
    """A shard or an index that can't be what it should be; the message names the file and what was found."""


@dataclass(frozen=True, kw_only=True)
class Sequences:
    """A run of B sequences of L tokens.

    `segments` holds the segments of all rows, row after row and by position; those of row b are
    `segments[bounds[b]:bounds[b + 1]]`.
    """

    input_ids: np.ndarray  # uint16 or uint32 [B, L]
    segments: pa.StructArray  # of type SEGMENT, length S
    bounds: np.ndarray  # int64 [B + 1], ascending from 0 to S
    loss_mask: np.ndarray | None = None  # bool [B, L]: True where a prediction of this token counts

    def __len__(self) -> int:
        return int(self.input_ids.shape[0])

    @property
    def length(self) -> int:
        return int(self.input_ids.shape[1])

    @property
    def positions(self) -> np.ndarray:
        """Where each segment starts in its row, int64 [S]."""
        return numbers(self.segments.field("position"))

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each segment, int64 [S]."""
        return numbers(self.segments.field("length"))

    @property
    def rows(self) -> np.ndarray:
        """The row of each segment, int64 [S]."""
        return np.repeat(np.arange(len(self)), np.diff(self.bounds))

    def select(self, rows: np.ndarray | slice) -> Sequences:
        """Some rows, in the order given; a slice of step 1 copies nothing."""
        if isinstance(rows, slice) and rows.step in (None, 1):
            start, stop, _ = rows.indices(len(self))
            first, last = int(self.bounds[start]), int(self.bounds[max(stop, start)])
            segments, bounds = self.segments.slice(first, last - first), self.bounds[start : stop + 1] - first
        else:
            picked = np.arange(len(self))[rows]
            counts = np.diff(self.bounds)[picked]
            bounds = np.concatenate([[0], np.cumsum(counts)])
            inside = np.arange(bounds[-1]) - np.repeat(bounds[:-1], counts)
            segments = self.segments.take(_as_arrow(np.repeat(self.bounds[:-1][picked], counts) + inside))
        mask = None if self.loss_mask is None else self.loss_mask[rows]
        return Sequences(input_ids=self.input_ids[rows], segments=segments, bounds=bounds, loss_mask=mask)

    @staticmethod
    def concatenate(parts: Sequence[Sequences]) -> Sequences:
        """The rows of all parts, one part after another; a single part is returned as it is."""
        if len(parts) == 1:
            return parts[0]
        starts = np.cumsum([0] + [len(part.segments) for part in parts])
        bounds = [part.bounds[:-1] + start for part, start in zip(parts, starts[:-1], strict=True)]
        masks = [part.loss_mask for part in parts if part.loss_mask is not None]
        return Sequences(
            input_ids=np.concatenate([part.input_ids for part in parts]),
            segments=pa.concat_arrays([part.segments for part in parts]),
            bounds=np.concatenate([*bounds, starts[-1:]]),
            loss_mask=np.concatenate(masks) if masks else None,
        )

    @staticmethod
    def gather(parts: Sequence[Sequences], which: np.ndarray, rows: np.ndarray, batch: int) -> Iterator[Sequences]:
        """Row `rows[i]` of part `which[i]`, for every i, in batches of `batch` rows; each part gives one row at least.

        Views where all lie one after another in one part; otherwise every id is copied once, when its batch is asked for.
        """
        if len(parts) == 1:
            yield from parts[0].select(_as_slice(rows)).batches(batch)
            return
        first = parts[0]
        segments, bounds = _segments_of(parts, which, rows)
        for begin in range(0, len(rows), batch):
            stop = min(begin + batch, len(rows))
            ids = np.empty((stop - begin, first.length), first.input_ids.dtype)
            mask = None if first.loss_mask is None else np.empty(ids.shape, bool)
            places = zip(which[begin:stop].tolist(), rows[begin:stop].tolist(), strict=True)
            for into, (number, row) in enumerate(places):  # a row is long: NumPy's copies by index lists take more time
                part = parts[number]
                ids[into] = part.input_ids[row]
                if mask is not None and part.loss_mask is not None:
                    mask[into] = part.loss_mask[row]
            inside = bounds[begin : stop + 1]
            described = segments.slice(inside[0], inside[-1] - inside[0])
            yield Sequences(input_ids=ids, segments=described, bounds=inside - inside[0], loss_mask=mask)

    def batches(self, size: int) -> Iterator[Sequences]:
        """Views of `size` rows each, the last one of what is left."""
        for first in range(0, len(self), size):
            yield self.select(slice(first, min(first + size, len(self))))


def _segments_of(parts: Sequence[Sequences], which: np.ndarray, rows: np.ndarray) -> tuple[pa.StructArray, np.ndarray]:
    """The segments of row `rows[i]` of part `which[i]`, for every i, and their bounds."""
    starts, counts = np.empty(len(rows), np.int64), np.empty(len(rows), np.int64)
    slices, passed = [], 0
    order = np.argsort(which, kind="stable")
    edges = np.searchsorted(which[order], np.arange(len(parts) + 1))
    for number, part in enumerate(parts):
        places = order[edges[number] : edges[number + 1]]
        wanted = rows[places]
        begin, stop = int(part.bounds[wanted.min()]), int(part.bounds[wanted.max() + 1])
        slices.append(part.segments.slice(begin, stop - begin))
        starts[places] = part.bounds[wanted] - begin + passed
        counts[places] = part.bounds[wanted + 1] - part.bounds[wanted]
        passed += stop - begin
    bounds = np.concatenate([[0], np.cumsum(counts)])
    inside = np.arange(bounds[-1]) + np.repeat(starts - bounds[:-1], counts)
    return pa.concat_arrays(slices).take(_as_arrow(inside)), bounds


def _as_slice(places: np.ndarray) -> np.ndarray | slice:
    """The same places as a slice, which NumPy needn't copy by, where they follow in equal steps."""
    step = int(places[1] - places[0]) if len(places) > 1 else 1
    if step > 0 and (np.diff(places) == step).all():
        return slice(int(places[0]), int(places[-1]) + 1, step)
    return places
