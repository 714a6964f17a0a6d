"""`winnow-train`: trains a model on the shards of a finished run, and leaves checkpoints, a history and an export."""

from __future__ import annotations

import os
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import click
import torch

from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.sequences import ShardError
from winnow.stages.shards.shard import INDEX, ShardIndex
from winnow.stages.training import Decay, Matrices
from winnow.trainer.config import MOST_PREDICTION_LAYERS, PRESETS, TrainingError, preset
from winnow.trainer.loop import Note, Training
from winnow.trainer.parallel import World, joined_world
from winnow.trainer.pipeline_parallel import Order
from winnow.trainer.printing import inert, say
from winnow.trainer.recipe import epochs_of, optimizer_of, overridden, recipe_of, schedule_of
from winnow.trainer.settings import RunConfig
from winnow.trainer.start import extended, start_from

LONGEST_ON_CPU = 4_096  # attention grows with the square of the length: a row of 25,000 tokens takes minutes there
Command = TypeVar("Command", bound=Callable[..., Any])
EVALUATED_TOKENS = 8_192  # of each phase, after training; `python -m winnow.trainer.evaluate` reads more


RECIPE_OPTIONS: dict[str, tuple[Any, str]] = {
    "learning_rate": (float, "at the peak of the schedule"),
    "decay": (click.Choice([decay.value for decay in Decay]), "of the learning rate after the warm-up"),
    "warmup": (float, "share of the steps over which the learning rate rises"),
    "warmup_steps": (int, "the same as a number of steps"),
    "batch_tokens": (int, "tokens of a step, all ranks together"),
    "batch_start": (int, "tokens of the first step, where the batch grows"),
    "batch_growth": (int, "over how many tokens it grows"),
    "epochs": (float, "how often everything is read"),
    "tokens": (int, "how many tokens are read"),
    "steps": (int, "steps of the optimizer over all phases"),
    "matrices": (click.Choice([kind.value for kind in Matrices]), "optimizer of the matrices"),
    "head": (click.Choice([kind.value for kind in Matrices]), "optimizer of the output head"),
    "balance_rate": (float, "step of the routers' correction bias"),
    "prediction_weight": (float, "of the multi-token prediction loss"),
    "precision": (click.Choice(["bf16", "fp32"]), "of the computation on CUDA"),
    "held_out": (float, "share of each phase kept for evaluation"),
    "checkpoint_every": (int, "steps between checkpoints"),
    "checkpoint_activations": (bool, "whether blocks are computed again in the backward pass"),
}
"""What the command line may say otherwise than the manifest: type and meaning."""


def recipe_options(command: Command) -> Command:
    """An option for each value of the recipe that may be changed, without a default of its own."""
    for name, (kind, meaning) in reversed(RECIPE_OPTIONS.items()):
        option = "--" + name.replace("_", "-")
        command = click.option(option, type=kind, default=None, help=f"Recipe: {meaning}.")(command)
    return command


