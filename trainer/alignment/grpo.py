"""Reinforcement learning by TRL: GRPO, CISPO and their kin on the labelled prompts of a run of `rl`.

Of each prompt a group of answers is drawn, and each is pushed by how far its reward lies from its group's mean, within
clipped steps and close to the model that it began as (Shao et al. 2024, arXiv 2402.03300, section 4.1; DeepSeek-R1, arXiv
2501.12948). CISPO (MiniMax-M1, arXiv 2506.13585) clips the weight of a token instead of dropping its gradient. Rewards come
from `verifiers` and `conduct` and, where one is given, a reward model; TRL logs each of them apart.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from winnow.stages.handoff.labels import asking
from winnow.stages.handoff.rows import Row, prompts
from winnow.stages.run.workspace import Workspace
from winnow.trainer.alignment import conduct, verifiers
from winnow.trainer.config import TrainingError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

REPORT = "grpo.json"
STEPS = "steps.jsonl"
REWARDS = (verifiers.mathematics, verifiers.form, conduct.language, conduct.safety)
CISPO = "cispo"
LOSSES = ("grpo", CISPO, "dapo", "dr_grpo", "bnpo")


@dataclass(frozen=True, kw_only=True)
class GrpoSettings:
    """The founding plan's numbers where it gives some: clip 0.2, four passes over each group, KL 0.01 to 0.05, entropy 0.01."""

    steps: int = 50
    prompts: int = 4  # of a step
    generations: int = 8  # answers to each
    answer: int = 256  # tokens at the most
    learning_rate: float = 1e-6
    clip: float = 0.2
    passes: int = 4
    kl: float = 0.04
    loss: str = "grpo"  # of LOSSES: TRL's `loss_type`
    most_weight: float = 5.0  # of a token, by CISPO (ScaleRL, arXiv 2510.13786, asks 4 to 8); the others clip instead
    entropy: float = 0.01
    temperature: float = 1.0
    held_out: int = 16  # prompts
    seed: int = 0


def read_prompts(rows: Iterable[Row]) -> tuple[list[dict[str, Any]], Mapping[str, int]]:
    """Prompts with labels as TRL reads them, asking for a boxed answer; and how many were left out, by reason."""
    found, left_out = [], Counter[str]()
    for row in rows:
        turns = [dict(message) for message in row.messages]
        last = max((place for place, turn in enumerate(turns) if turn["role"] == "user"), default=None)
        reason = (
            "no label" if row.label is None else "tools, which nobody answers here" if row.tools
            else "no question" if last is None else None
        )  # fmt: skip
        if reason is not None or last is None:
            left_out[reason or ""] += 1
            continue
        turns[last]["content"] = asking(turns[last]["content"])
        found.append({"prompt": turns, "label": row.label})
    return found, left_out


def train_grpo(
    source: Path, out: Path, rows: list[dict[str, Any]], settings: GrpoSettings, judge: PreTrainedModel | None = None
) -> dict[str, Any]:
    """Trains the model of an export and writes it to `out`, with each step's figures in `steps.jsonl`.

    Returns the mean of each reward on held-out prompts before and after, and the last KL divergence from the model that
    it began as. The prediction layer isn't trained and not written: transformers doesn't load it.
    """
    if len(rows) <= settings.held_out:
        raise TrainingError(f"{len(rows)} prompts are too few to hold {settings.held_out} of them out")
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer

    trl: Any = import_module("trl")
    tokenizer = AutoTokenizer.from_pretrained(source, padding_side="left")
    asked = trl.GRPOConfig(
        output_dir=str(out / "trl"),
        max_steps=settings.steps,
        per_device_train_batch_size=settings.prompts * settings.generations,
        per_device_eval_batch_size=settings.prompts * settings.generations,
        num_generations=settings.generations,
        max_completion_length=settings.answer,
        learning_rate=settings.learning_rate,
        epsilon=settings.clip,
        epsilon_high=settings.most_weight if settings.loss == CISPO else settings.clip,
        entropy_coef=settings.entropy,
        num_iterations=settings.passes,
        beta=settings.kl,
        loss_type=settings.loss,
        temperature=settings.temperature,
        seed=settings.seed,
        bf16=False,
        use_cpu=True,
        gradient_checkpointing=False,
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
    )
    rewards: list[Callable[..., Any] | PreTrainedModel] = [*REWARDS, *([judge] if judge is not None else [])]
    trainer = trl.GRPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(source),
        reward_funcs=rewards,
        reward_processing_classes=[None] * len(REWARDS) + [tokenizer] * (judge is not None),
        args=asked,
        train_dataset=Dataset.from_list(rows[settings.held_out :]),
        eval_dataset=Dataset.from_list(rows[: settings.held_out]),
        processing_class=tokenizer,
    )
    before = trainer.evaluate()
    trainer.train()
    after = trainer.evaluate()
    out.mkdir(parents=True, exist_ok=True)
    history = [entry for entry in trainer.state.log_history if "reward" in entry]
    (out / STEPS).write_text("".join(json.dumps(entry) + "\n" for entry in history))
    trainer.model.save_pretrained(out)
    copy_tokenizer(source, out)
    kinds = [name for name in after if name.startswith("eval_reward") and name.endswith(("reward", "/mean"))]
    report = {
        "held_out": settings.held_out,
        "before": {name.removeprefix("eval_"): before[name] for name in kinds},
        "after": {name.removeprefix("eval_"): after[name] for name in kinds},
        "kl": after.get("eval_kl"),
    }
    (out / REPORT).write_text(json.dumps(report, indent=1) + "\n")
    return report


