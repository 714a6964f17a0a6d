"""What of the benchmarks a part's documents hold: one row per document and entry, with the n-grams found and where."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from winnow.filters.kernels.grams import GramIndex, Matches, find_grams
from winnow.filters.kernels.terms import scratch
from winnow.filters.kernels.windows import densest_windows
from winnow.stages.decontaminate.coverage import covered
from winnow.stages.decontaminate.index import LONGEST_GRAM, buffers_of, tables
from winnow.stages.decontaminate.items import KINDS

MATCH = pa.schema(
    [
        pa.field("entry", pa.int32(), nullable=False),
        pa.field("row", pa.int32(), nullable=False),
        pa.field("overlap", pa.float64(), nullable=False),  # share of the entry's telling terms found close together
        pa.field("start", pa.int64(), nullable=False),  # bytes of the text that they span
        pa.field("end", pa.int64(), nullable=False),
        pa.field("positions", pa.large_list(pa.int32()), nullable=False),  # which n-grams of the entry
        pa.field("same", pa.large_list(pa.bool_()), nullable=False),  # of each: with the entry's own numbers
    ]
)
SLACK = 50
"""Terms by which the span of a match may exceed twice the entry's own length."""
WORTH_TELLING = 0.5
"""The part of what is asked of a document from which a match is told: less is a phrase that no verdict hangs on."""


def match_texts(texts: pa.Array | pa.ChunkedArray, index: GramIndex, entries: pa.Table, kind: str) -> pa.Table:
    """Rows of `MATCH` for n texts, `row` being the number of the text, sorted by row and entry.

    `index` holds the `entries` of this kind.
    """
    lengths, terms, thresholds = (entries[name].to_numpy() for name in ("length", "terms", "threshold"))
    matches = _find(*buffers_of(texts, kind), index, KINDS.index(kind))
    keep = np.lexsort((matches.places, matches.entries, matches.documents))
    document, entry = matches.documents[keep], matches.entries[keep]
    position, place = matches.positions[keep], matches.places[keep]
    groups = np.flatnonzero(np.diff(document, prepend=-1) | np.diff(entry, prepend=-1)).astype(np.int64)
    grouped, row = entry[groups], document[groups]
    first, last, distinct = (np.zeros(len(groups), np.int64) for _ in range(3))
    seen = np.zeros(int(position.max(initial=0)) + 1, np.int64)
    span = 2 * terms[grouped] + SLACK
    densest_windows(np.append(groups, len(keep)), position, place, span, seen, first, last, distinct)

    wanted = WORTH_TELLING * thresholds[grouped] * terms[grouped]
    worth = np.flatnonzero(distinct * lengths[grouped] >= wanted)  # what they could cover at most
    owner, at = _runs(first[worth], last[worth])
    same = matches.same[keep][at]
    order = np.lexsort((~same, position[at], owner))
    new = np.diff(owner[order] * len(seen) + position[at[order]], prepend=-1) != 0
    order = order[new]
    owner, held, same = owner[order], position[at[order]].astype(np.int64), same[order]
    found = covered(owner, held, lengths[grouped[worth]][owner], len(worth))
    enough = found >= wanted[worth]
    told = worth[enough]
    bounds = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=len(worth))[enough])]).astype(np.int64)
    start, end = matches.starts[keep], matches.ends[keep]
    return pa.table(
        {
            "entry": grouped[told],
            "row": row[told],
            "overlap": found[enough] / terms[grouped[told]],
            "start": start[first[told]],
            "end": np.array(
                [end[one:other].max() for one, other in zip(first[told], last[told], strict=True)], np.int64
            ),
            "positions": pa.LargeListArray.from_arrays(bounds, held[enough[owner]].astype(np.int32)),
            "same": pa.LargeListArray.from_arrays(bounds, same[enough[owner]]),
        },
        schema=MATCH,
    )


def _runs(
    first: npt.NDArray[np.int64], last: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The numbers `first[i]` to `last[i] - 1` of every run one behind the other, and the run that each is of."""
    sizes = last - first
    owner = np.repeat(np.arange(len(first)), sizes)
    return owner, np.arange(len(owner)) + (first - np.cumsum(sizes) + sizes)[owner]


def _find(data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], index: GramIndex, kind: int) -> Matches:
    """All matches of the texts; looks a second time when the first guess at their number was too low."""
    room = 1 << 16
    while True:
        matches = Matches(
            documents=np.empty(room, np.int32),
            entries=np.empty(room, np.int32),
            positions=np.empty(room, np.int32),
            places=np.empty(room, np.int64),
            starts=np.empty(room, np.int64),
            ends=np.empty(room, np.int64),
            same=np.empty(room, np.bool_),
        )
        working = (scratch(LONGEST_GRAM), scratch(LONGEST_GRAM))
        found = find_grams(data, offsets, tables(), kind, index, *working, matches)
        if found <= room:
            return Matches._make(column[:found] for column in matches)
        room = found
