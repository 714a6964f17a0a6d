"""What of the benchmarks a part's documents hold: one row per document and entry, with the n-grams found and where."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from winnow.filters.kernels.grams import GramIndex, Matches, find_grams
from winnow.filters.kernels.terms import scratch
from winnow.filters.kernels.windows import densest_windows
from winnow.stages.decontaminate.index import LONGEST_GRAM, buffers_of, tables
from winnow.stages.decontaminate.items import KINDS

MATCH = pa.schema(
    [
        pa.field("entry", pa.int32(), nullable=False),
        pa.field("row", pa.int32(), nullable=False),
        pa.field("overlap", pa.float64(), nullable=False),  # share of the entry's telling n-grams found close together
        pa.field("start", pa.int64(), nullable=False),  # bytes of the text that they span
        pa.field("end", pa.int64(), nullable=False),
        pa.field("positions", pa.large_list(pa.int32()), nullable=False),  # which n-grams of the entry
    ]
)
SLACK = 50
"""Terms by which the span of a match may exceed twice the entry's own length."""


def match_texts(texts: pa.Array | pa.ChunkedArray, index: GramIndex, entries: pa.Table, kind: str) -> pa.Table:
    """Rows of `MATCH` for n texts, `row` being the number of the text, sorted by row and entry.

    `index` holds the `entries` of this kind.
    """
    counts, lengths = entries["grams"].to_numpy(), entries["length"].to_numpy()
    matches = _find(*buffers_of(texts, kind), index, KINDS.index(kind))
    keep = np.lexsort((matches.places, matches.entries, matches.documents))
    document, entry = matches.documents[keep], matches.entries[keep]
    position, place = matches.positions[keep], matches.places[keep]
    edges = np.flatnonzero((document[1:] != document[:-1]) | (entry[1:] != entry[:-1])) + 1
    groups = np.concatenate([[0], edges, [len(keep)]]).astype(np.int64) if len(keep) else np.zeros(1, np.int64)
    count = len(groups) - 1
    grouped = entry[groups[:-1]]
    span = 2 * (counts[grouped] + lengths[grouped]) + SLACK
    first, last, distinct = (np.zeros(count, np.int64) for _ in range(3))
    seen = np.zeros(int(position.max(initial=0)) + 1, np.int64)
    densest_windows(groups, position, place, span, seen, first, last, distinct)

    start, end = matches.starts[keep], matches.ends[keep]
    runs = [np.unique(position[one:other]) for one, other in zip(first, last, strict=True)]
    bounds = np.concatenate([[0], np.cumsum([len(run) for run in runs])]).astype(np.int64)
    flat = np.concatenate([np.zeros(0, np.int32), *runs])
    return pa.table(
        {
            "entry": grouped,
            "row": document[groups[:-1]],
            "overlap": distinct / counts[grouped],
            "start": start[first],
            "end": np.array([end[one:other].max() for one, other in zip(first, last, strict=True)], np.int64),
            "positions": pa.LargeListArray.from_arrays(bounds, flat),
        },
        schema=MATCH,
    )


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
        )
        found = find_grams(data, offsets, tables(), kind, index, scratch(LONGEST_GRAM), matches)
        if found <= room:
            return Matches._make(column[:found] for column in matches)
        room = found
