"""Filters by rule: on what is asked, before the model, and on what it answers, after it.

A rule is a regular expression over the text as Unicode's NFKC writes it, without characters that nobody sees, so that
full-width letters and zero-width joints hide nothing. Two rules need no words: `tags`, a spelling of a turn's tag, which
servers take for the tag, and `personal_data` in answers.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from winnow.trainer.alignment.conduct import spells_a_tag
from winnow.trainer.config import TrainingError
from winnow.trainer.safety.written import read_yaml

TAGS, PERSONAL_DATA = "tags", "personal_data"


class When(StrEnum):
    """Before the model, on what is asked, or after it, on what it answers."""

    BEFORE = "before"
    AFTER = "after"
    BOTH = "both"


class Rule(BaseModel):
    """One filter; `pattern` is a regular expression of Python, without regard to case."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1)
    pattern: str = Field(min_length=1)
    when: When = When.BOTH

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"no regular expression: {error}") from None
        return pattern


_RULES = TypeAdapter(list[Rule])


def read_rules(path: Path) -> list[Rule]:
    """A YAML list of rules. Raises `TrainingError` with the place of the first that is none."""
    told = read_yaml(path)
    try:
        return _RULES.validate_python(told)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise TrainingError(
            f"{path}: {where}: {first['msg']}; a rule is name, pattern and when (before, after)"
        ) from None


class Rules:
    """Rules at work: the names of those that a text falls under."""

    def __init__(self, rules: Sequence[Rule] = ()) -> None:
        self._rules = [(rule.name, rule.when, re.compile(rule.pattern, re.IGNORECASE)) for rule in rules]

    def before(self, asked: str) -> list[str]:
        return [*self._found(asked, When.BEFORE), *[TAGS] * spells_a_tag(asked)]

    def after(self, answer: str) -> list[str]:
        from winnow.filters.personal_data import find_personal_data  # loads numba

        private = bool(find_personal_data(pa.array([answer], pa.large_string())))
        return [*self._found(answer, When.AFTER), *[TAGS] * spells_a_tag(answer), *[PERSONAL_DATA] * private]

    def _found(self, text: str, when: When) -> list[str]:
        seen = plain(text)
        return [name for name, at, pattern in self._rules if at in (when, When.BOTH) and pattern.search(seen)]


def plain(text: str) -> str:
    """Text as rules read it."""
    composed = unicodedata.normalize("NFKC", text)
    return "".join(character for character in composed if unicodedata.category(character) != "Cf")
