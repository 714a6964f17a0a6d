"""Spam in a part of a page: the passage of a Chinese text in which words of gambling, forged papers and sales talk are densest.

A page of which a tenth is spam stays below every limit on its words as a whole. Passages are sentences and lines, joined up
to `PASSAGE` characters; a law against gambling names it, but doesn't speak of nothing else for so long.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from winnow.filters import statistics
from winnow.filters.kernels.word_lists import CHINESE_SPAM
from winnow.filters.recipes import Recipe, Rule

PASSAGE = 240
"""Characters, about six lines of spam."""
KINDS = 4
"""Different spam words that a passage must hold: news of loans says 贷款 in every sentence, and nothing else of the list."""
WORDS = "chinese_words.chinese_spam_words_fraction"
_END = re.compile(r"(?<=[。！？!?\n])")


def measure(documents: pa.Table) -> pa.Table:
    """How dense spam is where it is densest, n rows:

    - `spam_passages.densest` float64: the largest share of spam words among the words of a passage that holds `KINDS` different
      ones; 0 for a text without such a passage

    Costs little more than the words of the text: only texts that hold one at all are cut.
    """
    densest = np.zeros(documents.num_rows)
    for row in np.flatnonzero(_shares(documents["text"]) > 0):
        passages = list(passages_of(documents["text"][int(row)].as_py()))
        of_kinds = [passage for passage in passages if sum(word in passage for word in CHINESE_SPAM) >= KINDS]
        if of_kinds:
            densest[row] = _shares(pa.chunked_array([pa.array(of_kinds, pa.large_string())])).max()
    return pa.table({"spam_passages.densest": pa.array(densest)})


def passages_of(text: str) -> Iterator[str]:
    """Sentences and lines joined to passages of at least `PASSAGE` characters; the last may be shorter."""
    passage = ""
    for piece in _END.split(text):
        passage += piece
        if len(passage) >= PASSAGE:
            yield passage
            passage = ""
    if passage.strip():
        yield passage


def _shares(texts: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    found = statistics.measure(pa.table({"text": texts}), columns=frozenset({WORDS}))[WORDS]
    shares: npt.NDArray[np.float64] = np.nan_to_num(found.cast(pa.float64()).to_numpy(zero_copy_only=False))
    return shares


RECIPES = (
    Recipe(
        name="chinese_spam_passages",
        summary="Pages with a passage full of words of gambling, forged papers, loans, sales talk or pornography",
        source="Winnow, docs/decisions.md; the list is winnow.filters.kernels.word_lists.CHINESE_SPAM",
        measure=measure,
        rules=(Rule(name="densest", measure="spam_passages.densest", maximum=0.05),),
        cost=4,
    ),
)
