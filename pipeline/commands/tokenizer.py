"""`winnow tokenizer`: train, encode, evaluate and export tokenizers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table


@click.group(name="tokenizer")
def command() -> None:
    """Train, encode, evaluate and export tokenizers. A PATH is a folder or file: tokenizer.model or tokenizer.json."""


@command.command(name="train")
@click.option(
    "--in", "inputs", required=True, multiple=True, metavar="FILE", help="Parquet, JSONL, CSV or Arrow with `text`"
)
@click.option("--out", required=True, metavar="DIR")
@click.option("--vocabulary-size", default=64_000, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--sample-bytes", default=2 << 30, show_default=True, help="text to train on")
def train(inputs: tuple[str, ...], out: str, vocabulary_size: int, seed: int, sample_bytes: int) -> None:
    """Train a lossless BPE with byte fallback and the special tokens of the GLM family, on a seeded sample."""
    from pipeline.reading import ConfigurationError
    from tokenizer.train import TrainingError
    from tokenizer.train import train as train_on

    try:
        click.echo(train_on(_texts(inputs), vocabulary_size, seed, out, sample_bytes=sample_bytes))
    except (TrainingError, FileNotFoundError) as error:
        raise ConfigurationError(str(error)) from None


@command.command(name="encode")
@click.argument("path")
@click.argument("text", required=False)
@click.option("--pieces", is_flag=True, help="show what each id spells")
def encode(path: str, text: str | None, pieces: bool) -> None:
    """Print the ids of TEXT, or of standard input as it is. Special tokens in a text are text."""
    import pyarrow as pa

    from pipeline.reading import ConfigurationError

    encoder = _load(path)
    try:
        content = sys.stdin.buffer.read().decode() if text is None else text
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"standard input is not UTF-8: {error}") from None
    ids = encoder.encode(pa.array([content], pa.large_string())).ids
    if pieces:
        click.echo(" ".join(f"{number}:{_spelled(encoder.spellings[number])}" for number in ids.tolist()))
    else:
        click.echo(" ".join(map(str, ids)))


@command.command(name="evaluate")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--in", "inputs", required=True, multiple=True, metavar="[GROUP=]FILE", help="texts, by language or domain"
)
def evaluate(paths: tuple[str, ...], inputs: tuple[str, ...]) -> None:
    """Compare tokenizers: bytes per token, byte fallback, round trips, by group of texts."""
    from tokenizer.evaluate import evaluate as measure

    groups = {}
    for given in inputs:
        group, sign, files = given.partition("=")
        groups[group if sign else Path(given).stem] = _texts((files if sign else given,))
    table = Table(
        "tokenizer", "group", "bytes/token", "characters/token", "byte fallback %", "lost", "ids used", box=None
    )
    for row in measure({path: _load(path) for path in paths}, groups):
        shares = f"{row.bytes_per_token:.3f}", f"{row.characters_per_token:.3f}", f"{100 * row.fallback_share:.2f}"
        table.add_row(row.tokenizer, row.group, *shares, f"{row.lost:,}", f"{row.used:,}")
    Console(highlight=False).print(table)


@command.command(name="export")
@click.argument("path")
@click.option("--out", required=True, metavar="DIR")
def export(path: str, out: str) -> None:
    """Write tokenizer.json (equal ids), its configuration and the chat template, as `transformers` reads them."""
    from pipeline.reading import ConfigurationError
    from tokenizer.export import ExportError
    from tokenizer.export import export as files

    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        for name, content in files(_load(path)).items():
            (folder / name).write_bytes(content)
            click.echo(str(folder / name))
    except ExportError as error:
        raise ConfigurationError(str(error)) from None


def _spelled(spelling: bytes) -> str:
    """What an id stands for: text in quotes, parts of characters as bytes."""
    try:
        return repr(spelling.decode())
    except UnicodeDecodeError:
        return repr(spelling)


def _load(path: str):  # type: ignore[no-untyped-def]
    from pipeline.reading import ConfigurationError
    from tokenizer.encode import load

    try:
        return load(path)
    except (OSError, ValueError) as error:
        raise ConfigurationError(str(error)) from None


def _texts(inputs: tuple[str, ...]) -> Iterator[str]:
    from pipeline.standalone import read_documents
    from stages.document import REJECTION

    for table in read_documents(inputs, source="texts"):
        if table.schema != REJECTION:
            yield from table["text"].to_pylist()
