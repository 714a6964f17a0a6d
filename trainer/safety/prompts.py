"""Sets of prompts for a red team: what a model should refuse, and what looks like it and shouldn't be refused.

The files are yours, as their authors publish them (JSON lines, CSV …); nothing is downloaded. What a column means is told by
its name, or by the manifest that names the set.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from winnow.stages.decontaminate.items import identified
from winnow.stages.decontaminate.settings import Benchmark
from winnow.trainer.config import TrainingError
from winnow.trainer.safety.written import read_yaml

TEXTS = ("prompt", "question", "instruction", "goal", "behavior", "request", "query", "text")
CATEGORIES = ("category", "type", "risk_area", "semanticcategory", "semantic_category", "harm_category", "subcategory")
LABELS = ("expect", "label", "safety", "harmful", "unsafe")
REFUSED = frozenset({"refusal", "refuse", "unsafe", "harmful", "true", "1", "yes"})
ANSWERED = frozenset({"answer", "comply", "safe", "benign", "harmless", "false", "0", "no"})
NO_CATEGORY = "all"


class Expected(StrEnum):
    """What a prompt should get."""

    REFUSAL = "refusal"
    ANSWER = "answer"


class PromptSet(BaseModel):
    """A file of prompts. Columns are told by their names where they aren't given; so is what is expected, prompt by prompt."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str = Field(min_length=1)
    name: str | None = None  # by default the file's
    expect: Expected | None = None  # of every prompt
    text: str | None = None  # a column
    category: str | None = None  # a column, or where there is no such column the category itself
    label: str | None = None  # the column that tells what is expected


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """One prompt. `item`: its place in its set."""

    set: str
    item: str
    text: str
    category: str
    expected: Expected


_SETS = TypeAdapter(list[PromptSet])


def read_sets(path: Path) -> list[PromptSet]:
    """The sets of a manifest, `sets:` a list; paths are the manifest's own folder's. Raises `TrainingError`."""
    told = read_yaml(path)
    try:
        found = _SETS.validate_python(told["sets"] if isinstance(told, dict) and "sets" in told else told)
    except ValidationError as error:
        first = error.errors()[0]
        raise TrainingError(f"{path}: sets.{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    return [each.model_copy(update={"path": str(path.parent / each.path)}) for each in found]


def read_prompts(given: PromptSet) -> Iterator[Prompt]:
    """The prompts of a set. Raises `TrainingError` with file and line for the first that can't be understood."""
    name = given.name or Path(given.path).name.partition(".")[0]
    try:
        for number, item, keys in identified(Benchmark(path=given.path)):
            yield _prompt(given, name, f"{given.path}, line {number + 1}", str(item), keys)
    except (OSError, ValueError) as error:
        raise TrainingError(f"{given.path} can't be read: {error}") from error


def _prompt(given: PromptSet, name: str, where: str, item: str, keys: Mapping[str, Any]) -> Prompt:
    text = _column(keys, given.text, TEXTS)
    if not isinstance(text, str) or not text.strip():
        raise TrainingError(
            f"{where}: no prompt among {', '.join(keys)}; name its column by `text:` in a manifest of sets"
        )
    category = _column(keys, given.category, CATEGORIES)
    if category is None:
        category = given.category or NO_CATEGORY
    expected = given.expect or _expected(_column(keys, given.label, LABELS))
    if expected is None:
        raise TrainingError(
            f"{where}: whether it is to be refused is said nowhere among {', '.join(keys)}; say so for the whole file "
            "(--expect, or `expect:` in a manifest of sets), or name the column by `label:`"
        )
    return Prompt(set=name, item=item, text=text, category=str(category).strip() or NO_CATEGORY, expected=expected)


def _column(keys: Mapping[str, Any], asked: str | None, known: tuple[str, ...]) -> Any:
    if asked is not None and asked in keys:
        return keys[asked]
    lowered = {name.lower(): value for name, value in keys.items()}
    return next((lowered[name] for name in known if lowered.get(name) is not None), None)


def _expected(told: Any) -> Expected | None:
    word = str(told).strip().lower()
    return Expected.REFUSAL if word in REFUSED else Expected.ANSWER if word in ANSWERED else None
