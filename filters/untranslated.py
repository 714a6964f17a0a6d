"""Pages of a translation into Chinese that are left in English in part: paragraphs that nobody has translated yet.

A page that is English as a whole is found by its language. One that is half Chinese isn't, nor by `consistency`, for each of
its sentences is in one language. Counted are lines of English prose, by their words and function words, code and what
stands in back quotes left out. A paragraph beside one in Chinese that says about as much is the source of a translation,
as bilingual pages have it, and doesn't count; all of one text before the other, as `bilingual` can write them, is no page
that this may judge.

Source: rules of this project; accuracy on catalogues of Python's documentation in docs/decisions.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.filters.consistency import FENCED, FUNCTION_WORDS
from winnow.filters.recipes import Recipe, Rule

ENGLISH_WORDS, ENGLISH_FUNCTION_WORDS = 6, 2
HAN_WEIGHT = 3
"""A Chinese character says about as much as three letters (`formats/translations/checks.py: weight`)."""
COUNTERPART = (0.4, 2.5)
"""How much a translation may say, measured by its source."""
_HAN = r"\p{Han}"
_ENGLISH = r"(?:[A-Za-z][A-Za-z'’-]*[,;:.]?[ \t]+){5}[A-Za-z]"
_NOT_PROSE = re.compile(r"`[^`\n]*`|https?://\S+|<[^<>\n]{1,200}>")
_HAN_SIGN = re.compile(r"[\u3400-\u9fff]")
_WORD = re.compile(r"[A-Za-z]+(?:['’-][A-Za-z]+)*")


def measure(documents: pa.Table) -> pa.Table:
    """How much of a text is English that nobody has translated, n rows:

    - `untranslated.characters` int64: of English prose without its translation beside it
    - `untranslated.share` float64: those among them and the Chinese characters, which count three times; 0 without either
    """
    texts = documents["text"]
    plain = pc.replace_substring_regex(texts, FENCED, "\n")
    han = pc.fill_null(pc.count_substring_regex(plain, _HAN), 0).to_numpy()
    english = np.zeros(documents.num_rows, np.int64)
    mixed = pc.fill_null(
        pc.and_(pc.match_substring_regex(plain, _ENGLISH), pc.match_substring_regex(plain, _HAN)), False
    )
    for row in np.flatnonzero(mixed.to_numpy(zero_copy_only=False)):
        english[row] = untranslated(plain[int(row)].as_py())
    weight = english + HAN_WEIGHT * han
    return pa.table(
        {
            "untranslated.characters": pa.array(english),
            "untranslated.share": pa.array(np.where(weight > 0, english / np.maximum(weight, 1), 0.0)),
        }
    )


def untranslated(text: str) -> int:
    """Characters of English prose that have no counterpart in Chinese beside them; each counterpart serves once."""
    blocks = list(_blocks(text))
    taken: set[int] = set()
    total = 0
    for at, block in enumerate(blocks):
        if not block.english:
            continue
        counterpart = next((place for place in (at + 1, at - 1) if _translates(blocks, at, place, taken)), None)
        if counterpart is None:
            total += block.english
        else:
            taken.add(counterpart)
    return total


class Block(NamedTuple):
    """Lines that follow each other in one script: characters of English prose, or how much is said in Chinese."""

    english: int
    chinese: int


def _blocks(text: str) -> Iterator[Block]:
    for chinese, lines in groupby(
        text.split("\n"), lambda line: _HAN_SIGN.search(line) is not None if line.strip() else None
    ):
        if chinese is None:
            continue
        if chinese:
            yield Block(0, sum(len(line) + (HAN_WEIGHT - 1) * len(_HAN_SIGN.findall(line)) for line in lines))
        else:
            yield Block(sum(len(line.strip()) for line in lines if is_english(line)), 0)


def is_english(line: str) -> bool:
    """Whether a line is prose by its words and function words; names, commands and tables of figures are none."""
    words = _WORD.findall(_NOT_PROSE.sub(" ", line))
    return len(words) >= ENGLISH_WORDS and sum(word in FUNCTION_WORDS for word in words) >= ENGLISH_FUNCTION_WORDS


def _translates(blocks: Sequence[Block], at: int, place: int, taken: set[int]) -> bool:
    if not 0 <= place < len(blocks) or place in taken:
        return False
    return COUNTERPART[0] * blocks[at].english <= blocks[place].chinese <= COUNTERPART[1] * blocks[at].english


RECIPES = (
    Recipe(
        name="untranslated",
        summary="Pages of a Chinese translation of which much is still English",
        source="rules of this project; accuracy on real catalogues in docs/decisions.md",
        measure=measure,
        rules=(Rule(name="share", measure="untranslated.share", maximum=0.2),),
        cost=4,
    ),
)
