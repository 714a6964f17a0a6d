"""`winnow filter`: one recipe alone on files."""

from __future__ import annotations

import click

from winnow.pipeline import terminal
from winnow.pipeline.commands.options import conclude, here, parse_value


@click.command(name="filter")
@click.option(
    "--recipe", "name", required=True, metavar="NAME", help="a recipe (`winnow recipes`) or package.module:NAME"
)
@click.option(
    "--in",
    "inputs",
    required=True,
    multiple=True,
    metavar="FILE",
    help="Parquet, JSONL(.gz, .zst), CSV or Arrow with a column `text` and others that the recipe reads",
)
@click.option("--out", callback=here, required=True, metavar="DIR", help="folder for kept, rejected and measures")
@click.option(
    "--option",
    "options",
    multiple=True,
    metavar="NAME=VALUE",
    help="an option of the recipe as in a manifest: model=lid.176.ftz, edges=[0.3, 0.7], words={sexual: list.txt}",
)
def command(name: str, inputs: tuple[str, ...], out: str, options: tuple[str, ...]) -> None:
    """Run one recipe alone and write what it kept, what it rejected and why, and all measures.

    \b
    winnow filter --recipe gopher_quality --in pages.parquet --in more/*.jsonl.zst --out filtered
    """
    from dataclasses import replace

    from winnow.filters.recipes import find_recipe
    from winnow.pipeline.configuration.reading import ConfigurationError
    from winnow.pipeline.standalone import filter_files

    try:
        recipe = find_recipe(name)
        recipe = replace(recipe, options={**recipe.options, **dict(map(parse_value, options))})
        found = filter_files(recipe, inputs, out)
    except (LookupError, ValueError, FileNotFoundError) as error:
        raise ConfigurationError(str(error)) from None
    terminal.say(f"{out}/kept.parquet, rejected.parquet, measures.parquet")
    conclude(found.kept + found.rejected.total(), found.kept, found.rejected)
