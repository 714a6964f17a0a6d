"""The true Jaccard similarity of every candidate pair, in the memory of one part (`content`: of what).

A part sends the shingles of its left documents to each part that holds a partner, once per document and part; the
partners' shingles never leave theirs. What a part receives is read file by file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from winnow.stages.deduplicate.address import lane_of, lanes_for, part_keys, unpack
from winnow.stages.deduplicate.candidates import first_of_each
from winnow.stages.deduplicate.contender import IDENTITY, PREFERENCE
from winnow.stages.deduplicate.content import COLUMNS, SCRIPT, content_sets, side_similarity
from winnow.stages.deduplicate.index import Known, Signed, known_sets
from winnow.stages.deduplicate.recipes import MinHashSettings
from winnow.stages.deduplicate.signature import check_scheme
from winnow.stages.run.exchange import bucket_tables, gather, scatter
from winnow.stages.run.unit import Counts, File, Files, Unit
from winnow.stages.run.workspace import Workspace

SHOWN = pa.schema(
    [
        pa.field("key", pa.uint64(), nullable=False),  # of the part that is shown it
        pa.field("part", pa.int32(), nullable=False),
        pa.field("left", pa.uint64(), nullable=False),
        pa.field("identity", IDENTITY, nullable=False),
        pa.field("quality", pa.float64(), nullable=False),
        pa.field("length", pa.int64(), nullable=False),
        pa.field("weight", pa.int64(), nullable=False),
        pa.field("shingles", pa.large_list(pa.uint32()), nullable=False),
        pa.field("rows", pa.large_list(pa.int32()), nullable=False),  # of the partners in that part
        pa.field("bands", pa.large_list(pa.int16()), nullable=False),
    ]
)
_SIDE = (
    ("address", pa.uint64()),
    ("identity", IDENTITY),
    ("quality", pa.float64()),
    ("length", pa.int64()),
    ("weight", pa.int64()),
)
EVIDENCE = pa.schema(
    [
        *(pa.field(f"{side}_{name}", kind, nullable=False) for side in ("left", "right") for name, kind in _SIDE),
        pa.field("similarity", pa.float64(), nullable=False),
        pa.field("band", pa.int16(), nullable=False),
    ]
)
"""One row per candidate pair, the rejected too: both documents, their true similarity, the first band they share. Across
scripts, pairs of one script are no candidates."""


@dataclass(frozen=True, kw_only=True)
class Seat:
    """The `index`-th of `parts` that take part: a part of this run, or an index file of an earlier one."""

    index: int
    parts: int
    holds: Signed | Known
    settings: MinHashSettings

    @property
    def lane(self) -> int:
        """The bucket in which other parts leave what is for this one."""
        return lane_of(self.index, self.parts)


@dataclass(frozen=True, kw_only=True)
class ShowPart:
    """A seat, and the candidate pairs of every bucket."""

    seat: Seat
    pairs: Files


@dataclass(frozen=True, kw_only=True)
class VerifyPart:
    """A seat, and what every seat shows to the others."""

    seat: Seat
    shown: Files


def shown_path(stage: str, part: str) -> File:
    return File(f"exchange/{stage}.shown/{part}.buckets")


def evidence_path(settings: MinHashSettings, part: str) -> File:
    return File(f"{settings.folder('pairs')}/{part}.parquet")


def show_part(workspace: Workspace, unit: Unit[ShowPart]) -> Counts:
    """Sends the shingles of the part's left documents to the parts of their partners."""
    seat = unit.asked.seat
    index, parts = seat.index, seat.parts
    pairs = gather(workspace, unit.asked.pairs, seat.lane)
    left, right = pairs["left"].to_numpy(), pairs["right"].to_numpy()
    mine = unpack(left)[0] == index
    left, right, band = first_of_each(left[mine], right[mine], pairs["band"].to_numpy()[mine])
    part, partner = unpack(right)

    fresh = np.ones(len(left), bool)
    fresh[1:] = (left[1:] != left[:-1]) | (part[1:] != part[:-1])
    starts = np.flatnonzero(fresh)
    bounds = np.append(starts, len(left)).astype(np.int64)
    _, rows = unpack(left[starts])
    distinct_rows, position = np.unique(rows, return_inverse=True)
    signed, sets = _sets(workspace, seat, distinct_rows)
    take = pa.array(position)
    table = pa.table(
        {
            "key": part_keys(part[starts], parts),
            "part": part[starts],
            "left": left[starts],
            **{name: signed[name].take(take) for name in ("identity", "quality", "length", "weight")},
            "shingles": sets.take(take),
            "rows": pa.LargeListArray.from_arrays(bounds, partner),
            "bands": pa.LargeListArray.from_arrays(bounds, band),
        },
        schema=SHOWN,
    )
    # Four of five bytes are hashes: compressed, they take as many bytes and more time.
    scatter(workspace, shown_path(seat.settings.stage, unit.name), table, lanes_for(parts), compressed=False)
    return {"pairs": len(left), "documents": len(distinct_rows)}


