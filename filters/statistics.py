"""What English and Chinese quality filters measure of a text, computed once for all recipes that ask for it.

A recipe names the columns it needs; only the kernels behind those run, each once per block of documents. Columns:

- `text.*`: characters, line feeds, signs; `lines.*`: how lines begin and end; `paragraphs.*`;
- `words.*`, `ngrams.*`: words as `str.split()` cuts them; with another word splitter the family is called after it
  (`spacy_words.*`, `spacy_ngrams.*` …, see `filters.segmentation`).

A fraction of nothing (no words, no lines) is null, and a null passes every rule; recipes therefore begin with a rule on
the count. Fractions are of 1, characters are code points.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from winnow.filters.columns import Column, Values, ratio
from winnow.filters.han_statistics import han_columns
from winnow.filters.recipes import Recipe, Rule

if TYPE_CHECKING:
    from winnow.filters.kernels.block import Block, Splitter

BLOCK_BYTES = 1 << 21
"""Text measured together. Blocks of 256 KiB cost a quarter of the speed in calls, larger ones cost memory."""


def measure(documents: pa.Table, *, columns: frozenset[str]) -> pa.Table:
    """The asked columns, in alphabetical order, for the n rows of `documents` (column `text`).

    Raises `LookupError` for a column that nobody knows how to measure.
    """
    from winnow.filters.kernels.block import Block, Scratch
    from winnow.filters.kernels.bytes import text_blocks, text_buffers

    names = sorted(columns)
    known = columns_by_name()
    if unknown := [name for name in names if name not in known]:
        near = get_close_matches(unknown[0], known, n=1)
        raise LookupError(f"no measure is called {unknown[0]!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
    found: list[list[Values]] = [[] for _ in names]
    scratch = Scratch()
    blocks = text_blocks(documents["text"], BLOCK_BYTES) if documents.num_rows else [text_buffers(documents["text"])]
    for data, offsets in blocks:
        block = Block(data, offsets, scratch)
        for values, name in zip(found, names, strict=True):
            values.append(known[name](block))
    return pa.table({name: _arrow(values) for name, values in zip(names, found, strict=True)})


def _arrow(pieces: list[Values]) -> pa.Array:
    values = np.concatenate(pieces)
    return pa.array(values, from_pandas=values.dtype == np.float64)  # a NaN becomes a null


@cache
def columns_by_name() -> Mapping[str, Column]:
    """Every column of this module by its name."""
    from winnow.filters.kernels.block import Splitter

    known = {**_text_columns(), **_repeat_columns(), **_variant_columns(), **han_columns()}
    for splitter in Splitter:
        prefix = "" if splitter is Splitter.WHITESPACE else f"{splitter}_"
        known |= _word_columns(f"{prefix}words", splitter) | _ngram_columns(f"{prefix}ngrams", splitter)
    return known


def _text_columns() -> dict[str, Column]:
    from winnow.filters.kernels import lines

    return {
        "text.characters": lambda block: block.lines()[:, lines.CHARACTERS],
        "text.newlines": lambda block: block.lines()[:, lines.NEWLINES],
        "lines.count": lambda block: block.lines()[:, lines.PIECES],
        "lines.long": lambda block: block.lines()[:, lines.LONG_LINES],
        "lines.filled": lambda block: block.lines()[:, lines.FILLED_LINES],
        "lines.bullet_fraction": partial(_line_ratio, lines.BULLET_LINES, lines.SPLIT_LINES),
        "lines.ellipsis_fraction": partial(_line_ratio, lines.ELLIPSIS_LINES, lines.SPLIT_LINES),
        "lines.terminal_fraction": partial(_line_ratio, lines.TERMINAL_LINES, lines.FILLED_LINES),
        "lines.short_fraction": partial(_line_ratio, lines.SHORT_LINES, lines.FILLED_LINES),
    }


def _line_ratio(part: int, whole: int, block: Block) -> Values:
    return ratio(block.lines()[:, part], block.lines()[:, whole])


def _repeat_columns() -> dict[str, Column]:
    from winnow.filters.kernels import lines, repeats
    from winnow.filters.kernels.block import Pieces

    def per_character(pieces: Pieces, column: int, block: Block) -> Values:
        return ratio(block.repeats(pieces)[:, column], block.lines()[:, lines.CHARACTERS])

    def within(pieces: Pieces, part: int, whole: int, block: Block) -> Values:
        return ratio(block.repeats(pieces)[:, part], block.repeats(pieces)[:, whole])

    def filled_line_repeats(block: Block) -> Values:
        counts = block.repeats(Pieces.LINES)
        repeated = counts[:, repeats.REPEAT_CHARACTERS] - counts[:, repeats.BLANK_REPEAT_CHARACTERS]
        return ratio(repeated, block.lines()[:, lines.CHARACTERS] - block.lines()[:, lines.NEWLINES])

    known: dict[str, Column] = {"lines.filled_repeat_character_fraction": filled_line_repeats}
    for family, plain, stripped in (
        ("lines", Pieces.LINES, Pieces.STRIPPED_LINES),
        ("paragraphs", Pieces.PARAGRAPHS, Pieces.STRIPPED_PARAGRAPHS),
    ):
        known |= {
            f"{family}.repeat_fraction": partial(within, plain, repeats.REPEATS, repeats.PIECES),
            f"{family}.repeat_character_fraction": partial(per_character, plain, repeats.REPEAT_CHARACTERS),
            f"{family}.copy_fraction": partial(within, stripped, repeats.COPIES, repeats.PIECES),
            f"{family}.copy_character_fraction": partial(
                within, stripped, repeats.COPY_CHARACTERS, repeats.PIECE_CHARACTERS
            ),
        }
    return known


def _variant_columns() -> dict[str, Column]:
    from winnow.filters.kernels import lines, variants, words
    from winnow.filters.kernels.block import Splitter

    def per_word(column: int, block: Block) -> Values:
        return ratio(block.variants()[:, column], block.words(Splitter.WHITESPACE).counts[:, words.WORDS])

    def per_line(column: int, whole: int, block: Block) -> Values:
        return ratio(block.variants()[:, column], block.lines()[:, whole])

    def signs_per_word(block: Block) -> Values:
        counts = block.lines()
        signs = counts[:, lines.HASHES] + counts[:, lines.ELLIPSES] + block.variants()[:, variants.SPACED_ELLIPSES]
        return ratio(signs, block.words(Splitter.WHITESPACE).counts[:, words.WORDS])

    return {
        "lines.stripped_bullet_fraction": partial(per_line, variants.STRIPPED_BULLETS, lines.FILLED_LINES),
        "lines.stripped_ellipsis_fraction": partial(per_line, variants.STRIPPED_ELLIPSES, lines.FILLED_LINES),
        "lines.raw_bullet_fraction": partial(per_line, variants.RAW_BULLETS, lines.PIECES),
        "lines.raw_ellipsis_fraction": partial(per_line, variants.RAW_ELLIPSES, lines.PIECES),
        "words.symbol_fraction": partial(per_word, variants.SYMBOL_WORDS),
        "words.signs_per_word": signs_per_word,
        "words.median_length": lambda block: block.variants()[:, variants.TWICE_MEDIAN] / 2,
    }


def _word_columns(family: str, splitter: Splitter) -> dict[str, Column]:
    from winnow.filters.kernels import lines, words
    from winnow.filters.kernels.word_lists import WORD_LISTS

    def count(column: int, block: Block) -> Values:
        return block.words(splitter).counts[:, column]

    def within(part: int, whole: int, block: Block) -> Values:
        return ratio(count(part, block), count(whole, block))

    def per_word(line_column: int, block: Block) -> Values:
        return ratio(block.lines()[:, line_column], block.word_counts(splitter))

    def listed_words(listed: str, column: int, block: Block) -> Values:
        return block.listed_words(splitter, listed)[:, column]

    def listed_fraction(listed: str, block: Block) -> Values:
        return ratio(listed_words(listed, 1, block), count(words.WORDS, block))

    known: dict[str, Column] = {
        f"{family}.count": partial(count, words.WORDS),
        f"{family}.non_symbol_count": partial(count, words.NON_SYMBOL_WORDS),
        f"{family}.mean_length": partial(within, words.CHARACTERS, words.WORDS),
        f"{family}.non_symbol_mean_length": partial(within, words.NON_SYMBOL_CHARACTERS, words.NON_SYMBOL_WORDS),
        f"{family}.letter_fraction": partial(within, words.LETTER_WORDS, words.WORDS),
        f"{family}.hashes_per_word": partial(per_word, lines.HASHES),
        f"{family}.ellipses_per_word": partial(per_word, lines.ELLIPSES),
        f"{family}.newlines_per_word": partial(per_word, lines.NEWLINES),
    }
    for listed in WORD_LISTS:
        known[f"{family}.{listed}"] = partial(listed_words, listed, 0)
        known[f"{family}.{listed}_occurrences"] = partial(listed_words, listed, 1)
        known[f"{family}.{listed}_fraction"] = partial(listed_fraction, listed)
    return known


def _ngram_columns(family: str, splitter: Splitter) -> dict[str, Column]:
    from winnow.filters.kernels import lines, ngrams, words

    def counts(length: int, column: int, block: Block) -> Values:
        return block.ngrams(splitter)[:, length - ngrams.SHORTEST, column]

    def top(length: int, block: Block) -> Values:
        """The most frequent n-gram with the spaces between its words, as often as it stands, of all characters."""
        characters = counts(length, ngrams.TOP_CHARACTERS, block)
        taken = counts(length, ngrams.TOP_COUNT, block) * (characters + length - 1)
        return ratio(taken, block.lines()[:, lines.CHARACTERS])

    def top_of_words(length: int, block: Block) -> Values:
        """The longest of the most frequent n-grams, as often as it stands, of all words; 0 if none repeats."""
        times = counts(length, ngrams.TOP_COUNT, block)
        taken = np.where(times > 1, times, 0) * counts(length, ngrams.TOP_LONGEST_CHARACTERS, block)
        return ratio(taken, block.words(splitter).counts[:, words.CHARACTERS])

    def repeated(length: int, block: Block) -> Values:
        return ratio(counts(length, ngrams.REPEATED_CHARACTERS, block), block.lines()[:, lines.CHARACTERS])

    def covered(length: int, block: Block) -> Values:
        taken = counts(length, ngrams.COVERED_CHARACTERS, block)
        return ratio(taken, block.words(splitter).counts[:, words.CHARACTERS])

    known: dict[str, Column] = {}
    for length in range(ngrams.SHORTEST, ngrams.LONGEST_TOP + 1):
        known[f"{family}.top_{length}_fraction"] = partial(top, length)
        known[f"{family}.top_{length}_word_fraction"] = partial(top_of_words, length)
    for length in range(ngrams.LONGEST_TOP + 1, ngrams.LONGEST + 1):
        known[f"{family}.repeat_{length}_fraction"] = partial(repeated, length)
        known[f"{family}.covered_{length}_fraction"] = partial(covered, length)
    return known


def statistical_recipe(*, name: str, summary: str, source: str, rules: Sequence[Rule], cost: int = 2) -> Recipe:
    """A recipe over the columns of this module: those that its rules name."""
    columns = frozenset(rule.measure for rule in rules)
    return Recipe(
        name=name,
        summary=summary,
        source=source,
        measure=measure,
        rules=tuple(rules),
        cost=cost,
        options={"columns": columns},
    )
