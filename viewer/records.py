"""Single documents by part and row: of a file only the row groups that hold them are read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa

from winnow.pipeline.record.funnel import DROPS
from winnow.viewer.runs import Run

KEYS = ("id", "source", "kind")
READERS = 4  # threads: each decodes pages of its own


def rows(run: Run, where: Sequence[tuple[int, int]], columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Columns of documents by part and row, in that order; of a part only the row groups that hold one are read, and
    once."""
    wanted: dict[int, list[int]] = {}
    for part, row in where:
        wanted.setdefault(part, []).append(row)

    def read(part: int) -> dict[int, dict[str, Any]]:
        return _rows_of(run, part, sorted(set(wanted[part])), columns)

    with ThreadPoolExecutor(READERS) as readers:
        found = dict(zip(wanted, readers.map(read, wanted), strict=True))
    for part, row in where:
        yield found[part][row]


def _rows_of(run: Run, part: int, wanted: Sequence[int], columns: Sequence[str]) -> dict[int, dict[str, Any]]:
    path, first = f"documents/{run.parts[part].name}.parquet", 0
    found: dict[int, dict[str, Any]] = {}
    with run.workspace.parquet(path) as file:
        for group in range(file.num_row_groups):
            size = file.metadata.row_group(group).num_rows
            inside = [row for row in wanted if first <= row < first + size]
            if inside:
                table = file.read_row_group(group, columns=columns)
                taken = table.take(pa.array([row - first for row in inside])).to_pylist()
                found.update(zip(inside, taken, strict=True))
            first += size
    return found


def record(run: Run, part: int, row: int, columns: Sequence[str] | None = None) -> dict[str, Any]:
    """One document. Raises `LookupError` where the part has no such row."""
    return _row(run, f"documents/{run.parts[part].name}.parquet", row, columns)


def measures(run: Run, part: int, row: int) -> dict[str, Any]:
    """What was measured of a document; empty before anything was."""
    path = f"attributes/{run.parts[part].name}.parquet"
    if not run.workspace.exists(path):
        return {}
    return {name: value for name, value in _row(run, path, row, None).items() if name not in KEYS}


def drop(run: Run, part: int, row: int) -> dict[str, Any] | None:
    """Why a document was dropped: stage, rule, value and threshold; None where it stayed."""
    name = run.parts[part].name
    for path in run.workspace.list(DROPS, f"/{name}.parquet"):
        table = run.workspace.read_table(path)
        for entry in table.filter(pa.compute.equal(table["row"], row)).to_pylist():
            return dict(entry)
    return None


def _row(run: Run, path: str, row: int, columns: Sequence[str] | None) -> dict[str, Any]:
    with run.workspace.parquet(path) as file:
        first = 0
        for group in range(file.num_row_groups):
            size = file.metadata.row_group(group).num_rows
            if first <= row < first + size:
                table = file.read_row_group(group, columns=columns)
                return dict(table.slice(row - first, 1).to_pylist()[0])
            first += size
    raise LookupError(f"{path} has no row {row}")
