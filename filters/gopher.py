"""Gopher's rules on quality and on repetition, as the paper gives them and as the tools that quote them count.

Source: Rae et al. 2021, "Scaling Language Models: Methods, Analysis & Insights from Training Gopher", arXiv 2112.11446,
appendix A.1.1 and table A1. The paper leaves open what a word is, what of a repeated line counts and how overlapping
n-grams are added up; tools answer differently at the same thresholds, so each answer has its own recipe:

- `gopher_quality`, `gopher_repetition`: datatrove's counting over words as `str.split()` cuts them;
- `gopher_quality_datatrove`, `gopher_repetition_datatrove`: the same over words like those that spaCy gives datatrove;
- `gopher_quality_dolma`: Dolma's (python/dolma/taggers/gopher.py): the median word, words that hold a symbol, bullets
  * and -, every occurrence of a stop word;
- `gopher_quality_dclm`, `gopher_repetition_dclm`: DCLM's (baselines/mappers/filters/content_filters.py): words of
  Unicode without punctuation, `. . .` as an ellipsis, every copy of a repeated line, every word of a repeated n-gram once.
"""

from __future__ import annotations

from collections.abc import Mapping

from winnow.filters.recipes import Rule
from winnow.filters.statistics import statistical_recipe

TOP_NGRAMS = {2: 0.20, 3: 0.18, 4: 0.16}
"""Most of a text that the most frequent n-gram may take up, by its length in words (table A1)."""
REPEATED_NGRAMS = {5: 0.15, 6: 0.14, 7: 0.13, 8: 0.12, 9: 0.11, 10: 0.10}
"""Most of a text that n-grams met before may take up, by length (table A1)."""

_PAPER = "Rae et al. 2021, arXiv 2112.11446"


def quality_rules(
    words: str,
    *,
    mean_word_length: tuple[float, float] = (3, 10),
    letter_words: float = 0.8,
    stop_words: str = "gopher_stop_words",
) -> tuple[Rule, ...]:
    """The rules in datatrove's order over the words of family `words`, by default with Gopher's bounds."""
    shortest, longest = mean_word_length
    return (
        Rule(name="words", measure=f"{words}.non_symbol_count", minimum=50, maximum=100_000),
        Rule(name="mean_word_length", measure=f"{words}.non_symbol_mean_length", minimum=shortest, maximum=longest),
        Rule(name="hashes", measure=f"{words}.hashes_per_word", maximum=0.1),
        Rule(name="ellipses", measure=f"{words}.ellipses_per_word", maximum=0.1),
        Rule(name="bullet_lines", measure="lines.bullet_fraction", maximum=0.9),
        Rule(name="ellipsis_lines", measure="lines.ellipsis_fraction", maximum=0.3),
        Rule(name="letter_words", measure=f"{words}.letter_fraction", minimum=letter_words),
        Rule(name="stop_words", measure=f"{words}.{stop_words}", minimum=2),
    )


def ngram_rules(
    top: str,
    repeated: str,
    *,
    top_ngrams: Mapping[int, float] = TOP_NGRAMS,
    repeated_ngrams: Mapping[int, float] = REPEATED_NGRAMS,
) -> tuple[Rule, ...]:
    """The rules on n-grams by their measures with {} for the length: `ngrams.top_{}_fraction`."""
    return (
        *(
            Rule(name=f"top_{length}_gram", measure=top.format(length), maximum=most)
            for length, most in top_ngrams.items()
        ),
        *(
            Rule(name=f"duplicate_{length}_grams", measure=repeated.format(length), maximum=most)
            for length, most in repeated_ngrams.items()
        ),
    )


def repetition_rules(ngrams: str) -> tuple[Rule, ...]:
    """The rules in datatrove's order over the n-grams of family `ngrams`."""
    return (
        Rule(name="empty", measure="text.characters", minimum=1),
        Rule(name="duplicate_paragraphs", measure="paragraphs.repeat_fraction", maximum=0.30),
        Rule(name="duplicate_paragraph_characters", measure="paragraphs.repeat_character_fraction", maximum=0.20),
        Rule(name="duplicate_lines", measure="lines.repeat_fraction", maximum=0.30),
        Rule(name="duplicate_line_characters", measure="lines.repeat_character_fraction", maximum=0.20),
        *ngram_rules(f"{ngrams}.top_{{}}_fraction", f"{ngrams}.repeat_{{}}_fraction"),
    )


