"""`winnow classifier`: models of quality and topic."""

from __future__ import annotations

import click
from rich.table import Table

from winnow.pipeline import terminal
from winnow.pipeline.commands.options import here


@click.group(name="classifier")
def command() -> None:
    """Train a model on labelled documents, and score others with it."""


@command.command(name="train")
@click.option(
    "--in", "inputs", required=True, multiple=True, metavar="FILE", help="Parquet or JSONL with text and label"
)
@click.option("--out", callback=here, required=True, metavar="FILE", help="the model")
@click.option("--text", default="text", show_default=True, help="column of the text")
@click.option("--label", default="label", show_default=True, help="column of the label")
@click.option("--epochs", default=10, show_default=True, help="passes over the documents, of fastText")
@click.option(
    "--within", multiple=True, metavar="COLUMN", help="learn within each value, of the source and the language say"
)
@click.option(
    "--embeddings",
    metavar="DIR",
    help="static embeddings (model.safetensors, tokenizer.json): a linear head over them instead of fastText",
)
def train(
    inputs: tuple[str, ...],
    out: str,
    text: str,
    label: str,
    epochs: int,
    within: tuple[str, ...],
    embeddings: str | None,
) -> None:
    """Fit a model and report precision, recall, F1 and calibration on documents it hasn't seen.

    With --within, each source has as many documents of each label, repeated where they are few, so that the source can't be
    learnt in their place, and the report tells what such a model is worth on sources (the first column) that it wasn't
    shown, with a 95 % interval.
    """
    from winnow.filters.training import Training, read_labelled
    from winnow.filters.training import train as fit
    from winnow.pipeline.configuration.reading import ConfigurationError

    try:
        given = read_labelled(inputs, text=text, label=label, within=within)
        found = fit(given, out, settings=Training(epochs=epochs, embeddings=embeddings), within=within)
    except (OSError, ValueError, LookupError) as error:
        raise ConfigurationError(str(error)) from None
    table = Table("label", "precision", "recall", "F1", box=None)
    for name, quality in found.labels.items():
        table.add_row(name, f"{quality.precision:.3f}", f"{quality.recall:.3f}", f"{quality.f1:.3f}")
    console = terminal.console()
    console.print(table)
    console.print(f"calibration error {found.calibration_error:.3f}   {out}")
    for each in found.unseen:
        console.print(
            f"{each.label}, on sources not seen: {each.area:.3f} ({each.low:.3f}–{each.high:.3f}) of pairs of one "
            f"{' and '.join(within)} in the right order, 0.5 by chance"
            + ("" if each.beats_chance else ": no better than chance, don't rank other sources by it")
        )
    if within and not found.unseen:
        console.print(f"one {within[0]} alone: nothing is known of others")


@command.command(name="score")
@click.option("--model", required=True, metavar="FILE")
@click.option("--label", required=True, help="the label whose score is wanted")
@click.option(
    "--in", "inputs", required=True, multiple=True, metavar="FILE", help="Parquet, JSONL, CSV or Arrow with `text`"
)
@click.option("--out", callback=here, required=True, metavar="DIR", help="folder for kept, rejected and measures")
def score(model: str, label: str, inputs: tuple[str, ...], out: str) -> None:
    """Write the score of each document beside it: `winnow filter --recipe classifier` with this model."""
    from dataclasses import replace

    from winnow.filters.recipes import find_recipe
    from winnow.pipeline.configuration.reading import ConfigurationError
    from winnow.pipeline.standalone import filter_files

    recipe = find_recipe("classifier")
    try:
        found = filter_files(replace(recipe, options={**recipe.options, "model": model, "label": label}), inputs, out)
    except (OSError, ValueError, LookupError) as error:
        raise ConfigurationError(str(error)) from None
    terminal.say(f"{found.documents:,} documents scored: {out}/measures.parquet")