def verify_part(workspace: Workspace, unit: Unit[VerifyPart]) -> Counts:
    """Compares the part's documents with what it was shown; writes `pairs/<part>.parquet`."""
    asked, seat = unit.asked, unit.asked.seat
    partners = [table["rows"].combine_chunks().flatten() for table in _shown(workspace, asked, ["part", "rows"])]
    rows = np.unique(np.concatenate([np.zeros(0, np.int32), *(partner.to_numpy() for partner in partners)]))
    signed, sets = _sets(workspace, seat, rows)
    pairs = confirmed = 0
    with workspace.create_parquet(evidence_path(seat.settings, unit.name), EVIDENCE) as writer:
        for shown in _shown(workspace, asked, None):
            evidence = _compare(shown, signed, sets, rows, seat.index)
            writer.write_table(evidence)
            pairs += evidence.num_rows
            confirmed += int((evidence["similarity"].to_numpy() >= seat.settings.threshold).sum())
    return {"pairs": pairs, "confirmed": confirmed}


def _compare(
    shown: pa.Table, signed: pa.Table, sets: pa.LargeListArray, rows: npt.NDArray[np.int32], index: int
) -> pa.Table:
    """The evidence for every pair of shown documents and their partners here."""
    from winnow.filters.kernels.sets import SIDES, set_table, shared_counts, side_sizes

    shingles, partners = shown["shingles"].combine_chunks(), shown["rows"].combine_chunks()
    left_bounds = shingles.offsets.to_numpy()
    counts = np.diff(partners.offsets.to_numpy())
    left = np.repeat(np.arange(shown.num_rows), counts)
    right = np.searchsorted(rows, partners.flatten().to_numpy())
    right_bounds = sets.offsets.to_numpy()
    shared = np.empty((len(left), SIDES), np.int64)
    left_sizes = np.zeros((shown.num_rows, SIDES), np.int64)
    right_sizes = np.zeros((len(rows), SIDES), np.int64)
    side_sizes(shingles.values.to_numpy(), left_bounds, left_sizes)
    side_sizes(sets.values.to_numpy(), right_bounds, right_sizes)
    shared_counts(
        shingles.values.to_numpy(),
        left_bounds,
        sets.values.to_numpy(),
        right_bounds,
        left,
        right,
        set_table(int(np.diff(left_bounds).max(initial=0))),
        shared,
    )
    similarity = side_similarity(shared, left_sizes[left], right_sizes[right])
    one, other = pa.array(left), pa.array(right)
    names = (*PREFERENCE, "weight")
    columns = [
        shown["left"].take(one),
        *(shown[name].take(one) for name in names),
        (np.uint64(index) << np.uint64(32)) | rows[right].astype(np.uint64),
        *(signed[name].take(other) for name in names),
        similarity,
        shown["bands"].combine_chunks().flatten(),
    ]
    evidence = pa.table(columns, schema=EVIDENCE)
    alike = shared[:, SCRIPT] > 0
    return evidence.filter(pa.array(~alike)) if alike.any() else evidence


def _shown(workspace: Workspace, asked: VerifyPart, columns: list[str] | None) -> Iterator[pa.Table]:
    """What each part shows to this one, part by part; parts that show nothing are passed over."""
    for table in bucket_tables(workspace, asked.shown, asked.seat.lane, columns):
        mine = table.filter(pa.array(table["part"].to_numpy() == asked.seat.index))
        if mine.num_rows:
            yield mine.combine_chunks()


def _sets(workspace: Workspace, seat: Seat, rows: npt.NDArray[np.int32]) -> tuple[pa.Table, pa.LargeListArray]:
    """The contender rows and the shingle sets of some rows of the seat's part."""
    if isinstance(seat.holds, Known):
        return known_sets(seat.holds, rows)
    settings, (documents, signatures) = seat.settings, seat.holds
    check_scheme(workspace, signatures, settings.scheme())
    columns = ["row", *PREFERENCE, "weight", "shingles"]
    signed = workspace.read_table(signatures, columns=columns)
    signed = signed.take(pa.array(np.searchsorted(signed["row"].to_numpy(), rows)))
    chosen = workspace.read_table(documents, columns=list(COLUMNS)).take(pa.array(rows))
    return signed, content_sets(chosen, signed["shingles"].to_numpy(), settings)
