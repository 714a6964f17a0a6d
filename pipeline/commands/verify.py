"""`winnow verify`: is a finished run what its lock says?"""

from __future__ import annotations

import sys

import click

from winnow.pipeline import terminal
from winnow.pipeline.commands import options


@click.command(name="verify")
@options.run_folder
def command(run: str) -> None:
    """Check every digest and every count of a finished run.

    Reads each file that the run wrote and compares its digest with the receipt and the lock; counts documents, drops,
    sequences and tokens again. Exit status 1 and one line per finding when anything differs.
    """
    from winnow.pipeline.reading import ConfigurationError
    from winnow.pipeline.verification import verify_run

    console = terminal.console()
    try:
        result = verify_run(options.open_run(run))
    except FileNotFoundError:
        raise ConfigurationError(
            f"{run} has no lock.json: the run isn't finished; `winnow status {run}` tells how far it is"
        ) from None
    for finding in result.findings:
        console.print(f"[red]{finding.path}[/red] {finding.problem}")
    for note in result.notes:
        console.print(f"note: {note}", markup=False)
    if result.findings:
        console.print(f"{len(result.findings)} findings in {result.files} files")
        sys.exit(1)
    console.print(f"{result.files} files, {result.bytes / 1e6:,.1f} MB: every digest and every count is right")
