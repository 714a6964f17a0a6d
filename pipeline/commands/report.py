"""`winnow report`: the HTML report of a run."""

from __future__ import annotations

import click

from winnow.pipeline import terminal
from winnow.pipeline.commands import options


@click.command(name="report")
@options.run_folder
def command(run: str) -> None:
    """Write the HTML report of a finished run: funnel, mixture, curriculum, reasons with examples, times, inputs.

    One self-contained page without scripts; it opens offline.
    """
    from winnow.pipeline.configuration.reading import ConfigurationError
    from winnow.pipeline.proof.seal import REPORT
    from winnow.pipeline.reports.report import write_report

    try:
        write_report(options.open_run(run))
    except FileNotFoundError:
        raise ConfigurationError(
            f"{run} has no lock.json: the run isn't finished; `winnow status {run}` tells how far it is"
        ) from None
    terminal.say(f"{run.rstrip('/')}/{REPORT}")
