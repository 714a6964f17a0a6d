"""`winnow tokenizer`: train, encode, evaluate and export tokenizers."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import click

from winnow.pipeline import terminal
from winnow.pipeline.commands.options import here


@click.group(name="tokenizer")
def command() -> None:
    """Train, encode, evaluate and export tokenizers. A PATH is a folder or file: tokenizer.model or tokenizer.json."""


@command.command(name="train")
@click.option(
    "--in", "inputs", required=True, multiple=True, metavar="FILE", help="Parquet, JSONL, CSV or Arrow with `text`"
)
@click.option("--out", callback=here, required=True, metavar="DIR")
@click.option("--vocabulary-size", default=64_000, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--sample-bytes", default=2 << 30, show_default=True, help="text to train on")
def train(inputs: tuple[str, ...], out: str, vocabulary_size: int, seed: int, sample_bytes: int) -> None:
    """Train a lossless BPE with byte fallback and the special tokens of the GLM family, on a seeded sample."""
    from winnow.pipeline.configuration.reading import ConfigurationError
    from winnow.tokenizer.train import TrainingError
    from winnow.tokenizer.train import train as train_on

    try:
        terminal.say(train_on(_texts(inputs), vocabulary_size, seed, out, sample_bytes=sample_bytes))
    except (TrainingError, FileNotFoundError) as error:
        raise ConfigurationError(str(error)) from None


@command.command(name="encode")
@click.argument("path")
@click.argument("text", required=False)
@click.option("--pieces", is_flag=True, help="show what each id spells")
def encode(path: str, text: str | None, pieces: bool) -> None:
    """Print the ids of TEXT, or of standard input as it is. Special tokens in a text are text."""
    import pyarrow as pa

    from winnow.pipeline.configuration.reading import ConfigurationError

    encoder = _load(path)
    try:
        content = sys.stdin.buffer.read().decode() if text is None else text
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"standard input is not UTF-8: {error}") from None
    ids = encoder.encode(pa.array([content], pa.large_string())).ids
    if pieces:
        terminal.say(" ".join(f"{number}:{_spelled(encoder.spellings[number])}" for number in ids.tolist()))
    else:
        terminal.say(" ".join(map(str, ids)))


@command.command(name="evaluate")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--in", "inputs", multiple=True, metavar="[GROUP=]FILE", help="texts, by language or domain")
@click.option("--run", "runs", multiple=True, metavar="RUN", help="what a run tokenized, by source and by language")
@click.option("--sample-bytes", type=click.IntRange(min=1), help="text of each group; all by default")
def evaluate(paths: tuple[str, ...], inputs: tuple[str, ...], runs: tuple[str, ...], sample_bytes: int | None) -> None:
    """Compare tokenizers: bytes per token, what is unknown or spelled byte by byte, round trips, by group of texts."""
    from winnow.pipeline.configuration.reading import ConfigurationError
    from winnow.tokenizer.evaluate import evaluate as measure

    if not inputs and not runs:
        raise ConfigurationError("no texts to compare tokenizers on: give --in FILE or --run RUN")
    samples = chain(_samples(inputs), *map(_samples_of_run, runs))
    heads = ("bytes/token", "characters/token", "unknown or bytes", "lost", "of texts", "ids used")
    terminal.say("  ".join(heads) + "  tokenizer")
    group = None
    for row in measure({path: _load(path) for path in paths}, samples, sample_bytes=sample_bytes):
        if row.group != group:
            group = row.group
            terminal.say(group)
        ratios = f"{row.bytes_per_token:.3f}", f"{row.characters_per_token:.3f}", f"{row.fallback_share:.2%}"
        figures = *ratios, f"{row.lost:,}", f"{row.texts:,}", f"{row.used:,}"
        cells = [figure.rjust(len(head)) for figure, head in zip(figures, heads, strict=True)]
        terminal.say("  ".join(cells) + f"  {row.tokenizer}")


@command.command(name="export")
@click.argument("path")
@click.option("--out", callback=here, required=True, metavar="DIR")
def export(path: str, out: str) -> None:
    """Write tokenizer.json (equal ids), its configuration and the chat template, as `transformers` reads them."""
    from winnow.pipeline.configuration.reading import ConfigurationError
    from winnow.tokenizer.export import ExportError
    from winnow.tokenizer.export import export as files

    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        for name, content in files(_load(path)).items():
            (folder / name).write_bytes(content)
            terminal.say(str(folder / name))
    except ExportError as error:
        raise ConfigurationError(str(error)) from None


def _spelled(spelling: bytes) -> str:
    """What an id stands for: text in quotes, parts of characters as bytes."""
    try:
        return repr(spelling.decode())
    except UnicodeDecodeError:
        return repr(spelling)


def _load(path: str):  # type: ignore[no-untyped-def]
    from winnow.pipeline.configuration.reading import ConfigurationError
    from winnow.tokenizer.load import load

    try:
        return load(path)
    except (OSError, ValueError) as error:
        raise ConfigurationError(str(error)) from None


def _texts(inputs: tuple[str, ...]) -> Iterator[str]:
    return chain.from_iterable(_batches(inputs))


def _batches(inputs: tuple[str, ...]) -> Iterator[list[str]]:
    from winnow.pipeline.standalone import read_documents
    from winnow.stages.document import REJECTION

    for table in read_documents(inputs, source="texts"):
        if table.schema != REJECTION:
            yield table["text"].to_pylist()


def _samples(inputs: Sequence[str]) -> Iterator[tuple[list[str], list[str]]]:
    """Texts of files, each with its group: as it is given, else the file's name."""
    for given in inputs:
        group, sign, files = given.partition("=")
        for texts in _batches((files if sign else given,)):
            yield [group if sign else Path(given).stem], texts


def _samples_of_run(run: str) -> Iterator[tuple[list[str], list[str]]]:
    """The texts that a run tokenized, special tokens left out, each with its source and its language."""
    import polars as pl

    from winnow.pipeline.configuration.reading import ConfigurationError
    from winnow.stages.run.workspace import Workspace

    workspace = Workspace(run)
    parts = workspace.list("tokens", ".parquet")
    if not parts:
        raise ConfigurationError(f"{run} holds no tokens: expected the folder of a run that has tokenized")
    encoder = _load(workspace.path("tokenizer"))
    for part in parts:
        documents = pl.DataFrame(workspace.read_table(part, columns=["source", "language", "tokens"]))
        for (source, language), rows in documents.group_by("source", "language", maintain_order=True):
            ids = (tokens.to_numpy() for tokens in rows["tokens"])
            yield [source, language or "unknown"], [encoder.decode(i[encoder.lengths[i] > 0]) for i in ids]
