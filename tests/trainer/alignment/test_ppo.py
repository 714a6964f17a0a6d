"""PPO: advantages and objective by hand, every number of the founding plan, and a tiny model that learns."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.trainer.alignment.test_grpo import guessing, row
from winnow.trainer.alignment.grpo import read_prompts
from winnow.trainer.alignment.ppo import Actor, Objective, PpoSettings, _up_to, advantages, train_ppo
from winnow.trainer.config import TrainingError


def test_the_numbers_are_the_founding_plans() -> None:
    settings = PpoSettings()
    assert (settings.clip, settings.gamma, settings.lam, settings.passes) == (0.2, 0.99, 0.95, 4)
    assert (settings.entropy, settings.value) == (0.01, 0.5) and 0.01 <= settings.kl <= 0.05


def test_too_few_prompts_are_told() -> None:
    with pytest.raises(TrainingError, match="1 prompts are too few to hold 4 of them out"):
        train_ppo(Path("nowhere"), Path("nowhere"), [{}], PpoSettings(held_out=4))


def test_an_answer_ends_with_its_end() -> None:
    assert _up_to([5, 6, 2, 0, 0], {2, 3}) == [5, 6, 2] and _up_to([5, 6], {2}) == [5, 6] and _up_to([2, 2], {2}) == [2]


def test_the_states_of_answers_are_those_before_their_tokens(source: Path) -> None:
    """Rows of several lengths, padded, against each row alone."""
    from transformers import AutoModelForCausalLM

    model: Any = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32).eval()
    prompts, answers = [[5, 6, 7], [8, 9]], [[10, 11], [12, 13, 14, 15]]
    actor = Actor(model)
    torch.nn.init.normal_(actor.head.weight)
    with torch.no_grad():
        logits, ids, values = actor(prompts, answers)
        assert ids.tolist() == [10, 11, 12, 13, 14, 15] and values.shape == (6,)
        at = 0
        for prompt, answer in zip(prompts, answers, strict=True):
            alone = model(input_ids=torch.tensor([prompt + answer]), output_hidden_states=True)
            places = slice(len(prompt) - 1, len(prompt) + len(answer) - 1)
            torch.testing.assert_close(logits[at : at + len(answer)], alone.logits[0, places], atol=1e-5, rtol=1e-4)
            state = alone.hidden_states[-1][0, places]
            torch.testing.assert_close(values[at : at + len(answer)], actor.head(state)[:, 0], atol=1e-5, rtol=1e-4)
            at += len(answer)


@pytest.mark.slow  # torchrl: `make align-test`
def test_advantages_are_those_worked_by_hand() -> None:
    """δ₃ = 1 − .3, A₃ = δ₃; δ₂ = .99·.3 − .4, A₂ = δ₂ + .9405·A₃; δ₁ = .99·.4 − .5, A₁ = δ₁ + .9405·A₂. Another answer follows."""
    values, rewards = torch.tensor([0.5, 0.4, 0.3, 0.2]), torch.tensor([0.0, 0.0, 1.0, -1.0])
    last = torch.tensor([False, False, True, True])
    found, targets = advantages(values, rewards, last, gamma=0.99, lam=0.95)
    third = 0.7
    second = (0.99 * 0.3 - 0.4) + 0.9405 * third
    first = (0.99 * 0.4 - 0.5) + 0.9405 * second
    assert found.tolist() == pytest.approx([first, second, third, -1.2], abs=1e-6)
    assert targets.tolist() == pytest.approx([first + 0.5, second + 0.4, 1.0, -1.0], abs=1e-6)


@pytest.mark.slow
def test_advantages_are_the_sums_of_the_paper() -> None:
    """Schulman et al. 2016, arXiv 1506.02438, equation 16: Σ (γλ)ˡ δₜ₊ₗ, each answer by itself."""
    random = torch.Generator().manual_seed(0)
    lengths = [1, 7, 3, 12]
    values, rewards = (torch.randn(sum(lengths), generator=random, dtype=torch.float64) for _ in range(2))
    last = torch.zeros(sum(lengths), dtype=torch.bool)
    wanted, at = [], 0
    for length in lengths:
        last[at + length - 1] = True
        v, r = [*values[at : at + length].tolist(), 0.0], rewards[at : at + length].tolist()
        delta = [r[t] + 0.9 * v[t + 1] - v[t] for t in range(length)]
        wanted += [sum((0.9 * 0.8) ** k * delta[t + k] for k in range(length - t)) for t in range(length)]
        at += length
    found, _ = advantages(values, rewards, last, gamma=0.9, lam=0.8)
    assert found.tolist() == pytest.approx(wanted, abs=2e-6)  # torchrl counts in single precision


@pytest.mark.slow
def test_the_objective_is_the_papers() -> None:
    """Equations 7 and 9, token by token: min(r·A, clip(r)·A), half the squared error of values, the entropy's hundredth."""
    logits = torch.tensor([[2.0, 0.0, -1.0], [0.0, 0.5, 0.0], [1.0, 1.0, 1.0], [0.0, 3.0, 0.0]])
    ids, ratios = torch.tensor([0, 1, 2, 1]), [1.5, 0.5, 1.1, 0.9]
    advantage, values, target = [1.0, -2.0, 0.5, -1.0], [0.3, -0.2, 0.0, 1.0], [1.0, 0.0, 0.5, -1.0]
    logarithms = logits.log_softmax(-1)
    now = logarithms.gather(1, ids[:, None]).squeeze(1)
    drawn = now - torch.tensor(ratios).log()
    told = Objective(PpoSettings())(
        logits, torch.tensor(values), ids, drawn, torch.tensor(advantage), torch.tensor(target)
    )
    gains = [min(r * a, min(max(r, 0.8), 1.2) * a) for r, a in zip(ratios, advantage, strict=True)]
    assert float(told["loss_objective"]) == pytest.approx(-sum(gains), rel=1e-5)
    errors = sum((v - t) ** 2 for v, t in zip(values, target, strict=True))
    assert float(told["loss_critic"]) == pytest.approx(0.5 * errors, rel=1e-5)
    entropy = float(-(logarithms.exp() * logarithms).sum())
    assert float(told["loss_entropy"]) == pytest.approx(-0.01 * entropy, rel=1e-5)
    assert float(told["clip_fraction"]) == pytest.approx(0.5)
    assert math.isclose(float(told["entropy"]), entropy / 4, rel_tol=1e-5)