@click.command(context_settings={"show_default": True})
@click.option("--run", required=True, help="The finished run: the folder that holds shards/index.json.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Where checkpoints and the report go.")
@click.option("--preset", "name", default="nano", type=click.Choice(list(PRESETS)), help="Size of the model.")
@click.option(
    "--prediction-layers",
    default=None,
    type=click.IntRange(0, MOST_PREDICTION_LAYERS),
    help="Layers that predict further tokens, each one more; by default the preset's, 1.",
)
@click.option(
    "--weights",
    default=None,
    type=click.Path(path_type=Path),
    help="Go on with this model: a checkpoint in Hugging Face's layout, or the --out of another run.",
)
@click.option("--optimizer-state", is_flag=True, help="Go on with the optimizers' state of that other run, too.")
@click.option("--unchecked-tokenizer", is_flag=True, help="Take weights that come without a tokenizer.")
@click.option("--phases", default=None, help="Comma-separated names of the phases to train on.")
@click.option("--longest", default=None, type=int, help="Leave out longer phases; by default 4096 on a CPU.")
@click.option("--micro-tokens", default=8_192, help="Most tokens in one forward pass of a rank.")
@click.option("--multiple", default=1, help="Sequences of a step are a multiple of this: the most ranks ever used.")
@click.option("--rotary-base", default=None, type=float, help="One base for all phases, in place of the manifest's.")
@click.option(
    "--expert-parallel", default=1, type=click.IntRange(min=1), help="Ranks that share the experts of a layer."
)
@click.option(
    "--tensor-parallel",
    default=1,
    type=click.IntRange(min=1),
    help="Ranks that share each layer, its experts included, and read the same batches.",
)
@click.option(
    "--pipeline-parallel",
    default=1,
    type=click.IntRange(min=1),
    help="Stages that the layers are dealt out to, which read the same batches.",
)
@click.option(
    "--pipeline-schedule",
    default=Order.ONE_FORWARD_ONE_BACKWARD.value,
    type=click.Choice([order.value for order in Order]),
    help="Order in which the stages work at micro-batches.",
)
@click.option("--device", default=None, type=click.Choice(["cpu", "cuda"]), help="By default cuda where there is one.")
@click.option("--seed", default=0)
@click.option("--export/--no-export", "exports", default=True, help="Evaluate and write the Hugging Face checkpoint.")
@recipe_options
def main(
    run: str,
    out: Path,
    name: str,
    prediction_layers: int | None,
    weights: Path | None,
    unchecked_tokenizer: bool,
    phases: str | None,
    longest: int | None,
    device: str | None,
    exports: bool,
    **options: Any,
) -> None:
    """Trains a mixture-of-experts model on the shards of a finished run; goes on where an earlier call stopped.

    The recipe is the manifest's (`training:`), as the run's lock keeps it; the options marked "Recipe" say otherwise, and
    what they change is told.

    Several processes: torchrun --nproc-per-node N -m winnow.trainer.train -- --run … (without the -- torchrun takes
    --run for an option of its own).
    """
    try:
        with joined_world(device) as world:
            prepare(world)
            workspace = Workspace(run)
            if not workspace.exists(INDEX):
                raise TrainingError(f"{workspace.path(INDEX)} isn't there: build the run first, with `make pipeline`")
            index = ShardIndex.from_json(workspace.read_bytes(INDEX), workspace.path(INDEX))
            tell = say if world.leads else _silent
            given = {key: options.pop(key) for key in RECIPE_OPTIONS}
            recipe = overridden(recipe_of(workspace), given, tell)
            start = start_from(weights, index, check_tokenizer=not unchecked_tokenizer) if weights else None
            if longest is None and world.device.type == "cpu":
                longest = LONGEST_ON_CPU
            chosen = choose_phases(index, phases, longest)
            vocabulary = index.tokenizer["vocabulary_size"]
            fresh = preset(name, vocab_size=vocabulary, prediction_layers=prediction_layers)
            model = start.model.config if start else fresh
            if prediction_layers not in (None, model.num_nextn_predict_layers):
                raise TrainingError(
                    f"--prediction-layers {prediction_layers}: the model in {weights} has "
                    f"{model.num_nextn_predict_layers}, and goes on with those"
                )
            config = RunConfig(
                model=extended(model, index, chosen),
                weights=str(weights) if weights else None,
                schedule=schedule_of(recipe, index, chosen),
                optimizer=optimizer_of(recipe),
                batch_tokens=recipe.batch_tokens,
                epochs=epochs_of(recipe),
                held_out=recipe.held_out,
                balance_weight=recipe.balance_weight,
                checkpoint_every=recipe.checkpoint_every,
                keep=recipe.keep,
                checkpoint_activations=recipe.checkpoint_activations,
                precision=recipe.precision,
                phases=chosen,
                least_rotary_base=start.model.rotary.base if start else 0.0,
                **options,
            )
            before, now = model.max_position_embeddings, config.model.max_position_embeddings
            if start and now > before:
                tell(f"context extended from {before:,} to {now:,} positions")
            lower = [
                phase.name
                for phase in index.phases
                if phase.name in chosen and phase.rotary_base < config.least_rotary_base
            ]
            if lower and config.rotary_base is None:
                tell(
                    f"rotary base {config.least_rotary_base:g}, which the weights have come to, for {', '.join(lower)}, too"
                )
            training = Training(run, out, config, world, start)
            if training.resume() and world.leads:
                say(f"resumed after step {training.progress.steps} of {len(training.steps)}")
            training.run(tell_step)
        if exports and world.leads:
            finish(run, out)
    except (TrainingError, ShardError) as error:
        raise click.ClickException(inert(str(error))) from error


def _silent(line: str) -> None:
    """What the other ranks say."""


def choose_phases(index: ShardIndex, names: str | None, longest: int | None) -> tuple[str, ...]:
    """The phases named, or all that aren't longer than `longest`; says which are left out.

    Raises `TrainingError` with the nearest right name for a phase that the run hasn't got.
    """
    if names is not None:
        known = [phase.name for phase in index.phases]
        asked = tuple(name.strip() for name in names.split(","))
        for name in asked:
            if name not in known:
                near = get_close_matches(name, known, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
                raise TrainingError(f"--phases: the run has no phase {name!r}; {hint}")
        return asked
    chosen = tuple(phase.name for phase in index.phases if longest is None or phase.length <= longest)
    left_out = [phase.name for phase in index.phases if phase.sequences and phase.name not in chosen]
    if left_out:
        say(f"left out, longer than {longest} tokens (see --longest): {', '.join(left_out)}")
    return chosen


def prepare(world: World) -> None:
    """Settings of the process that make training fast and repeatable."""
    torch.set_flush_denormal(True)  # denormals make the cross-entropy 6 to 8 times slower on a CPU
    torch.use_deterministic_algorithms(world.device.type == "cpu")
    if world.size > 1 and world.device.type == "cpu":
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // world.size))


def tell_step(note: Note) -> None:
    """One line a step."""
    worst = max(note["max_violation"], default=0.0)
    say(
        f"step {note['step']:>5}  {note['phase']}  loss {note['loss']:.4f}  ahead {note['loss_ahead']:.4f}  "
        f"norm {note['gradient_norm']:.2f}  rate {note['learning_rate']:.2e}  MaxVio {worst:.2f}  "
        f"{note['tokens_per_second']:,} tokens/s"
    )


def finish(run: str, out: Path) -> None:
    """Evaluates the last checkpoint, exports it and writes the report."""
    from winnow.trainer.evaluate import (  # both need transformers or matplotlib, which training doesn't
        evaluate_run,
        print_results,
    )
    from winnow.trainer.export import export_run
    from winnow.trainer.report import write_report

    print_results(evaluate_run(run, out, most_tokens=EVALUATED_TOKENS))
    export_run(run, out)
    write_report(out)


if __name__ == "__main__":
    main()
