"""Which matches are contamination: enough of an item, close together, in words that are the item's own.

Boilerplate is told from contamination by company: an n-gram that many documents hold which do *not* hold the item is a
phrase of the trade (`which of the following statements is true`), whereas a question that a hundred sites copied whole
stays contamination in each of them. Phrases are taken out of the item, and the overlap of what is left decides.

Most of an item may be boilerplate, the instructions of an exam above a short question. So a document that reaches the
threshold, but holds less than `WHOLE` of the item, counts as one that doesn't hold it, where many documents lack the
same part; copies that are damaged, each elsewhere, lack different ones.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

WHOLE = 0.8
"""The share of an item from which a document holds it, whatever others hold."""
LACKED = 0.1
"""The part of an item's n-grams, the rarest, that tells which part is lacked …"""
COMMONER = 4
"""… when the others are held by so many times more documents."""

HIT = pa.schema(
    [
        pa.field("key", pa.uint64(), nullable=False),  # of the part
        pa.field("part", pa.int32(), nullable=False),
        pa.field("row", pa.int32(), nullable=False),
        pa.field("entry", pa.int32(), nullable=False),
        pa.field("overlap", pa.float64(), nullable=False),
        pa.field("threshold", pa.float64(), nullable=False),
        pa.field("start", pa.int64(), nullable=False),
        pa.field("end", pa.int64(), nullable=False),
    ]
)


def judge(
    matches: pa.Table, thresholds: npt.NDArray[np.float64], counts: npt.NDArray[np.int64], boilerplate: int
) -> pa.Table:
    """The rows of `matches` (`MATCH` and `part`) that are hits, with `overlap` as it is without boilerplate.

    `thresholds` and `counts` (telling n-grams) are those of each entry; an entry whose n-grams are all boilerplate has
    no hits.
    """
    entry = matches["entry"].to_numpy()
    overlap = matches["overlap"].to_numpy()
    positions = matches["positions"].combine_chunks()
    sizes = np.diff(positions.offsets.to_numpy())
    position = positions.flatten().to_numpy().astype(np.int64)
    owner = np.repeat(entry, sizes).astype(np.int64)
    holds = overlap >= thresholds[entry]
    stride = int(position.max(initial=0)) + 1
    grams, number = np.unique(owner * stride + position, return_inverse=True)
    item = grams // stride
    without = np.bincount(number[~np.repeat(holds, sizes)], minlength=len(grams))
    partly = np.bincount(number[np.repeat(overlap < WHOLE, sizes)], minlength=len(grams))
    common = (without > boilerplate) | (
        partly > np.maximum(boilerplate, COMMONER * _rarest(item, partly, counts)[item])
    )

    left = counts - np.bincount(item[common], minlength=len(counts))
    found = np.bincount(np.repeat(np.arange(len(sizes)), sizes), weights=~common[number], minlength=matches.num_rows)
    remaining = np.where(left[entry] > 0, found / np.maximum(left[entry], 1), 0.0)
    hit = holds & (remaining >= thresholds[entry])
    judged = matches.filter(pa.array(hit)).drop_columns(["overlap", "positions"])
    return judged.append_column("overlap", pa.array(remaining[hit])).append_column(
        "threshold", pa.array(thresholds[entry][hit])
    )


def _rarest(
    item: npt.NDArray[np.int64], documents: npt.NDArray[np.intp], counts: npt.NDArray[np.int64]
) -> npt.NDArray[np.intp]:
    """For each entry the number of documents that hold its `LACKED` rarest n-grams, those that none holds included.

    `item` and `documents`: the entry of each n-gram that was found, ascending, and how many documents hold it.
    """
    found = np.bincount(item, minlength=len(counts))
    place = np.floor(LACKED * counts).astype(np.int64) - (counts - found)  # among those found, the rarest first
    ordered = documents[np.lexsort((documents, item))]
    rarest = np.zeros(len(counts), np.intp)
    held = (place >= 0) & (found > 0)
    rarest[held] = ordered[(np.cumsum(found) - found + place)[held]]
    return rarest
