"""`winnow inspect`: the sequences of a shard, decoded."""

from __future__ import annotations

import click
from rich.console import Console
from rich.markup import escape

from winnow.pipeline import terminal
from winnow.pipeline.commands.options import open_run


@click.command(name="inspect")
@click.argument("shard", metavar="RUN|SHARD")
@click.option("--rows", "most", default=3, show_default=True, help="sequences to show")
@click.option("--first", default=0, show_default=True, help="the first of them")
@click.option("--document", metavar="ID", help="only sequences that hold this document, and only its tokens")
@click.option("--width", default=400, show_default=True, help="characters of each document to show")
def command(shard: str, most: int, first: int, document: str | None, width: int) -> None:
    """Show the sequences of a shard: where each document begins, its source in colour, what is learned.

    SHARD is a Parquet file of a run's shards/; of a RUN, the first shard of its first phase is shown, or every shard
    that holds the document asked for.
    """
    from winnow.pipeline.configuration.reading import ConfigurationError
    from winnow.stages.shards.inspection import holds, show
    from winnow.stages.shards.sequences import ShardError
    from winnow.tokenizer.load import load

    console = terminal.console()
    run = shard.rpartition("/shards/")[0] if shard.endswith(".parquet") else shard
    try:
        if shard.endswith(".parquet"):
            shards = [shard]
        elif not (shards := _shards(shard)):
            _show_pairs_and_prompts(console, shard, first=first, most=most, document=document, width=width)
            return
        if document is not None:
            shards = [path for path in shards if holds(path, document)]
            if not shards:
                raise ConfigurationError(f"{shard} holds no document {document}; `winnow explain` tells where it went")
        encoder = load(f"{run}/tokenizer")
        for path in shards if document is not None else shards[:1]:
            show(console, path, encoder.decode, first=first, most=most, document=document, width=width)
    except (ShardError, OSError) as error:
        raise ConfigurationError(str(error)) from None


def _shards(run: str) -> list[str]:
    """The shards of a run, the first phase's first; none of a run that makes prompts and pairs."""
    from winnow.pipeline.record.funnel import read_index

    index = read_index(open_run(run))
    files = [file.path for phase in index.phases for file in phase.files] if index else []
    return [f"{run.rstrip('/')}/shards/{file}" for file in files]


def _show_pairs_and_prompts(
    console: Console, run: str, *, first: int, most: int, document: str | None, width: int
) -> None:
    """What the stage `rl` makes in place of shards. Raises `ConfigurationError` where there is neither."""
    from winnow.pipeline.configuration.reading import ConfigurationError
    from winnow.pipeline.reports.talks import render, row_count, rows

    workspace = open_run(run)
    found = {name: workspace.list(f"rl/{name}", ".parquet") for name in ("prompts", "pairs")}
    if not any(found.values()):
        raise ConfigurationError(f"{run} has no shards yet; `winnow status {run}` tells how far it is")
    shown = 0
    for name, paths in found.items():
        count = sum(row_count(workspace, path) for path in paths)
        console.print(f"[bold]{count:,} {name}[/bold] in {escape(run)}/rl/{name}/", soft_wrap=True)
        for number, row in rows(workspace, paths, first=first, most=most, document=document):
            shown += 1
            console.print(render(number, row, width=width), soft_wrap=True)
    if document is not None and not shown:
        raise ConfigurationError(f"{run} holds no document {document}; `winnow explain` tells where it went")
