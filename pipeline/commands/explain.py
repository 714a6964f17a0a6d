"""`winnow explain`: one document's way through every stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from rich.table import Table
from rich.text import Text

from winnow.pipeline import terminal
from winnow.pipeline.commands import options

if TYPE_CHECKING:
    from rich.console import Console

    from winnow.pipeline.reports.explanation import Explanation

NOWHERE = {
    "shards": "not in any shard: the mixture's budget was full without it",
    "answers": "no model was asked about it: `rate` chose others",
    "preferences": "neither a prompt nor a pair: it is no conversation that somebody else than the assistant opens",
}
EXCERPT = 400  # characters of a text or a field


@click.command(name="explain")
@options.run_folder
@click.argument("document", metavar="DOCUMENT")
@click.option("--text", "whole", is_flag=True, help="print the whole text, not its beginning")
def command(run: str, document: str, whole: bool) -> None:
    """Tell one document's way through every stage of RUN.

    DOCUMENT is a document's id or its first digits, its address or locator or how that ends, the file that it was read
    from, or words of its text. First comes the verdict: kept, and where in the shards, or dropped, by which rule (value
    and threshold) and beside which other document; then where it came from and what was measured. The locator of a record
    that became no document tells why; the name of a rule, what it took.
    """
    from winnow.pipeline.configuration.reading import ConfigurationError
    from winnow.pipeline.reports.explanation import explain
    from winnow.stages.run.workspace import Workspace
    from winnow.stages.shards.tracing import members

    try:
        story = explain(options.open_run(run), document)
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
    _verdict(console, story)
    table = Table(show_header=False, box=None)
    text = story.document.pop("text")
    for name, value in {"part": f"{story.part}, row {story.row}", **story.document}.items():
        if value is not None:
            table.add_row(name, Text(str(value)[:EXCERPT]))
    console.print(table)
    console.rule("text")
    console.print(Text(text if whole else text[:EXCERPT] + (" …" if len(text) > EXCERPT else "")))
    if story.other is not None:
        console.rule(f"the other document, {story.other['id']}")
        console.print(Text(story.other["locator"]))
        other = story.other["text"]
        console.print(Text(other if whole else other[:EXCERPT] + (" …" if len(other) > EXCERPT else "")))
    console.rule("measured")
    measures = Table(show_header=False, box=None)
    for name, value in story.attributes.items():
        if "." in name and value is not None:
            measures.add_row(name, f"{value:.6g}" if isinstance(value, float) else str(value))
    console.print(measures)
    for recipe, languages in story.unmeasured.items():
        console.print(f"not measured: {recipe}, which is for documents in {', '.join(languages)}", markup=False)


def _verdict(console: Console, story: Explanation) -> None:
    """Kept, and where in the shards; or dropped, by which rule, the value against the bound."""
    if story.drop is not None:
        why = "{stage}: {rule}, measured {value}, asked {threshold}".format_map(story.drop)
        console.print("[red]dropped[/red] by", Text(why), soft_wrap=True)
        return
    if not story.finished:
        said = "not dropped so far: the run isn't finished, and its later steps may drop it still"
        console.print(said, soft_wrap=True)
        return
    console.print("[green]kept[/green]")
    for path, row in story.asked_for:
        console.print(f"in {path}, row {row}", soft_wrap=True)
    for place in story.places:
        piece = f"tokens {place.position:,}–{place.position + place.length:,}"
        where = f"in {place.shard}, row {place.row}, {piece} (from token {place.offset:,} of the document)"
        console.print(where, soft_wrap=True)
    if (answers := story.answers) is not None:
        made = f"{answers.records} of them made records, in {answers.made}; for the others see {answers.left}"
        said = f"a model was asked {answers.asked} times about it; {made}" if answers.asked else NOWHERE["answers"]
        console.print(said, soft_wrap=True)
    elif not story.places and not story.asked_for:
        console.print(NOWHERE["preferences" if story.preferences else "shards"], soft_wrap=True)
