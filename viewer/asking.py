"""What a person asks for: which documents, as fields of a form, and the query over a run's views that finds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from winnow.viewer.runs import LANGUAGE, Run

PAGE = 20
KEPT, DROPPED = "kept", "dropped"


@dataclass(frozen=True, kw_only=True)
class Question:
    """Which documents; an empty field asks nothing. `rule` is `stage: rule`; `seed` draws them in another order."""

    words: str = ""
    id: str = ""
    address: str = ""
    source: str = ""
    language: str = ""
    fate: str = ""
    rule: str = ""
    measure: str = ""
    minimum: float | None = None
    maximum: float | None = None
    seed: int = 0
    page: int = 0

    @staticmethod
    def read(fields: Mapping[str, str]) -> Question:
        """From the fields of a form; what isn't a number counts as not asked."""
        text = {name: fields.get(name, "").strip() for name in TEXTS}
        return Question(
            **text,
            minimum=number(fields.get("minimum")),
            maximum=number(fields.get("maximum")),
            seed=int(number(fields.get("seed")) or 0),
            page=max(0, int(number(fields.get("page")) or 0)),
        )

    def link(self, **changes: Any) -> str:
        """The same question with other fields, as the end of an address."""
        fields = vars(replace(self, **changes))
        return urlencode({name: value for name, value in fields.items() if value not in ("", None, 0)})


TEXTS = ("words", "id", "address", "source", "language", "fate", "rule", "measure")


def number(value: str | None) -> float | None:
    try:
        found = float(value or "")
    except ValueError:
        return None
    return found if found == found and abs(found) != float("inf") else None


@dataclass
class Query:
    """`SELECT part, row FROM … WHERE …` as it grows."""

    base: str
    conditions: list[str]
    parameters: list[Any]

    def where(self, condition: str, *parameters: Any) -> None:
        self.conditions.append(condition)
        self.parameters += parameters

    def text(self) -> str:
        held = f" WHERE {' AND '.join(self.conditions)}" if self.conditions else ""
        return f"SELECT b.part, b.row FROM {self.base} b{held}"


def query_of(run: Run, question: Question, among_hits: bool) -> Query:
    """The documents that a question means. It begins with the smallest table that knows what is asked. `among_hits`: of
    those in table `hits` alone, which hold the words. Raises `ValueError` for a measure that the run hasn't."""
    dropped = question.fate == DROPPED or bool(question.rule)
    in_attributes = bool(question.measure) and run.measured
    base = "attributes" if in_attributes else "dropped" if dropped and not _of_documents(question) else "documents"
    query = Query(base, [], [])
    if question.measure:
        _by_measure(run, question, query)
    if question.source:
        places = [str(place) for place, part in enumerate(run.parts) if part.source == question.source]
        query.where(f"b.part IN ({', '.join(places) or '-1'})")
    if question.id:
        if base == "dropped":
            query.where("starts_with(replace(b.uuid::VARCHAR, '-', ''), ?)", question.id)
        else:
            query.where("starts_with(b.id, ?)", question.id)
    if question.address:
        condition = " OR ".join(f"contains({name}, ?)" for name in ("url", "locator", "path"))
        inner = [question.address] * 3
        if base == "documents":
            query.where(f"({condition})", *inner)
        else:
            query.where(f"(b.part, b.row) IN (SELECT (part, row) FROM documents WHERE {condition})", *inner)
    if question.language:
        _by_language(run, question.language, query)
    if base != "dropped" and (dropped or question.fate == KEPT):
        _by_fate(question, query)
    elif question.rule:
        stage, _, rule = question.rule.partition(": ")
        query.where("b.stage = ? AND b.rule = ?", stage, rule)
    if among_hits:
        query.where("(b.part, b.row) IN (SELECT (part, row) FROM hits)")
    return query


def _of_documents(question: Question) -> bool:
    return bool(question.address)


def _by_measure(run: Run, question: Question, query: Query) -> None:
    if question.measure not in run.columns:
        raise ValueError(f"this run has no measure {question.measure!r}")
    column = f'b."{question.measure}"'
    if run.columns[question.measure] == "BOOLEAN":
        column = f"{column}::INTEGER"
    if question.minimum is None and question.maximum is None:
        query.where(f"{column} IS NOT NULL")
    if question.minimum is not None:
        query.where(f"{column} >= ?", question.minimum)
    if question.maximum is not None:
        query.where(f"{column} <= ?", question.maximum)


def _by_language(run: Run, language: str, query: Query) -> None:
    """As measured; where nothing was measured of a document, as declared."""
    declared = "SELECT part, row FROM documents WHERE language = ?"
    if LANGUAGE not in run.columns:
        query.where(f"(b.part, b.row) IN (SELECT (part, row) FROM ({declared}))", language)
        return
    unmeasured = f'SELECT part, row FROM attributes WHERE "{LANGUAGE}" IS NULL'
    measured = f'SELECT part, row FROM attributes WHERE "{LANGUAGE}" = ?'
    query.where(
        f"(b.part, b.row) IN (SELECT (part, row) FROM ({measured} UNION ALL "
        f"(SELECT part, row FROM ({declared}) SEMI JOIN ({unmeasured}) USING (part, row))))",
        language,
        language,
    )


def _by_fate(question: Question, query: Query) -> None:
    stage, _, rule = question.rule.partition(": ")
    match = " AND d.stage = ? AND d.rule = ?" if question.rule else ""
    negated = "NOT " if question.fate == KEPT else ""
    query.where(
        f"{negated}EXISTS (SELECT 1 FROM dropped d WHERE d.part = b.part AND d.row = b.row{match})",
        *([stage, rule] if question.rule else []),
    )
