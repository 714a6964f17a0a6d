"""Two runs beside each other: which documents changed sides, from which reason to which, and what else differs."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from winnow.pipeline.reports.comparison import Difference, compare_runs
from winnow.viewer import records
from winnow.viewer.runs import Run, part_of
from winnow.viewer.tables import Columns

MOST = 60
HEADINGS = ("manifest", "profile", "versions", "inputs", "funnel", "mixture")
KEPT = "kept"
ABSENT = "not there"
SHOWN = 3


@dataclass(frozen=True)
class Move:
    """How many documents went from one fate to another; a fate is `stage: rule`, `kept` or `not there`."""

    before: str
    after: str
    documents: int
    examples: tuple[str, ...]  # ids


def told_apart(before: str, after: str) -> tuple[str, str]:
    """Two folders by as many of their last names as it takes: `runs/mid`, `strict/mid`."""
    one, other = before.rstrip("/").split("/"), after.rstrip("/").split("/")
    for count in range(1, max(len(one), len(other))):
        if one[-count:] != other[-count:]:
            return "/".join(one[-count:]), "/".join(other[-count:])
    return before, after


def moves(before: Run, after: Run) -> list[Move]:
    """Every pair of different fates, the most frequent first. A document is the same where its id is."""
    found = _by_place(before, after) if _same_inputs(before, after) else _by_id(before, after)
    return sorted(found, key=lambda move: (-move.documents, move.before, move.after))


def _by_place(before: Run, after: Run) -> list[Move]:
    """Of runs that read the same documents: part and row say which one it is, so no id is read but those shown."""
    names = {_fate(*reason): number for number, reason in enumerate(before.reasons)}
    for reason in after.reasons:
        names.setdefault(_fate(*reason), len(names))
    fates = [*names, KEPT]
    paths = after.drops
    files: Columns = {
        "file": ("UBIGINT", range(len(paths))),
        "part": ("UINTEGER", [before.places[part_of(path)] for path in paths]),
    }
    named: Columns = {
        "stage": ("VARCHAR", [stage for stage, _ in after.reasons]),
        "rule": ("VARCHAR", [rule for _, rule in after.reasons]),
        "reason": ("SMALLINT", [names[_fate(*reason)] for reason in after.reasons]),
    }
    # Only what either run dropped can differ.
    others = (
        "SELECT f.part, d.row, n.reason FROM (SELECT file_index AS file, row, stage, rule "
        f"FROM read_parquet([{after.drops_listed}])) d JOIN files f USING (file) JOIN named n USING (stage, rule)"
        if paths
        else "SELECT 0 AS part, 0 AS row, 0 AS reason WHERE false"
    )
    rows = before.ask(
        f"SELECT coalesce(l.reason, {len(names)}), coalesce(r.reason, {len(names)}), count(*), "
        f"min((part::BIGINT << 32) + row, {SHOWN}) "
        f"FROM (SELECT part, row, reason FROM seats WHERE reason IS NOT NULL) l FULL JOIN ({others}) r USING (part, row) "
        "WHERE l.reason IS DISTINCT FROM r.reason GROUP BY ALL",
        files=files,
        named=named,
    )
    found = []
    for old, new, count, places in rows:
        ids = [
            records.record(before, place >> 32, place & 0xFFFFFFFF, ["id"])["id"]  # of few documents
            for place in places
        ]
        found.append(Move(fates[old], fates[new], count, tuple(ids)))
    return found


def _by_id(before: Run, after: Run) -> list[Move]:
    moved: dict[tuple[str, str], tuple[int, tuple[str, ...]]] = {}
    for old, new, count, ids in before.ask(
        f"SELECT coalesce(l.fate, '{KEPT}'), coalesce(r.fate, '{KEPT}'), count(*), min(id, {SHOWN}) "
        f"FROM ({_fates(before)}) l FULL JOIN ({_fates(after)}) r USING (id) "
        "WHERE l.fate IS DISTINCT FROM r.fate GROUP BY ALL"
    ):
        moved[old, new] = (count, _hexadecimal(ids))
    for one, other, forwards in ((before, after, True), (after, before, False)):
        for fate, count, ids in before.ask(
            f"SELECT coalesce(f.fate, '{KEPT}'), count(*), min(id, {SHOWN}) FROM "
            f"(SELECT id FROM ({_ids(one)}) ANTI JOIN ({_ids(other)}) USING (id)) "
            f"LEFT JOIN ({_fates(one)}) f USING (id) GROUP BY ALL"
        ):
            moved[(fate, ABSENT) if forwards else (ABSENT, fate)] = (count, _hexadecimal(ids))
            pair = (fate, KEPT) if forwards else (KEPT, fate)
            if pair in moved:  # it was counted as kept where it isn't
                moved[pair] = (moved[pair][0] - count, moved[pair][1])
    return [Move(old, new, count, ids) for (old, new), (count, ids) in moved.items() if count]


def _fate(stage: str, rule: str) -> str:
    return f"{stage}: {rule}"


def _hexadecimal(ids: list[UUID]) -> tuple[str, ...]:
    return tuple(identity.hex for identity in ids)


def _fates(run: Run) -> str:
    if not run.drops_listed:
        return "SELECT NULL::UUID AS id, '' AS fate WHERE false"
    return f"SELECT id::UUID AS id, stage || ': ' || rule AS fate FROM read_parquet([{run.drops_listed}])"


def _ids(run: Run) -> str:
    return (
        f"SELECT id::UUID AS id FROM read_parquet([{run.documents_listed}])"
        if run.documents_listed
        else "SELECT NULL::UUID AS id WHERE false"
    )


def _same_inputs(before: Run, after: Run) -> bool:
    """Whether both runs read the same documents: equal digests of the step that made them."""
    digests = [
        next((step["digest"] for step in run.lock["steps"] if step["step"] == "ingest"), None) if run.lock else None
        for run in (before, after)
    ]
    return digests[0] is not None and digests[0] == digests[1] and before.places == after.places


def differences(before: Run, after: Run) -> list[Difference]:
    """What `winnow diff` tells of two finished runs, but for their outputs' digests; empty where one isn't finished."""
    if before.lock is None or after.lock is None:
        return []
    return [found for found in compare_runs(before.workspace, after.workspace) if found.heading in HEADINGS][: MOST * 4]
