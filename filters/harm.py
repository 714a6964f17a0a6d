"""Harm: pages on a user's lists of addresses and words, scores of a user's fastText models, and labels of what they
show.

No list ships with the project; a manifest names files. A list of addresses has one domain or URL prefix a line
(`example.org`, `example.org/path`), a domain stands for its subdomains, too. A list of words has one word or phrase a
line, matched without regard to case, as whole words where they are written with spaces, anywhere where they are
Chinese. Blank lines and lines that begin with `#` don't count.

`categories` maps what a list or a model's label is about to one of `CATEGORIES`, so that a document carries labels.
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

from filters.recipes import Recipe, Rule

CATEGORIES = ("violence", "illegal", "sexual", "bias", "privacy", "misinformation")
LIST_CHUNK = 400
"""Words per RE2 expression: beyond about a thousand its automaton outgrows its memory and falls back to a slow one."""


def measure(
    documents: pa.Table,
    *,
    addresses: Mapping[str, str] | None = None,
    words: Mapping[str, str] | None = None,
    models: Mapping[str, str] | None = None,
    label: str = "harm",
) -> pa.Table:
    """What the user's lists and models say, n rows. Each mapping goes from a category to a file.

    - `harm.address` int64: 1 when the document's `url` is on a list of `addresses`
    - `harm.words` int64: occurrences of listed words, and `harm.words_per_thousand` float64, per thousand characters
    - `harm.<category>` float64, for each category that anything is given for: the highest of 1 for a listed address,
      listed words per ten words' worth of text (six characters) capped at 1, and the model's probability of `label`
    - `harm.labels` string: JSON list of the categories at 0.5 or more, in the order of `CATEGORIES`

    Raises `ValueError` for a category that isn't one, `FileNotFoundError` for a missing list.
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
    for category, path in (models or {}).items():
        from filters.classifier import score

        found[category] = np.maximum(found[category], score(texts, path, label))
    labels = [json.dumps([name for name in found if found[name][row] >= 0.5]) for row in range(rows)]
    columns: dict[str, Any] = {f"harm.{category}": values for category, values in found.items()}
    columns |= {
        "harm.address": listed,
        "harm.words": occurrences,
        "harm.words_per_thousand": occurrences * 1000 / np.maximum(characters, 1),
    }
    return pa.table(
        {name: pa.array(values) for name, values in columns.items()} | {"harm.labels": pa.array(labels, pa.string())}
    )


@lru_cache(maxsize=32)
def read_list(path: str) -> frozenset[str]:
    """The entries of a list file, without blank lines and comments, case folded."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    return frozenset(line.strip().casefold() for line in lines if line.strip() and not line.lstrip().startswith("#"))


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
    """How often any of the words stands in each text, int64. Words with spaces around them as whole words."""
    spelled = sorted(words)
    total = np.zeros(len(texts), np.int64)
    for start in range(0, len(spelled), LIST_CHUNK):
        chunk = spelled[start : start + LIST_CHUNK]
        whole = [re.escape(word) for word in chunk if word[0].isascii()]
        anywhere = [re.escape(word) for word in chunk if not word[0].isascii()]
        pattern = "|".join(([rf"\b(?:{'|'.join(whole)})\b"] if whole else []) + anywhere)
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
        ),
        cost=3,
    ),
)
