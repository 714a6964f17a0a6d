"""Proximal policy optimization on the labelled prompts of a run of `rl`, by torchrl's objective and advantages.

Of each prompt one answer is drawn. A head on the model's last state tells what a token is worth; the reward comes at an
answer's end, the divergence from the model that it began as is paid token by token (Schulman et al. 2017, arXiv
1707.06347, equation 9; Ouyang et al. 2022, arXiv 2203.02155, section 3.5). Rewards are those of `grpo`. TRL removed its
trainer for PPO in September 2026; the loop here is our own, its two formulas are torchrl's.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import torch
from torch import nn

from winnow.stages.handoff.rows import prompts
from winnow.stages.run.workspace import Workspace
from winnow.trainer.alignment.grpo import REWARDS, STEPS, copy_tokenizer, read_prompts, told
from winnow.trainer.config import TrainingError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

REPORT = "ppo.json"
Prompt = dict[str, Any]  # `prompt`, messages, and `label`


@dataclass(frozen=True, kw_only=True)
class PpoSettings:
    """The founding plan's numbers: clip 0.2, λ 0.95, γ 0.99, entropy 0.01, value 0.5, four passes, KL 0.01 to 0.05."""

    steps: int = 50
    prompts: int = 32  # answers of a step
    answer: int = 256  # tokens at the most
    learning_rate: float = 1e-6
    value_rate: float = 1e-4  # of the head that values tokens, which begins at nothing
    clip: float = 0.2
    gamma: float = 0.99
    lam: float = 0.95
    entropy: float = 0.01
    value: float = 0.5
    passes: int = 4
    rows: int = 8  # answers of a micro-batch, for its memory
    kl: float = 0.04
    norm: float = 1.0  # of the gradient, at the most
    held_out: int = 16  # prompts
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Answers:
    """Answers that were drawn, and what each reward says of them."""

    prompts: list[list[int]]  # token ids
    answers: list[list[int]]  # token ids, at least one each
    rewards: dict[str, list[float | None]]

    def totals(self) -> torch.Tensor:
        """The sum of the rewards that judge an answer, [B]."""
        return torch.tensor([sum(told or 0.0 for told in each) for each in zip(*self.rewards.values(), strict=True)])


class Actor(nn.Module):
    """A causal language model and the head that values its states."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        self.head = nn.Linear(model.config.hidden_size, 1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(
        self, prompts: Sequence[list[int]], answers: Sequence[list[int]]
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Of all N tokens of the answers, one after another: logits [N, V] they were drawn from, ids [N], values [N]."""
        rows = [torch.tensor(prompt + answer) for prompt, answer in zip(prompts, answers, strict=True)]
        ids = nn.utils.rnn.pad_sequence(rows, batch_first=True)
        lengths = torch.tensor([len(row) for row in rows])[:, None]
        places = torch.arange(ids.shape[1])[None]
        state = self.model.model(input_ids=ids, attention_mask=(places < lengths).long(), use_cache=False)
        asked = torch.tensor([len(prompt) for prompt in prompts])[:, None]
        drawn = (places >= asked) & (places < lengths)
        before = state.last_hidden_state[:, :-1][drawn[:, 1:]]
        return self.model.lm_head(before).float(), ids[drawn], self.head(before).squeeze(-1).float()


