"""Two runs beside each other: which documents changed sides, from which reason to which, and what else differs."""

from __future__ import annotations

from dataclasses import dataclass

from winnow.pipeline.comparison import Difference, compare_runs
from winnow.viewer.runs import Run

MOST = 60
HEADINGS = ("manifest", "profile", "versions", "inputs", "funnel", "mixture")
KEPT = "kept"
ABSENT = "not there"


@dataclass(frozen=True)
class Move:
    """How many documents went from one fate to another; a fate is `stage: rule`, `kept` or `not there`."""

    before: str
    after: str
    documents: int
    examples: tuple[str, ...]  # ids


def moves(before: Run, after: Run) -> list[Move]:
    """Every pair of different fates, the most frequent first. A document is the same where its id is."""
    moved: dict[tuple[str, str], tuple[int, tuple[str, ...]]] = {}
    # Only what either run dropped can differ, but for documents that one of them hasn't.
    for old, new, count, ids in before.ask(
        f"SELECT coalesce(l.fate, '{KEPT}'), coalesce(r.fate, '{KEPT}'), count(*), list(id ORDER BY id)[1:3] "
        f"FROM ({_fates(before)}) l FULL JOIN ({_fates(after)}) r USING (id) "
        "WHERE l.fate IS DISTINCT FROM r.fate GROUP BY ALL"
    ):
        moved[old, new] = (count, tuple(ids))
    if not _same_inputs(before, after):
        for one, other, fates, forwards in (
            (before, after, _fates(before), True),
            (after, before, _fates(after), False),
        ):
            for fate, count, ids in before.ask(
                f"SELECT coalesce(f.fate, '{KEPT}'), count(*), list(id ORDER BY id)[1:3] FROM "
                f"(SELECT id FROM ({_ids(one)}) ANTI JOIN ({_ids(other)}) USING (id)) "
                f"LEFT JOIN ({fates}) f USING (id) GROUP BY ALL"
            ):
                moved[(fate, ABSENT) if forwards else (ABSENT, fate)] = (count, tuple(ids))
                pair = (fate, KEPT) if forwards else (KEPT, fate)
                if pair in moved:  # it was counted as kept where it isn't
                    moved[pair] = (moved[pair][0] - count, moved[pair][1])
    found = [Move(old, new, count, ids) for (old, new), (count, ids) in moved.items() if count]
    return sorted(found, key=lambda move: (-move.documents, move.before, move.after))


def _fates(run: Run) -> str:
    if not run.drops_listed:
        return "SELECT '' AS id, '' AS fate WHERE false"
    return f"SELECT id, stage || ': ' || rule AS fate FROM read_parquet([{run.drops_listed}])"


def _ids(run: Run) -> str:
    return (
        f"SELECT id FROM read_parquet([{run.documents_listed}])"
        if run.documents_listed
        else "SELECT '' AS id WHERE false"
    )


def _same_inputs(before: Run, after: Run) -> bool:
    """Whether both runs read the same documents: equal digests of the step that made them."""
    digests = [
        next((step["digest"] for step in run.lock["steps"] if step["step"] == "ingest"), None) if run.lock else None
        for run in (before, after)
    ]
    return digests[0] is not None and digests[0] == digests[1]


def differences(before: Run, after: Run) -> list[Difference]:
    """What `winnow diff` tells of two finished runs, but for their outputs' digests; empty where one isn't finished."""
    if before.lock is None or after.lock is None:
        return []
    return [found for found in compare_runs(before.workspace, after.workspace) if found.heading in HEADINGS][: MOST * 4]
