"""Items in their authors' formats become questions, and are refused by file, line and key where they are of no kind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.trainer.benchmarks.conftest import ADD, FILES
from winnow.stages.decontaminate.settings import Benchmark
from winnow.trainer.alignment.sandbox import run
from winnow.trainer.benchmarks.questions import Kind, questions
from winnow.trainer.config import TrainingError


def test_kinds_are_known_by_keys(files: dict[str, str]) -> None:
    found = {name: list(questions(Benchmark(path=path))) for name, path in files.items()}
    kinds = {name: {question.kind for question in asked} for name, asked in found.items()}
    assert kinds == {
        "humaneval": {Kind.COMPLETION}, "mbpp": {Kind.PROGRAM}, "gsm8k": {Kind.FORMULA}, "math": {Kind.FORMULA},
        "gpqa_main": {Kind.CHOICE},
    }  # fmt: skip
    assert [question.answer for question in found["gsm8k"]] == ["152", "135", "192"]
    assert found["math"][0].answer == "5\\pi" and found["humaneval"][0].asked == ADD
    assert [question.item for question in found["humaneval"]] == ["HumanEval/0", "HumanEval/1"]
    gpqa = found["gpqa_main"][0]
    assert f"({gpqa.answer}) a photon\n" in gpqa.asked and gpqa.asked.endswith("Answer: (")
    assert FILES["gpqa_main.jsonl"][0]["Correct Answer"] not in gpqa.answer


def test_the_right_choice_stands_under_every_letter(tmp_path: Path) -> None:
    item = FILES["gpqa_main.jsonl"][0]
    path = tmp_path / "gpqa.jsonl"
    path.write_text("".join(json.dumps({**item, "Record ID": f"rec{n}"}) + "\n" for n in range(40)))
    first, again = (list(questions(Benchmark(path=str(path)))) for _ in range(2))
    assert {question.answer for question in first} == set("ABCD") and first == again


def test_every_authors_solution_passes_its_tests(files: dict[str, str]) -> None:
    for name, key in (("humaneval", "canonical_solution"), ("mbpp", "code")):
        for question, item in zip(questions(Benchmark(path=files[name])), FILES[f"{name}.jsonl"], strict=True):
            program = item.get("prompt", "") + item[key]
            assert run(f"{program}\n{question.tests}").passed
            assert not run(f"{item.get('prompt', 'longest = len')}\n{question.tests}").passed


def test_an_item_of_no_kind_is_refused_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "mmlu.jsonl"
    path.write_text('{"question": "a", "answer": "b"}\n\n{"question": "a", "choices": ["b"]}\n')
    with pytest.raises(TrainingError, match=r"mmlu.jsonl, line 3: keys question, choices"):
        list(questions(Benchmark(path=str(path))))
    path.write_text('{"Question": "a", "Correct Answer": "b", "Incorrect Answer 1": "c", "Incorrect Answer 2": "d"}\n')
    with pytest.raises(TrainingError, match="line 1: no Incorrect Answer 3"):
        list(questions(Benchmark(path=str(path))))
