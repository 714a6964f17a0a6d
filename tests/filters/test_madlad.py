"""MADLAD-400's rules, worked by hand."""

from __future__ import annotations

import re

import pytest

from winnow.filters.madlad import PATTERNS, SUBSTRINGS, measure
from winnow.filters.recipes import find_recipe

PLAIN = "This is a plain sentence of ordinary words. "
LIST = "Home About Contact Login Register Search Help Terms Privacy Cookies Careers News Blog. "


@pytest.mark.parametrize(
    ("sentence", "column"),
    [
        (LIST, "list"),
        ("Short one. ", "length"),
        ("worded " * 80 + "end. ", "length"),
        ("(12345) + {67890} / 12345 > 5. ", "technical"),
        ("You can get the mp3 of it from here. ", "cursed"),
        ("S p a c e d o u t letters stand in this. ", "cursed"),
        ("A table ends in a bar, as this one does |. ", "cursed"),
        ("The plan is for sale in Vol.7 of the series. ", "cursed"),
        ("Here is one, a1,, b2, c3,, d4,, and no more of it. ", "cursed"),
    ],
)
def test_each_kind_of_questionable_sentence(sentence, column, documents):
    row = measure(documents([PLAIN * 3 + sentence])).to_pylist()[0]
    kinds = {kind: row[f"madlad.{kind}_fraction"] for kind in ("list", "length", "technical", "cursed")}
    assert row["madlad.sentences"] == 4
    assert kinds == {**dict.fromkeys(kinds, 0), column: 1 / 4}


def test_a_fifth_of_the_sentences_is_too_much(documents, rejected):
    texts = [PLAIN * 5, PLAIN * 4, PLAIN * 4 + LIST, PLAIN * 5 + LIST, ""]
    assert rejected(documents(texts), find_recipe("madlad400")) == {
        1: "sentences",
        2: "questionable_sentences",
        4: "sentences",
    }


def test_olmo_looks_at_capitals_and_patterns_alone(documents, rejected):
    texts = [PLAIN * 3 + "Short one. Short two. ", PLAIN * 4 + LIST]
    assert rejected(documents(texts), find_recipe("madlad400_olmo3")) == {1: "questionable_sentences"}


def test_olmo_searches_the_escaped_patterns_letter_by_letter(documents):
    texts = [PLAIN * 4 + "It is in Vol.7 of this series. ", PLAIN * 4 + r"It is in Vol\.7 of this series. "]
    table = measure(documents(texts))
    assert table["madlad.cursed_fraction"].to_pylist() == [1 / 5, 0]
    assert table["madlad.olmo3_fraction"].to_pylist() == [0, 1 / 5]


def test_words_of_unicode_tell_a_list_where_those_between_spaces_do_not(documents):
    menu = "Home/about Us/contact News/blog Shop/cart Help/terms Jobs/Map - this is it. "
    table = measure(documents([PLAIN * 4 + menu]))
    assert (table["madlad.list_fraction"][0].as_py(), table["madlad.olmo3_fraction"][0].as_py()) == (0, 0)
    table = measure(documents([PLAIN * 4 + "Home/About Us/Contact News/Blog Shop/Cart Help/Terms Jobs/Map. "]))
    assert (table["madlad.list_fraction"][0].as_py(), table["madlad.olmo3_fraction"][0].as_py()) == (0, 1 / 5)


def by_hand(text: str) -> tuple[int, int, int, int, int]:
    """Sentences of a text that are lists, too short or long, technical, cursed; and how many there are."""
    sentences = [sentence for sentence in re.split(r"[.!?]+\s+", text) if sentence.strip()]
    lists = lengths = technical = cursed = 0
    for sentence in sentences:
        words = sentence.split()
        lists += len(words) >= 12 and sum(word[0].isupper() for word in words) > len(words) / 2
        lengths += not 20 <= len(sentence) <= 500
        technical += sum(sign in "0123456789{}+/()>" for sign in sentence) > 0.2 * len(sentence)
        cursed += re.search("|".join((*SUBSTRINGS, *PATTERNS)), sentence) is not None
    return lists, lengths, technical, cursed, len(sentences)


def test_real_pages_are_measured_as_a_loop_over_sentences_measures_them(english, chinese, documents):
    odd = ["ÀÉ ΑΒ ЖИ " * 8 + ". ", "A cell |\u00a0\u2003", "ends in nr.", "one  . . . .\x85two |\x1c"]
    texts = [*english[:60], *chinese[:40], *odd]
    for row, text in zip(measure(documents(texts)).to_pylist(), texts, strict=True):
        *faults, count = by_hand(text)
        assert row["madlad.sentences"] == count
        for kind, faulty in zip(("list", "length", "technical", "cursed"), faults, strict=True):
            assert row[f"madlad.{kind}_fraction"] == pytest.approx(faulty / count)
