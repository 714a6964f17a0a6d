"""Winnow's own rules on pages and books of any length, measured in windows: `winnow_zh`, `winnow_longform`.

What published rules compare a text with (its own length, the share of distinct characters, repeated n-grams) changes
with length: a statute of 30,000 characters has 1,000 different ones, a novel says most of its five-word runs twice. Here
a text is measured in windows of one size, so that a page, a chapter and the book it is from are judged alike, and a
book costs no more than a long page. How the bounds were found: docs/decisions.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from winnow.filters import statistics
from winnow.filters.recipes import Recipe, Rule

WINDOW_BYTES = 6000
"""2,000 Chinese characters, 1,000 English words."""
WINDOWS = 8
"""The most that are measured of one text, evenly spaced from its beginning to its end."""
FEWEST_SPAM_WORDS = 4
"""Spam words of a window below which it holds none."""
FAMILY = "windows"
Values = npt.NDArray[np.float64]


DERIVED: Mapping[str, tuple[str, str, Callable[[Values, Values], Values]]] = {
    # Prose that repeats itself: code and tables do so by nature, and have few Chinese characters.
    "repeated_prose": ("nfkc.covered_10_fraction", "han.fraction", np.multiply),
    # Lists of words and of links have no sentences. Characters are those of NFKC, Chinese ones a share of them.
    "han_per_sentence": ("han.fraction", "sentence_length", np.multiply),
    # A comment of 200 characters that names the hotline twice isn't spam: two words in a hundred are, of two thousand.
    "spam_words": (
        "chinese_words.chinese_spam_words_fraction",
        "chinese_words.count",
        lambda share, words: np.where(share * words < FEWEST_SPAM_WORDS - 0.5, 0.0, share),
    ),
    "sentence_length": ("nfkc.characters", "nfkc.sentences", np.divide),
}
"""Measures made of two others, of each window."""


def measure(documents: pa.Table, *, columns: frozenset[str]) -> pa.Table:
    """`windows.C` for each asked column C of `winnow.filters.statistics` or `DERIVED`: its mean over a text's windows.

    A window in which it is null doesn't count; a text of which every window has none is null itself.
    """
    from winnow.filters.kernels.bytes import text_buffers

    data, offsets = text_buffers(documents["text"])
    starts, ends, owners = cut_windows(data, offsets)
    pieces = pa.array([data[start:end].tobytes() for start, end in zip(starts, ends, strict=True)], pa.large_binary())
    windows = pa.table({"text": pieces.cast(pa.large_string())})
    found = statistics.measure(windows, columns=frozenset().union(*map(_needed, columns)))

    def values(name: str) -> Values:
        if name in DERIVED:
            left, right, made = DERIVED[name]
            with np.errstate(divide="ignore", invalid="ignore"):  # no sentence: infinitely long ones; no text: null
                return made(values(left), values(right))
        return found[name].cast(pa.float64()).to_numpy()  # type: ignore[no-any-return]

    return pa.table({f"{FAMILY}.{name}": _mean(values(name), owners, documents.num_rows) for name in sorted(columns)})


def _needed(column: str) -> frozenset[str]:
    if column not in DERIVED:
        return frozenset({column})
    left, right, _ = DERIVED[column]
    return _needed(left) | _needed(right)


def cut_windows(
    data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]
) -> tuple[list[int], list[int], npt.NDArray[np.int64]]:
    """Where the windows of n texts start and end, between characters, and which text each is of."""
    starts: list[int] = []
    ends: list[int] = []
    owners: list[int] = []
    for row, (first, last) in enumerate(zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)):
        count = min(max(-(-(last - first) // WINDOW_BYTES), 1), WINDOWS)
        for number in range(count):
            if count < WINDOWS:  # they follow each other, all of one size
                start, end = first + (last - first) * number // count, first + (last - first) * (number + 1) // count
            else:
                start = first + (last - first - WINDOW_BYTES) * number // (count - 1)
                end = start + WINDOW_BYTES
            starts.append(_boundary(data, start, first, last))
            ends.append(_boundary(data, end, first, last))
            owners.append(row)
    return starts, ends, np.array(owners, np.int64)


def _boundary(data: npt.NDArray[np.uint8], at: int, first: int, last: int) -> int:
    """The beginning of the character that the byte `at` belongs to."""
    while first < at < last and data[at] & 0xC0 == 0x80:
        at -= 1
    return at


def _mean(values: Values, owners: npt.NDArray[np.int64], count: int) -> pa.Array:
    known = ~np.isnan(values)
    sums = np.bincount(owners[known], values[known], count)
    members = np.bincount(owners[known], minlength=count)
    return pa.array(sums / np.maximum(members, 1), mask=members == 0)


def window_recipe(*, name: str, summary: str, source: str, rules: Sequence[Rule], cost: int) -> Recipe:
    """A recipe over windows: its rules name columns of `winnow.filters.statistics`."""
    columns = frozenset(rule.measure for rule in rules)
    named = tuple(_within(rule) for rule in rules)
    return Recipe(
        name=name, summary=summary, source=source, measure=measure, rules=named, cost=cost, options={"columns": columns}
    )


def _within(rule: Rule) -> Rule:
    return replace(rule, measure=f"{FAMILY}.{rule.measure}")


_SOURCE = "Winnow, docs/decisions.md: bounds from one half of a labelled set, reported on the other"

RECIPES = (
    window_recipe(
        name="winnow_zh",
        summary="Chinese of any kind and length, in windows: garbling, sentences, repeated prose and lines, spam words",
        source=_SOURCE,
        rules=(
            Rule(name="characters", measure="nfkc.characters", minimum=40),
            Rule(name="garbled", measure="han.garbled_fraction", maximum=0.15),
            Rule(name="chinese", measure="han.fraction", minimum=0.005),
            Rule(name="sentences", measure="han_per_sentence", maximum=150),
            Rule(name="repeated_lines", measure="lines.filled_repeat_character_fraction", maximum=0.5),
            Rule(name="repeated_prose", measure="repeated_prose", maximum=0.46),
            Rule(name="short_lines", measure="lines.short_fraction", maximum=0.99),
            Rule(name="spam_words", measure="spam_words", maximum=0.012),
        ),
        cost=4,
    ),
    window_recipe(
        name="winnow_longform",
        summary="English books, manuals and articles of any length, in windows: garbling, function words, repetition",
        source=_SOURCE,
        rules=(
            Rule(name="words", measure="words.non_symbol_count", minimum=15),
            Rule(name="garbled", measure="han.garbled_fraction", maximum=0.15),
            Rule(name="letter_words", measure="words.letter_fraction", minimum=0.6),
            Rule(name="stop_words", measure="words.gopher_stop_words_fraction", minimum=0.035),
            Rule(name="short_lines", measure="lines.short_fraction", maximum=0.95),
            Rule(name="repeated_lines", measure="lines.filled_repeat_character_fraction", maximum=0.5),
            Rule(name="repeated_5_grams", measure="ngrams.repeat_5_fraction", maximum=0.4),
        ),
        cost=3,
    ),
)
