"""`winnow status`: how far a run is."""

from __future__ import annotations

import click
from rich.table import Table

from winnow.pipeline import terminal
from winnow.pipeline.commands import options


@click.command(name="status")
@options.run_folder
def command(run: str) -> None:
    """Show the finished units of each step, with what they counted and how long they took.

    Works on a run that is going on, interrupted or finished, from its receipts alone.
    """
    from winnow.pipeline.lock import PATH, total_counts
    from winnow.pipeline.receipt import FOLDER, Receipt
    from winnow.stages.run.workspace import Workspace

    console = terminal.console()
    workspace = Workspace(run)
    receipts: dict[str, list[Receipt]] = {}
    for path in workspace.list(FOLDER, ".json"):
        receipt = Receipt.from_json(workspace.read_bytes(path))
        receipts.setdefault(receipt.step, []).append(receipt)
    if not receipts:
        console.print(f"There is no run in {run}.")
        raise SystemExit(1)
    table = Table("step", "units", "documents", "kept", "MB written", "worker seconds", box=None)
    for step, done in receipts.items():
        counts = total_counts(done)
        written = sum(output.bytes for receipt in done for output in receipt.outputs) / 1e6
        seconds = sum(receipt.seconds for receipt in done)
        shown = [f"{counts[name]:,}" if name in counts else "" for name in ("documents", "kept")]
        table.add_row(step, str(len(done)), *shown, f"{written:,.1f}", f"{seconds:,.1f}")
    console.print(table)
    console.print("finished: lock.json is written" if workspace.exists(PATH) else "not finished: `winnow run` goes on")
