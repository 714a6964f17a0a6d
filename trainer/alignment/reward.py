"""Trains a reward model on preference pairs: Bradley–Terry, an ensemble of heads, held-out accuracy and calibration.

The probability that one answer is better than another is the logistic function of the difference of their rewards
(Bradley and Terry 1952; Ouyang et al. 2022, arXiv 2203.02155, section 3.5). Each head sees its own bootstrap sample of the
pairs, and begins elsewhere: what they disagree in is what the pairs don't say.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import torch
from torch import nn
from transformers import AutoTokenizer, Glm4MoeConfig
from transformers import logging as transformers_logging

from winnow.stages.handoff.rows import Row, pairs
from winnow.stages.run.workspace import Workspace
from winnow.trainer.alignment import reward_model
from winnow.trainer.alignment.reward_model import Head, RewardModel, last_states
from winnow.trainer.config import TrainingError

Tokens = list[int]
States = tuple[torch.Tensor, torch.Tensor]
REPORT = "reward.json"
LEAST_PAIRS = 8


@dataclass(frozen=True, kw_only=True)
class RewardConfig:
    """How a reward model is trained."""

    heads: int = 3
    frozen: bool = True  # the body stays as it is, and each answer goes through it once
    epochs: int = 4
    batch: int = 16  # pairs
    learning_rate: float = 1e-3
    weight_decay: float = 0.1
    held_out: float = 0.2  # share of the pairs
    longest: int = 1_024  # tokens; of longer conversations the end counts
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two answers to one prompt, rendered with it, as token ids."""

    prompt: str
    chosen: Tokens
    rejected: Tokens


def read_pairs(rows: Sequence[Row], tokenizer: Any, longest: int) -> list[Pair]:
    """The pairs rendered by the model's own chat template. Raises `TrainingError` where there are too few."""
    found = [
        Pair(
            prompt=json.dumps(row.messages, ensure_ascii=False),
            chosen=_rendered(row, row.chosen or [], tokenizer)[-longest:],
            rejected=_rendered(row, row.rejected or [], tokenizer)[-longest:],
        )
        for row in rows
    ]
    if len(found) < LEAST_PAIRS:
        raise TrainingError(f"{len(found)} pairs are too few for a reward model; it wants {LEAST_PAIRS} at the least")
    return found


def _rendered(row: Row, answer: Sequence[Mapping[str, Any]], tokenizer: Any) -> Tokens:
    tools = list(row.tools) or None
    text = tokenizer.apply_chat_template([*row.messages, *answer], tools=tools, tokenize=False)
    ids: Tokens = tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids


def make_reward_model(folder: Path, config: RewardConfig) -> RewardModel:
    """The model of an export with new heads, drawn by the seed; the prediction layer's tensors are left behind."""
    torch.manual_seed(config.seed)
    transformers_logging.set_verbosity_error()  # it lists each tensor of the heads and of the prediction layer
    sizes = Glm4MoeConfig.from_pretrained(folder)
    sizes.reward_heads = config.heads
    model = RewardModel.from_pretrained(folder, config=sizes, dtype=torch.float32)
    for head in model.heads:
        assert isinstance(head, Head)
        head.draw()
    return model.eval()


def train_reward(
    model: RewardModel, training: Sequence[Pair], config: RewardConfig, say: Callable[[str], None] = lambda line: None
) -> None:
    """Trains the heads, and with `frozen=False` the body under them, in place."""
    generator = torch.Generator().manual_seed(config.seed)
    weights = torch.poisson(torch.ones(len(training), config.heads), generator=generator)  # a bootstrap sample each
    known = body_states(model, training) if config.frozen else None
    learned = model.heads.parameters() if config.frozen else model.parameters()
    optimizer = torch.optim.AdamW(learned, lr=config.learning_rate, weight_decay=config.weight_decay)
    for epoch in range(config.epochs):
        total = 0.0
        for rows in torch.randperm(len(training), generator=generator).split(config.batch):
            if known is not None:
                chosen, rejected = (model.judge(states[rows]) for states in known)
            else:
                chosen, rejected = _judged(model, [training[int(row)] for row in rows])
            each = -nn.functional.logsigmoid(chosen - rejected)  # [B, heads]
            loss = (each * weights[rows]).sum() / weights[rows].sum().clamp(min=1)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            total += float(each.detach().mean()) * len(rows)
        say(f"epoch {epoch + 1}: loss {total / len(training):.4f}")


@torch.no_grad()
def evaluate_reward(model: RewardModel, held_out: Sequence[Pair], states: States | None = None) -> dict[str, Any]:
    """On pairs that it didn't learn: accuracy of the mean and of each head, calibration, agreement.

    `states`: what `body_states` makes of the pairs, where the body hasn't changed since.

    `calibration_error`: the mean distance, in ten bins of confidence weighted by their pairs, between how sure the model
    is of its preference and how often it is right (Guo et al. 2017, arXiv 1706.04599). `variance`: of a pair's margin
    over the heads, mean of all pairs.
    """
    chosen, rejected = (model.judge(side) for side in states or body_states(model, held_out))
    margins = chosen - rejected  # [N, heads]
    mean = margins.mean(dim=1)
    sure = torch.sigmoid(mean.abs())
    right = (mean > 0).float()
    bins = ((sure - 0.5) * 20).long().clamp(0, 9)
    error = sum(
        float((sure[bins == number].mean() - right[bins == number].mean()).abs()) * int((bins == number).sum())
        for number in range(10)
        if (bins == number).any()
    )
    heads = margins.shape[1]
    variance = float(margins.var(dim=1).mean()) if heads > 1 else 0.0
    return {
        "pairs": len(held_out),
        "accuracy": float(right.mean()),
        "accuracy_of_heads": [float((margins[:, head] > 0).float().mean()) for head in range(heads)],
        "loss": float(-nn.functional.logsigmoid(mean).mean()),
        "calibration_error": error / len(held_out),
        "variance": variance,
        "largest": float(torch.cat([chosen, rejected]).abs().max()),
    }


