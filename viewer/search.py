"""Answers a question: how many documents it means, and one page of them with what became of each."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from winnow.viewer import records, words
from winnow.viewer.asking import PAGE, Question, query_of
from winnow.viewer.runs import Run
from winnow.viewer.tables import Columns

EXCERPT = 360
SHOWN = ("id", "text", "source", "language", "locator", "url", "title")


@dataclass(frozen=True)
class Found:
    """A document as a list shows it: `fields` as the documents have them, the text cut; `drop` where it was dropped."""

    part: int
    row: int
    fields: dict[str, Any]
    drop: tuple[str, str] | None  # stage and rule


@dataclass(frozen=True)
class Answer:
    """`count` documents in all, those of one page, and the seconds that it took. `hits`: where words were asked for."""

    count: int
    found: tuple[Found, ...]
    seconds: float
    hits: words.Hits | None = None


def answer(run: Run, question: Question) -> Answer:
    """Raises `ValueError` for a question that this run can't answer."""
    start = time.perf_counter()
    hits = words.find(run, question.words) if question.words else None
    tables = {"hits": _table(hits.places)} if hits is not None else {}
    query = query_of(run, question, hits is not None)
    if not run.parts:
        return Answer(0, (), 0.0, hits)
    drawn = f"hash(part, row, {int(question.seed)})" if question.seed else "0"
    # Found once, for the page and for their number: what is asked of files costs a reading of whole columns.
    rows = run.ask(
        f"WITH found AS MATERIALIZED ({query.text()}), "
        f"page AS (SELECT part, row, {drawn} AS drawn FROM found ORDER BY drawn, part, row "
        f"LIMIT {PAGE} OFFSET {PAGE * question.page}) "
        "SELECT n.count, page.part, page.row FROM (SELECT count(*) AS count FROM found) n LEFT JOIN page ON true "
        "ORDER BY drawn, part, row",
        query.parameters,
        **tables,
    )
    places = [(part, row) for _, part, row in rows if part is not None]
    return Answer(rows[0][0], tuple(listed(run, places)), time.perf_counter() - start, hits)


def listed(run: Run, places: Sequence[tuple[int, int]]) -> list[Found]:
    """Documents by part and row as a list shows them, in that order."""
    if not places:
        return []
    drops = {
        (part, row): (stage, rule)
        for part, row, stage, rule in run.ask(
            "SELECT part, row, stage, rule FROM dropped WHERE (part, row) IN (SELECT (part, row) FROM wanted)",
            wanted=_table(places),
        )
    }
    found = []
    for (part, row), fields in zip(places, records.rows(run, places, SHOWN), strict=True):
        text = fields.pop("text")
        fields["excerpt"] = " ".join(text[: 2 * EXCERPT].split())[:EXCERPT]
        fields["length"] = len(text)
        found.append(Found(part, row, fields, drops.get((part, row))))
    return found


def _table(places: Sequence[tuple[int, int]]) -> Columns:
    return {"part": ("UBIGINT", [part for part, _ in places]), "row": ("BIGINT", [row for _, row in places])}
