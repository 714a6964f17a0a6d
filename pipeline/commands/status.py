"""`winnow status`: how far a run is."""

from __future__ import annotations

import click
from rich.table import Table

from winnow.pipeline import terminal
from winnow.pipeline.commands import options


@click.command(name="status")
@options.run_folder
def command(run: str) -> None:
    """Show the finished units of each step in the order of travel, what they counted, how many worker seconds they took,
    and how many are left.

    Works on a run that is going on, interrupted or finished, from its receipts alone.
    """
    from winnow.pipeline.funnel import planned_units
    from winnow.pipeline.lock import PATH, total_counts
    from winnow.pipeline.receipt import Receipt, read_receipts

    console = terminal.console()
    workspace = options.open_run(run)
    receipts: dict[str, list[Receipt]] = {}
    for receipt in read_receipts(workspace):
        receipts.setdefault(receipt.step, []).append(receipt)
    planned = planned_units(workspace)
    table = Table(box=None, padding=(0, 1, 0, 0))
    table.add_column("step", no_wrap=True)
    for name in ("units", "documents", "kept", "MB", "seconds"):
        table.add_column(name, justify="right", no_wrap=True)
    spent = left = written_in_all = 0.0
    waiting = 0
    for step, units in {**planned, **{step: 0 for step in receipts if step not in planned}}.items():
        done = receipts.get(step, [])
        if not done:
            waiting += 1
            table.add_row(step, f"0/{units}" if units else "0", style="dim")
            continue
        counts = total_counts(done)
        written = sum(output.bytes for receipt in done for output in receipt.outputs) / 1e6
        seconds = sum(receipt.seconds for receipt in done)
        left += seconds / len(done) * max(units - len(done), 0)
        spent, written_in_all = spent + seconds, written_in_all + written
        shown = [f"{counts[name]:,}" if name in counts else "" for name in ("documents", "kept")]
        progress = f"{len(done)}/{units}" if len(done) < units else str(len(done))
        table.add_row(step, progress, *shown, f"{written:,.1f}", f"{seconds:,.1f}")
    table.add_row("all", str(sum(map(len, receipts.values()))), "", "", f"{written_in_all:,.1f}", f"{spent:,.1f}")
    console.print(table)
    if workspace.exists(PATH):
        console.print("finished: lock.json is written")
        return
    begun = f"about {left:,.0f} worker seconds left in steps that have begun" if left else "no step is half done"
    console.print(f"not finished: {begun}, {waiting} steps not begun; `winnow run` goes on")
