"""`winnow-train`: trains a model on the shards of a finished run, and leaves checkpoints, a history and an export."""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path

import click
import torch

from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.sequences import ShardError
from winnow.stages.shards.shard import INDEX, ShardIndex
from winnow.trainer.config import PRESETS, TrainingError, preset
from winnow.trainer.loop import Note, Training
from winnow.trainer.model import Transformer
from winnow.trainer.optimizer import OptimizerConfig
from winnow.trainer.parallel import World, joined_world
from winnow.trainer.schedule import Schedule
from winnow.trainer.settings import RunConfig

LONGEST_ON_CPU = 4_096  # attention grows with the square of the length: a row of 25,000 tokens takes minutes there
EVALUATED_TOKENS = 8_192  # of each phase, after training; `python -m winnow.trainer.evaluate` reads more


@click.command(context_settings={"show_default": True})
@click.option("--run", required=True, help="The finished run: the folder that holds shards/index.json.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Where checkpoints and the report go.")
@click.option("--preset", "name", default="nano", type=click.Choice(list(PRESETS)), help="Size of the model.")
@click.option("--weights", default=None, help="Start from this checkpoint in Hugging Face's layout, at its own size.")
@click.option("--steps", default=50, help="Steps of the optimizer over all phases.")
@click.option("--batch-tokens", default=4_096, help="Tokens of a step, all ranks together.")
@click.option("--micro-tokens", default=8_192, help="Most tokens in one forward pass of a rank.")
@click.option("--multiple", default=1, help="Sequences of a step are a multiple of this: the most ranks ever used.")
@click.option("--phases", default=None, help="Comma-separated names of the phases to train on.")
@click.option("--longest", default=None, type=int, help="Leave out longer phases; by default 4096 on a CPU.")
@click.option("--learning-rate", default=OptimizerConfig.learning_rate, help="At the peak of the schedule.")
@click.option("--matrices", default="muon", type=click.Choice(["muon", "adamw"]), help="Optimizer of the matrices.")
@click.option("--head", default="adamw", type=click.Choice(["muon", "adamw"]), help="Optimizer of the output head.")
@click.option("--batch-warmup", default=0.0, help="Share of the steps over which the batch grows to its full size.")
@click.option("--balance-rate", default=Schedule.early_balance_rate, help="Step of the routers' correction bias.")
@click.option("--rotary-base", default=None, type=float, help="One base for all phases, in place of the manifest's.")
@click.option("--held-out", default=0.02, help="Share of each phase kept for evaluation.")
@click.option("--checkpoint-every", default=50, help="Steps between checkpoints.")
@click.option("--checkpoint-activations", is_flag=True, help="Recompute blocks in the backward pass.")
@click.option("--expert-parallel", default=1, help="Ranks that share the experts of a layer.")
@click.option("--device", default=None, type=click.Choice(["cpu", "cuda"]), help="By default cuda where there is one.")
@click.option("--seed", default=0)
@click.option("--export/--no-export", "exports", default=True, help="Evaluate and write the Hugging Face checkpoint.")
def main(
    run: str,
    out: Path,
    name: str,
    weights: str | None,
    steps: int,
    learning_rate: float,
    matrices: str,
    head: str,
    batch_warmup: float,
    balance_rate: float,
    phases: str | None,
    longest: int | None,
    device: str | None,
    exports: bool,
    **options: object,
) -> None:
    """Trains a mixture-of-experts model on the shards of a finished run; goes on where an earlier call stopped.

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
            model = imported(weights) if weights else None
            config = RunConfig(
                model=model.config if model else preset(name, vocab_size=index.tokenizer["vocabulary_size"]),
                weights=weights,
                schedule=Schedule(steps=steps, batch_warmup=batch_warmup, early_balance_rate=balance_rate),
                optimizer=OptimizerConfig(learning_rate=learning_rate, matrices=matrices, head=head),
                phases=choose_phases(
                    index, phases, longest or (LONGEST_ON_CPU if world.device.type == "cpu" else None)
                ),
                **options,  # type: ignore[arg-type]
            )
            training = Training(run, out, config, world, model)
            if training.resume() and world.leads:
                click.echo(f"resumed after step {training.progress.steps} of {len(training.steps)}")
            training.run(say)
        if exports and world.leads:
            finish(run, out)
    except (TrainingError, ShardError) as error:
        raise click.ClickException(str(error)) from error


def imported(folder: str) -> Transformer:
    """The model of a checkpoint in the released layout, in fp32: on CUDA only the computation is in half precision."""
    from winnow.trainer.export import import_checkpoint  # loads numba: a run from scratch doesn't pay for it

    return import_checkpoint(Path(folder)).float()


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
        click.echo(f"left out, longer than {longest} tokens (see --longest): {', '.join(left_out)}")
    return chosen


def prepare(world: World) -> None:
    """Settings of the process that make training fast and repeatable."""
    torch.set_flush_denormal(True)  # denormals make the cross-entropy 6 to 8 times slower on a CPU
    torch.use_deterministic_algorithms(world.device.type == "cpu")
    if world.size > 1 and world.device.type == "cpu":
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // world.size))


def say(note: Note) -> None:
    """One line a step."""
    worst = max(note["max_violation"], default=0.0)
    click.echo(
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
