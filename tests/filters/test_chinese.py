"""Recipes for Chinese: characters and runs against plain Python, garbling and spam by cases."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter

import pytest

from winnow.filters.chinese import narrow
from winnow.filters.measure import measure
from winnow.filters.recipes import find_recipe

PROSE = (
    "春天的早晨，公园里有许多老人在散步；他们谈论天气，也谈论孩子们的学习。小河旁边的柳树刚刚发芽，风吹过来非常舒服！"
)


def test_characters_of_real_text_are_counted_as_by_plain_python(chinese, documents):
    texts = [*chinese[:20], "", "１２３ＡＢ【注】……"]
    rows = measure(documents(texts), [find_recipe("mapneo_zh")]).to_pylist()
    for text, row in zip(texts, rows, strict=True):
        normal = unicodedata.normalize("NFKC", text)
        times = Counter(normal)
        entropy = -sum(count / len(normal) * math.log(count / len(normal)) for count in times.values())
        assert row["nfkc.characters"] == len(normal)
        assert row["nfkc.entropy"] == pytest.approx(entropy)
        if normal:
            assert row["nfkc.distinct_fraction"] == pytest.approx(len(times) / len(normal))
            pairs = Counter(normal[place : place + 2] for place in range(len(normal) - 1))
            most = max(pairs.values(), default=1)
            assert row["nfkc.top_2_fraction"] == pytest.approx((most - 1) * 2 / len(normal))


def test_sentences_end_at_marks_of_both_widths(documents):
    texts = ["一。二！三？四；五…六", "one. two! three", "没有停顿的文字", "。。！"]
    rows = measure(documents(texts), [find_recipe("mapneo_zh")]).to_pylist()
    assert [row["nfkc.sentences"] for row in rows] == [6, 3, 1, 0]


def test_brackets_hold_the_characters_between_them_on_one_line(documents):
    row = measure(documents(["【公告】正文【未闭合\n】"]), [find_recipe("mapneo_zh")]).to_pylist()[0]
    assert row["nfkc.bracketed_fraction"] == pytest.approx(2 / 12)


def test_garbled_text_is_told_from_sound_text(chinese, english, documents, rejected):
    garbled = [PROSE.encode().decode("gbk", errors="replace"), PROSE.encode().decode("latin-1"), "\ufffd好" * 30]
    texts = [PROSE, *chinese[:20], *english[:20], "Café déjà vu à la carte, naïve façade", *garbled]
    found = rejected(documents(texts), find_recipe("garbled_encoding"))
    assert sorted(found) == [len(texts) - 3, len(texts) - 2, len(texts) - 1]


def test_spam_is_told_from_prose(documents, rejected):
    spam = "代开发票，办证刻章，贷款套现，加微客服热线，优惠秒杀包邮。"
    assert rejected(documents([PROSE, spam]), find_recipe("chinese_spam")) == {1: "spam_words"}


def test_chinesewebtext_asks_length_lines_script_and_little_repetition(documents, rejected):
    long = "".join(chr(0x4E00 + 37 * place % 5000) for place in range(0, 260))
    simplified = find_recipe("chinesewebtext").with_thresholds({"traditional_characters": None})
    texts = [long, PROSE, "字\n" * 150, "a" * 250 + "字" * 10, PROSE * 6]
    assert rejected(documents(texts), simplified) == {
        1: "characters",
        2: "mean_line_length",
        3: "chinese_characters",
        4: "repeated_13_grams",
    }
    traditional = "這個國家的歷史與經濟發展，對於學習語言的學生來說，總是非常重要的課題。" * 8
    assert rejected(documents([traditional]), find_recipe("chinesewebtext")) == {0: "traditional_characters"}


def test_full_width_letters_and_digits_become_narrow_and_marks_stay(documents):
    table = documents(["ＡｂＣ１２３，好！", "plain", ""])
    edited, measured = narrow(table)
    assert edited["text"].to_pylist() == ["AbC123，好！", "plain", ""]
    assert measured["full_width.replaced"].to_pylist() == [6, 0, 0]
    assert edited.schema == table.schema
