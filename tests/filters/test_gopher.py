"""Gopher's rules: worked by hand, and document by document against datatrove's own filters over the same words."""

from __future__ import annotations

import datatrove.pipeline.filters.gopher_quality_filter as peer_quality
import datatrove.pipeline.filters.gopher_repetition_filter as peer_repetition
import pytest
from datatrove.data import Document

from winnow.filters.measure import measure
from winnow.filters.recipes import find_recipe

QUALITY = {
    "gopher_short_doc": "words",
    "gopher_long_doc": "words",
    "gopher_below_avg_threshold": "mean_word_length",
    "gopher_above_avg_threshold": "mean_word_length",
    "gopher_too_many_hashes": "hashes",
    "gopher_too_many_ellipsis": "ellipses",
    "gopher_too_many_bullets": "bullet_lines",
    "gopher_too_many_end_ellipsis": "ellipsis_lines",
    "gopher_below_alpha_threshold": "letter_words",
    "gopher_enough_stop_words": "stop_words",
}
REPETITION = {
    "empty": "empty",
    "dup_para_frac": "duplicate_paragraphs",
    "dup_para_char_frac": "duplicate_paragraph_characters",
    "dup_line_frac": "duplicate_lines",
    "dup_line_char_frac": "duplicate_line_characters",
    **{f"top_{length}_gram": f"top_{length}_gram" for length in (2, 3, 4)},
    **{f"duplicated_{length}_n_grams": f"duplicate_{length}_grams" for length in range(5, 11)},
}


def whitespace_words(text, language=None):
    return text.split()


def peer_verdicts(texts, peer, names):
    """Row → our name of the rule for which the peer rejects the text."""
    verdicts = {}
    for row, text in enumerate(texts):
        verdict = peer.filter(Document(text=text, id=str(row)))
        if verdict is not True:
            verdicts[row] = names[verdict[1]]
    return verdicts


PROSE = "the cat and that dog have been to the old house of a friend with us"


def words_with_repeats(words, repeated):
    """Distinct words, of which a run of `repeated` stands once more."""
    distinct = [f"w{number:03}" for number in range(words)]
    return " ".join([*distinct, *distinct[:repeated]])


@pytest.fixture
def texts(english, chinese):
    made = [
        "a",
        "\n\n\n",
        " \n a \n\n\n b\n",
        "x\r\ny\x85z\u2028q…\n- a\n• b",
        "....... ... a.... …",
        "word " * 100_001,
    ]
    made += [
        "\n".join([f"{begin}{PROSE}{end}"] * 12)
        for begin, end in (("- ", ""), ("", "..."), ("# # ", ""), ("", " ... …"))
    ]
    made += [words_with_repeats(words, size) for size in (60, 63, 64) for words in range(250, 430, 6)]
    made += [separator.join([*"abcdefghij", "long text " * 9, "long text " * 9]) for separator in ("\n", "\n\n")]
    made += ["one paragraph\n\n" * 5 + "another\n\nand one more", "x y z u v w p q r s " + "t o o t " * 2]
    return [*english, *chinese, *made]


def test_quality_decides_as_datatrove_over_the_same_words(texts, documents, rejected, monkeypatch):
    monkeypatch.setattr(peer_quality, "split_into_words", whitespace_words)
    expected = peer_verdicts(texts, peer_quality.GopherQualityFilter(), QUALITY)
    assert rejected(documents(texts), find_recipe("gopher_quality")) == expected
    assert set(expected.values()) == set(QUALITY.values())


def test_repetition_decides_as_datatrove_over_the_same_words(texts, documents, rejected, monkeypatch):
    monkeypatch.setattr(peer_repetition, "split_into_words", whitespace_words)
    expected = peer_verdicts(texts, peer_repetition.GopherRepetitionFilter(), REPETITION)
    assert rejected(documents(texts), find_recipe("gopher_repetition")) == expected
    assert len(set(expected.values())) >= 10


def test_quality_of_a_hand_worked_document(documents):
    text = "# the cat and 12 ... —\n- of 3.5 m…\n"  # 11 words: # the cat and 12 ... — - of 3.5 m…
    row = measure(documents([text]), [find_recipe("gopher_quality")]).to_pylist()[0]
    assert row["words.non_symbol_count"] == 7  # without # ... — -
    assert row["words.non_symbol_mean_length"] == pytest.approx((3 + 3 + 3 + 2 + 2 + 3 + 2) / 7)
    assert row["words.hashes_per_word"] == pytest.approx(1 / 11)
    assert row["words.ellipses_per_word"] == pytest.approx(2 / 11)
    assert row["lines.bullet_fraction"] == pytest.approx(1 / 2)
    assert row["lines.ellipsis_fraction"] == pytest.approx(1 / 2)
    assert row["words.letter_fraction"] == pytest.approx(5 / 11)
    assert row["words.gopher_stop_words"] == 3


def test_repetition_of_a_hand_worked_document(documents):
    row = measure(documents(["A A B\nC\nC\n\nC"]), [find_recipe("gopher_repetition")]).to_pylist()[0]
    assert row["lines.repeat_fraction"] == pytest.approx(2 / 4)
    assert row["lines.repeat_character_fraction"] == pytest.approx(2 / 12)
    assert row["paragraphs.repeat_fraction"] == 0
    assert row["ngrams.top_2_fraction"] == pytest.approx(2 * 3 / 12)  # "C C" twice, with its space
    assert row["ngrams.repeat_5_fraction"] == 0


def test_lines_a_a_b_are_repeated_by_a_third_or_by_two_thirds(documents):
    table = documents(["A\nA\nB"])
    first_copies = measure(table, [find_recipe("gopher_repetition")])["lines.repeat_fraction"].to_pylist()
    all_copies = measure(table, [find_recipe("gopher_repetition_dclm")])["lines.copy_fraction"].to_pylist()
    assert (first_copies, all_copies) == ([pytest.approx(1 / 3)], [pytest.approx(2 / 3)])


def test_an_empty_text_has_no_fractions(documents):
    row = measure(documents([""]), [find_recipe("gopher_quality"), find_recipe("gopher_repetition")]).to_pylist()[0]
    assert row["words.non_symbol_count"] == row["text.characters"] == 0
    assert row["words.hashes_per_word"] is row["ngrams.top_2_fraction"] is None
