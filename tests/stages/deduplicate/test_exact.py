"""Exact duplicates: what is one document, and what is two."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest

from winnow.stages.deduplicate import exact
from winnow.stages.deduplicate.exact import ExactSettings, document_keys, laid_out

PROSE = "The mill stands by the river, and has done so since before the bridge was built. " * 4
VERSE = (
    "Shall I compare thee to a day\nthat is more lovely still\nrough winds do shake the buds of May\nand so they will"
)
CODE = "def f(a):\n    if a:\n        go()\n    stop()\n"
LIST = "- a\n  - b\n"
YAML = "on:\n  push:\n    branches: main\n  jobs: all\n"


def same(left: str, right: str, kind: str = "tables", **talks: Any) -> bool:
    rows = [{"text": text, "kind": kind, "messages": None} for text in (left, right)]
    table = pa.Table.from_pylist(rows, schema=pa.schema([(n, pa.large_string()) for n in ("text", "kind", "messages")]))
    keys, _ = document_keys(table)
    return bool((keys[0] == keys[1]).all())


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (PROSE, "  " + PROSE.replace(" ", "  ") + "\n"),
        (PROSE, PROSE.replace(". ", ".\n")),
        (PROSE, PROSE.replace(" the ", "\u00a0the\u3000")),
        ("\u3000\u3000" + "磨坊在河边。" * 9 + "\n\u3000\u3000" + "桥是后来建的。" * 9, "磨坊在河边。" * 9 + "\n" + "桥是后来建的。" * 9),
        ("   First line of it.\n" + PROSE + "\n\n   Second one.", "First line of it. " + PROSE + " Second one."),
        (CODE, CODE.replace("\n", "\r\n") + "\n\n"),
        (CODE, "\n" + CODE.replace("\n", "  \n")),
        (LIST, LIST.replace("\n", "\r")),
    ],
)  # fmt: skip
def test_white_space_without_meaning_is_folded(left, right):
    assert same(left, right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (CODE, CODE.replace("    stop", "        stop")),
        (CODE, CODE.replace("\n", " ")),
        (LIST, "- a\n- b\n"),
        (YAML, YAML.replace("  jobs", "    jobs")),
        ("all: a\n\tmake a\n\tmake b\n", "all: a\n\tmake a\nmake b\n"),
        (VERSE, VERSE.replace(" a ", "\na ").replace("day\n", "day ")),
        ("1. one\n2. two\n3. three", "1. one 2. two 3. three"),
        ("| a | b |\n| c | d |", "| a | b | | c | d |"),
        (PROSE, PROSE.replace("mill", "Mill")),
    ],
)
def test_white_space_that_means_something_counts(left, right):
    assert not same(left, right)


def test_a_file_of_a_repository_counts_its_white_space_whatever_it_holds():
    assert same("a  b", "a b") and not same("a  b", "a b", kind="repositories")


@pytest.mark.parametrize("text", [PROSE, PROSE.replace(". ", ".\n"), "one\ntwo", "", "\n\n", "   a\n\n   b\n\n   c"])
def test_prose_is_not_laid_out(text):
    assert not laid_out(pa.array([text]))[0]


def talk(answer: str = "Yes.", *, asked: str = "Is it so?", **more: Any) -> str:
    messages: list[dict[str, Any]] = [{"role": "user", "content": asked}]
    if answer:
        messages.append({"role": "assistant", "content": answer, **more.pop("turn", {})})
    return json.dumps({"messages": messages, "tools": [], **more})


CALLED = {"tool_calls": [{"id": "c1", "name": "f", "arguments": {"a": 1}}]}
TALKS = [
    talk(),
    talk("No."),
    talk(turn={"train": False}),
    talk(turn={"reasoning": "It seems so."}),
    talk(tools=[{"name": "f", "description": "", "parameters": {}}]),
    talk(rejected=[{"role": "assistant", "content": "No."}]),
    talk(rejected=[{"role": "assistant", "content": "Perhaps."}]),
    talk(turn=CALLED),
    talk(turn={"tool_calls": [{"id": "c1", "name": "f", "arguments": {"a": 2}}]}),
    talk("", label="yes"),
    talk("", label="no"),
]


def test_a_conversation_is_all_that_is_learned_of_it(workspace, lay_out, work):
    again = [
        talk(scores={"chosen": 2.0}),
        talk(turn={"tool_calls": [{"id": "other", "name": "f", "arguments": {"a": 1}}]}),
        talk("Yes. ", label=None),
    ]
    talks = TALKS + again
    parts = lay_out({"chat-00000": ["User: Is it so?"] * len(talks)}, messages={"chat-00000": talks})
    counts = work(exact.plan(parts, ExactSettings(buckets=2)))
    assert counts["deduplicate.exact.drop.dropped"] == len(again)
    assert counts["deduplicate.exact.resolve.contradictory_labels"] == 2
    (name,) = workspace.list("contradictions", ".parquet")
    rows = workspace.read_table(name).to_pylist()
    assert sorted(row["label"] for row in rows) == ["no", "yes"] and len({row["question"] for row in rows}) == 1


def test_equal_labels_and_other_questions_contradict_nothing(lay_out, work):
    talks = [talk("", label="yes"), talk("", label="yes"), talk("", label="no", asked="Is it not?"), talk("yes")]
    parts = lay_out({"chat-00000": ["User: Is it so?"] * 4}, messages={"chat-00000": talks})
    counts = work(exact.plan(parts, ExactSettings()))
    assert counts["deduplicate.exact.drop.dropped"] == 1
    assert counts["deduplicate.exact.resolve.contradictory_labels"] == 0
