"""What most questions are answered by, in memory: of each document part, row, id, language and fate, 30 bytes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from winnow.viewer.tables import Columns, Tables

LANGUAGE = "language.label"


def load_seats(
    tables: Tables,
    *,
    parts: Sequence[str],
    reasons: Sequence[tuple[str, str]],
    languages: Sequence[str],
    drops: str,
    labelled: bool,
) -> None:
    """`seats`: of each document part, row, id, language and the rule that dropped it; null where it was kept.
    `dropped`: part, row, id, stage and rule of those that were dropped.

    `parts`, `reasons`, `languages`: names by their numbers; `drops`: files as a list in SQL; `labelled`: whether
    languages were measured.
    """
    small: dict[str, Columns] = {
        "given_reasons": {
            "number": ("SMALLINT", range(len(reasons))),
            "stage": ("VARCHAR", [stage for stage, _ in reasons]),
            "rule": ("VARCHAR", [rule for _, rule in reasons]),
        },
        "given_languages": {
            "number": ("SMALLINT", range(len(languages))),
            "name": ("VARCHAR", languages),
        },
        "part_names": {"name": ("VARCHAR", parts), "part": ("UINTEGER", range(len(parts)))},
    }
    told = _told(tables, labelled) if parts else []
    cursor = tables.cursor("", small)
    for name in ("reasons", "languages"):
        cursor.execute(f"CREATE TABLE {name} AS SELECT * FROM given_{name}")
    cursor.execute("CREATE TEMP TABLE drop_rows (part UINTEGER, row UINTEGER, reason SMALLINT)")
    if drops:
        cursor.execute(
            "INSERT INTO drop_rows SELECT p.part, d.row, r.number "
            f"FROM read_parquet([{drops}], filename = true) d "
            "JOIN part_names p ON p.name = parse_filename(d.filename, true) "
            "JOIN reasons r ON r.stage = d.stage AND r.rule = d.rule"
        )
    cursor.execute("CREATE TABLE seats (part UINTEGER, row UINTEGER, uuid UUID, language SMALLINT, reason SMALLINT)")
    for query in told:
        cursor.execute(
            "INSERT INTO seats SELECT t.part, t.row, t.id::UUID, l.number, d.reason "
            f"FROM ({query}) t LEFT JOIN drop_rows d ON d.part = t.part AND d.row = t.row "
            "LEFT JOIN languages l ON l.name = t.language"
        )
    cursor.execute("DROP TABLE drop_rows")
    cursor.execute(
        "CREATE VIEW dropped AS SELECT s.part, s.row, s.uuid, r.stage, r.rule "
        "FROM seats s JOIN reasons r ON r.number = s.reason"
    )


class Seated:
    """What became of each document in order of place, two bytes each, for questions that come with many places."""

    def __init__(self, tables: Tables, rows: Sequence[int]) -> None:
        """`rows`: how many documents each part has."""
        self._starts = np.concatenate([[0], np.cumsum(rows)]).astype(np.int64)
        self._reasons = np.full(self._starts[-1], -1, np.int16)
        found = tables.table("SELECT part, row, reason FROM seats WHERE reason IS NOT NULL")
        part, row, reason = (np.asarray(found[name].to_numpy()) for name in ("part", "row", "reason"))
        self._reasons[self._starts[part] + row] = reason

    def reasons(self, parts: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int16]:
        """The number of the reason for which each of these documents was dropped; -1 where it stayed."""
        found: npt.NDArray[np.int16] = self._reasons[self._starts[parts] + rows]
        return found


def _told(tables: Tables, labelled: bool) -> list[str]:
    """Queries for part, row, id and language of all documents: the language as measured, else as declared."""
    declared = "SELECT part, row, id, language FROM documents"
    if not labelled:
        return [declared]
    measured = f'SELECT part, row, id, "{LANGUAGE}" AS language FROM attributes WHERE "{LANGUAGE}" IS NOT NULL'
    unmeasured = f'SELECT part, row FROM attributes WHERE "{LANGUAGE}" IS NULL'
    some = tables.ask(f"SELECT 1 FROM ({unmeasured}) LIMIT 1")
    return [measured, f"{declared} SEMI JOIN ({unmeasured}) USING (part, row)"] if some else [measured]
