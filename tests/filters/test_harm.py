"""Harm: addresses and words from lists, a model's score, and the labels of categories."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from filters.harm import count_words, is_listed, measure, read_list


@pytest.mark.parametrize(
    ("url", "listed"),
    [
        ("http://bad.org", True),
        ("https://sub.www.bad.org/page?x=1", True),
        ("https://notbad.org/", False),
        ("https://mixed.com/evil/page", True),
        ("https://www.mixed.com/evil", True),
        ("https://mixed.com/evilness", False),
        ("https://mixed.com/good", False),
        ("BAD.ORG/x", True),
        (None, False),
        ("", False),
    ],
)
def test_a_domain_stands_for_its_subdomains_and_a_path_for_what_lies_below(url: str | None, listed: bool) -> None:
    assert is_listed(url, frozenset({"bad.org", "mixed.com/evil"})) is listed


def test_words_are_whole_where_written_with_spaces_and_anywhere_in_chinese() -> None:
    texts = pa.array(["skill Kill kill.", "他用了暴力手段", "", None])
    assert count_words(texts, {"kill", "暴力"}).tolist() == [2, 1, 0, 0]


def test_long_lists_are_matched_in_pieces_as_a_loop_over_words_would() -> None:
    words = {f"word{number}" for number in range(1500)}
    texts = pa.array(["word3 and word1499 and word15000 and WORD7"])
    assert count_words(texts, words).tolist() == [3]


def test_documents_get_labels_of_the_categories_that_lists_are_about(tmp_path: Path) -> None:
    (tmp_path / "sites").write_text("# comment\n\nbad.org\n")
    (tmp_path / "words").write_text("Kill\n暴力\n", encoding="utf-8")
    assert read_list(str(tmp_path / "words")) == {"kill", "暴力"}
    texts = ["kill kill kill", "a long text about gardens " * 20 + "kill", "roses"]
    table = pa.table({"text": pa.array(texts, pa.large_string()), "url": ["https://a.org", None, "https://bad.org"]})
    found = measure(table, addresses={"illegal": str(tmp_path / "sites")}, words={"violence": str(tmp_path / "words")})
    assert found["harm.labels"].to_pylist() == ['["violence"]', "[]", '["illegal"]']
    assert found["harm.address"].to_pylist() == [0, 0, 1] and found["harm.words"].to_pylist() == [3, 1, 0]
    with pytest.raises(ValueError, match="boredom"):
        measure(table, words={"boredom": str(tmp_path / "words")})
    with pytest.raises(FileNotFoundError):
        measure(table, words={"violence": str(tmp_path / "absent")})
