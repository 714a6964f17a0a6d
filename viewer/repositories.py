"""Repositories as the sequences have them: files in order, and an arc for each import, red where it points forwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from winnow.viewer.runs import Run

LISTED = 50
DRAWN = 400  # files of one repository that are drawn
ARCS = 3000


@dataclass(frozen=True)
class Arc:
    """An import: the file at place `of` needs the one at `needs`."""

    of: int
    needs: int

    @property
    def respected(self) -> bool:
        """Whether what is needed stands first."""
        return self.needs < self.of


def width(arcs: list[Arc]) -> int:
    """Pixels that the arcs need: a curve comes to three quarters of the way to its handles."""
    widest = max((abs(arc.of - arc.needs) for arc in arcs), default=0)
    return 4 + min(10 + 6 * widest, 140) * 3 // 4


def repositories(run: Run, page: int = 0, name: str = "") -> tuple[list[dict[str, Any]], int]:
    """A page of repositories with their counts, those of the most tokens first, and the number of all."""
    if not run.has("sequences"):
        return [], 0
    where, parameters = ("WHERE contains(lower(repository), lower(?))", [name]) if name else ("", [])
    count = run.ask(f"SELECT count(*) FROM sequences {where}", parameters)[0][0]
    table = run.table(
        "SELECT file, row, source, repository, files, tokens, edges, share, len(cycles) AS cycles, len(pieces) AS pieces "
        f"FROM sequences {where} ORDER BY tokens DESC, repository LIMIT {LISTED} OFFSET {LISTED * page}",
        parameters,
    )
    start = len(run.workspace.path("sequences/"))
    return [{**row, "file": row["file"][start:].removesuffix(".parquet")} for row in table.to_pylist()], count


def repository(run: Run, file: str, row: int) -> tuple[dict[str, Any], list[Arc]]:
    """The evidence of one repository, and its imports. Raises `LookupError` where there is none."""
    path = f"sequences/{file}.parquet"
    if path not in run.workspace.list("sequences", ".parquet"):
        raise LookupError(f"this run has no {path}")
    table = run.workspace.read_table(path)
    if not 0 <= row < table.num_rows:
        raise LookupError(f"{path} has rows 0 to {table.num_rows - 1}, not {row}")
    fields = dict(table.slice(row, 1).to_pylist()[0])
    arcs = [Arc(dependent, dependency) for dependent, dependency in fields.pop("edge_list")]
    return fields, [arc for arc in arcs if max(arc.of, arc.needs) < DRAWN][:ARCS]