def save_reward(model: RewardModel, source: Path, out: Path) -> None:
    """Writes the model as transformers does, its own code and the tokenizer of `source` beside it."""
    module = Path(reward_model.__file__).stem
    model.config.architectures = [RewardModel.__name__]
    model.config.auto_map = {"AutoModelForSequenceClassification": f"{module}.{RewardModel.__name__}"}
    model.config.id2label, model.config.label2id = {0: "reward"}, {"reward": 0}
    model.save_pretrained(out)
    shutil.copy(reward_model.__file__, out / f"{module}.py")
    for file in (*source.glob("tokenizer*"), *source.glob("chat_template*"), *source.glob("special_tokens_map.json")):
        shutil.copy(file, out / file.name)


def split(found: Sequence[Pair], share: float, seed: int) -> tuple[list[Pair], list[Pair]]:
    """Pairs to learn and pairs held out, drawn by prompt: no prompt stands in both."""
    prompts = sorted({pair.prompt for pair in found})
    order = torch.randperm(len(prompts), generator=torch.Generator().manual_seed(seed)).tolist()
    kept_back = {prompts[number] for number in order[: max(1, round(share * len(prompts)))]}
    learned = [pair for pair in found if pair.prompt not in kept_back]
    return learned, [pair for pair in found if pair.prompt in kept_back]


def _padded(answers: Sequence[Tokens]) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and mask [B, T], padded at the end."""
    longest = max(map(len, answers))
    ids = torch.tensor([answer + [0] * (longest - len(answer)) for answer in answers])
    mask = torch.tensor([[1] * len(answer) + [0] * (longest - len(answer)) for answer in answers])
    return ids, mask


def _judged(model: RewardModel, batch: Sequence[Pair]) -> tuple[torch.Tensor, torch.Tensor]:
    """Rewards [B, heads] of the chosen and of the rejected answers."""
    ids, mask = _padded([*(pair.chosen for pair in batch), *(pair.rejected for pair in batch)])
    rewards = model(input_ids=ids, attention_mask=mask).rewards
    return rewards[: len(batch)], rewards[len(batch) :]


@torch.no_grad()
def body_states(model: RewardModel, found: Sequence[Pair], size: int = 16) -> States:
    """The body's states [N, hidden] at the ends of all chosen and all rejected answers.

    Answers of like lengths go through it together, so that little is padding.
    """
    answers = [pair.chosen for pair in found] + [pair.rejected for pair in found]
    order = torch.tensor(sorted(range(len(answers)), key=lambda number: len(answers[number])))
    states = torch.empty(len(answers), model.config.hidden_size)
    for numbers in order.split(size):
        ids, mask = _padded([answers[int(number)] for number in numbers])
        body = model.model(input_ids=ids, attention_mask=mask, use_cache=False)
        states[numbers] = last_states(body.last_hidden_state, mask).float()
    return states[: len(found)], states[len(found) :]


@click.command(context_settings={"show_default": True})
@click.option("--run", required=True, help="A finished run of rl, which holds the pairs.")
@click.option("--model", "source", required=True, type=click.Path(path_type=Path), help="An export: DIR/huggingface.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Where the reward model goes.")
@click.option("--heads", default=RewardConfig.heads, type=click.IntRange(1, 16), help="Of the ensemble.")
@click.option("--frozen/--whole", default=True, help="Whether the model under the heads stays as it is.")
@click.option("--epochs", default=RewardConfig.epochs, type=click.IntRange(min=1))
@click.option("--batch", default=RewardConfig.batch, type=click.IntRange(min=1), help="Pairs of a step.")
@click.option("--learning-rate", default=RewardConfig.learning_rate)
@click.option("--held-out", default=RewardConfig.held_out, type=click.FloatRange(0.01, 0.9), help="Share of the pairs.")
@click.option(
    "--longest", default=RewardConfig.longest, type=click.IntRange(min=2), help="Tokens of prompt and answer."
)
@click.option("--seed", default=RewardConfig.seed)
def main(run: str, source: Path, out: Path, **options: Any) -> None:
    """Trains a reward model on the pairs of a run, and says how well it tells held-out pairs apart."""
    config = RewardConfig(**options)
    try:
        tokenizer = AutoTokenizer.from_pretrained(source)
        found = read_pairs(list(pairs(Workspace(run))), tokenizer, config.longest)
        learned, held_out = split(found, config.held_out, config.seed)
        if not learned:
            raise TrainingError("every prompt is held out: there is nothing left to learn")
        model = make_reward_model(source, config)
        states = body_states(model, held_out)
        before = evaluate_reward(model, held_out, states)
        train_reward(model, learned, config, click.echo)
        after = evaluate_reward(model, held_out, states if config.frozen else None)
    except (TrainingError, OSError) as error:
        raise click.ClickException(str(error)) from error
    save_reward(model, source, out)
    report = {"learned": len(learned), "before": before, "after": after}
    (out / REPORT).write_text(json.dumps(report, indent=1) + "\n")
    click.echo(
        f"{after['pairs']} held-out pairs: accuracy {after['accuracy']:.3f} (before {before['accuracy']:.3f}; heads "
        f"{', '.join(f'{share:.3f}' for share in after['accuracy_of_heads'])}), calibration error "
        f"{after['calibration_error']:.3f}, variance over the heads {after['variance']:.4f}"
    )


if __name__ == "__main__":
    main()
