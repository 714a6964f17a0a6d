"""`winnow classifier`: fastText quality and topic models."""

from __future__ import annotations

import click
from rich.table import Table

from winnow.pipeline import terminal


@click.group(name="classifier")
def command() -> None:
    """Train a fastText model on labelled documents, and score others with it."""


@command.command(name="train")
@click.option(
    "--in", "inputs", required=True, multiple=True, metavar="FILE", help="Parquet or JSONL with text and label"
)
@click.option("--out", required=True, metavar="FILE", help="the model")
@click.option("--text", default="text", show_default=True, help="column of the text")
@click.option("--label", default="label", show_default=True, help="column of the label")
@click.option("--epochs", default=10, show_default=True, help="passes over the documents")
def train(inputs: tuple[str, ...], out: str, text: str, label: str, epochs: int) -> None:
    """Fit a model and report precision, recall, F1 and calibration on documents it hasn't seen."""
    from winnow.filters.training import Training, read_labelled
    from winnow.filters.training import train as fit
    from winnow.pipeline.reading import ConfigurationError

    try:
        found = fit(read_labelled(inputs, text=text, label=label), out, settings=Training(epochs=epochs))
    except (OSError, ValueError) as error:
        raise ConfigurationError(str(error)) from None
    table = Table("label", "precision", "recall", "F1", box=None)
    for name, quality in found.labels.items():
        table.add_row(name, f"{quality.precision:.3f}", f"{quality.recall:.3f}", f"{quality.f1:.3f}")
    console = terminal.console()
    console.print(table)
    console.print(f"calibration error {found.calibration_error:.3f}   {out}")


@command.command(name="score")
@click.option("--model", required=True, metavar="FILE")
@click.option("--label", required=True, help="the label whose score is wanted")
@click.option(
    "--in", "inputs", required=True, multiple=True, metavar="FILE", help="Parquet, JSONL, CSV or Arrow with `text`"
)
@click.option("--out", required=True, metavar="DIR", help="folder for kept, rejected and measures")
def score(model: str, label: str, inputs: tuple[str, ...], out: str) -> None:
    """Write the score of each document beside it: `winnow filter --recipe classifier` with this model."""
    from dataclasses import replace

    from winnow.filters.recipes import find_recipe
    from winnow.pipeline.reading import ConfigurationError
    from winnow.pipeline.standalone import filter_files

    recipe = find_recipe("classifier")
    try:
        found = filter_files(replace(recipe, options={**recipe.options, "model": model, "label": label}), inputs, out)
    except (OSError, ValueError, LookupError) as error:
        raise ConfigurationError(str(error)) from None
    terminal.say(f"{found.documents:,} documents scored: {out}/measures.parquet")
