"""`winnow diff`: two runs side by side."""

from __future__ import annotations

import sys

import click
from rich.table import Table
from rich.text import Text

from winnow.pipeline import terminal
from winnow.pipeline.commands.options import open_run


@click.command(name="diff")
@click.argument("before", metavar="RUN")
@click.argument("after", metavar="RUN")
def command(before: str, after: str) -> None:
    """Compare two finished runs: manifest, inputs, funnel, mixture, outputs.

    Exit status 0 when their locks are equal, 1 when anything differs.
    """
    from winnow.pipeline.configuration.reading import ConfigurationError
    from winnow.pipeline.proof.lock import PATH as LOCK
    from winnow.pipeline.reports.comparison import compare_runs

    runs = [open_run(run) for run in (before, after)]
    for run, workspace in zip((before, after), runs, strict=True):
        if not workspace.exists(LOCK):
            raise ConfigurationError(
                f"{run} has no lock.json: the run isn't finished; `winnow status {run}` tells how far it is"
            )
    differences = compare_runs(*runs)
    console = terminal.console()
    if not differences:
        console.print("The two runs are the same, byte for byte.")
        return
    for heading in dict.fromkeys(difference.heading for difference in differences):
        table = Table(heading, before, after, box=None, title_justify="left")
        for difference in differences:
            if difference.heading == heading:
                table.add_row(difference.key, _shown(difference.before), _shown(difference.after))
        console.print(table)
    sys.exit(1)


def _shown(value: object) -> Text:
    return Text("–", style="dim") if value is None else Text(str(value))
