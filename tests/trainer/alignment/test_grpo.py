"""GRPO by TRL on a tiny export: rewards logged apart, KL kept, a model that transformers loads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from winnow.stages.handoff.rows import Row
from winnow.trainer.alignment.grpo import GrpoSettings, read_prompts, train_grpo
from winnow.trainer.config import TrainingError


def row(question: str, label: str | None, **more: object) -> Row:
    return Row(messages=[{"role": "user", "content": question}], metadata={}, label=label, **more)  # type: ignore[arg-type]


def test_prompts_ask_for_a_box_and_what_cannot_be_judged_is_told() -> None:
    rows, left_out = read_prompts(
        [row("2 + 2?", "4"), row("Why?", None), row("Call!", "x", tools=[{"type": "function"}])]
    )
    assert [found["label"] for found in rows] == ["4"] and "\\boxed{}" in rows[0]["prompt"][0]["content"]
    assert left_out == {"no label": 1, "tools, which nobody answers here": 1}
    with pytest.raises(TrainingError, match="1 prompts are too few to hold 4 of them out"):
        train_grpo(Path("nowhere"), Path("nowhere"), rows, GrpoSettings(held_out=4))


@pytest.mark.slow  # trl: `make align-test`
def test_a_tiny_model_is_trained_and_every_reward_is_logged(source: Path, tmp_path: Path) -> None:
    rows, _ = read_prompts([row(f"What is {number}?", str(number)) for number in range(12)])
    torch.use_deterministic_algorithms(False)
    settings = GrpoSettings(steps=2, prompts=2, generations=2, answer=8, held_out=4, passes=1, learning_rate=1e-4)
    report = train_grpo(source, tmp_path / "out", rows, settings)
    assert set(report["before"]) == set(report["after"]) >= {"reward", "rewards/mathematics/mean", "rewards/form/mean"}
    steps = [json.loads(line) for line in (tmp_path / "out" / "steps.jsonl").read_text().splitlines()]
    assert len(steps) == 2 and all("kl" in step and "rewards/form/mean" in step for step in steps)
    assert (tmp_path / "out" / "model.safetensors").exists() and (tmp_path / "out" / "chat_template.jinja").exists()
