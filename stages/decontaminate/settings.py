"""What the manifest says about decontamination."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Benchmark(BaseModel):
    """A benchmark as JSON lines, a JSON array, CSV or Parquet: which keys hold what. A dotted key looks inside objects.

    Of a key that isn't named, the first that an item has is taken: of those that a benchmark known by name has
    (`known.KNOWN`), then of the usual ones (`items.USUAL_KEYS`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    name: str = ""
    """By default the file's name up to its first dot."""
    identifier: str | None = None
    """Items without one are numbered by line, from 0."""
    question: str | None = None
    answer: str | None = None
    passage: str | None = None
    code: bool = False
    """Compared as code too, in two ways: by names, numbers and signs, and as a string without white space."""

    @model_validator(mode="before")
    @classmethod
    def _named_after_its_file(cls, given: Any) -> Any:
        if isinstance(given, dict) and not given.get("name") and "path" in given:
            return {**given, "name": str(given["path"]).rsplit("/", 1)[-1].split(".")[0]}
        return given


def at(benchmark: Benchmark, path: str) -> Benchmark:
    """The same benchmark at another path."""
    return benchmark.model_copy(update={"path": path})


class Overlap(BaseModel):
    """The share of an item's terms that a document must hold, close together and in n-grams, to count as contaminated."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    question: float = Field(default=0.45, gt=0, le=1)
    answer: float = Field(default=0.8, gt=0, le=1)
    passage: float = Field(default=0.8, gt=0, le=1)


class Altered(StrEnum):
    """What becomes of documents that hold an item with other numbers: dropped, or reported alone."""

    DROP = "drop"
    REPORT = "report"


class DecontaminationRules(BaseModel):
    """What counts as contamination. The benchmarks themselves are named by the profile."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    words: int = Field(default=5, ge=2, le=64)
    """Terms of an n-gram where most terms are words; a number, however long, is one term. Chosen by
    `python -m benchmarks.decontaminate_curve`, like `overlap.question` and `least_words`."""
    characters: int = Field(default=6, ge=2, le=64)
    """Terms of an n-gram where most are characters of a script without spaces."""
    least_words: int = Field(default=7, ge=2)
    """Terms of an item that a document must hold at least, whatever share of it they are …"""
    least_characters: int = Field(default=11, ge=2)
    """… and where most are characters of a script without spaces."""
    code: int = Field(default=24, ge=2, le=64)
    """Names, numbers and signs of an n-gram of code."""
    string: int = Field(default=64, ge=8, le=64)
    """Bytes of an n-gram of code without white space (StarCoder compares such strings, arXiv 2305.06161, section 3)."""
    shortest_words: int = Field(default=8, ge=2)
    """A text with fewer terms than an n-gram is looked for as a whole, if it has this many …"""
    shortest_characters: int = Field(default=12, ge=2)
    """… or, without spaces, this many. Shorter ones are not looked for: `7 apples` is everywhere."""
    shared_items: int = Field(default=10, ge=1)
    """An n-gram in more items than this is the benchmark's own phrasing and says nothing."""
    boilerplate: int = Field(default=10, ge=1)
    """An n-gram in more documents than this that hold no item is boilerplate and doesn't count."""
    overlap: Overlap = Overlap()
    altered: Altered = Altered.DROP
    """Items with other numbers than the benchmark's."""


class DecontaminationSettings(DecontaminationRules):
    """The rules and the benchmarks that they are applied to."""

    benchmarks: tuple[Benchmark, ...]
    buckets: int = Field(default=2, ge=1)
