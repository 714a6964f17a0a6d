"""`winnow explain`: one document's way through every stage."""

from __future__ import annotations

import click
from rich.table import Table
from rich.text import Text

from winnow.pipeline import terminal
from winnow.pipeline.commands import options


@click.command(name="explain")
@options.run_folder
@click.argument("document", metavar="ID")
@click.option("--text", "whole", is_flag=True, help="print the whole text, not its beginning")
def command(run: str, document: str, whole: bool) -> None:
    """Tell one document's way through every stage of RUN.

    ID is a document's id or its first digits. Shown are where the document came from, what was measured, which rule
    dropped it (value and threshold) or where in the shards its tokens lie.
    """
    from winnow.pipeline.explanation import EXCERPT, explain
    from winnow.pipeline.reading import ConfigurationError
    from winnow.stages.run.workspace import Workspace
    from winnow.stages.shards.tracing import members

    try:
        story = explain(Workspace(run), document)
    except LookupError as error:
        held = members(Workspace(run), document)
        if not held:
            raise ConfigurationError(str(error)) from None
        files = Table("file", "document", "from token", "tokens", box=None)
        for member in held:
            files.add_row(Text(member.path), member.document, f"{member.offset:,}", f"{member.tokens:,}")
        terminal.console().print(f"a sequence of {len(held)} files of a repository", files)
        return
    console = terminal.console()
    table = Table(show_header=False, box=None)
    text = story.document.pop("text")
    for name, value in {"part": f"{story.part}, row {story.row}", **story.document}.items():
        if value is not None:
            table.add_row(name, Text(str(value)[:EXCERPT]))
    console.print(table)
    console.rule("text")
    console.print(Text(text if whole else text[:EXCERPT] + (" …" if len(text) > EXCERPT else "")))
    console.rule("measured")
    measures = Table(show_header=False, box=None)
    for name, value in story.attributes.items():
        if "." in name and value is not None:
            measures.add_row(name, f"{value:.6g}" if isinstance(value, float) else str(value))
    console.print(measures)
    console.rule("decided")
    if story.drop is not None:
        why = "{stage}: {rule}, measured {value}, asked {threshold}".format_map(story.drop)
        console.print(f"[red]dropped[/red] by {why}")
    else:
        console.print("[green]kept[/green]")
    for place in story.places:
        piece = f"tokens {place.position:,}–{place.position + place.length:,}"
        console.print(f"in {place.shard}, row {place.row}, {piece} (from token {place.offset:,} of the document)")
    if story.drop is None and not story.places:
        console.print("not in any shard: the mixture's budget was full without it, or the run isn't finished")
