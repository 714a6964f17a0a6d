"""FineWeb's rules: worked by hand, and document by document against datatrove's filter over the same words."""

from __future__ import annotations

import datatrove.pipeline.filters.fineweb_quality_filter as peer
import pytest
from datatrove.data import Document

from winnow.filters.measure import measure
from winnow.filters.recipes import find_recipe

NAMES = {
    "empty": "empty",
    "line_punct_ratio": "terminal_lines",
    "short_line_ratio": "short_lines",
    "char_dup_ratio": "duplicate_line_characters",
    "list_ratio": "newlines",
}


def test_fineweb_decides_as_datatrove_over_the_same_words(english, chinese, documents, rejected, monkeypatch):
    monkeypatch.setattr(peer, "split_into_words", lambda text, language=None: text.split())
    texts = [*english, *chinese, "\n \n", "a.\na.\na.", "one two.\n   \n   \nthree four."]
    peer_filter = peer.FineWebQualityFilter()
    expected = {}
    for row, text in enumerate(texts):
        verdict = peer_filter.filter(Document(text=text, id=str(row)))
        if verdict is not True:
            expected[row] = NAMES[verdict[1]]
    assert rejected(documents(texts), find_recipe("fineweb")) == expected
    assert set(expected.values()) == set(NAMES.values())


def test_fineweb_of_a_hand_worked_document(documents):
    text = "A line that ends.\n  \nno end\nno end\n" + "x" * 31 + "。"
    row = measure(documents([text]), [find_recipe("fineweb")]).to_pylist()[0]
    assert row["lines.filled"] == 4
    assert row["lines.terminal_fraction"] == pytest.approx(2 / 4)
    assert row["lines.short_fraction"] == pytest.approx(3 / 4)
    assert row["lines.filled_repeat_character_fraction"] == pytest.approx(6 / (17 + 2 + 6 + 6 + 32))
    assert row["words.newlines_per_word"] == pytest.approx(4 / 9)
