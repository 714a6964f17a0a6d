"""GRPO and CISPO by TRL on a tiny export: rewards logged apart, KL kept, a model that transformers loads, and learns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from winnow.stages.handoff.rows import Row
from winnow.trainer.alignment import grpo
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
@pytest.mark.parametrize("loss", ["grpo", "cispo"])
def test_a_tiny_model_is_trained_and_every_reward_is_logged(source: Path, tmp_path: Path, loss: str) -> None:
    rows, _ = read_prompts([row(f"What is {number}?", str(number)) for number in range(12)])
    torch.use_deterministic_algorithms(False)
    settings = GrpoSettings(
        steps=2, prompts=2, generations=2, answer=8, held_out=4, passes=1, learning_rate=1e-4, loss=loss
    )
    report = train_grpo(source, tmp_path / "out", rows, settings)
    kinds = {f"rewards/{name}/mean" for name in ("mathematics", "form", "language", "safety")}
    assert set(report["before"]) == set(report["after"]) >= {"reward", *kinds}
    steps = [json.loads(line) for line in (tmp_path / "out" / "steps.jsonl").read_text().splitlines()]
    assert len(steps) == 2 and all("kl" in step and kinds <= step.keys() for step in steps)
    assert all((loss == "cispo") == ("cispo_clip_ratio" in step) for step in steps)
    assert (tmp_path / "out" / "model.safetensors").exists() and (tmp_path / "out" / "chat_template.jinja").exists()


@pytest.mark.slow
def test_tokens_of_cispo_weigh_what_their_ratio_is(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On answers of the model as it is every ratio is 1, so that the gradient is DAPO's: TRL reads its upper clip as the
    largest weight of CISPO, and at 0.2 every token weighed a fifth."""

    def vowels(completions: list[list[dict[str, str]]], **_: object) -> list[float]:
        return [float(sum(map(answer[0]["content"].count, "aeiou"))) for answer in completions]

    monkeypatch.setattr(grpo, "REWARDS", (vowels,))
    torch.use_deterministic_algorithms(False)
    rows, _ = read_prompts([row(f"What is {number}?", str(number)) for number in range(8)])
    norms = {}
    for loss in ("cispo", "dapo"):
        settings = GrpoSettings(
            steps=1, prompts=2, generations=4, answer=8, held_out=4, passes=1, loss=loss, kl=0.0, entropy=0.0
        )
        train_grpo(source, tmp_path / loss, rows, settings)
        norms[loss] = json.loads((tmp_path / loss / "steps.jsonl").read_text().splitlines()[0])["grad_norm"]
    assert norms["cispo"] > 0 and norms["cispo"] == pytest.approx(norms["dapo"], rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["grpo", "cispo"])
def test_reward_rises_on_held_out_prompts(source: Path, tmp_path: Path, loss: str) -> None:
    """A model that puts any digit into the box learns which one is right, by more than three seeds differ."""
    torch.use_deterministic_algorithms(False)
    torch.set_num_threads(1)
    rows, _ = read_prompts([row(f"What is {number}?", "7") for number in range(24)])
    guessing(source, [each["prompt"] for each in rows])
    rises = []
    for seed in range(3):
        settings = GrpoSettings(
            steps=24, prompts=4, generations=8, answer=12, held_out=8, learning_rate=1e-3, loss=loss, seed=seed
        )
        report = train_grpo(source, tmp_path / str(seed), rows, settings)
        key = "rewards/mathematics/mean"
        rises.append(report["after"][key] - report["before"][key])
    assert min(rises) > 0 and sum(rises) / 3 > max(rises) - min(rises), rises


def guessing(folder: Path, prompts: list[list[dict[str, str]]]) -> None:
    """Teaches an export to answer with a digit of its choice in a box, and to end there."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    model: Any = AutoModelForCausalLM.from_pretrained(folder)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3, weight_decay=0.0)
    end = model.generation_config.eos_token_id[0]
    for step in range(120):
        asked = tokenizer.apply_chat_template(
            prompts[step % len(prompts)], add_generation_prompt=True, return_dict=True
        )
        said = tokenizer(f"\\boxed{{{step * 7 % 10}}}")["input_ids"]
        ids = torch.tensor([[*asked["input_ids"], *said, end]])
        labels = ids.clone()
        labels[:, : len(asked["input_ids"])] = -100
        optimizer.zero_grad()
        model(input_ids=ids, labels=labels).loss.backward()
        optimizer.step()
    model.save_pretrained(folder)
