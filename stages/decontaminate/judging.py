"""Which matches are contamination: enough of an item, close together, in words that are the item's own.

Boilerplate is told from contamination by company: an n-gram that many documents hold which do *not* hold the item is a
phrase of the trade (`which of the following statements is true`), whereas a question that a hundred sites copied whole
stays contamination in each of them. Phrases are taken out of the item, and the overlap of what is left decides.

Numbers are one to the index: an item with other numbers than the benchmark's is a hit too, of a kind of its own.

Most of an item may be boilerplate, the instructions of an exam above a short question. So a document that reaches the
threshold, but holds less than `WHOLE` of the item, counts as one that doesn't hold it, where many documents lack the
same part; copies that are damaged, each elsewhere, lack different ones.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from winnow.stages.decontaminate.coverage import covered, flattened

WHOLE = 0.8
"""The share of an item from which a document holds it, whatever others hold."""
LACKED = 0.1
"""The part of an item's n-grams, the rarest, that tells which part is lacked …"""
COMMONER = 4
"""… when the others are held by so many times more documents."""
RENUMBERED = 2
"""N-grams with other numbers that make an item an altered one; a number that follows its last one spoils one."""

HIT = pa.schema(
    [
        pa.field("key", pa.uint64(), nullable=False),  # of the part
        pa.field("part", pa.int32(), nullable=False),
        pa.field("row", pa.int32(), nullable=False),
        pa.field("entry", pa.int32(), nullable=False),
        pa.field("overlap", pa.float64(), nullable=False),
        pa.field("threshold", pa.float64(), nullable=False),
        pa.field("altered", pa.bool_(), nullable=False),
        pa.field("start", pa.int64(), nullable=False),
        pa.field("end", pa.int64(), nullable=False),
    ]
)


def judge(matches: pa.Table, entries: pa.Table, boilerplate: int) -> pa.Table:
    """The rows of `matches` (`MATCH` and `part`) that are hits, with `overlap` as it is without boilerplate.

    `entries` are measured ones (`length`, `telling`, `threshold`); an entry whose n-grams are all boilerplate has no
    hits. Where the threshold is reached only by n-grams with other numbers than the entry's, a hit needs `WHOLE` of it: with
    other numbers a part of an item is what its trade says. `altered` is one with at least `RENUMBERED` such n-grams.
    """
    lengths, thresholds = entries["length"].to_numpy(), entries["threshold"].to_numpy()
    entry = matches["entry"].to_numpy()
    overlap = matches["overlap"].to_numpy()
    telling, item = flattened(entries["telling"])
    stride = int(telling.max(initial=0)) + 1
    grams = item * stride + telling  # ascending, none twice
    position, match = flattened(matches["positions"])
    same = matches["same"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    gram = np.searchsorted(grams, entry[match] * np.int64(stride) + position)

    holds = overlap >= thresholds[entry]
    without = np.bincount(gram[~holds[match]], minlength=len(grams))
    partly = np.bincount(gram[(overlap < WHOLE)[match]], minlength=len(grams))
    common = (without > boilerplate) | (
        partly > np.maximum(boilerplate, COMMONER * _rarest(item, partly, len(lengths))[item])
    )

    left = covered(item[~common], telling[~common], lengths[item[~common]], len(lengths))
    shares = []
    for counted in (~common[gram], ~common[gram] & same):
        owner = match[counted]
        found = covered(owner, position[counted], lengths[entry[owner]], matches.num_rows)
        shares.append(np.where(left[entry] > 0, found / np.maximum(left[entry], 1), 0.0))
    remaining, written = shares
    hit = holds & (
        remaining >= np.where(written < thresholds[entry], np.maximum(thresholds, WHOLE)[entry], thresholds[entry])
    )
    altered = np.bincount(match[~common[gram] & ~same], minlength=matches.num_rows) >= RENUMBERED
    judged = matches.filter(pa.array(hit)).drop_columns(["overlap", "positions", "same"])
    columns = {
        "overlap": remaining[hit],
        "threshold": thresholds[entry][hit],
        "altered": altered[hit],
    }
    for name, column in columns.items():
        judged = judged.append_column(name, pa.array(column))
    return judged


def _rarest(item: npt.NDArray[np.int64], documents: npt.NDArray[np.intp], items: int) -> npt.NDArray[np.intp]:
    """For each entry the number of documents that hold its `LACKED` rarest n-grams.

    `item` and `documents`: the entry of each telling n-gram, ascending, and how many documents hold it.
    """
    counts = np.bincount(item, minlength=items)
    ordered = documents[np.lexsort((documents, item))]
    place = np.cumsum(counts) - counts + np.floor(LACKED * counts).astype(np.int64)
    rarest = np.zeros(items, np.intp)
    rarest[counts > 0] = ordered[place[counts > 0]]
    return rarest