def advantages(
    values: torch.Tensor, rewards: torch.Tensor, last: torch.Tensor, *, gamma: float, lam: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Generalized advantage estimates and the values to learn, of tokens of answers one after another; all [N].

    `last`, bool, tells the last token of each answer, behind which there is nothing to come.
    """
    functional = import_module("torchrl.objectives.value.functional")
    following = torch.cat([values[1:], values.new_zeros(1)])
    columns = (part[:, None] for part in (values, following, rewards, last))
    found, targets = functional.generalized_advantage_estimate(gamma, lam, *columns)
    return found.squeeze(-1), targets.squeeze(-1)


class Objective:
    """torchrl's clipped objective of tokens: of their logits and values now, and of what was when they were drawn."""

    def __init__(self, settings: PpoSettings) -> None:
        modules, objectives = import_module("tensordict.nn"), import_module("torchrl.objectives")
        policy = modules.ProbabilisticTensorDictSequential(
            modules.ProbabilisticTensorDictModule(
                in_keys=["logits"],
                out_keys=["action"],
                distribution_class=torch.distributions.Categorical,
                return_log_prob=True,
            )
        )
        self._loss = objectives.ClipPPOLoss(
            policy,
            modules.TensorDictModule(nn.Identity(), in_keys=["value"], out_keys=["state_value"]),
            clip_epsilon=settings.clip,
            entropy_coeff=settings.entropy,
            critic_coeff=settings.value,
            loss_critic_type="l2",
            reduction="sum",
            functional=False,
        )
        self._log_probability = self._loss.tensor_keys.sample_log_prob
        self._dictionary = import_module("tensordict").TensorDict

    def __call__(
        self,
        logits: torch.Tensor,  # [n, V]
        values: torch.Tensor,  # [n]
        ids: torch.Tensor,  # [n]
        drawn: torch.Tensor,  # [n], their log-probabilities then
        advantage: torch.Tensor,  # [n]
        target: torch.Tensor,  # [n]
    ) -> dict[str, torch.Tensor]:
        """`loss_objective`, `loss_entropy`, `loss_critic`, weighted and summed over tokens; `clip_fraction`, `entropy`."""
        given = {"logits": logits, "value": values[:, None], "action": ids, self._log_probability: drawn}
        given |= {"advantage": advantage[:, None], "value_target": target[:, None]}
        return dict(self._loss(self._dictionary(given, batch_size=[len(ids)])).items())


class Ppo:
    """Trains the model of an export, in memory. `judge`: a reward model, one more reward."""

    def __init__(self, model: Any, tokenizer: Any, settings: PpoSettings, judge: PreTrainedModel | None = None) -> None:
        self.actor = Actor(model).eval()  # as it answers: there is no dropout in these models
        self.reference = deepcopy(model).eval().requires_grad_(False)
        self.tokenizer, self.settings, self.judge = tokenizer, settings, judge
        self._objective = Objective(settings)
        heads = {"params": list(self.actor.head.parameters()), "lr": settings.value_rate}
        body = {"params": list(model.parameters()), "lr": settings.learning_rate}
        self._optimizer = torch.optim.AdamW([body, heads], weight_decay=0.0)

    @torch.no_grad()
    def answer(self, rows: Sequence[Prompt]) -> Answers:
        """Draws an answer to each prompt and lets every reward judge it."""
        model, settings = self.actor.model, self.settings
        chat = dict(add_generation_prompt=True, return_dict=True, return_tensors="pt", padding=True)
        asked = self.tokenizer.apply_chat_template([row["prompt"] for row in rows], **chat)
        drawing = dict(do_sample=True, temperature=1.0, top_k=0, top_p=1.0, max_new_tokens=settings.answer)
        written = model.generate(**asked, **drawing)
        ends = model.generation_config.eos_token_id
        ends = {ends} if isinstance(ends, int) else set(ends or ())
        said = [_up_to(ids, ends) for ids in written[:, asked["input_ids"].shape[1] :].tolist()]
        texts = self.tokenizer.batch_decode(said, skip_special_tokens=True)
        messages = [[{"role": "assistant", "content": text}] for text in texts]
        columns = {"prompts": [row["prompt"] for row in rows], "label": [row["label"] for row in rows]}
        rewards = {kind.__name__: list(kind(completions=messages, **columns)) for kind in REWARDS}
        masks = asked["attention_mask"].bool()
        begun = [ids[mask].tolist() for ids, mask in zip(asked["input_ids"], masks, strict=True)]
        if self.judge is not None:
            whole = [torch.tensor(prompt + answer) for prompt, answer in zip(begun, said, strict=True)]
            ids = nn.utils.rnn.pad_sequence(whole, batch_first=True)
            mask = torch.arange(ids.shape[1])[None] < torch.tensor([len(row) for row in whole])[:, None]
            rewards["reward_model"] = self.judge(input_ids=ids, attention_mask=mask.long()).logits.squeeze(-1).tolist()
        return Answers(prompts=begun, answers=said, rewards=rewards)

    def learn(self, drawn: Answers) -> dict[str, float]:
        """Passes over the answers, an optimizer's step each; returns the figures of the step."""
        settings, lengths = self.settings, torch.tensor([len(answer) for answer in drawn.answers])
        then, kl, values = self._as_drawn(drawn)
        ends = lengths.cumsum(0) - 1
        last = torch.zeros(len(then), dtype=torch.bool).index_fill_(0, ends, True)
        rewards = (-settings.kl * kl).index_add(0, ends, drawn.totals().to(kl.dtype))
        found, targets = advantages(values, rewards, last, gamma=settings.gamma, lam=settings.lam)
        found = (found - found.mean()) / (found.std(correction=0) + 1e-8)
        sums: dict[str, float] = defaultdict(float)
        for _ in range(settings.passes):
            self._optimizer.zero_grad()
            for rows, tokens in self._micro_batches(lengths):
                logits, ids, worth = self.actor(drawn.prompts[rows], drawn.answers[rows])
                told = self._objective(logits, worth, ids, then[tokens], found[tokens], targets[tokens])
                losses = {name: value / len(then) for name, value in told.items() if name.startswith("loss_")}
                torch.stack(list(losses.values())).sum().backward()
                share = len(ids) / len(then)
                shares = {name: told[name] * share for name in ("clip_fraction", "entropy")}
                for name, value in {**losses, **shares}.items():
                    sums[name] += float(value.detach()) / settings.passes
            norm = nn.utils.clip_grad_norm_(self.actor.parameters(), settings.norm)
            sums["grad_norm"] += float(norm) / settings.passes
            self._optimizer.step()
        return {**sums, "kl": float(kl.mean()), "length": float(lengths.float().mean())}

    @torch.no_grad()
    def _as_drawn(self, drawn: Answers) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Of all tokens [N]: log-probability, how much more than by the model that it began as, and value."""
        first = Actor(self.reference)
        then, kl, values = [], [], []
        for rows, _ in self._micro_batches(torch.tensor([len(answer) for answer in drawn.answers])):
            logits, ids, worth = self.actor(drawn.prompts[rows], drawn.answers[rows])
            before, _, _ = first(drawn.prompts[rows], drawn.answers[rows])
            now, begun = (part.log_softmax(-1).gather(1, ids[:, None]).squeeze(1) for part in (logits, before))
            then.append(now)
            kl.append(now - begun)
            values.append(worth)
        return torch.cat(then), torch.cat(kl), torch.cat(values)

    def divergence(self, drawn: Answers) -> float:
        """From the model that it began as, in nats a token of these answers."""
        return float(self._as_drawn(drawn)[1].mean())

    def _micro_batches(self, lengths: torch.Tensor) -> Iterator[tuple[slice, slice]]:
        """Answers, and their tokens among all."""
        bounds = [0, *lengths.cumsum(0).tolist()]
        for start in range(0, len(lengths), self.settings.rows):
            stop = min(start + self.settings.rows, len(lengths))
            yield slice(start, stop), slice(bounds[start], bounds[stop])


def _up_to(ids: list[int], ends: set[int]) -> list[int]:
    """An answer with the token that ended it, without what pads it."""
    return ids[: next((place for place, token in enumerate(ids, start=1) if token in ends), len(ids))]


def means(drawn: Answers) -> dict[str, float]:
    """The mean of each reward over the answers that it judges, and of their sum."""
    found = {}
    for name, each in drawn.rewards.items():
        judged = [value for value in each if value is not None]
        if judged:
            found[f"rewards/{name}/mean"] = sum(judged) / len(judged)
    return {**found, "reward": float(drawn.totals().mean())}


def train_ppo(
    source: Path, out: Path, rows: list[Prompt], settings: PpoSettings, judge: PreTrainedModel | None = None
) -> dict[str, Any]:
    """Trains the model of an export and writes it to `out`, with each step's figures in `steps.jsonl`.

    Returns the mean of each reward on held-out prompts before and after, and the KL divergence then. The head that values
    tokens isn't written, and neither is the prediction layer, which transformers doesn't load. Raises `TrainingError` where
    there are too few prompts.
    """
    if len(rows) <= settings.held_out:
        raise TrainingError(f"{len(rows)} prompts are too few to hold {settings.held_out} of them out")
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(settings.seed)
    tokenizer = AutoTokenizer.from_pretrained(source, padding_side="left")
    ppo = Ppo(AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32), tokenizer, settings, judge)
    held_out, training = rows[: settings.held_out], rows[settings.held_out :]
    before = means(ppo.answer(held_out))
    out.mkdir(parents=True, exist_ok=True)
    order = _again_and_again(len(training), torch.Generator().manual_seed(settings.seed))
    with (out / STEPS).open("w") as history:
        for step in range(settings.steps):
            drawn = ppo.answer([training[next(order)] for _ in range(settings.prompts)])
            figures = {"step": step + 1, **means(drawn), **ppo.learn(drawn)}
            if not all(torch.isfinite(torch.tensor(value)) for value in figures.values()):
                raise TrainingError(f"step {step + 1} is no longer a number; lower --learning-rate")
            history.write(json.dumps(figures) + "\n")
            history.flush()
    drawn = ppo.answer(held_out)
    ppo.actor.model.save_pretrained(out)
    copy_tokenizer(source, out)
    report = {"held_out": len(held_out), "before": before, "after": means(drawn), "kl": ppo.divergence(drawn)}
    (out / REPORT).write_text(json.dumps(report, indent=1) + "\n")
    return report


def _again_and_again(count: int, generator: torch.Generator) -> Iterator[int]:
    """All of so many, in another order each time."""
    while True:
        yield from torch.randperm(count, generator=generator).tolist()


@click.command(context_settings={"show_default": True})
@click.option("--run", required=True, help="A finished run of rl, which holds the prompts.")
@click.option("--model", "source", required=True, type=click.Path(path_type=Path), help="An export: DIR/huggingface.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Where the trained model goes.")
@click.option("--reward-model", "judge", type=click.Path(path_type=Path), help="What `winnow-train reward` wrote.")
@click.option("--steps", default=PpoSettings.steps, type=click.IntRange(min=1))
@click.option("--prompts", "prompts_", default=PpoSettings.prompts, type=click.IntRange(min=1), help="Of a step.")
@click.option("--answer", default=PpoSettings.answer, type=click.IntRange(min=1), help="Tokens of an answer, at most.")
@click.option("--learning-rate", default=PpoSettings.learning_rate)
@click.option("--value-rate", default=PpoSettings.value_rate, help="Learning rate of the head that values tokens.")
@click.option("--clip", default=PpoSettings.clip, help="Largest change of a token's probability ratio in a step.")
@click.option("--gamma", default=PpoSettings.gamma, help="What a reward a token later is worth.")
@click.option("--lam", default=PpoSettings.lam, help="λ of the advantages: 0 trusts values, 1 rewards.")
@click.option("--entropy", default=PpoSettings.entropy, help="Weight of the entropy of answers.")
@click.option("--value", default=PpoSettings.value, help="Weight of the error of values.")
@click.option("--passes", default=PpoSettings.passes, type=click.IntRange(min=1), help="Steps on the answers drawn.")
@click.option("--rows", default=PpoSettings.rows, type=click.IntRange(min=1), help="Answers of a micro-batch.")
@click.option("--kl", default=PpoSettings.kl, help="Weight of the divergence from the model that it began as.")
@click.option("--held-out", default=PpoSettings.held_out, type=click.IntRange(min=1), help="Prompts.")
@click.option("--seed", default=PpoSettings.seed)
def main(run: str, source: Path, out: Path, judge: Path | None, prompts_: int, **options: Any) -> None:
    """Trains a model by PPO (torchrl) on the labelled prompts of a run; needs `winnow-corpora[align]`."""
    settings = PpoSettings(prompts=prompts_, **options)
    rows, left_out = read_prompts(prompts(Workspace(run)))
    for reason, count in left_out.items():
        click.echo(f"left out: {count:,} prompts, {reason}")
    with told():
        model = None
        if judge is not None:
            from winnow.trainer.alignment.reward_model import RewardModel

            model = RewardModel.from_pretrained(judge)
        report = train_ppo(source, out, rows, settings, model)
    for name, value in report["after"].items():
        before = report["before"].get(name)
        click.echo(f"{name}: {'nothing' if before is None else format(before, '.3f')} before, {value:.3f} after")
    click.echo(f"KL {report['kl']:.4f}")


if __name__ == "__main__":
    main()
