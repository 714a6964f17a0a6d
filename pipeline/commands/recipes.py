"""`winnow recipes`: the named filters."""

from __future__ import annotations

import click
from rich.table import Table

from winnow.pipeline import terminal


@click.command(name="recipes")
@click.argument("name", required=False)
def command(name: str | None) -> None:
    """List the named filters, or show one with its rules, thresholds and sources.

    A document is kept when every rule's measure lies within its bounds. A manifest may change any bound or turn a rule
    off; `winnow filter --recipe NAME` runs one alone.
    """
    from winnow.filters.recipes import find_recipe, recipes
    from winnow.pipeline.configuration.reading import ConfigurationError

    console = terminal.console()
    if name is None:
        table = Table("recipe", "rules", "what it keeps", "source", box=None)
        for recipe in recipes().values():
            table.add_row(recipe.name, str(len(recipe.rules) or "edit"), recipe.summary, recipe.source)
        console.print(table)
        return
    try:
        recipe = find_recipe(name)
    except LookupError as error:
        raise ConfigurationError(str(error)) from None
    console.print(f"[bold]{recipe.name}[/bold]  {recipe.summary}\n{recipe.source}")
    table = Table("rule", "measure", "kept when", "source", box=None)
    for rule in recipe.rules:
        table.add_row(rule.name, rule.measure, rule.threshold(), rule.source)
    console.print(table)