def copy_tokenizer(source: Path, out: Path) -> None:
    """What an export holds beside the weights, as far as it isn't in `out` already."""
    for file in source.iterdir():
        told = file.suffix in (".jinja", ".json", ".model") and "safetensors" not in file.name
        if told and not (out / file.name).exists():
            shutil.copy(file, out / file.name)


@contextmanager
def told() -> Iterator[None]:
    """Says of what a user can mend what it is."""
    try:
        yield
    except ImportError as error:
        raise click.ClickException(f"{error}; pip install 'winnow-corpora[align]'") from error
    except (TrainingError, OSError) as error:
        raise click.ClickException(str(error)) from error


@click.command(context_settings={"show_default": True})
@click.option("--run", required=True, help="A finished run of rl, which holds the prompts.")
@click.option("--model", "source", required=True, type=click.Path(path_type=Path), help="An export: DIR/huggingface.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Where the trained model goes.")
@click.option("--reward-model", "judge", type=click.Path(path_type=Path), help="What `winnow-train reward` wrote.")
@click.option("--steps", default=GrpoSettings.steps, type=click.IntRange(min=1))
@click.option("--prompts", "prompts_", default=GrpoSettings.prompts, type=click.IntRange(min=1), help="Of a step.")
@click.option(
    "--generations", default=GrpoSettings.generations, type=click.IntRange(min=2), help="Answers to each prompt."
)
@click.option(
    "--answer", default=GrpoSettings.answer, type=click.IntRange(min=1), help="Tokens of an answer at the most."
)
@click.option("--learning-rate", default=GrpoSettings.learning_rate)
@click.option("--clip", default=GrpoSettings.clip, help="Largest change of a token's probability ratio in a step.")
@click.option(
    "--passes", default=GrpoSettings.passes, type=click.IntRange(min=1), help="Steps on each group of answers."
)
@click.option("--kl", default=GrpoSettings.kl, help="Weight of the divergence from the model that it began as.")
@click.option("--loss", default=GrpoSettings.loss, type=click.Choice(LOSSES))
@click.option(
    "--most-weight", default=GrpoSettings.most_weight, help="Of a token, by cispo, which doesn't clip its ratio."
)
@click.option("--entropy", default=GrpoSettings.entropy, help="Weight of the entropy of answers.")
@click.option("--held-out", default=GrpoSettings.held_out, type=click.IntRange(min=1), help="Prompts.")
@click.option("--seed", default=GrpoSettings.seed)
def main(run: str, source: Path, out: Path, judge: Path | None, prompts_: int, **options: Any) -> None:
    """Trains a model by GRPO (TRL) on the labelled prompts of a run; needs `winnow-corpora[align]`."""
    settings = GrpoSettings(prompts=prompts_, **options)
    rows, left_out = read_prompts(prompts(Workspace(run)))
    for reason, count in left_out.items():
        click.echo(f"left out: {count:,} prompts, {reason}")
    with told():
        model = None
        if judge is not None:
            from winnow.trainer.alignment.reward_model import RewardModel

            model = RewardModel.from_pretrained(judge)
        report = train_grpo(source, out, rows, settings, model)
    for name, value in report["after"].items():
        click.echo(f"{name}: {report['before'][name]:.3f} before, {value:.3f} after")
    click.echo(f"KL {report['kl']}")


if __name__ == "__main__":
    main()
