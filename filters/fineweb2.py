"""FineWeb-2's filters: Gopher's and FineWeb's rules with thresholds and stop words fitted to each language.

Source: Penedo et al. 2025, "FineWeb2: One Pipeline to Scale Them All", arXiv 2506.20920, and the `configs/` of its
repository at commit 05e6729, whose figures stand here for Chinese and for three languages that are written with spaces.
Paragraph rules and short lines are off there, and the repeated characters of lines may reach 0.1; no C4.

Chinese words are jieba's, as the thresholds were fitted to them (`winnow.filters.kernels.chinese`); the words of the others
are those between whitespace, where the original asks spaCy. The language score of GlotLID that each language also asks
for is in `language_score` for a manifest to use: it says nothing about the score of another model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from winnow.filters.gopher import ngram_rules, quality_rules
from winnow.filters.kernels.word_lists import WORD_LISTS
from winnow.filters.recipes import Recipe, Rule
from winnow.filters.statistics import statistical_recipe

_SOURCE = "Penedo et al. 2025, arXiv 2506.20920; fineweb-2 configs/{} at 05e6729"


@dataclass(frozen=True, kw_only=True)
class Figures:
    """One language's configuration. `top_ngrams` for lengths 2 to 4, `repeated_ngrams` for 5 to 10."""

    language_score: float
    duplicate_lines: float
    top_ngrams: tuple[float, ...]
    repeated_ngrams: tuple[float, ...]
    terminal_lines: float
    newlines_per_word: float
    mean_word_length: tuple[float, float]
    letter_words: float
    words: str = ""
    """Prefix of the word families: empty for words between whitespace, `chinese_` for jieba's."""


FIGURES: Mapping[str, Figures] = {
    "cmn_Hani": Figures(
        language_score=0.692,
        duplicate_lines=0.287,
        top_ngrams=(0.256, 0.201, 0.171),
        repeated_ngrams=(0.198, 0.182, 0.167, 0.154, 0.140, 0.127),
        terminal_lines=0.106,
        newlines_per_word=0.178,
        mean_word_length=(1, 5),
        letter_words=0.735,
        words="chinese_",
    ),
    "deu_Latn": Figures(
        language_score=0.821,
        duplicate_lines=0.263,
        top_ngrams=(0.169, 0.153, 0.137),
        repeated_ngrams=(0.141, 0.134, 0.126, 0.117, 0.108, 0.098),
        terminal_lines=0.0,
        newlines_per_word=0.152,
        mean_word_length=(0, 15),
        letter_words=0.774,
    ),
    "fra_Latn": Figures(
        language_score=0.824,
        duplicate_lines=0.264,
        top_ngrams=(0.161, 0.149, 0.134),
        repeated_ngrams=(0.150, 0.141, 0.131, 0.121, 0.111, 0.100),
        terminal_lines=0.1,
        newlines_per_word=0.185,
        mean_word_length=(2, 11),
        letter_words=0.812,
    ),
    "rus_Cyrl": Figures(
        language_score=0.9,
        duplicate_lines=0.322,
        top_ngrams=(0.184, 0.164, 0.146),
        repeated_ngrams=(0.168, 0.156, 0.145, 0.133, 0.121, 0.109),
        terminal_lines=0.231,
        newlines_per_word=0.139,
        mean_word_length=(3, 11),
        letter_words=0.713,
    ),
}

_NAMES = {"cmn_Hani": "fineweb2_zh", "deu_Latn": "fineweb2_de", "fra_Latn": "fineweb2_fr", "rus_Cyrl": "fineweb2_ru"}


def rules(language: str) -> tuple[Rule, ...]:
    """The rules of the three filters in the order of FineWeb-2's pipeline."""
    figures = FIGURES[language]
    words, ngrams = f"{figures.words}words", f"{figures.words}ngrams"
    return (
        Rule(name="empty", measure="lines.filled", minimum=1),
        Rule(name="duplicate_lines", measure="lines.repeat_fraction", maximum=figures.duplicate_lines),
        *ngram_rules(
            f"{ngrams}.top_{{}}_fraction",
            f"{ngrams}.repeat_{{}}_fraction",
            top_ngrams=dict(enumerate(figures.top_ngrams, start=2)),
            repeated_ngrams=dict(enumerate(figures.repeated_ngrams, start=5)),
        ),
        Rule(name="terminal_lines", measure="lines.terminal_fraction", minimum=figures.terminal_lines),
        Rule(name="duplicate_line_characters", measure="lines.filled_repeat_character_fraction", maximum=0.1),
        Rule(name="newlines", measure=f"{words}.newlines_per_word", maximum=figures.newlines_per_word),
        *quality_rules(
            words,
            mean_word_length=figures.mean_word_length,
            letter_words=figures.letter_words,
            stop_words=f"{language}_stop_words",
        ),
    )


def _recipe(language: str) -> Recipe:
    listed = len(WORD_LISTS[f"{language}_stop_words"])
    return statistical_recipe(
        name=_NAMES[language],
        summary=f"Gopher's and FineWeb's rules with the thresholds and {listed} stop words of {language}",
        source=_SOURCE.format(f"{language}.yml"),
        rules=rules(language),
        cost=4 if FIGURES[language].words else 3,
    )


RECIPES = tuple(_recipe(language) for language in FIGURES)
