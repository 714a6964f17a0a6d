"""`winnow verify`: is a finished run what its lock says?"""

from __future__ import annotations

import sys

import click
from rich.markup import escape

from winnow.pipeline import terminal
from winnow.pipeline.commands import options

STEPS_SHOWN = 6


@click.command(name="verify")
@options.run_folder
def command(run: str) -> None:
    """Check every digest and every count of a finished run.

    The seal proves lock, plan, report and receipts; receipts prove the files. Finds what is missing, foreign, swapped,
    truncated or changed by one bit, and says which steps come after a damaged one; counts documents, drops, sequences
    and tokens again. Exit status 1 and one line per finding when anything differs; `winnow repair` mends.
    """
    from winnow.pipeline.proof.lock import PATH, lock_digest
    from winnow.pipeline.proof.verification import verify_run

    console = terminal.console()
    workspace = options.open_finished(run)
    result = verify_run(workspace)
    for finding in result.findings:
        console.print(f"[red]{escape(finding.path)}[/red] {escape(finding.problem)}")
    for step, later in result.later.items():
        if later:
            shown = ", ".join(later[:STEPS_SHOWN]) + (" …" if len(later) > STEPS_SHOWN else "")
            console.print(f"{step} is hurt; {len(later)} steps come after it: {shown}", markup=False)
    for note in result.notes:
        console.print(f"note: {note}", markup=False)
    if result.findings:
        console.print(f"{len(result.findings)} findings in {result.files} files; {result.remedy(run)}", markup=False)
        sys.exit(1)
    console.print(f"{result.files} files, {result.bytes / 1e6:,.1f} MB: every digest and every count is right")
    console.print(f"lock {lock_digest(workspace.read_bytes(PATH))}")
