"""What the comparing stages left as proof: clusters of near-duplicates with their pairs, hits of benchmarks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from winnow.stages.decontaminate.steps import ENTRIES
from winnow.viewer import records
from winnow.viewer.marks import Marked, differences, span_of_bytes
from winnow.viewer.runs import Run

CLUSTERS = 50  # of one page
MEMBERS = 12  # of a cluster that are shown with their texts
HITS = 20
CONTEXT = 600  # bytes of the document on both sides of a hit


@dataclass(frozen=True)
class Cluster:
    """A document that stays, and how many were dropped for its sake, by stage."""

    survivor: str
    stage: str
    rule: str
    dropped: int
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Member:
    """A dropped document beside its survivor: `ours` is the survivor's text, `theirs` the member's, differences marked."""

    id: str
    locator: str
    similarity: str
    ours: Marked
    theirs: Marked


@dataclass(frozen=True)
class Hit:
    """A benchmark's item, and the document that holds it."""

    fields: dict[str, Any]
    item: str
    document: Marked


def clusters(run: Run, page: int = 0, stage: str = "") -> list[Cluster]:
    """The largest clusters first: documents that another names as the one that stays."""
    if not (listed := _naming(run)):
        return []
    # As numbers of 16 bytes, not as texts; and the sources of those alone that are shown.
    named = (
        f"SELECT TRY_CAST(left(value, 32) AS UUID) AS survivor, stage, rule, source FROM read_parquet([{listed}]) "
        f"WHERE {'stage = ?' if stage else 'true'} AND survivor IS NOT NULL"
    )
    rows = run.ask(
        f"WITH largest AS MATERIALIZED (SELECT survivor, stage, rule, count(*) AS dropped FROM ({named}) GROUP BY ALL "
        f"ORDER BY dropped DESC, survivor LIMIT {CLUSTERS} OFFSET {CLUSTERS * page}) "
        f"SELECT survivor, stage, rule, dropped, list(DISTINCT n.source) FROM largest "
        f"JOIN ({named}) n USING (survivor, stage, rule) GROUP BY ALL ORDER BY dropped DESC, survivor",
        [stage] * 2 if stage else [],
    )
    return [Cluster(found.hex, at, rule, count, tuple(sorted(sources))) for found, at, rule, count, sources in rows]


def _naming(run: Run) -> str:
    """The files of drops that name the one that stays, as a list in SQL."""
    stages = cluster_stages(run)
    return run.listed([path for path in run.drops if path.split("/")[1] in stages])


def cluster_stages(run: Run) -> list[str]:
    """The stages that name a survivor, such as `deduplicate.minhash`."""
    return list(dict.fromkeys(fate.stage for fate in run.fates if fate.stage.startswith("deduplicate.")))


def members(run: Run, survivor: str) -> tuple[dict[str, Any], list[Member], int]:
    """The survivor's fields, documents that were dropped for it with the differences, and how many there are.

    Raises `LookupError` where the run has no such document.
    """
    part, row = run.locate(survivor)
    kept = records.record(run, part, row)
    if not (listed := _naming(run)):
        return kept, [], 0
    found = run.ask(
        f"SELECT id, locator, value FROM read_parquet([{listed}]) WHERE starts_with(value, ?) ORDER BY value DESC, id",
        [survivor],
    )
    shown = []
    for identity, locator, value in found[:MEMBERS]:
        text = records.record(run, *run.locate(identity), ["text"])["text"]
        ours, theirs = differences(kept["text"], text)
        shown.append(Member(identity, locator, value.partition(" ")[2], ours, theirs))
    return kept, shown, len(found)


def pairs_of(run: Run, identity: str) -> list[tuple[str, float]]:
    """Documents that MinHash compared with this one, and the true Jaccard similarity, the most alike first."""
    if not run.has("pairs"):
        return []
    return [
        (other, similarity)
        for other, similarity in run.ask(
            "SELECT lower(hex(CASE WHEN left_identity = unhex($1) THEN right_identity ELSE left_identity END)), similarity "
            "FROM pairs WHERE left_identity = unhex($1) OR right_identity = unhex($1) ORDER BY 2 DESC, 1 LIMIT 50",
            [identity],
        )
    ]


def hits(run: Run, page: int = 0, benchmark: str = "") -> tuple[list[Hit], int, list[str]]:
    """A page of hits, the number of all, and the benchmarks that have any."""
    if not run.has("contamination"):
        return [], 0, []
    benchmarks = [name for (name,) in run.ask("SELECT DISTINCT benchmark FROM contamination ORDER BY 1")]
    where, parameters = ("WHERE benchmark = ?", [benchmark]) if benchmark else ("", [])
    count = run.ask(f"SELECT count(*) FROM contamination {where}", parameters)[0][0]
    table = run.table(
        f"SELECT * FROM contamination {where} ORDER BY overlap DESC, file, row LIMIT {HITS} OFFSET {HITS * page}",
        parameters,
    )
    entries = run.workspace.read_table(ENTRIES, columns=["text"])["text"]
    found = []
    for fields in table.to_pylist():
        text = records.record(run, *run.locate(fields["id"]), ["text"])["text"]
        found.append(Hit(fields, entries[fields["entry"]].as_py(), _around(text, fields["start"], fields["end"])))
    return found, count, benchmarks


def _around(text: str, start: int, end: int) -> Marked:
    data = text.encode()
    first, last = max(0, start - CONTEXT), min(len(data), end + CONTEXT)
    head = data[first:start].decode(errors="ignore")
    tail = data[end:last].decode(errors="ignore")
    inside = data[start:end].decode(errors="ignore")
    whole = f"{'… ' if first else ''}{head}{inside}{tail}{' …' if last < len(data) else ''}"
    begin = len(f"{'… ' if first else ''}{head}".encode())
    return span_of_bytes(whole, begin, begin + len(inside.encode()))
