"""Benchmarks by name: files with the keys that their authors publish are read without naming one."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from winnow.stages.decontaminate.items import read_entries
from winnow.stages.decontaminate.known import keys_of
from winnow.stages.decontaminate.settings import Benchmark

QUESTION, ANSWER = "How many olives fill the ninth jar?", "Forty-one, as the jars grow by four."
PUBLISHED: dict[str, dict[str, Any]] = {
    "HumanEval.jsonl": {"task_id": "HumanEval/3", "prompt": QUESTION, "entry_point": "f", "canonical_solution": ANSWER, "test": "def check(f): ..."},
    "mbpp.jsonl": {"task_id": 11, "text": QUESTION, "code": ANSWER, "test_list": ["assert f() == 1"], "test_setup_code": ""},
    "sanitized-mbpp.json": {"source_file": "x.ipynb", "task_id": 2, "prompt": QUESTION, "code": ANSWER, "test_imports": [], "test_list": []},
    "gsm8k_test.parquet": {"question": QUESTION, "answer": ANSWER},
    "MATH-500.jsonl": {"problem": QUESTION, "solution": ANSWER, "answer": "41", "subject": "Algebra", "level": 2, "unique_id": "test/algebra/1.json"},
    "aime-2024.parquet": {"ID": "2024-I-1", "Problem": QUESTION, "Solution": ANSWER, "Answer": 41},
    "aime_2025.jsonl": {"question": QUESTION, "answer": ANSWER},
    "gpqa_diamond.csv": {"Record ID": "rec06", "Question": QUESTION, "Correct Answer": "41", "Incorrect Answer 1": "42", "Explanation": ANSWER},
    "livecodebench_v5.jsonl": {"question_title": "Jars", "question_content": QUESTION, "platform": "leetcode", "question_id": "1899_A", "starter_code": ANSWER},
    "SWE-bench_Verified.parquet": {"repo": "a/b", "instance_id": "a__b-1", "problem_statement": QUESTION, "patch": ANSWER, "test_patch": "+", "hints_text": ""},
    "tau2-bench-retail.json": {"id": "0", "user_scenario": {"persona": None, "instructions": {"task_instructions": QUESTION, "domain": None}}, "evaluation_criteria": {"actions": [{"name": ANSWER, "arguments": None}]}},
    "GAIA_validation.jsonl": {"task_id": "c61d", "Question": QUESTION, "Level": 1, "Final answer": "41", "Annotator Metadata": {"Steps": ANSWER}},
}  # fmt: skip


def write(path: Path, item: dict[str, Any]) -> None:
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist([item]), path)
    elif path.suffix == ".csv":
        with path.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, list(item))
            writer.writeheader()
            writer.writerow(item)
    else:
        path.write_text(json.dumps([item] if path.suffix == ".json" else item))


@pytest.mark.parametrize("name", PUBLISHED)
def test_question_answer_and_name_of_an_item_are_found(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "v1.5"  # its dot is none of the file's
    folder.mkdir()
    write(folder / name, PUBLISHED[name])
    entries = read_entries(Benchmark(path=str(folder / name))).to_pylist()
    code = "HumanEval" in name or "mbpp" in name
    assert {entry["kind"] for entry in entries} == ({"prose", "code", "string"} if code else {"prose"})
    prose = {entry["field"]: entry["text"] for entry in entries if entry["kind"] == "prose"}
    assert prose["question"] == QUESTION and prose["answer"] == ANSWER
    published = {"task_id", "ID", "Record ID", "question_id", "instance_id", "unique_id", "id"} & set(PUBLISHED[name])
    assert {entry["item"] for entry in entries} == {str(PUBLISHED[name][key]) for key in published} or {"0"}


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("aime25-II", True),
        ("MATH", True),
        ("HumanEval+", True),
        ("τ²-bench", True),
        ("MathVista", False),
        ("mine", False),
    ],
)
def test_a_name_is_a_known_benchmarks_in_any_edition_or_nobodys(name: str, known: bool) -> None:
    assert (keys_of(name) is not None) == known


def test_a_broken_array_and_one_of_other_things_are_named(tmp_path: Path) -> None:
    for content, told in (('[{"question": "a"},]', "no JSON"), ("[1]", "item 0: expected an object, found int")):
        (tmp_path / "b.json").write_text(content)
        with pytest.raises(ValueError, match=told):
            read_entries(Benchmark(path=str(tmp_path / "b.json")))
