"""`winnow decontaminate`: benchmark items in files of the user's own."""

from __future__ import annotations

import click
from rich.text import Text

from winnow.pipeline import terminal
from winnow.pipeline.commands import options


@click.command(name="decontaminate")
@click.option("--in", "inputs", multiple=True, metavar="FILE", help="Parquet, JSONL(.gz, .zst), CSV or Arrow")
@click.option(
    "--benchmark", "benchmarks", multiple=True, metavar="FILE", help="JSONL of items: question, answer, passage"
)
@click.option("--code", is_flag=True, help="compare the items as code too")
@options.changes
@click.option("--text", default="text", show_default=True, metavar="COLUMN", help="the column of the text")
@click.option("--out", required=True, metavar="DIR", help="folder for what is kept, and the hits; or a finished run")
@click.option("--review", is_flag=True, help="print the hits of DIR side by side")
@click.option("--limit", default=20, show_default=True, help="hits to print")
def command(
    inputs: tuple[str, ...],
    benchmarks: tuple[str, ...],
    code: bool,
    changes: tuple[str, ...],
    text: str,
    out: str,
    review: bool,
    limit: int,
) -> None:
    """Drop documents that hold benchmark items, and show what was found.

    \b
    winnow decontaminate --in pages.parquet --benchmark gsm8k.jsonl --out clean
    winnow decontaminate --out runs/mid --review        the hits of a run, item and document side by side
    """
    from collections import Counter

    from winnow.pipeline.configuration.reading import ConfigurationError
    from winnow.stages.decontaminate.files import decontaminate_files
    from winnow.stages.decontaminate.review import review as hits
    from winnow.stages.decontaminate.settings import Benchmark, DecontaminationSettings
    from winnow.stages.run.workspace import Workspace

    console = terminal.console()
    if inputs:
        if not benchmarks:
            raise ConfigurationError("name at least one --benchmark")
        items = [Benchmark.model_validate({"path": path, "code": code}) for path in benchmarks]
        settings = options.changed(DecontaminationSettings, changes, {"benchmarks": items})
        try:
            found = decontaminate_files(inputs, out, settings, text=text)
        except (FileNotFoundError, ValueError) as error:
            raise ConfigurationError(str(error)) from None
    if review:
        for block in hits(Workspace(out), limit=limit, width=console.width):
            console.print(Text(block))
    if inputs:
        altered = f"; {found.altered:,} documents hold items with other numbers" if found.altered else ""
        console.print(f"{found.hits:,} hits{altered}")
        reasons = options.unread(out) + Counter(decontaminate=found.dropped)
        options.conclude(found.kept + reasons.total(), found.kept, reasons)
