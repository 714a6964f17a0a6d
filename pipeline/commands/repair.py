"""`winnow repair`: what is damaged in a finished run goes, for the run to build it again."""

from __future__ import annotations

import sys

import click
from rich.markup import escape

from winnow.pipeline import terminal
from winnow.pipeline.commands import options


@click.command(name="repair")
@options.run_folder
def command(run: str) -> None:
    """Remove what `winnow verify` finds wrong in a finished run: damaged files with their receipts, and foreign ones in
    the run's folders. The command that made the run then builds just that again, to the same lock.

    `winnow verify RUN` shows what will go. Files of your own beside lock.json are left. Exit status 1 when such a file
    is left.
    """
    from winnow.pipeline.running.repair import repair_run

    console = terminal.console()
    result = repair_run(options.open_finished(run))
    if not result.found:
        console.print("nothing is wrong: every digest and every count is right")
        return
    for finding in result.found:
        console.print(f"[red]{escape(finding.path)}[/red] {escape(finding.problem)}")
    console.print(f"{len(result.removed)} files removed, {len(result.units)} units to be worked again")
    for finding in result.left:
        console.print(f"left, for you to move: {escape(finding.path)}")
    console.print(
        f"now: winnow run --stage MANIFEST --profile PROFILE --out {escape(run)}   with the manifest and profile that "
        f"made it, then winnow verify {escape(run)}"
    )
    if result.left:
        sys.exit(1)
