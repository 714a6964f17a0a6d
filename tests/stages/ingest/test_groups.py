"""Rows that make one document: every row in exactly one, in order, under its headings, whatever the file is cut into."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from winnow.stages.ingest.groups import Row, grouped
from winnow.stages.ingest.tables import Settings

KEYS = st.sampled_from(["a", "b"])


@given(rows=st.lists(st.tuples(KEYS, KEYS, st.text("xyz", min_size=1, max_size=3))), most=st.none() | st.integers(1, 4))
def test_grouping_is_that_of_itertools_cut_by_most(rows: list[tuple[str, str, str]], most: int | None) -> None:
    given = [Row(str(place), text, (key,), (heading,)) for place, (key, heading, text) in enumerate(rows)]
    wanted = []
    for _, same in groupby(given, key=lambda row: row.key):
        whole = list(same)
        for first in range(0, len(whole), most or len(whole)):
            piece = whole[first : first + (most or len(whole))]
            lines = []
            for heading, under in groupby(piece, key=lambda row: row.headings[0]):
                lines += [f"{heading}", *(row.text for row in under)]
            wanted.append((piece[0].place, "|".join(lines), len(piece)))
    found = [(row.place, row.text, row.metadata["rows"]) for row in grouped(given, "|", most)]
    assert found == wanted


LAWS = [
    {
        "law": "Mills",
        "chapter": "I. Wheels",
        "section": None,
        "number": 1,
        "body": "A mill has a wheel.",
        "state": "valid",
    },
    {"law": "Mills", "chapter": "I. Wheels", "section": None, "number": 2, "body": "It turns.", "state": "valid"},
    {
        "law": "Mills",
        "chapter": "II. Flour",
        "section": "1. White",
        "number": 3,
        "body": "It is ground.",
        "state": "valid",
    },
    {
        "law": "Mills",
        "chapter": "III. Bran",
        "section": "1. White",
        "number": 4,
        "body": "It is fed.",
        "state": "valid",
    },
    {"law": "Tolls", "chapter": None, "section": None, "number": 1, "body": "Repealed.", "state": "repealed"},
    {"law": "Roads", "chapter": None, "section": None, "number": 1, "body": "They lead to mills.", "state": "valid"},
]
HOW: dict[str, Any] = {
    "columns": {"text": "§ {number} {body}", "title": "law"},
    "group_by": ["law"],
    "headings": ["# {law}", "## {chapter}", "### {section}"],
    "only": {"state": ["valid"]},
    "given": {"language": "en", "license": "CC0-1.0"},
}


def written(path: Path) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in LAWS))
    return path


def test_articles_become_a_law_under_their_headings(tmp_path: Path, ingest: Any) -> None:
    found = ingest("tables", written(tmp_path / "laws.jsonl"), split_bytes=100, **HOW)
    assert [(row["title"], row["language"], row["license"]) for row in found.documents] == [
        ("Mills", "en", "CC0-1.0"),
        ("Roads", "en", "CC0-1.0"),
    ]
    assert found.documents[0]["text"].split("\n\n") == [
        "# Mills",
        "## I. Wheels",
        "§ 1 A mill has a wheel.",
        "§ 2 It turns.",
        "## II. Flour",
        "### 1. White",
        "§ 3 It is ground.",
        "## III. Bran",
        "### 1. White",
        "§ 4 It is fed.",
    ]
    assert json.loads(found.documents[0]["metadata"]) == {"rows": 4}
    (rejection,) = found.rejections
    assert (rejection["rule"], rejection["value"]) == ("tables.only", "state is repealed")


def test_a_dozen_entries_are_a_page(tmp_path: Path, ingest: Any) -> None:
    path = tmp_path / "words.csv"
    path.write_text("word,means\n" + "".join(f"w{number},m{number}\n" for number in range(30)))
    found = ingest("tables", path, columns={"text": "{word}: {means}"}, group_rows=12, separator="\n").documents
    assert [row["text"].count("\n") + 1 for row in found] == [12, 12, 6]
    assert found[0]["text"].startswith("w0: m0\nw1: m1\n") and found[2]["locator"].endswith("#row 24")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"headings": ["chapter"]}, "say `group_by` or `group_rows`"),
        ({"group_rows": 3, "columns": {"text": "t", "messages": "m"}}, "a conversation is one row"),
        ({"given": {"text": "x"}}, "no column \\['text'\\] to be given"),
        ({"given": {"title": "x"}, "columns": {"text": "t", "title": "m"}}, "both in `columns` and `given`"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Settings(**options)
