"""A model that has some answers by heart, asked: it scores on those, and the scores are parted by what the run's documents hold."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner

from winnow.stages.decontaminate.held import Held
from winnow.stages.decontaminate.settings import Benchmark
from winnow.trainer.benchmarks import scores
from winnow.trainer.benchmarks.answers import answers
from winnow.trainer.benchmarks.command import ANSWERS, SCORES, held_by, main
from winnow.trainer.benchmarks.questions import questions

HARNESS = Path(__file__).parents[3] / ".venv-harness/bin/python"


def ask(files: dict[str, str], learnt: Path, run: str, out: Path, *more: str) -> dict[str, Any]:
    told = CliRunner().invoke(
        main, [*files.values(), "--model", str(learnt), "--run", run, "--out", str(out), "--most-tokens", "48", *more]
    )
    assert told.exit_code == 0, told.output
    assert "found in training data" in told.output
    return json.loads((out / SCORES).read_text())


def test_items_are_found_where_documents_hold_them(files: dict[str, str], run: str) -> None:
    held = held_by([run], [Benchmark(path=path) for path in files.values()])
    assert held == {
        ("gsm8k", "0"): Held.KEPT, ("gsm8k", "1"): Held.DROPPED, ("humaneval", "HumanEval/0"): Held.KEPT,
    }  # fmt: skip


def test_scores_are_parted(files: dict[str, str], learnt: Path, run: str, tmp_path: Path) -> None:
    found = ask(files, learnt, run, tmp_path)
    counts = {name: {group: (f["right"], f["items"]) for group, f in groups.items()} for name, groups in found.items()}
    assert counts["gsm8k"] == {
        scores.ALL: (1, 3),
        scores.KEPT: (1, 1),
        scores.DROPPED: (0, 1),
        scores.NOT_FOUND: (0, 1),
    }
    assert counts["humaneval"] == {scores.ALL: (1, 2), scores.KEPT: (1, 1), scores.NOT_FOUND: (0, 1)}
    rows = [json.loads(line) for line in (tmp_path / ANSWERS).read_text().splitlines()]
    assert len(rows) == 8 and sum(row["right"] for row in rows) == sum(
        groups[scores.ALL]["right"] for groups in found.values()
    )


def test_answers_are_those_of_each_question_alone(files: dict[str, str], learnt: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(learnt)
    model: Any = AutoModelForCausalLM.from_pretrained(learnt)
    asked = list(questions(Benchmark(path=files["gsm8k"])))
    for question, said in answers(learnt, asked, most_tokens=8, chat=False):
        ids = torch.tensor([tokenizer(question.asked)["input_ids"]])
        alone = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=8, do_sample=False)
        assert said == tokenizer.decode(alone[0, ids.shape[1] :], skip_special_tokens=True)
    told = dict(answers(learnt, asked[:1], most_tokens=4, chat=True))
    assert len(told) == 1


def test_intervals_are_wilsons() -> None:
    """Against the roots of (share − p)² = z² p (1 − p) / n, by bisection."""
    for right, items in ((0, 5), (3, 10), (7, 7), (41, 100)):
        low, high = scores.interval(right, items)
        for end in (low, high):
            distance = (right / items - end) ** 2 - scores.Z**2 * end * (1 - end) / items
            assert math.isclose(distance, 0.0, abs_tol=1e-12), (right, items, end)
        assert low <= right / items <= high


def test_mistakes_are_told(files: dict[str, str], learnt: Path, run: str, tmp_path: Path) -> None:
    given = ["--model", str(learnt), "--out", str(tmp_path)]
    told = CliRunner().invoke(main, [files["math"], files["math"], "--run", run, *given])
    assert told.exit_code == 1 and "one name" in told.output
    told = CliRunner().invoke(main, [files["math"], "--run", str(tmp_path), *given])
    assert told.exit_code == 1 and "no finished run" in told.output
    told = CliRunner().invoke(main, [files["math"], "--run", run, "--harness", "/bin/false", *given])
    assert told.exit_code == 1 and "no lm-evaluation-harness" in told.output


@pytest.mark.slow
def test_the_harness_asks_the_same_files(files: dict[str, str], learnt: Path, run: str, tmp_path: Path) -> None:
    """Its own definitions' own scores are what is told; programs it hands back are graded, and are those of ours."""
    found = ask(files, learnt, run, tmp_path, "--harness", str(HARNESS))
    (told,) = (tmp_path / "harness").rglob("results_*.json")
    results = json.loads(told.read_text())["results"]
    figures = {"gsm8k": "exact_match,flexible-extract", "math": "exact_match,none", "gpqa_main": "acc,none"}
    for name, figure in figures.items():
        assert results[f"winnow_{name}"][figure] == found[name][scores.ALL]["share"]
    assert found["humaneval"][scores.KEPT]["right"] == 1 and found["humaneval"][scores.NOT_FOUND]["right"] == 0
