"""`winnow export`: shards in another trainer's format."""

from __future__ import annotations

import os
from typing import Any

import click

from winnow.pipeline import terminal
from winnow.pipeline.commands.options import open_run, parse_value


class Export(click.Command):
    """Its help ends with the formats that are found, each with the first line that it says of itself."""

    def format_epilog(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        from winnow.stages.shards.exporters.found import exporters

        with formatter.section("Formats"):
            formatter.write_dl([(name, str(module.__doc__).partition("\n")[0]) for name, module in exporters().items()])


@click.command(name="export", cls=Export)
@click.argument("run", metavar="RUN")
@click.option(
    "--format", "target_format", required=True, metavar="NAME", help="one of those below, or package.module of your own"
)
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
    help="formats of documents: pieces of cut documents are joined again (default), ended each, or kept as they lie",
)
@click.option(
    "--columns", metavar="NAME,…", help="parquet: of input_ids, position_ids, labels (these by default), seq_lengths"
)
@click.option(
    "--option", "options", multiple=True, metavar="NAME=VALUE", help="another option of the format: whole_rows=yes"
)
def command(
    run: str,
    target_format: str,
    phases: tuple[str, ...],
    out: str,
    pieces: str | None,
    columns: str | None,
    options: tuple[str, ...],
) -> None:
    """Write phases of a run in another trainer's format. Nothing is overwritten.

    Formats of documents write OUT.documents.parquet too, which says what each is; a loss mask that a format has no place
    for lies beside.
    """
    from winnow.pipeline.funnel import read_index
    from winnow.pipeline.reading import ConfigurationError
    from winnow.stages.shards.exporters.found import exporter, exporters, options_of
    from winnow.stages.shards.sequences import ShardError

    workspace = open_run(run)
    index = read_index(workspace)
    if index is None:
        raise ConfigurationError(f"{run} has no shards; `winnow status {run}` tells how far it is")
    try:
        module = exporter(target_format)
    except LookupError as error:
        raise ConfigurationError(f"--format: {error}") from None
    known = options_of(module)
    asked: dict[str, Any] = dict(map(parse_value, options))
    if pieces is not None:
        asked["pieces"] = pieces
    if columns is not None:
        asked["columns"] = [name.strip() for name in columns.split(",")]
    for name in asked:
        if name not in known:
            having = [other for other, found in exporters().items() if name in options_of(found)]
            hint = f"{name} is for {' and '.join(having)}" if having else f"it has {', '.join(known) or 'none'}"
            raise ConfigurationError(f"{target_format} has no option {name}: {hint}")
    if "pieces" in known:
        asked.setdefault("pieces", "join")
    try:
        counts = module.export(f"{run.rstrip('/')}/shards/index.json", phases, out, **asked)
    except (ShardError, OSError) as error:
        raise ConfigurationError(str(error)) from None
    terminal.say(", ".join(f"{count:,} {name}" for name, count in counts.items()))
    if os.path.exists(f"{out}.loss.bin"):
        terminal.say(
            f"the stage has a loss mask, which Megatron's GPTDataset doesn't know: it lies in {out}.loss.bin and .idx, a "
            "byte a token; multiply the losses by it, or the model learns to say the questions too"
        )
