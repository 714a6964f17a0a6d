"""`winnow extract`: HTML or web archives to text."""

from __future__ import annotations

from pathlib import Path

import click

from winnow.pipeline import terminal
from winnow.pipeline.commands.options import conclude, here


@click.command(name="extract")
@click.argument("inputs", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--out", callback=here, metavar="FILE", help="write documents as Parquet, with title, address, date and licence"
)
@click.option("--engine", default=None, help="what tells content from boilerplate [default: the profile's default]")
@click.option("--links/--no-links", default=False, help="keep links as [text](address)")
@click.option("--mathematics/--no-mathematics", default=True, help="keep formulas as LaTeX in $…$")
def command(inputs: tuple[str, ...], out: str | None, engine: str | None, links: bool, mathematics: bool) -> None:
    """Turn HTML pages, folders of them, WARC or WET files into clean text.

    Without `--out` the text is printed, each document under its locator. What can't be extracted is counted by reason
    on standard error; where nothing can, the exit status is 3.
    """
    from collections import Counter

    import pyarrow as pa
    from pydantic import ValidationError

    from winnow.pipeline.configuration.reading import ConfigurationError
    from winnow.pipeline.standalone import read_documents
    from winnow.stages.document import DOCUMENT, REJECTION
    from winnow.stages.run.workspace import Workspace

    options = {"links": links, "mathematics": mathematics, **({"engine": engine} if engine else {})}
    tables: list[pa.Table] = []
    rejected: Counter[str] = Counter()
    documents = 0
    try:
        for table in read_documents(inputs, source="extract", kind="web", **options):
            if table.schema == REJECTION:
                rejected.update(table["rule"].to_pylist())
                continue
            documents += table.num_rows
            if out:
                tables.append(table)
            else:
                for locator, text in zip(table["locator"].to_pylist(), table["text"].to_pylist(), strict=True):
                    terminal.hand_over(f"── {locator}\n{text}\n")
    except (FileNotFoundError, ValidationError) as error:
        raise ConfigurationError(str(error)) from None
    if out:
        target = Path(out)
        Workspace(str(target.parent)).write_table(
            target.name, pa.concat_tables(tables) if tables else DOCUMENT.empty_table()
        )
        terminal.say(out, err=True)
    conclude(documents + rejected.total(), documents, rejected, err=True)
