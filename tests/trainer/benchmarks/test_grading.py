"""Right answers are credited in whatever form they come, and wrong ones in none."""

from __future__ import annotations

import pytest

from tests.trainer.benchmarks.conftest import ADD, SUM_BODY
from winnow.stages.decontaminate.settings import Benchmark
from winnow.trainer.benchmarks.grading import right
from winnow.trainer.benchmarks.questions import Question, questions


@pytest.fixture
def asked(files: dict[str, str]) -> dict[str, Question]:
    return {name: next(questions(Benchmark(path=path))) for name, path in files.items()}


@pytest.mark.parametrize(
    ("said", "credited"),
    [
        ("<think>\\boxed{3}</think>So \\boxed{152}.", True), ("192-40=152\n#### 152", True), ("The answer is $152.", True),
        ("192 and then 40 off, so 152", True), (" 152.0", True), ("#### 152\nQuestion: 1 + 1\nAnswer: #### 2", True), ("\\boxed{192}", False), ("152 or 40", False),
        ("", False), ("the answer is 15", False), ("\\boxed{151} but really 152", False),
    ],
)  # fmt: skip
def test_numbers(asked: dict[str, Question], said: str, credited: bool) -> None:
    assert right(asked["gsm8k"], said) is credited


def test_formulas(asked: dict[str, Question]) -> None:
    assert right(asked["math"], "\\boxed{5 \\pi}") and right(asked["math"], "The answer is $5\\pi$.")
    assert not right(asked["math"], "5") and not right(asked["math"], "\\boxed{7\\pi}")


def test_letters(asked: dict[str, Question]) -> None:
    letter = asked["gpqa_main"].answer
    other = "B" if letter == "A" else "A"
    for said in (
        "%s) a thing",
        "%s",
        "(%s)",
        "<think>(D) or A</think>\\boxed{%s}",
        "The answer is (%s)",
        "%s. Because",
        "Answer: %s",
    ):
        assert right(asked["gpqa_main"], said % letter), said
        assert not right(asked["gpqa_main"], said % other), said
    assert not right(asked["gpqa_main"], f"{letter}ll of them") and not right(asked["gpqa_main"], "")


@pytest.mark.parametrize(
    ("said", "credited"),
    [
        (SUM_BODY, True), (SUM_BODY + "\nprint(add_all(1))", True), (f"```python\n{ADD}{SUM_BODY}```", True),
        ("```python\ndef add_all(numbers):\n    return sum(numbers)\n```\nSo.", True), ("    return 3\n", False), ("", False),
        (f"```python\n{SUM_BODY}```", True), ("    exit(0)\n", False), ("    import os; os._exit(0)\n", False),
        ("    while True: pass\n", False), ("    return sum(numbers", False), ("    assert False\n", False),
    ],
)  # fmt: skip
def test_completions(asked: dict[str, Question], said: str, credited: bool) -> None:
    assert right(asked["humaneval"], said) is credited


def test_programs(asked: dict[str, Question]) -> None:
    program = "def longest(words):\n    return max(words, key=len)\n"
    assert right(asked["mbpp"], program) and right(asked["mbpp"], f"Here:\n```python\n{program}```\n")
    assert not right(asked["mbpp"], program.replace("max", "min"))
    assert right(asked["mbpp"], program + '\n"""\nAnother task') and not right(asked["mbpp"], "longest = 3")
