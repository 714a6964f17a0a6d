"""Harm: pages on a user's lists of addresses and words, scores of a user's fastText models, and labels of what they
show.

No list ships with the project; a manifest names files. A list of addresses has one domain or URL prefix a line
(`example.org`, `example.org/path`), a domain stands for its subdomains, too. A list of words has one word or phrase a
line, matched without regard to case, as whole words where they are written with spaces, anywhere where they are
Chinese, Japanese or Thai. Blank lines and lines that begin with `#` don't count.

`addresses`, `words` and `models` map each of `CATEGORIES` to a file, so that a document carries labels. Labels drop
nothing by themselves; a manifest bounds the categories that it won't have:

    - recipe: harm
      options: {words: {sexual: lists/words.txt}, models: {violence: safety.bin, bias: safety.bin}}
      thresholds: {violence: {maximum: 0.5}}
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.filters.kernels.versions import version
from winnow.filters.kernels.word_lists import UNSPACED
from winnow.filters.recipes import Recipe, Rule

CATEGORIES = ("violence", "illegal", "sexual", "bias", "privacy", "misinformation")
LIST_CHUNK = 400
"""Words per RE2 expression: beyond about a thousand its automaton outgrows its memory and falls back to a slow one."""

_BESIDE = rf"[^\pL\pM\pN_]|[{UNSPACED}]"
"""What may stand beside a whole word. RE2's own `\\b` takes every letter beyond ASCII for an end."""


def measure(
    documents: pa.Table,
    *,
    addresses: Mapping[str, str] | None = None,
    words: Mapping[str, str] | None = None,
    models: Mapping[str, str] | None = None,
    label: str = "harm",
    labelled: float = 0.5,
) -> pa.Table:
    """What the user's lists and models say, n rows. Each mapping goes from a category to a file.

    - `harm.address` int64: 1 when the document's `url` is on a list of `addresses`
    - `harm.words` int64: occurrences of listed words, and `harm.words_per_thousand` float64, per thousand characters
    - `harm.<category>` float64, for each of `CATEGORIES`: the highest of 1 for a listed address, listed words per ten
      words' worth of text (six characters each) capped at 1, and the model's probability; null for a category that
      nothing is given for. A model that has a label of the category's name is asked for that, another for `label`
    - `harm.labels` string: JSON list of the categories at `labelled` or more, in the order of `CATEGORIES`

    Raises `ValueError` for a category that isn't one or a model without the label, `FileNotFoundError` for a missing
    list.
    """
    given = {**(addresses or {}), **(words or {}), **(models or {})}
    if unknown := [category for category in given if category not in CATEGORIES]:
        raise ValueError(f"no category of harm is called {unknown[0]!r}; there are {', '.join(CATEGORIES)}")
    rows = documents.num_rows
    texts = documents["text"]
    characters = pc.fill_null(pc.utf8_length(texts), 0).to_numpy()
    found = {category: np.zeros(rows) for category in CATEGORIES if category in given}
    listed, occurrences = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
    urls = documents["url"].to_pylist() if "url" in documents.column_names else [None] * rows
    for category, path in (addresses or {}).items():
        blocked = read_list(path)
        hits = np.array([is_listed(url, blocked) for url in urls], np.int64)
        listed |= hits
        found[category] = np.maximum(found[category], hits)
    for category, path in (words or {}).items():
        times = count_words(texts, read_list(path))
        occurrences += times
        found[category] = np.maximum(found[category], np.minimum(1.0, times * 60 / np.maximum(characters, 60)))
    for category, values in _scores(texts, models or {}, label).items():
        found[category] = np.maximum(found[category], values)
    labels = [json.dumps([name for name in found if found[name][row] >= labelled]) for row in range(rows)]
    columns: dict[str, Any] = {
        f"harm.{name}": pa.array(found[name]) if name in found else pa.nulls(rows, pa.float64()) for name in CATEGORIES
    }
    return pa.table(
        columns
        | {
            "harm.address": pa.array(listed),
            "harm.words": pa.array(occurrences),
            "harm.words_per_thousand": pa.array(occurrences * 1000 / np.maximum(characters, 1)),
            "harm.labels": pa.array(labels, pa.string()),
        }
    )


def _scores(texts: pa.ChunkedArray, models: Mapping[str, str], label: str) -> dict[str, Any]:
    """The probability of each category by its model; a model that serves several is asked once."""
    from winnow.filters.classifier import all_scores

    answers = {path: all_scores(texts, path) for path in sorted(set(models.values()))}
    found = {}
    for category, path in models.items():
        name = category if category in answers[path] else label
        if name not in answers[path]:
            raise ValueError(f"{path} has no label {category!r} or {label!r}; there are {', '.join(answers[path])}")
        found[category] = answers[path][name]
    return found


def read_list(path: str) -> frozenset[str]:
    """The entries of a list file, without blank lines and comments, in lower case; read once until it changes."""
    return _read_list(path, *version(path))


@lru_cache(maxsize=32)
def _read_list(path: str, *version: int) -> frozenset[str]:
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    return frozenset(line.strip().lower() for line in lines if line.strip() and not line.lstrip().startswith("#"))


def is_listed(url: str | None, blocked: frozenset[str]) -> bool:
    """True when the URL's host, a domain above it, or the host with a leading part of the path is on the list."""
    if not url:
        return False
    parts = urlsplit(url.casefold() if "//" in url else f"//{url.casefold()}")
    host = (parts.hostname or "").removeprefix("www.")
    labels = host.split(".")
    if any(".".join(labels[start:]) in blocked for start in range(len(labels))):
        return True
    folders = parts.path.strip("/").split("/")
    return any(f"{host}/{'/'.join(folders[:depth])}" in blocked for depth in range(1, len(folders) + 1))


def count_words(texts: pa.Array | pa.ChunkedArray, words: Iterable[str]) -> Any:
    """How often any of the words stands in each text, int64."""
    spelled = sorted(words)
    unspaced = pc.match_substring_regex(pa.array(spelled, pa.string()), f"^[{UNSPACED}]").to_pylist()
    whole = [word for word, anywhere in zip(spelled, unspaced, strict=True) if not anywhere]
    anywhere = [word for word, anywhere in zip(spelled, unspaced, strict=True) if anywhere]
    total = np.zeros(len(texts), np.int64)
    # Arrow counts on where a match ends, so one sign between two words ends the first and begins the second.
    for frame, group in ((rf"(?:^|{_BESIDE})(?:WORDS)(?:$|{_BESIDE})", whole), ("WORDS", anywhere)):
        for start in range(0, len(group), LIST_CHUNK):
            pattern = frame.replace("WORDS", "|".join(map(re.escape, group[start : start + LIST_CHUNK])))
            total += pc.fill_null(pc.count_substring_regex(texts, pattern, ignore_case=True), 0).to_numpy()
    return total


RECIPES = (
    Recipe(
        name="harm",
        summary="Addresses and words on the user's lists, scores of the user's models, labels of safety categories",
        source="lists and models named by the user; rate of words after RefinedWeb (arXiv 2306.01116), appendix G.1",
        measure=measure,
        columns=("url",),
        rules=(
            Rule(name="address", measure="harm.address", maximum=0),
            Rule(name="words_per_thousand", measure="harm.words_per_thousand", maximum=5),
            *(Rule(name=category, measure=f"harm.{category}") for category in CATEGORIES),
        ),
        cost=3,
    ),
)
