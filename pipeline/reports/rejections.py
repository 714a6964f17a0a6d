"""What a run rejected, told in little memory: counts of every rule, a few rows of each, and some drawn at random.

One file of rejections is looked at after the other: a run may have dropped a billion documents.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from winnow.pipeline.record.funnel import DROPS, INGEST_REJECTIONS, of_parts
from winnow.stages.deduplicate import minhash, scripts
from winnow.stages.document import REJECTION
from winnow.stages.run.chance import draws
from winnow.stages.run.workspace import Workspace

OF_A_RULE = 3
DRAWN = 20
PAIRS = 5
INGEST = "ingest"
PURPOSE = "report"
NEAR = (minhash.STAGE, scripts.STAGE)  # what drops a document for another's sake and tells how alike they are

Row = Mapping[str, Any]
"""The columns of `REJECTION`; of a dropped document also `part` and `row`, where it lies."""


@dataclass
class Rejections:
    """`counts`: of each (stage, rule). `lost`: dropped documents by source. `first`: the first `OF_A_RULE` of each rule, in
    the order of parts. `drawn`: dropped documents, `pairs`: dropped near-duplicates of a named document, both the same ones
    for the same seed, in any order of the files."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    first: dict[tuple[str, str], list[Row]] = field(default_factory=dict)
    drawn: list[Row] = field(default_factory=list)
    pairs: list[Row] = field(default_factory=list)

    @property
    def stages(self) -> list[str]:
        """Those that dropped documents."""
        return sorted({stage for stage, _ in self.counts if stage != INGEST})


def survey_rejections(workspace: Workspace, seed: int) -> Rejections:
    """Looks once at every table of rejections of a run."""
    found = Rejections()
    drawn, pairs = _Lowest(DRAWN), _Lowest(PAIRS)
    for _, table in _tables(workspace, INGEST_REJECTIONS, REJECTION.names):
        _count(found, table)
    for path, table in _tables(workspace, DROPS, [*REJECTION.names, "row"]):
        _count(found, table)
        found.lost.update(table["source"].to_pylist())
        table = table.filter(table["id"].is_valid())
        part = path.rpartition("/")[2].removesuffix(".parquet")
        table = table.append_column("part", pa.array([part] * table.num_rows, pa.string()))
        lots = draws(table["id"], seed, PURPOSE).tolist()
        drawn.offer(table, lots)
        paired = pc.and_(pc.is_in(table["stage"], pa.array(NEAR)), table["value"].is_valid()).to_pylist()
        pairs.offer(table, [lot if wanted else None for lot, wanted in zip(lots, paired, strict=True)])
    found.drawn, found.pairs = drawn.rows(), pairs.rows()
    return found


def _tables(workspace: Workspace, folder: str, columns: list[str]) -> Iterator[tuple[str, pa.Table]]:
    """Every table below a folder that has rows, with its path; of the others the footer is enough."""
    for path in of_parts(workspace, folder):
        with workspace.parquet(path) as file:
            if file.metadata.num_rows:
                yield path, file.read(columns, use_threads=False)


def _count(found: Rejections, table: pa.Table) -> None:
    keys = list(zip(table["stage"].to_pylist(), table["rule"].to_pylist(), strict=True))
    for key, count in Counter(keys).items():
        found.counts[key] += count
        known = found.first.setdefault(key, [])
        if len(known) < OF_A_RULE:
            places = [place for place, other in enumerate(keys) if other == key][: OF_A_RULE - len(known)]
            known.extend(table.take(places).to_pylist())


class _Lowest:
    """The rows with the lowest lots so far."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: list[tuple[int, str, Row]] = []

    def offer(self, table: pa.Table, lots: list[int | None]) -> None:
        bar = self._held[-1][0] if len(self._held) == self._most else None
        places = [place for place, lot in enumerate(lots) if lot is not None and (bar is None or lot < bar)]
        places = sorted(places, key=lambda place: lots[place] or 0)[: self._most]
        for place, row in zip(places, table.take(pa.array(places, pa.int64())).to_pylist(), strict=True):
            self._held.append((lots[place] or 0, row["id"], row))
        self._held = sorted(self._held, key=lambda held: held[:2])[: self._most]

    def rows(self) -> list[Row]:
        return [row for _, _, row in self._held]
