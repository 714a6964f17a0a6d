"""Cuts documents into the segments whose language is told one by one; of a long document, only a fixed sample."""

from __future__ import annotations

import numpy as np

from winnow.filters.kernels.bytes import Bytes, Offsets, kernel
from winnow.filters.kernels.machine import BLOCK, newline_mask, trailing_zeros

SAMPLE_BYTES = 32 << 10  # a document up to this long is read whole
WINDOWS = 8
WINDOW_BYTES = 4 << 10
SNAP_BYTES = 256  # how far a window may move to begin at a space
SEGMENT_BYTES = 256  # a segment ends at the first line break after it …
LONG_SEGMENT_BYTES = 1024  # … or at the first space after this
LAST_BYTES = 64  # what is left of a window below this joins the segment before


def cut_segments(data: Bytes, offsets: Offsets) -> tuple[Offsets, Offsets, Offsets]:
    """Starts and ends of all segments, and which belong to document i: `groups[i]:groups[i + 1]`; all int64.

    The segments of a document that isn't sampled cover it without a gap; an empty document has none.
    """
    sampled = np.minimum(np.diff(offsets), SAMPLE_BYTES)
    most = int((sampled // SEGMENT_BYTES).sum()) + (WINDOWS + 1) * (offsets.size - 1)
    starts, ends, groups = np.empty(most, np.int64), np.empty(most, np.int64), np.zeros(offsets.size, np.int64)
    _cut(data, offsets, starts, ends, groups)
    return starts[: groups[-1]], ends[: groups[-1]], groups


@kernel
def _cut(data: Bytes, offsets: Offsets, starts: Offsets, ends: Offsets, groups: Offsets) -> None:
    count = np.int64(0)
    for document in range(offsets.size - 1):
        start, end = offsets[document], offsets[document + 1]
        if end - start <= SAMPLE_BYTES:
            if end > start:
                count = _cut_window(data, start, end, starts, ends, count)
        else:
            for window in range(WINDOWS):
                at = start + window * (end - start - WINDOW_BYTES) // (WINDOWS - 1)
                first = at if window == 0 else _snap(data, at, end)
                last = end if window == WINDOWS - 1 else _snap(data, at + WINDOW_BYTES, end)
                count = _cut_window(data, first, last, starts, ends, count)
        groups[document + 1] = count


@kernel
def _snap(data: Bytes, at: int, end: int) -> int:
    """The place after the next space within `SNAP_BYTES`, else the next beginning of a character."""
    for index in range(at, min(at + SNAP_BYTES, end)):
        if data[index] == 0x20 or data[index] == 0x0A:
            return index + 1
    while at < end and data[at] & 0xC0 == 0x80:
        at += 1
    return at


@kernel
def _cut_window(data: Bytes, start: int, end: int, starts: Offsets, ends: Offsets, count: int) -> int:
    while start < end:
        at = start + SEGMENT_BYTES
        space_from = start + LONG_SEGMENT_BYTES
        while at < min(space_from, end):
            found = trailing_zeros(newline_mask(data, at))
            at += found
            if found < BLOCK:
                break
        if at >= space_from:
            at = space_from
            while at < end and data[at] != 0x20 and data[at] != 0x0A:
                at += 1
        if end - at < LAST_BYTES:
            at = end
        starts[count], ends[count] = start, at
        count += 1
        start = at
    return count
