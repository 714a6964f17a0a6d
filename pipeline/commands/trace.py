"""`winnow trace`: from a token of a shard to its document, its source file and the line there."""

from __future__ import annotations

from pathlib import Path

import click
from rich.table import Table
from rich.text import Text

from winnow.pipeline import terminal


@click.command(name="trace")
@click.argument("shard", metavar="SHARD")
@click.argument("row", type=click.IntRange(min=0))
@click.argument("token", type=click.IntRange(min=0))
def command(shard: str, row: int, token: int) -> None:
    """Tell where token TOKEN of row ROW of SHARD comes from, both counted from 0.

    SHARD is a Parquet file in its run's shards/. Shown are the document, the file that it was read from, in a repository
    the file's path, and the line of the text on which the token begins.
    """
    from winnow.pipeline.configuration.reading import ConfigurationError
    from winnow.stages.run.workspace import Workspace
    from winnow.stages.shards.sequences import ShardError
    from winnow.stages.shards.tracing import trace
    from winnow.tokenizer.load import load

    run = shard.rsplit("/", 3)[0] if "://" in shard else str(Path(shard).parents[2])
    try:
        encoder = load(f"{run}/tokenizer")
        found = trace(Workspace(run), shard, row, token, encoder.decode)
    except (ShardError, OSError) as error:
        raise ConfigurationError(str(error)) from None
    told: dict[str, object] = {"token": f"{found.token}, {encoder.decode([found.token])!r}"}
    if found.segment is None:
        told["of"] = "no document: padding"
    else:
        told["segment"] = f"{found.segment['document']}, token {found.place}"
    if found.member is not None:
        told["file"] = found.member.path
    if found.document is not None:
        shown = ("id", "source", "locator", "url", "title", "repository", "path", "license", "part")
        told |= {name: found.document.get(name) for name in shown}
    elif found.segment is not None:
        told["of"] = "no document: what the pipeline put between the files of a repository"
    told["line"] = found.line
    table = Table(show_header=False, box=None)
    for name, value in told.items():
        if value is not None:
            table.add_row(name, Text(str(value)))
    terminal.console().print(table)
