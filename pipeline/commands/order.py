"""`winnow order`: a repository's files in dependency order."""

from __future__ import annotations

from pathlib import Path

import click

from winnow.pipeline import terminal

POLICIES = ("dependency", "path", "random")


@click.command(name="order")
@click.argument("path")
@click.option("--policy", type=click.Choice(POLICIES), default="dependency", show_default=True)
@click.option("--commit", default="HEAD", show_default=True, help="of a git repository")
@click.option("--graph", metavar="FILE", help="draw the graph as one HTML page")
def command(path: str, policy: str, commit: str, graph: str | None) -> None:
    """Print a repository's files in order, each with the files of the repository that it depends on.

    PATH is a git repository, a folder, or an archive (source distribution, wheel, crate, zip). Nothing of it is run.
    """
    from winnow.formats.containers.git_directory import GitError
    from winnow.formats.languages.imports.graph import Policy
    from winnow.pipeline.configuration.reading import ConfigurationError
    from winnow.pipeline.order import order_report

    try:
        report = order_report(path, policy=Policy(policy), commit=commit)
    except (OSError, GitError) as error:
        raise ConfigurationError(str(error)) from None
    for line in report.lines():
        terminal.say(line)
    if graph:
        Path(graph).write_text(report.html(), "utf-8")
        terminal.say(f"graph: {graph}")
