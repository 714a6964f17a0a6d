"""FineWeb-2's Chinese recipe, document by document, against datatrove's filters as FineWeb-2 configures them."""

from __future__ import annotations

import logging

import jieba
import pytest
from datatrove.data import Document
from datatrove.pipeline.filters import FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter

from winnow.filters.fineweb2 import FIGURES
from winnow.filters.kernels.word_lists import WORD_LISTS
from winnow.filters.recipes import find_recipe

jieba.setLogLevel(logging.ERROR)
NAMES = {
    "empty": "empty",
    "dup_line_frac": "duplicate_lines",
    "line_punct_ratio": "terminal_lines",
    "char_dup_ratio": "duplicate_line_characters",
    "list_ratio": "newlines",
    "gopher_short_doc": "words",
    "gopher_below_alpha_threshold": "letter_words",
    "gopher_enough_stop_words": "stop_words",
    "gopher_too_many_hashes": "hashes",
    "gopher_above_avg_threshold": "mean_word_length",
    **{f"top_{length}_gram": f"top_{length}_gram" for length in (2, 3, 4)},
    **{f"duplicated_{length}_n_grams": f"duplicate_{length}_grams" for length in range(5, 11)},
}


def peers():
    """As in `fineweb-2-pipeline.py` with `configs/cmn_Hani.yml`, its figures written out."""
    language = "cmn_Hani"
    repetition = GopherRepetitionFilter(
        language=language,
        dup_para_frac=0,
        dup_line_char_frac=0,
        dup_para_char_frac=0,
        dup_line_frac=0.287,
        top_n_grams=((2, 0.256), (3, 0.201), (4, 0.171)),
        dup_n_grams=((5, 0.198), (6, 0.182), (7, 0.167), (8, 0.154), (9, 0.14), (10, 0.127)),
    )
    lines = FineWebQualityFilter(
        language=language, short_line_thr=999, char_duplicates_ratio=0.1, line_punct_thr=0.106, new_line_ratio=0.178
    )
    quality = GopherQualityFilter(
        language=language,
        max_avg_word_length=5,
        min_avg_word_length=1,
        stop_words=list("的年在月是和日了於·為有被人中为他與後也而由"),
        max_non_alpha_words_ratio=0.735,
        min_stop_words=2,
    )
    return repetition, lines, quality


def test_chinese_documents_are_decided_as_by_datatrove_with_jieba(chinese, documents, rejected):
    texts = [text[:1500] for text in chinese[::2]] + [
        "短文。",
        "没有停顿的列表\n" * 30,
        "# " * 40 + "人民法院 依照 规定 审理 案件，" * 12,
    ]
    filters = peers()
    expected = {}
    for row, text in enumerate(texts):
        for peer in filters:
            verdict = peer.filter(Document(text=text, id=str(row)))
            if verdict is not True:
                expected[row] = NAMES[verdict[1]]
                break
    assert rejected(documents(texts), find_recipe("fineweb2_zh")) == expected
    assert len(set(expected.values())) >= 4


@pytest.mark.parametrize("language", FIGURES)
def test_every_language_has_its_stop_words_and_as_many_figures_as_rules(language):
    figures = FIGURES[language]
    assert len(WORD_LISTS[f"{language}_stop_words"]) >= 15
    assert (len(figures.top_ngrams), len(figures.repeated_ngrams)) == (3, 6)


def test_german_prose_passes_its_own_recipe_and_english_fails_it(documents, rejected):
    german = "Der Rat hat die Verordnung über das Verfahren in der Sache mit dem Ziel erlassen, den Schutz zu stärken. "
    english = "The council has passed a regulation on its procedure with an aim of making that protection stronger. "
    numbered = ["".join(f"{sentence[:-2]} {word}. " for word in "abcdefghij") for sentence in (german, english)]
    repeats = [f"top_{length}_gram" for length in (2, 3, 4)] + [f"duplicate_{length}_grams" for length in range(5, 11)]
    milder = find_recipe("fineweb2_de").with_thresholds(dict.fromkeys(repeats))
    found = rejected(documents(numbered), milder)
    assert found == {1: "stop_words"}
