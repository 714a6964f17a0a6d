"""Conversations as their publishers write them, each with the messages that it holds; and what could be meant two ways."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from winnow.formats.dialogues.dialects import DIALECTS, conversations, recognise
from winnow.formats.dialogues.dialogue import Misfit, check
from winnow.formats.dialogues.forms import FORMS, renamed


def said(role: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


TALK = [said("user", "Where is the ford?"), said("assistant", "Below the mill.")]
OTHER = said("assistant", "I do not know.")


def part(kind: str, value: str) -> dict[str, str]:
    return {"type": kind, "value": value}


def read(record: Mapping[str, Any]) -> tuple[list[Any], list[Any]]:
    dialect = recognise(record)
    if dialect is None:
        record = renamed(record) or {}
        dialect = recognise(record)
    assert dialect is not None
    (found,) = conversations(record, dialect)
    return list(found.messages), list(found.rejected)


@pytest.mark.parametrize(
    "record",
    [
        {"instruction": "Where is the ford?", "output": ["Below the mill.", "I do not know."]},
        {"instruction": "Where is", "input": "the ford?", "output": ["Below the mill.", "I do not know."]},
        {"messages": TALK, "rejected_response": "I do not know."},
        {"messages": TALK, "rejected_messages": [TALK[0], OTHER]},
        {"messages": TALK, "rejected_messages": [OTHER]},
        {"chosen_messages": TALK, "rejected_messages": [TALK[0], OTHER]},
        {"prompt": "Where is the ford?", "chosen": ["Below the mill."], "rejected": ["I do not know."]},
    ],
)
def test_two_answers_are_a_preference(record: Mapping[str, Any]) -> None:
    messages, rejected = read(record)
    assert messages[0]["content"].split() == ["Where", "is", "the", "ford?"]
    assert (messages[1:], rejected) == ([TALK[1]], [OTHER])


@pytest.mark.parametrize(
    "record",
    [
        {"instruction": "Where is the ford?", "output": ["Below the mill."]},
        {"question": "Where is the ford?", "std_answer": "Below the mill."},
        {"messages_display": TALK},
        {"data": [TALK[0]["content"], TALK[1]["content"]]},
        {"messages": [said(one["role"], [part("text", one["content"])]) for one in TALK]},
        {"chat": {"turn_1": {"Human": "<|Human|>: Where is the ford?<eoh>\n", "Commands": "<|Commands|>: None<eoc>\n", "MOSS": "<|MOSS|>: Below the mill.<eom>\n"}}},
        {"traj": [*TALK, said("user", "###STOP###")]},
        {"traj": [*TALK, said("user", "Thank you, that is all. ###STOP###\n")], "reward": 1.0},
    ],
)  # fmt: skip
def test_a_question_with_its_answer(record: Mapping[str, Any]) -> None:
    assert read(record) == (TALK, [])


def test_turns_of_moss_follow_their_numbers_and_its_system_prompt_stands_before_them() -> None:
    turns = {
        f"turn_{at}": {"Human": f"<|Human|>: {at}?<eoh>", "MOSS": f"<|MOSS|>: {at}.<eom>"} for at in range(12, 0, -1)
    }
    messages, _ = read({"chat": turns, "meta_instruction": "You are MOSS."})
    assert messages[0] == said("system", "You are MOSS.")
    assert [one["content"] for one in messages[1:]] == [f"{at}{sign}" for at in range(1, 13) for sign in "?."]


def test_calls_and_thoughts_among_the_parts_of_a_turn() -> None:
    parts = [part("reasoning", "I must look."), part("tool_call", '{"name": "look", "arguments": {"at": "ford"}}')]
    (_, call, result, _) = check(
        [TALK[0], said("assistant", parts, loss_weight=0.0), said("tool", "high"), TALK[1]]
    ).messages
    assert call["reasoning"] == "I must look." and call["train"] is False
    assert call["tool_calls"] == [{"name": "look", "arguments": {"at": "ford"}}]
    assert result == said("tool", "high")


CALLS = [{"id": name, "name": f"look_{name}", "arguments": {}} for name in "abc"]


@pytest.mark.parametrize("order", ["abc", "cab", "bca"])
@pytest.mark.parametrize("by", ["tool_call_id", "name"])
def test_results_of_parallel_calls_come_in_the_order_of_the_calls(order: str, by: str) -> None:
    calls = [{key: value for key, value in call.items() if key != "id" or by != "name"} for call in CALLS]
    named = {name: name if by == "tool_call_id" else f"look_{name}" for name in order}
    results = [said("tool", name.upper(), **{by: named[name]}) for name in order]
    for after in ([TALK[1]], []):
        messages = check([TALK[0], said("assistant", "", tool_calls=calls), *results, *after]).messages
        assert [one["content"] for one in messages if one["role"] == "tool"] == ["A", "B", "C"]


@pytest.mark.parametrize(
    ("record", "why"),
    [
        ({"instruction": "Where?", "output": ["a", "b", "c"]}, "output: 3 answers"),
        ({"messages": [TALK[0], said("assistant", ["a", "b"])]}, "2 texts: which is meant?"),
        ({"messages": [TALK[0], said("assistant", "", tool_calls=CALLS), said("tool", "B", tool_call_id="b"), TALK[1]]}, "tool_calls[0]: has no result"),
        ({"chat": {"turn_1": {"Human": "a", "Commands": 'Search("x")', "MOSS": "b"}}}, "a tool is used"),
        ({"chat": {"turn_1": {"Human": "a"}}}, "chat.turn_1.MOSS: missing"),
    ],
)  # fmt: skip
def test_what_could_be_meant_two_ways_is_refused(record: Mapping[str, Any], why: str) -> None:
    with pytest.raises(Misfit) as raised:
        read(record)
    assert why in str(raised.value)


def test_a_form_gives_the_fields_of_a_dialect_and_no_dialect_has_its_columns() -> None:
    for form in FORMS:
        assert recognise(dict.fromkeys(form.columns, "x")) in DIALECTS
        assert recognise(dict.fromkeys(form.columns.values(), "x")) is None


def test_the_table_of_the_docs_is_that_of_the_forms() -> None:
    page = (Path(__file__).parents[3] / "docs" / "extending.md").read_text("utf-8")
    rows = {tuple(re.findall(r"`(\w+)`", line)) for line in page.splitlines() if line.startswith("| `")}
    for form in FORMS:
        assert (*form.columns.values(), *form.columns) in rows, form
