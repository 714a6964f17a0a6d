"""What recipes for Chinese add to `winnow.filters.statistics`: `han.*` of the text as it is, `nfkc.*` of its NFKC form.

Fractions are of 1 and per character unless the name says otherwise; a fraction of nothing is null.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from winnow.filters.columns import Column, Values, ratio

if TYPE_CHECKING:
    from winnow.filters.kernels.block import Block


def han_columns() -> dict[str, Column]:
    """Every column of this module by its name."""
    from winnow.filters.kernels import han

    def share(part: int, whole: int, block: Block) -> Values:
        counts, _ = block.han()
        return ratio(counts[:, part], counts[:, whole])

    def garbled(block: Block) -> Values:
        """The worst of three kinds of garbling, each by what it could spoil."""
        counts, _ = block.han()
        characters = counts[:, han.CHARACTERS]
        broken = ratio(counts[:, han.REPLACEMENT] + counts[:, han.INVISIBLE], characters)
        latin = ratio(counts[:, han.LATIN_GARBLE], characters)
        # Read as GBK, text becomes rare characters; a few of them are nothing, so short texts need as many as long
        # ones.
        gbk = ratio(counts[:, han.GBK_GARBLE], np.maximum(counts[:, han.HAN], 20 * (characters > 0)))
        return np.fmax(np.fmax(broken, latin), gbk)

    def mean_line(block: Block) -> Values:
        characters = block.han()[0][:, han.CHARACTERS]
        return ratio(characters, block.lines()[:, lines.NEWLINES] + 1)

    def repeated_runs(length: int, block: Block) -> Values:
        counts = block.runs(length)
        return ratio(counts[:, 1], counts[:, 0])

    from winnow.filters.kernels import lines

    known: dict[str, Column] = {
        "han.fraction": partial(share, han.HAN, han.CHARACTERS),
        "han.traditional_fraction": partial(share, han.TRADITIONAL, han.HAN),
        "han.full_width_fraction": partial(share, han.FULL_WIDTH, han.CHARACTERS),
        "han.garbled_fraction": garbled,
        "han.mean_line_length": mean_line,
        "han.repeated_13_fraction": partial(repeated_runs, 13),
    }
    return known | _normalized_columns()


def _normalized_columns() -> dict[str, Column]:
    from winnow.filters.kernels import han, ngrams
    from winnow.filters.kernels.block import Splitter

    def share(part: int, whole: int, block: Block) -> Values:
        counts, _ = block.normalized().han()
        return ratio(counts[:, part], counts[:, whole])

    def count(column: int, block: Block) -> Values:
        return block.normalized().han()[0][:, column]

    def entropy(block: Block) -> Values:
        return block.normalized().han()[1]

    def top(length: int, block: Block) -> Values:
        """Copies of the most frequent run of characters after the first, of all characters."""
        times = block.normalized().ngrams(Splitter.CHARACTERS)[:, length - ngrams.SHORTEST, ngrams.TOP_COUNT]
        return ratio(np.maximum(times - 1, 0) * length, count(han.CHARACTERS, block))

    def covered(length: int, block: Block) -> Values:
        counts = block.normalized().ngrams(Splitter.CHARACTERS)[:, length - ngrams.SHORTEST]
        return ratio(counts[:, ngrams.COVERED_CHARACTERS], count(han.CHARACTERS, block))

    known: dict[str, Column] = {
        "nfkc.characters": partial(count, han.CHARACTERS),
        "nfkc.sentences": partial(count, han.SENTENCES),
        "nfkc.hash_fraction": partial(share, han.HASH_RUNS, han.CHARACTERS),
        "nfkc.ellipsis_fraction": partial(share, han.ELLIPSIS_RUNS, han.CHARACTERS),
        "nfkc.bracketed_fraction": partial(share, han.BRACKETED, han.CHARACTERS),
        "nfkc.digit_fraction": partial(share, han.DIGITS, han.WORD_CHARACTERS),
        "nfkc.more_line_fraction": partial(share, han.MORE_LINES, han.LINES),
        "nfkc.bullet_line_fraction": partial(share, han.BULLET_LINES, han.LINES),
        "nfkc.punctuation_fraction": partial(share, han.PUNCTUATION, han.CHARACTERS),
        "nfkc.distinct_fraction": partial(share, han.DISTINCT, han.CHARACTERS),
        "nfkc.entropy": entropy,
    }
    for length in range(ngrams.SHORTEST, ngrams.LONGEST_TOP + 1):
        known[f"nfkc.top_{length}_fraction"] = partial(top, length)
    for length in range(ngrams.LONGEST_TOP + 1, ngrams.LONGEST + 1):
        known[f"nfkc.covered_{length}_fraction"] = partial(covered, length)
    return known