_DOLMA_RULES = (
    Rule(name="words", measure="words.count", minimum=50, maximum=100_000),
    Rule(name="median_word_length", measure="words.median_length", minimum=3, maximum=10),
    Rule(name="symbol_words", measure="words.symbol_fraction", maximum=0.1),
    Rule(name="letter_words", measure="words.letter_fraction", minimum=0.8),
    Rule(name="stop_words", measure="words.gopher_stop_words_occurrences", minimum=2),
    Rule(name="bullet_lines", measure="lines.raw_bullet_fraction", maximum=0.9),
    Rule(name="ellipsis_lines", measure="lines.raw_ellipsis_fraction", maximum=0.3),
)

DCLM_QUALITY_RULES = (
    Rule(name="words", measure="unicode_words.count", minimum=50, maximum=100_000),
    Rule(name="mean_word_length", measure="words.mean_length", minimum=3, maximum=10),
    Rule(name="symbols", measure="words.signs_per_word", maximum=0.1),
    Rule(name="bullet_lines", measure="lines.stripped_bullet_fraction", maximum=0.9),
    Rule(name="ellipsis_lines", measure="lines.stripped_ellipsis_fraction", maximum=0.3),
    Rule(name="letter_words", measure="words.letter_fraction", minimum=0.8),
    Rule(name="stop_words", measure="words.gopher_stop_words_any_case_occurrences", minimum=2),
)

DCLM_REPETITION_RULES = (
    Rule(name="empty", measure="lines.filled", minimum=1),
    Rule(name="duplicate_lines", measure="lines.copy_fraction", maximum=0.30),
    Rule(name="duplicate_paragraphs", measure="paragraphs.copy_fraction", maximum=0.30),
    Rule(name="duplicate_line_characters", measure="lines.copy_character_fraction", maximum=0.20),
    Rule(name="duplicate_paragraph_characters", measure="paragraphs.copy_character_fraction", maximum=0.20),
    *ngram_rules("unicode_ngrams.top_{}_word_fraction", "unicode_ngrams.covered_{}_fraction"),
)

RECIPES = (
    statistical_recipe(
        name="gopher_quality",
        summary="Length, word shape, symbols, bullets and stop words; words between whitespace",
        source=f"{_PAPER}, appendix A.1.1; counted as in datatrove 0.10 GopherQualityFilter",
        rules=quality_rules("words"),
    ),
    statistical_recipe(
        name="gopher_repetition",
        summary="Repeated lines, paragraphs and n-grams; words between whitespace",
        source=f"{_PAPER}, table A1; counted as in datatrove 0.10 GopherRepetitionFilter",
        rules=repetition_rules("ngrams"),
        cost=3,
    ),
    statistical_recipe(
        name="gopher_quality_datatrove",
        summary="The same over words like those of spaCy",
        source=f"{_PAPER}, appendix A.1.1; datatrove 0.10 GopherQualityFilter as shipped",
        rules=quality_rules("spacy_words"),
        cost=3,
    ),
    statistical_recipe(
        name="gopher_repetition_datatrove",
        summary="The same over words like those of spaCy",
        source=f"{_PAPER}, table A1; datatrove 0.10 GopherRepetitionFilter as shipped",
        rules=repetition_rules("spacy_ngrams"),
        cost=4,
    ),
    statistical_recipe(
        name="gopher_quality_dolma",
        summary="Median word length, words with symbols, every occurrence of a stop word",
        source=f"{_PAPER}; Dolma 1.0, dolma/taggers/gopher.py (Soldaini et al. 2024, arXiv 2402.00159)",
        rules=_DOLMA_RULES,
    ),
    statistical_recipe(
        name="gopher_quality_dclm",
        summary="Words of Unicode, spaced ellipses, stop words in any case",
        source=f"{_PAPER}; counted as in DCLM, mappers/filters/content_filters.py (Li et al. 2024, arXiv 2406.11794)",
        rules=DCLM_QUALITY_RULES,
    ),
    statistical_recipe(
        name="gopher_repetition_dclm",
        summary="All copies of repeated lines, words inside repeated n-grams once",
        source=f"{_PAPER}, table A1; counted as in DCLM, mappers/filters/content_filters.py (arXiv 2406.11794)",
        rules=DCLM_REPETITION_RULES,
        cost=3,
    ),
)
