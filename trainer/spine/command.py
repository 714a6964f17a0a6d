"""`winnow-train spine`: the whole chain by one command."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import click
import torch

from winnow.stages.shards.sequences import ShardError
from winnow.trainer.config import PRESETS, TrainingError
from winnow.trainer.printing import inert, say
from winnow.trainer.spine.chain import LEDGER, Ledger, Spine, links, name_of, named_twice, work
from winnow.trainer.spine.page import verdicts, write_spine_page
from winnow.trainer.spine.retention import retention

STAGES = "pretrain,domain,mid,sft,rl"


@click.command(context_settings={"show_default": True})
@click.option("--profile", default="spine", help="Where the inputs lie, and how much of them to use.")
@click.option("--stages", default=STAGES, help="Names or paths of manifests, in their order.")
@click.option(
    "--out", default="runs/spine", type=click.Path(path_type=Path), help="Runs, models and the page go there."
)
@click.option("--preset", default="tiny", type=click.Choice(list(PRESETS)), help="Size of the model.")
@click.option("--workers", default=None, type=click.IntRange(min=1), help="Worker processes of the runs.")
@click.option("--pair", default=256, type=click.IntRange(min=16), help="Tokens of a pair that the reward model reads.")
@click.option("--grpo-steps", default=24, type=click.IntRange(min=1), help="Steps of the reinforcement.")
@click.option("--grpo-rate", default=1e-4, type=float, help="Its learning rate; small models want a larger one.")
@click.option("--answer", default=64, type=click.IntRange(min=1), help="Tokens of an answer drawn there.")
def main(
    profile: str,
    stages: str,
    out: Path,
    preset: str,
    workers: int | None,
    pair: int,
    grpo_steps: int,
    grpo_rate: float,
    answer: int,
) -> None:
    """Makes one model of all stages: each stage's run after the one before, each model from the one before.

    What is done is not done again: after an interruption, or when a manifest has changed, the same command works what
    follows from that and nothing else.
    """
    spine = Spine(
        out=out,
        stages=tuple(name.strip() for name in stages.split(",")),
        profile=profile,
        preset=preset,
        workers=workers,
        reward=("--longest", str(pair)),
        grpo=("--steps", str(grpo_steps), "--learning-rate", str(grpo_rate), "--answer", str(answer)),
    )
    try:
        if twice := named_twice(spine.stages):
            raise TrainingError(f"--stages names {', '.join(twice)} twice")
        if "rl" in map(name_of, spine.stages) and find_spec("trl") is None:
            raise TrainingError(
                "the stage rl is trained by TRL, which isn't there: pip install 'winnow-corpora[align]'"
            )
        torch.set_flush_denormal(True)
        out.mkdir(parents=True, exist_ok=True)
        ledger = Ledger(out / LEDGER)
        work(links(spine), ledger, say)
        losses = retention(spine, ledger)
        for line in verdicts(losses, spine.trained()):
            say(line)
        say(f"report: {write_spine_page(spine, ledger, losses)}")
    except (TrainingError, ShardError) as error:
        raise click.ClickException(inert(str(error))) from error


if __name__ == "__main__":
    main()
