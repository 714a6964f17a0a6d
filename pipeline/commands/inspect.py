"""`winnow inspect`: the sequences of a shard, decoded."""

from __future__ import annotations

from pathlib import Path

import click

from winnow.pipeline import terminal


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
    from winnow.pipeline.reading import ConfigurationError
    from winnow.stages.shards.inspection import holds, show
    from winnow.stages.shards.sequences import ShardError
    from winnow.tokenizer.load import load

    shards = [shard] if shard.endswith(".parquet") else _shards(shard)
    try:
        if document is not None:
            shards = [path for path in shards if holds(path, document)]
            if not shards:
                raise ConfigurationError(f"{shard} holds no document {document}; `winnow explain` tells where it went")
        encoder = load(str(Path(shards[0]).parents[2] / "tokenizer"))
        for path in shards if document is not None else shards[:1]:
            console = terminal.console()
            show(console, path, encoder.decode, first=first, most=most, document=document, width=width)
    except (ShardError, OSError) as error:
        raise ConfigurationError(str(error)) from None


def _shards(run: str) -> list[str]:
    from winnow.pipeline.funnel import read_index
    from winnow.pipeline.reading import ConfigurationError
    from winnow.stages.run.workspace import Workspace

    index = read_index(Workspace(run))
    files = [file.path for phase in index.phases for file in phase.files] if index else []
    if not files:
        raise ConfigurationError(f"{run} has no shards yet; `winnow status {run}` tells how far it is")
    return [f"{run.rstrip('/')}/shards/{file}" for file in files]
