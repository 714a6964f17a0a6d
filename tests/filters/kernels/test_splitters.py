"""Words of other kinds against the libraries whose words they are: jieba, spaCy, and Unicode's own rules."""

from __future__ import annotations

import logging

import jieba
import pyarrow as pa
import pytest
from datatrove.utils.word_tokenizers import load_word_tokenizer
from hypothesis import given
from hypothesis import strategies as st
from uniseg.wordbreak import words as uniseg_words

from winnow.filters.kernels.block import Block, Scratch, Splitter
from winnow.filters.kernels.bytes import text_buffers

jieba.setLogLevel(logging.ERROR)
CHARACTERS = [*"的是中国人民大学生活习惯与自由王小明鹅鴿龘〇 ，。\n", "\u3400", "＋", "Ａ"]
PIECES = ["清华大学", "C++", "3.14%", "T恤", "a.b", "50%"]
chinese_text = st.lists(st.sampled_from(CHARACTERS + PIECES), max_size=60).map("".join)


def words_of(texts: list[str], splitter: Splitter) -> list[list[str]]:
    block = Block(*text_buffers(pa.array(texts, pa.large_string())), Scratch())
    found = block.words(splitter)
    spans = found.bounds[: 2 * found.offsets[-1]].reshape(-1, 2)
    cut = [bytes(block.data[start:end]).decode() for start, end in spans]
    return [cut[found.offsets[row] : found.offsets[row + 1]] for row in range(block.size)]


def jieba_words(text: str) -> list[str]:
    return [word for word in jieba.cut(text) if word.strip()]


@given(st.lists(chinese_text, max_size=4))
def test_chinese_words_are_jiebas_on_made_text(texts):
    assert words_of(texts, Splitter.CHINESE) == [jieba_words(text) for text in texts]


def test_chinese_words_are_jiebas_on_real_text(chinese):
    texts = [text[:1500] for text in chinese]
    assert words_of(texts, Splitter.CHINESE) == [jieba_words(text) for text in texts]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("don't we'll cannot it's", ["do", "n't", "we", "'ll", "can", "not", "it", "'s"]),
        ("(see e.g. Mr. Hill)...", ["(", "see", "e.g.", "Mr.", "Hill", ")", "..."]),
        ("well-known and/or 8-bit x=y", ["well", "-", "known", "and/or", "8", "-", "bit", "x", "=", "y"]),
        ("https://example.org/a-b?c=d, example.com/x-y", ["https://example.org/a-b?c=d", ",", "example.com/x-y"]),
        ("“Quoted,” 52.23% $5 U.S. end.", ["“", "Quoted", ",", "”", "52.23", "%", "$", "5", "U.S.", "end", "."]),
        ("on--off ab''. (<3, 10km, $1$", ["on", "--", "off", "ab", "''", ".", "(", "<3", ",", "10", "km", ",", *"$1$"]),
        ("an A$-module, C$5 (A$).", ["an", "A$", "-module", ",", "C$", "5", "(", "A$", ")", "."]),
    ],
)
def test_english_words_by_hand_are_spacys(text, words):
    assert words_of([text], Splitter.SPACY) == [words]
    assert load_word_tokenizer("eng").word_tokenize(text) == words


NOT_AS_SPACY = {"abµ.", "ABµ.", "1₿"}
PATTERNS = (
    "ab{}cd",
    "{}ab",
    "ab{}",
    "ab{}.",
    "1{}2",
    "1{}",
    "a{}1",
    "1{}a",
    "AB{}.",
    "({}a)",
    "({})",
    "a{}{}b",
    "{}{}a",
)


def test_english_pieces_with_every_sign_are_spacys():
    signs = [chr(code) for code in range(0x21, 0x250) if chr(code).strip() and not 0x7F <= code < 0xA0]
    pieces = [pattern.replace("{}", sign) for sign in [*signs, *"…—–‘’“”„‚€₿°™①─█"] for pattern in PATTERNS]
    pieces = [piece for piece in pieces if piece not in NOT_AS_SPACY]
    spacy = load_word_tokenizer("eng")
    assert words_of(pieces, Splitter.SPACY) == [spacy.word_tokenize(piece) for piece in pieces]


def test_english_words_are_nearly_spacys_on_real_text(english):
    spacy = load_word_tokenizer("eng")
    texts = [text[:4000] for text in english[100:160]]
    expected = [spacy.word_tokenize(text) for text in texts]
    found = words_of(texts, Splitter.SPACY)
    unequal = sum(abs(len(own) - len(their)) for own, their in zip(found, expected, strict=True))
    assert unequal / sum(map(len, expected)) < 0.001


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("can't 3.14 a.b 1,000; x_y _z", ["can't", "3.14", "a.b", "1,000", "x_y"]),
        ("中文 word カタカナ ひら e\u0301te\u0301", ["中", "文", "word", "カタカナ", "ひ", "ら", "e\u0301te\u0301"]),
        ("U.S.A. end. 'quoted' rock'n'roll", ["U.S.A", "end", "quoted", "rock'n'roll"]),
    ],
)
def test_unicode_words_by_hand(text, words):
    assert words_of([text], Splitter.UNICODE) == [words]


def test_unicode_words_of_real_text_are_those_of_another_implementation(english):
    texts = [text[:3000] for text in english[:20]]
    expected = [[word for word in uniseg_words(text) if word[0].isalnum()] for text in texts]
    assert words_of(texts, Splitter.UNICODE) == expected
