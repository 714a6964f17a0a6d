"""`winnow export`: shards in another trainer's format."""

from __future__ import annotations

import importlib

import click

FORMATS = ("megatron", "mosaic", "datatrove", "jsonl")


@click.command(name="export")
@click.argument("run", metavar="RUN")
@click.option("--format", "target_format", type=click.Choice(FORMATS), required=True)
@click.option("--phase", required=True, metavar="NAME", help="a phase of the run, such as length-4096")
@click.option("--out", required=True, metavar="PATH", help="file or folder, as the format has it")
def command(run: str, target_format: str, phase: str, out: str) -> None:
    """Write one phase of a run in another trainer's format.

    \b
    megatron   OUT.bin and OUT.idx, as Megatron-LM's indexed dataset reads them
    mosaic     a folder for MosaicML Streaming
    datatrove  OUT, OUT.index: nanotron's tokenized bytes
    jsonl      one sequence a line
    """
    from winnow.pipeline.reading import ConfigurationError
    from winnow.stages.shards.sequences import ShardError

    exporter = importlib.import_module(f"winnow.stages.shards.exporters.{target_format}")
    try:
        counts = exporter.export(f"{run.rstrip('/')}/shards/index.json", phase, out)
    except (ShardError, OSError) as error:
        raise ConfigurationError(str(error)) from None
    click.echo(", ".join(f"{count:,} {name}" for name, count in counts.items()))
