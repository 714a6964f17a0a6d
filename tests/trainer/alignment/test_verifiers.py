"""Verifiers credit right answers however they are written, and nothing that only looks like one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.trainer.alignment import verifiers

ANSWER = "<think>\nadd \\boxed{9}\n</think>\n\nIt is \\boxed{%s}."


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("4", "4.0"), ("1,000", "1000"), ("\\frac{1}{2}", "0.5"), ("-3/6", "-0.5"), ("50\\%", "1/2"), ("1e3", "1000"),
        ("x^{2} + 1", "x^{2}+1"), ("[1, 2]", "[1,2]"), ("0.1", "1/10"), ("$7$", "7"),
    ],
)  # fmt: skip
def test_the_same_answer_written_otherwise_is_right(given: str, wanted: str) -> None:
    assert verifiers.mathematics([ANSWER % given], [wanted]) == [1.0]


@pytest.mark.parametrize(
    ("given", "wanted"),
    [("4", "5"), ("", "0"), ("0.33", "1/3"), ("x", "X"), ("1/0", "0"), ("12", "1,2"), ("1000", "1,00,0")],
)
def test_another_answer_is_wrong(given: str, wanted: str) -> None:
    assert verifiers.mathematics([ANSWER % given], [wanted]) == [0.0]


def test_only_the_last_box_after_the_thinking_counts() -> None:
    answers = ["<think>\\boxed{4}</think>none", "\\boxed{5} and \\boxed{4}", "no", "\\boxed{4", "\\boxed{{4}"]
    assert verifiers.mathematics(answers, ["4"] * 5) == [0.0, 1.0, 0.0, 0.0, 0.0]
    assert verifiers.mathematics(answers[:1], [None]) == [None]
    assert verifiers.mathematics([[{"role": "assistant", "content": "\\boxed{4}"}]], ["4"]) == [1.0]


@given(st.integers(-(10**9), 10**9), st.integers(1, 10**4))
def test_numbers_are_compared_exactly(top: int, bottom: int) -> None:
    assert verifiers.equal(f"{top}/{bottom}", f"{top * 3}/{bottom * 3}")
    assert not verifiers.equal(f"{top * 1000 + 1}/{bottom}", f"{top * 1000}/{bottom}")


def test_form_wants_one_finished_thought_and_one_box() -> None:
    answers = [
        ANSWER % 1, "\\boxed{1}", "<think>x \\boxed{1}", "text <think>a</think> \\boxed{1}", "<think>a</think>",
        "\\boxed{1} \\boxed{2}",
    ]  # fmt: skip
    assert verifiers.form(answers) == [1.0, 1.0, 0.5, 0.5, 0.5, 0.5]


def test_code_must_come_to_the_end_of_its_tests() -> None:
    fenced = "Here:\n```python\n%s\n```\n"
    programs = ["def f(x): return x + 1", "def f(x): return x", "exit(0)", "import os; os._exit(0)", "while True: pass"]
    tests = ["assert f(1) == 2"] * len(programs)
    assert verifiers.code([fenced % program for program in programs], tests) == [1.0, 0.0, 0.0, 0.0, 0.0]
    assert verifiers.code(["f = 1"], ["assert f"]) == [0.0] and verifiers.code(["x"], [None]) == [None]
