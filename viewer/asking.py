"""What a person asks for: which documents, as fields of a form, and the query over a run's views that finds them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from winnow.viewer.runs import Run

PAGE = 20
DIGITS = re.compile("[0-9a-f]{1,32}")
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
    """`SELECT part, row FROM seats … WHERE …` as it grows."""

    joins: list[str]
    conditions: list[str]
    joined: list[Any]
    compared: list[Any]

    def where(self, condition: str, *parameters: Any) -> None:
        self.conditions.append(condition)
        self.compared += parameters

    def among(self, places: str, *parameters: Any) -> None:
        """Those alone whose part and row this query finds."""
        self.joins.append(f" SEMI JOIN ({places}) p{len(self.joins)} USING (part, row)")
        self.joined += parameters

    @property
    def parameters(self) -> list[Any]:
        return [*self.joined, *self.compared]

    def text(self) -> str:
        held = f" WHERE {' AND '.join(self.conditions)}" if self.conditions else ""
        return f"SELECT b.part, b.row FROM seats b{''.join(self.joins)}{held}"


def query_of(run: Run, question: Question, among_hits: bool) -> Query:
    """The documents that a question means. `among_hits`: of those in table `hits` alone, which hold the words.

    Raises `ValueError` for a measure that the run hasn't."""
    query = Query([], [], [], [])
    if question.measure:
        _by_measure(run, question, query)
    if question.source:
        places = [str(place) for place, part in enumerate(run.parts) if part.source == question.source]
        query.where(f"b.part IN ({', '.join(places) or '-1'})")
    if question.id:
        _by_id(question.id, query)
    if question.address:
        condition = " OR ".join(f"contains({name}, ?)" for name in ("url", "locator", "path"))
        query.among(f"SELECT part, row FROM documents WHERE {condition}", *[question.address] * 3)
    if question.language:
        known = question.language in run.languages
        query.where("b.language = ?", run.languages.index(question.language) if known else -1)
    if question.rule:
        stage, _, rule = question.rule.partition(": ")
        same = "=" if question.fate != KEPT else "IS DISTINCT FROM"
        query.where(f"b.reason {same} ?", run.reasons.index((stage, rule)) if (stage, rule) in run.reasons else -1)
    elif question.fate in (KEPT, DROPPED):
        query.where(f"b.reason IS {'NOT ' if question.fate == DROPPED else ''}NULL")
    if among_hits:
        query.among("SELECT part, row FROM hits")
    return query


def _by_id(begun: str, query: Query) -> None:
    """By the first digits of an id, or all."""
    if not DIGITS.fullmatch(begun):
        query.where("false")
        return
    query.where("b.uuid BETWEEN ?::UUID AND ?::UUID", begun.ljust(32, "0"), begun.ljust(32, "f"))


def _by_measure(run: Run, question: Question, query: Query) -> None:
    if question.measure not in run.columns:
        raise ValueError(f"this run has no measure {question.measure!r}")
    column = f'"{question.measure}"'
    if run.columns[question.measure] == "BOOLEAN":
        column = f"{column}::INTEGER"
    asked = {">=": question.minimum, "<=": question.maximum}
    bounds = {sign: value for sign, value in asked.items() if value is not None}
    conditions = [f"{column} {sign} ?" for sign in bounds] or [f"{column} IS NOT NULL"]
    query.among(f"SELECT part, row FROM attributes WHERE {' AND '.join(conditions)}", *bounds.values())
