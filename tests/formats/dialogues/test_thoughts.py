"""Thoughts between tags: split from the answer, or refused by name."""

from __future__ import annotations

import pytest

from winnow.formats.dialogues.dialogue import check
from winnow.formats.dialogues.json_values import Misfit


def answer(content: str, **fields: str) -> tuple[str | None, str]:
    """Reasoning and content of an answer."""
    messages = [{"role": "user", "content": "How many?"}, {"role": "assistant", "content": content, **fields}]
    message = check(messages).messages[1]
    return message.get("reasoning"), message["content"]


@pytest.mark.parametrize(
    ("content", "reasoning", "rest"),
    [
        ("Three.", None, "Three."),
        ("<think>\nI count.\n</think>\n\nThree.", "I count.", "Three."),
        ("<think>\n\n</think>\n\nThree.", None, "Three."),
        ("First I count.\n</think>\n\nThree.", "First I count.", "Three."),
        ("\n</think>\n\nThree.", None, "Three."),
        ("<think>one</think>\n<think>two</think>Three.", "one\n\ntwo", "Three."),
        ("The tag `</think>` ends it.", None, "The tag `</think>` ends it."),
        ("So:\n```\n<think>\n```\nIt is open.", None, "So:\n```\n<think>\n```\nIt is open."),
        ("I see `<think>`.</think>Write `</think>`.", "I see `<think>`.", "Write `</think>`."),
    ],
)
def test_what_is_thought_is_told_from_what_is_said(content: str, reasoning: str | None, rest: str) -> None:
    assert answer(content) == (reasoning, rest)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("<think>\nI count and count and never", "<think> is never closed"),
        ("ok\n<think>late</think> answer", "<think> after the answer has begun"),
        ("<think>a</think> b </think> c", "</think> closes nothing"),
        ("a </think> b </think> c", "</think> closes nothing"),
        ("<think>a</think> b <think> c", "<think> is never closed"),
    ],
)
def test_what_cannot_be_told_apart_is_refused_by_name(content: str, named: str) -> None:
    with pytest.raises(Misfit) as caught:
        answer(content)
    assert named in str(caught.value) and "messages[1].content" in str(caught.value)


def test_a_field_of_its_own_counts_and_may_be_repeated() -> None:
    assert answer("<think>hm</think>Three.", reasoning="hm") == ("hm", "Three.")
    assert answer("Three.", reasoning_content="hm") == ("hm", "Three.")
    with pytest.raises(Misfit, match="beside a reasoning in its own field"):
        answer("<think>other</think>Three.", reasoning="hm")


def test_what_a_user_writes_stays() -> None:
    messages = [{"role": "user", "content": "<think>"}, {"role": "assistant", "content": "x"}]
    assert check(messages).messages[0]["content"] == "<think>"
