"""C4's edit: worked by hand, and text by text against datatrove's filter with the same sentences."""

from __future__ import annotations

import datatrove.pipeline.filters.c4_filters as peer
import pytest
from datatrove.data import Document
from datatrove.utils.text import TERMINAL_PUNCTUATION
from hypothesis import given
from hypothesis import strategies as st

from winnow.filters.c4 import edit
from winnow.filters.recipes import find_recipe
from winnow.stages.decide import Application, decide

NAMES = {"lorem_ipsum": "lorem_ipsum", "curly_bracket": "curly_bracket", "too_few_sentences": "sentences"}
PIECES = [
    *(
        "one two three",
        "Fine, really fine.",
        'he said "no."',
        "…",
        "...",
        "a. b! c?",
        "。",
        "\n",
        "\r\n",
        "\x0b",
        "\u2028",
        "  ",
    ),
    *(
        "[12]",
        "[]",
        "[edit]",
        "[citation needed]",
        "[x]",
        "LOREM Ipsum",
        "JavaScript",
        "{",
        "we use cookies now",
        "x" * 1001,
    ),
    *("Privacy Policy", "3.14", "example.org", "中文句子。还有！", "）", '"', "'", "?"),
]
page = st.lists(st.sampled_from(PIECES), max_size=40).map(" ".join)
CLOSING = "\"')]}’”」』）》"


def sentences(text, language=None):
    """Ends of sentences by the definition: a run of marks; one of ASCII alone only before whitespace or the end."""
    ends, rest, at = [], "", 0
    while at < len(text):
        start = at
        while at < len(text) and (text[at] in TERMINAL_PUNCTUATION or (at > start and text[at] in CLOSING)):
            at += 1
        run = text[start:at]
        if not run:
            rest += text[at]
            at += 1
        elif any(mark in TERMINAL_PUNCTUATION and not mark.isascii() for mark in run) or not text[at : at + 1].strip():
            ends.append(run)
            rest = ""
        else:
            rest += run
    return [*ends, rest] if rest.strip() else ends


def peer_edit(texts, **options):
    """The peer's verdicts by row, and its texts of the pages that it keeps."""
    filter_ = peer.C4QualityFilter(**options)
    filter_.stat_update = lambda *names, **values: None
    verdicts, kept = {}, {}
    for row, text in enumerate(texts):
        document = Document(text=text, id=str(row))
        verdict = filter_.filter(document)
        if verdict is True:
            kept[row] = document.text
        else:
            verdicts[row] = NAMES[verdict[1]]
    return verdicts, kept


def own_edit(table, name):
    recipe = find_recipe(name)
    edited, measured = recipe.edit(table, **recipe.options)
    attributes = measured.append_column("id", table["id"]).append_column("source", table["source"])
    drops = decide(attributes, [Application(recipe=recipe)]).to_pylist()
    return {drop["row"]: drop["rule"].partition(".")[2] for drop in drops}, edited["text"].to_pylist()


@pytest.mark.parametrize(("name", "options"), [("c4", {}), ("c4_fineweb", {"filter_no_terminal_punct": False})])
def test_real_pages_are_edited_as_by_datatrove(name, options, english, chinese, documents, monkeypatch):
    monkeypatch.setattr(peer, "split_into_sentences", sentences)
    texts = [text.replace("{", "(") if row % 2 else text for row, text in enumerate([*english, *chinese])]
    verdicts, kept = peer_edit(texts, **options)
    own_verdicts, own_texts = own_edit(documents(texts), name)
    assert own_verdicts == verdicts
    assert {row: own_texts[row] for row in kept} == kept
    assert len(kept) > 20 and len(set(verdicts.values())) >= 2


@given(st.lists(page, max_size=5))
def test_made_pages_are_edited_as_by_datatrove(documents, texts):
    original = peer.split_into_sentences
    peer.split_into_sentences = sentences
    try:
        verdicts, kept = peer_edit(texts, min_num_sentences=1)
    finally:
        peer.split_into_sentences = original
    edited, measured = edit(documents(texts), must_finish=True)
    for row, text in kept.items():
        assert edited["text"][row].as_py() == text
        assert measured["c4.sentences"][row].as_py() >= 1
    for row, verdict in verdicts.items():
        if verdict != "sentences":
            assert measured[f"c4.{verdict}"][row].as_py() == 1
            assert edited["text"][row].as_py() == texts[row]


def test_a_hand_worked_page(documents):
    page = "Menu\n  A line [3] that stays.  \n"
    page += "We use cookies here.\nOne word.\nUses JavaScript on it.\nNo end here at all\n"
    edited, measured = edit(documents([page]), must_finish=True)
    assert edited["text"].to_pylist() == ["A line  that stays."]
    assert {name: column[0].as_py() for name, column in zip(measured.column_names, measured.columns, strict=True)} == {
        "c4.lines": 6,
        "c4.kept_lines": 1,
        "c4.sentences": 1,
        "c4.lorem_ipsum": 0,
        "c4.curly_bracket": 0,
        "c4.long_word_lines": 0,
        "c4.unfinished_lines": 2,
        "c4.short_lines": 1,
        "c4.javascript_lines": 1,
        "c4.policy_lines": 1,
    }


def test_other_columns_and_the_schema_stay(documents):
    table = documents(["a b c.", "", "x {"])
    edited, _ = edit(table, must_finish=False)
    assert edited.schema == table.schema
    assert edited.drop_columns(["text"]).equals(table.drop_columns(["text"]))


def test_three_long_lines_make_a_page_of_mc4(documents, rejected):
    long = "字" * 200
    texts = [f"{long}\n{long}\n{long}", f"{long}\n{long}\n{'字' * 199}"]
    assert rejected(documents(texts), find_recipe("mc4_paragraphs")) == {1: "long_lines"}
