"""`winnow-train plan`: what training takes on a cluster that one hasn't got yet."""

from __future__ import annotations

import json
from pathlib import Path

import click

from winnow.trainer import budget
from winnow.trainer.budget import GIB, Layout, Spell
from winnow.trainer.config import PRESETS, TrainingError, preset
from winnow.trainer.printing import say

STAGES = ("pretrain=8T@4096", "domain=7T@4096", "mid=7T@81885", "sft=1T@8192")
"""The founding plan's own example: 23T tokens in four stages; the length of `mid` is the mean of its phases by their shares."""
_UNITS = {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}


@click.command(context_settings={"show_default": True})
@click.option("--preset", "name", default="glm-4.6", type=click.Choice(list(PRESETS)), help="Size of the model.")
@click.option("--gpus", default=1_024, type=click.IntRange(min=1))
@click.option("--tp", default=8, type=click.IntRange(min=1), help="GPUs that share each layer's matrices.")
@click.option("--pp", default=4, type=click.IntRange(min=1), help="GPUs that follow one another, layer by layer.")
@click.option("--ep", default=8, type=click.IntRange(min=1), help="GPUs that share the experts of a layer.")
@click.option("--length", default=4_096, type=click.IntRange(min=1), help="Tokens of a sequence, for the memory.")
@click.option("--micro-sequences", default=1, type=click.IntRange(min=1), help="Sequences of a micro-batch.")
@click.option("--recompute/--no-recompute", default=True, help="Recompute blocks in the backward pass.")
@click.option("--gpu", default="h800", type=click.Choice(list(budget.PEAKS)))
@click.option("--mfu", default=0.4, help="Share of the peak that is reached: yours, measured or hoped for.")
@click.option("--price", default=3.0, help="Dollars for a GPU and hour.")
@click.option(
    "--stage", "spells", multiple=True, default=STAGES, metavar="NAME=TOKENS@LENGTH", help="Such as mid=7T@32768."
)
@click.option(
    "--megatron", type=click.Path(path_type=Path), help="Write megatron-core's TransformerConfig as JSON here."
)
def main(
    name: str,
    gpus: int,
    tp: int,
    pp: int,
    ep: int,
    length: int,
    micro_sequences: int,
    recompute: bool,
    gpu: str,
    mfu: float,
    price: float,
    spells: tuple[str, ...],
    megatron: Path | None,
) -> None:
    """Memory of the fullest GPU by kind, tokens a second, days and cost of each stage.

    Memory and operations are counted from the model's sizes (`trainer/budget.py` says how); nothing is measured, and the
    MFU is taken on trust.
    """
    model = preset(name)
    layout = Layout(
        gpus=gpus,
        tensor=tp,
        pipeline=pp,
        expert=ep,
        length=length,
        micro_sequences=micro_sequences,
        recompute=recompute,
    )
    try:
        needed = budget.memory(model, layout)
        plans = [
            budget.spell(model, *parse(spell), gpus=gpus, peak=budget.PEAKS[gpu], mfu=mfu, price=price)
            for spell in spells
        ]
    except TrainingError as error:
        raise click.ClickException(str(error)) from error
    whole = budget.parameters(model).total
    say(f"{name}: {whole / 1e9:,.1f} B parameters, {budget.active_parameters(model) / 1e9:,.1f} B of them a token")
    say(f"{gpus:,} × {gpu}: tp {tp}, pp {pp}, ep {ep}, data parallel {layout.data}, experts' {layout.expert_data}")
    say("\nmemory of the fullest GPU, GiB")
    for kind in ("parameters", "gradients", "states", "activations", "total"):
        say(f"  {kind:<12} {getattr(needed, kind) / GIB:>8,.2f}")
    capacity = budget.MEMORY[gpu] * 1e9
    if needed.total > capacity:
        say(f"  more than the {budget.MEMORY[gpu]} GB of a {gpu}: raise --tp, --pp or --ep, or --recompute")
    say(f"  cache of one sequence of {length:,} tokens, on all GPUs {budget.cache_bytes(model, length) / GIB:,.2f}")
    print_spells(plans, mfu)
    bare = 6 * budget.active_parameters(model) * sum(plan.tokens for plan in plans)
    hours = bare / (budget.PEAKS[gpu] * mfu) / 3_600
    say(f"  without attention, by parameters alone: {hours / 1e6:,.2f} M GPU-hours, ${hours * price:,.0f}")
    if megatron is not None:
        megatron.write_text(json.dumps(budget.megatron_config(model, layout), indent=1) + "\n")
        say(f"\n{megatron}: TransformerConfig(**json) of megatron-core")


def parse(spell: str) -> tuple[str, float, int]:
    """`mid=7T@32768` as name, tokens and length. Raises `TrainingError`."""
    stage, _, rest = spell.partition("=")
    amount, _, length = rest.partition("@")
    try:
        return stage, float(amount.rstrip("KMBT")) * _UNITS.get(amount[-1:], 1.0), int(length)
    except ValueError:
        raise TrainingError(f"--stage {spell!r} is not NAME=TOKENS@LENGTH, such as mid=7T@32768") from None


def print_spells(plans: list[Spell], mfu: float) -> None:
    """Each stage and all of them. Attention is counted over whole sequences: shorter documents in them cost less."""
    head = f"  {'stage':<10} {'tokens':>8} {'length':>8} {'tokens/s':>12} {'days':>7} {'cost':>14}"
    say(f"\nat an MFU of {mfu:.0%}\n{head}")
    for plan in plans:
        say(
            f"  {plan.name:<10} {plan.tokens / 1e12:>7,.2f}T {plan.length:>8,} {plan.tokens_per_second:>12,.0f} "
            f"{plan.days:>7,.1f} {f'${plan.cost:,.0f}':>14}"
        )
    hours, cost, days = (sum(getattr(plan, name) for plan in plans) for name in ("gpu_hours", "cost", "days"))
    tokens = sum(plan.tokens for plan in plans)
    say(f"  {'all':<10} {tokens / 1e12:>7,.2f}T {'':>8} {'':>12} {days:>7,.1f} {f'${cost:,.0f}':>14}")
    say(f"  {hours / 1e6:,.2f} M GPU-hours")


if __name__ == "__main__":
    main()
