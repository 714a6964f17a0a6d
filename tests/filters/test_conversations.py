"""Conversations: each fault by a case made for it, refusals and answers that break off in both languages, templates."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest

from winnow.filters.conversations import is_truncated, measure, skeleton


def told(*conversations: Any) -> list[dict[str, Any]]:
    stored = [
        value if isinstance(value, str | None) else json.dumps(value, ensure_ascii=False) for value in conversations
    ]
    rows = measure(pa.table({"messages": pa.array(stored, pa.large_string())})).to_pylist()
    return [{name.removeprefix("conversations."): value for name, value in row.items()} for row in rows]


def said(role: str, content: str, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


GOOD = [said("system", "Be brief."), said("user", "What is 2 + 2?"), said("assistant", "Four.")]
CALL = {"name": "add", "arguments": {"a": 1}}
CALLING = said("assistant", "", tool_calls=[CALL])


@pytest.mark.parametrize(
    ("messages", "fault", "value"),
    [
        (GOOD, "misplaced_turns", 0),
        ([said("user", "a"), said("user", "b"), said("assistant", "c")], "misplaced_turns", 1),
        ([said("assistant", "a"), said("user", "b"), said("assistant", "c")], "misplaced_turns", 1),
        ([said("user", "a"), said("system", "b"), said("assistant", "c")], "misplaced_turns", 2),
        ([said("user", "a"), said("tool", "b"), said("assistant", "c")], "misplaced_turns", 1),
        ([said("user", "a"), CALLING, said("tool", "3"), said("assistant", "c")], "misplaced_turns", 0),
        ([said("user", "a"), CALLING, said("tool", "3"), said("assistant", "c")], "empty_turns", 0),
        ([said("user", "a"), CALLING, said("tool", ""), said("assistant", "c")], "empty_turns", 0),
        ([said("user", "a"), said("assistant", "  ")], "empty_turns", 1),
        ([said("user", "a"), said("assistant", "b"), said("user", "c")], "unanswered", 1),
        ([said("user", "a"), CALLING, said("tool", "3")], "unanswered", 0),
        ([said("user", "a"), {**CALLING, "content": "I will look at"}, said("tool", "3")], "truncated", 0),
        ([said("user", "a"), said("assistant", "I'm sorry, but I can't help with that request.")], "refusals", 1),
        ([said("user", "a"), said("assistant", "As an AI language model, I cannot have opinions.")], "refusals", 1),
        ([said("user", "a"), said("assistant", "很抱歉，我无法提供这方面的信息。")], "refusals", 1),
        ([said("user", "a"), said("assistant", "I can't wait to show you how this works!")], "refusals", 0),
        ([said("user", "a"), said("assistant", "对不起的英文是 sorry。")], "refusals", 0),
    ],
)  # fmt: skip
def test_each_fault_is_found_where_it_is_and_nowhere_else(messages: list[Any], fault: str, value: int) -> None:
    assert told(messages)[0][fault] == value
    assert told({"messages": messages, "tools": []})[0][fault] == value


def test_what_is_no_conversation_measures_null_and_broken_json_as_no_turns() -> None:
    none, broken, listless = told(None, "{not json", {"messages": "x"})
    assert set(none.values()) == {None}
    assert (broken["turns"], broken["misplaced_turns"]) == (0, 1) and (
        listless["turns"],
        listless["misplaced_turns"],
    ) == (0, 1)
    assert measure(pa.table({"text": ["a", "b"]}))["conversations.turns"].to_pylist() == [None, None]


@pytest.mark.parametrize(
    ("ending", "truncated"),
    [
        ("and that is why it works.", False),
        ("and that is why it", True),
        ("所以这就是答案。", False),
        ("所以这就是答", True),
        ("see:\n```python\nprint(1)\n```", False),
        ("see:\n```python\nprint(1)", True),
        ("\n- one\n- two", False),
        ("the total is $x = 5$", False),
        ("Enjoy! 🎉", False),
        ("\n\nReturns:\n    A list of the possible installation folders", False),
        ("\n\n**References**\n\n[1] https://en.wikipedia.org/wiki/Coskewness", False),
        ("\n\nSee Also\n========\n\nvector_part", False),
        ("\n\n>>> from sympy import ilcm\n>>> ilcm(5, 10)\n10", False),
        ("\n\n:param recursive: set to `True` if recursion should happen\n:return: generator", False),
        ("\n\n.. versionadded:: 0.7", False),
        ("\n\nNew in version 2.2", False),
        ("\n\nNew in version 2.2,", True),
        ("\n\nTo see this, take the first of the two and compare it with what the second one say", True),
        ("\n\n要理解这一点，我们先来看第一个例子里面的变量", True),
    ],
)
def test_an_answer_that_breaks_off_is_told_from_one_that_ends(ending: str, truncated: bool) -> None:
    assert (
        is_truncated("A long beginning of an answer that says quite a lot before it comes to its end. " * 2 + ending)
        is truncated
    )
    assert not is_truncated("42")


def test_prompts_of_one_template_share_a_skeleton_and_are_counted() -> None:
    template = "Write a short story of {} words about a trip to {} in the winter, please."
    places = ["Paris", "Rome", "Kyoto", "Oslo"]
    prompts = [template.format(100 * number, place) for number, place in enumerate(places, 1)]
    prompts.append("Explain to me in detail how a refrigerator keeps its inside cold.")
    rows = told(*([said("user", prompt), said("assistant", "Yes.")] for prompt in prompts))
    assert [row["skeleton_count"] for row in rows] == [4, 4, 4, 4, 1]
    assert skeleton("请把下面这句话翻译成英文并说明理由：“你好”") == skeleton(
        "请把下面这句话翻译成英文并说明理由：“再见”"
    )
    assert skeleton("Hello there") is None
