"""Lines and paragraphs of texts: where each stands, and its hash."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from winnow.filters.kernels.bytes import Bytes, Offsets, hash_bytes, kernel


class Passages(NamedTuple):
    """Passages in the order of the texts: hash, number of the text, and bytes within the text."""

    hashes: npt.NDArray[np.uint64]
    documents: npt.NDArray[np.int32]
    starts: Offsets
    ends: Offsets


@kernel
def list_passages(data: Bytes, offsets: Offsets, paragraphs: bool, shortest: int, passages: Passages) -> int:
    """Writes the lines, or the paragraphs between blank lines, of at least `shortest` bytes; returns how many.

    They are trimmed of white space at both ends, and that is what is hashed; `starts` and `ends` enclose the trimmed
    passage. There may be more than fit; the number is right all the same.
    """
    count = 0
    for document in range(offsets.size - 1):
        begin = offsets[document]
        end = offsets[document + 1]
        start = begin
        while start < end:
            stop = start
            while stop < end:
                if data[stop] == 0x0A:
                    if not paragraphs:
                        break
                    blank = stop + 1
                    while blank < end and (data[blank] == 0x20 or data[blank] == 0x09 or data[blank] == 0x0D):
                        blank += 1
                    if blank < end and data[blank] == 0x0A:
                        break
                stop += 1
            first = start
            last = stop
            while first < last and data[first] <= 0x20:
                first += 1
            while last > first and data[last - 1] <= 0x20:
                last -= 1
            if last - first >= max(shortest, 1):
                if count < passages.documents.size:
                    passages.hashes[count] = hash_bytes(data, first, last)
                    passages.documents[count] = document
                    passages.starts[count] = first - begin
                    passages.ends[count] = last - begin
                count += 1
            start = stop + 1
    return count


@kernel
def strip_spans(
    data: Bytes, offsets: Offsets, bounds: Offsets, starts: Offsets, ends: Offsets, stripped: Bytes, placed: Offsets
) -> None:
    """Copies texts without spans `starts[s] … ends[s]`, s in `bounds[i] … bounds[i + 1]`, ascending within text i.

    A line break that follows a span goes with it. `stripped` has room for all; `placed` gets the new offsets (n + 1).
    """
    place = np.int64(0)
    placed[0] = 0
    for document in range(offsets.size - 1):
        at = offsets[document]
        end = offsets[document + 1]
        for span in range(bounds[document], bounds[document + 1] + 1):
            stop = offsets[document] + starts[span] if span < bounds[document + 1] else end
            while at < stop:
                stripped[place] = data[at]
                place += 1
                at += 1
            if span < bounds[document + 1]:
                at = offsets[document] + ends[span]
                while at < end and (data[at] == 0x20 or data[at] == 0x09 or data[at] == 0x0D):
                    at += 1
                if at < end and data[at] == 0x0A:
                    at += 1
        placed[document + 1] = place
