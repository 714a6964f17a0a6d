"""Candidate pairs: documents that share a band, found in one bucket of bands, without quadratic work.

Up to `complete` documents with an equal band are compared each with each. Of more (a page template, a million equal
documents) each is compared with the most preferred of them. Those that don't agree with it in the next band too are
also compared with the `reach` that follow when they are sorted by that band: who agrees in a second band comes together
there. A million equal documents make a million pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from winnow.stages.deduplicate.address import lanes_for, pack, part_keys, unpack
from winnow.stages.run.exchange import gather, scatter
from winnow.stages.run.unit import Counts, File, Files, Unit
from winnow.stages.run.workspace import Workspace

CANDIDATE = pa.schema(
    [
        pa.field("key", pa.uint64(), nullable=False),  # of the left part
        pa.field("left", pa.uint64(), nullable=False),  # address of the preferred of the two
        pa.field("right", pa.uint64(), nullable=False),
        pa.field("band", pa.int16(), nullable=False),  # the first band they share in this bucket
    ]
)
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class PairBucket:
    """One bucket of the bands of all parts at the level `stage`: `parts`, of which the first `new_parts` are this run's own.

    Those numbered in `repeating` may hold what earlier runs hold.
    """

    stage: str
    bucket: int
    bands: Files
    parts: int
    new_parts: int
    complete: int
    reach: int
    repeating: tuple[int, ...] = ()


def pairs_path(stage: str, bucket: int) -> File:
    return File(f"exchange/{stage}.candidates/{bucket:05d}.buckets")


def pair_bucket(workspace: Workspace, unit: Unit[PairBucket]) -> Counts:
    """Pairs the documents of one bucket and scatters the pairs to the parts of their left documents."""
    asked = unit.asked
    rows = gather(workspace, asked.bands, asked.bucket)
    rows = rows.filter(pa.array(_shared(rows["key"].to_numpy())))
    left, right, band = pair_rows(rows, complete=asked.complete, reach=asked.reach)
    seats = unpack(right)[0]
    new = seats < asked.new_parts  # of two known documents, neither goes
    new &= ~(np.isin(seats, asked.repeating) & (unpack(left)[0] >= asked.new_parts))
    left, right, band = first_of_each(left[new], right[new], band[new])
    part, _ = unpack(left)
    table = pa.table([part_keys(part, asked.parts), left, right, band], schema=CANDIDATE)
    scatter(workspace, pairs_path(asked.stage, asked.bucket), table, lanes_for(asked.parts))
    return {"rows": rows.num_rows, "pairs": len(left)}


def pair_rows(
    rows: pa.Table, *, complete: int, reach: int
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64], npt.NDArray[np.int16]]:
    """Pairs (left, right, band) among rows of `BAND` with equal keys; left is the preferred of the two."""
    from winnow.filters.kernels.pairs import all_pairs, neighbour_pairs, star_pairs

    keys = rows["key"].to_numpy()
    preference = (rows["identity"].to_numpy(), -rows["length"].to_numpy(), -rows["quality"].to_numpy())
    order = np.lexsort((*preference, keys))
    starts, stops = _groups(keys[order])
    sizes = stops - starts
    small, large = sizes <= complete, sizes > complete

    total = int((sizes[small] * (sizes[small] - 1) // 2).sum())
    one, other = np.empty(total, np.int64), np.empty(total, np.int64)
    all_pairs(starts[small], stops[small], one, other)

    total = int((sizes[large] - 1).sum())
    centre, member = np.empty(total, np.int64), np.empty(total, np.int64)
    star_pairs(starts[large], stops[large], centre, member)

    following = rows["following"].to_numpy()[order]
    crowd = np.flatnonzero(np.repeat(large, sizes) & (following != np.repeat(following[starts], sizes)))
    crowded = order[crowd]
    beside = np.lexsort((rows["identity"].to_numpy()[crowded], following[crowd], keys[crowded]))
    crowd = crowd[beside]
    starts, stops = _groups(keys[order[crowd]])
    total = int(np.minimum(np.arange(len(crowd)), reach).sum()) if len(crowd) else 0
    near, next_ = np.empty(total, np.int64), np.empty(total, np.int64)
    used = neighbour_pairs(starts, stops, reach, near, next_)
    near, next_ = crowd[near[:used]], crowd[next_[:used]]

    before = np.concatenate([one, centre, np.minimum(near, next_)])
    after = np.concatenate([other, member, np.maximum(near, next_)])
    address = pack(rows["part"].to_numpy(), rows["row"].to_numpy())[order]
    return address[before], address[after], rows["band"].to_numpy()[order][before]


def first_of_each(
    left: npt.NDArray[np.uint64], right: npt.NDArray[np.uint64], band: npt.NDArray[np.int16]
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64], npt.NDArray[np.int16]]:
    """The pairs without repeats, sorted, each with the lowest of its bands."""
    order = np.lexsort((band, right, left))
    left, right, band = left[order], right[order], band[order]
    fresh = np.ones(len(left), bool)
    fresh[1:] = (left[1:] != left[:-1]) | (right[1:] != right[:-1])
    return left[fresh], right[fresh], band[fresh]


def _shared(keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    """Which of the sorted keys occur more than once."""
    shared = np.zeros(len(keys), bool)
    equal = keys[1:] == keys[:-1]
    shared[1:] |= equal
    shared[:-1] |= equal
    return shared


def _groups(keys: npt.NDArray[np.uint64]) -> tuple[Indices, Indices]:
    """Where each run of equal keys starts and stops."""
    edges = np.flatnonzero(keys[1:] != keys[:-1]) + 1 if len(keys) else np.zeros(0, np.int64)
    bounds = np.concatenate([[0], edges, [len(keys)]]) if len(keys) else np.zeros(1, np.int64)
    return bounds[:-1].astype(np.int64), bounds[1:].astype(np.int64)