@pytest.mark.slow
def test_a_tiny_model_is_trained_and_every_figure_is_logged(source: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    torch.use_deterministic_algorithms(False)
    rows, _ = read_prompts([row(f"What is {number}?", str(number)) for number in range(12)])
    settings = PpoSettings(steps=2, prompts=4, answer=8, held_out=4, rows=3, learning_rate=1e-3)
    report = train_ppo(source, tmp_path / "out", rows, settings)
    kinds = {f"rewards/{name}/mean" for name in ("mathematics", "form", "safety")}
    assert set(report["before"]) & set(report["after"]) >= {"reward", *kinds}
    steps = [json.loads(line) for line in (tmp_path / "out" / "steps.jsonl").read_text().splitlines()]
    figures = {"kl", "entropy", "clip_fraction", "loss_objective", "loss_critic", "grad_norm", "length"}
    assert len(steps) == 2 and all(figures | kinds <= step.keys() for step in steps)
    assert steps[0]["kl"] == 0.0 != steps[1]["kl"]  # the first answers are the frozen model's own
    assert (tmp_path / "out" / "chat_template.jinja").exists()
    assert AutoModelForCausalLM.from_pretrained(tmp_path / "out") is not None


@pytest.mark.slow
def test_reward_rises_on_held_out_prompts(source: Path, tmp_path: Path) -> None:
    """A model that puts any digit into the box learns which one is right, by more than three seeds differ."""
    torch.use_deterministic_algorithms(False)
    torch.set_num_threads(1)
    rows, _ = read_prompts([row(f"What is {number}?", "7") for number in range(24)])
    guessing(source, [each["prompt"] for each in rows])
    rises = []
    for seed in range(3):
        settings = PpoSettings(
            steps=24, prompts=32, answer=12, held_out=8, learning_rate=1e-3, value_rate=1e-2, rows=32, seed=seed
        )
        held = rows[:8] * 8  # eight answers to each
        report = train_ppo(
            source, tmp_path / str(seed), held + rows[8:], PpoSettings(**{**vars(settings), "held_out": 64})
        )
        key = "rewards/mathematics/mean"
        rises.append(report["after"][key] - report["before"][key])
        print(seed, report)
    assert min(rises) > 0 and sum(rises) / 3 > max(rises) - min(rises), rises
