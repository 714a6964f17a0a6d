"""`winnow export`: shards in another trainer's format."""

from __future__ import annotations

import importlib
import os

import click

from winnow.pipeline import terminal
from winnow.pipeline.commands.options import open_run

FORMATS = ("megatron", "mosaic", "datatrove", "jsonl", "parquet")
DOCUMENTS = ("megatron", "datatrove")  # formats of documents; the others hold packed rows


@click.command(name="export")
@click.argument("run", metavar="RUN")
@click.option("--format", "target_format", type=click.Choice(FORMATS), required=True)
@click.option(
    "--phase",
    "phases",
    required=True,
    multiple=True,
    metavar="NAME",
    help="such as length-4096; several follow in order",
)
@click.option("--out", required=True, metavar="PATH", help="file or folder, as the format has it")
@click.option(
    "--pieces",
    type=click.Choice(("join", "end", "keep")),
    help="megatron, datatrove: pieces of cut documents are joined again (default), ended each, or kept as they lie",
)
@click.option(
    "--columns", metavar="NAME,…", help="parquet: of input_ids, position_ids, labels (these by default), seq_lengths"
)
def command(
    run: str, target_format: str, phases: tuple[str, ...], out: str, pieces: str | None, columns: str | None
) -> None:
    """Write phases of a run in another trainer's format. Nothing is overwritten.

    \b
    megatron   OUT.bin and OUT.idx, as Megatron-LM's indexed dataset reads them
    mosaic     a folder for MosaicML Streaming, one below it for each of several phases
    datatrove  OUT.ds, OUT.ds.index: nanotron's tokenized bytes
    jsonl      one sequence a line
    parquet    a folder with plain columns for datasets' load_dataset

    megatron and datatrove hold documents: OUT.documents.parquet says what each is, and a loss mask lies beside.
    """
    from winnow.pipeline.funnel import read_index
    from winnow.pipeline.reading import ConfigurationError
    from winnow.stages.shards.sequences import ShardError

    workspace = open_run(run)
    index = read_index(workspace)
    if index is None:
        raise ConfigurationError(f"{run} has no shards; `winnow status {run}` tells how far it is")
    for name, value, formats in (("--pieces", pieces, DOCUMENTS), ("--columns", columns, ("parquet",))):
        if value is not None and target_format not in formats:
            raise ConfigurationError(f"{name} is for {' and '.join(formats)}, not for {target_format}")
    asked = {"pieces": pieces or "join"} if target_format in DOCUMENTS else {}
    if columns is not None:
        asked["columns"] = [name.strip() for name in columns.split(",")]  # type: ignore[assignment]
    exporter = importlib.import_module(f"winnow.stages.shards.exporters.{target_format}")
    try:
        counts = exporter.export(f"{run.rstrip('/')}/shards/index.json", phases, out, **asked)
    except (ShardError, OSError) as error:
        raise ConfigurationError(str(error)) from None
    terminal.say(", ".join(f"{count:,} {name}" for name, count in counts.items()))
    if os.path.exists(f"{out}.loss.bin"):
        terminal.say(
            f"the stage has a loss mask, which Megatron's GPTDataset doesn't know: it lies in {out}.loss.bin and .idx, a "
            "byte a token; multiply the losses by it, or the model learns to say the questions too"
        )
