"""`winnow status`: how far a run is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click
from rich.table import Table

from winnow.pipeline import terminal
from winnow.pipeline.commands import options

if TYPE_CHECKING:
    from winnow.stages.run.workspace import Workspace


@click.command(name="status")
@options.run_folder
@click.option("--watch", is_flag=True, help="look again until the run is finished; Ctrl-C ends it")
@click.option(
    "--every", default=5.0, show_default=True, type=click.FloatRange(min=0.1), help="seconds between two looks"
)
def command(run: str, watch: bool, every: float) -> None:
    """Show the finished units of each step in the order of travel, what they counted, how many worker seconds they took,
    and how many are left.

    Works on a run that is going on, interrupted or finished, from its receipts alone.
    """
    console = terminal.console()
    workspace = options.open_run(run)
    while True:
        table, line, finished = _status(workspace)
        if watch and console.is_terminal:
            click.clear()
        console.print(table)
        console.print(line)
        if finished or not watch:
            return
        try:
            time.sleep(every)
        except KeyboardInterrupt:
            return


def _status(workspace: Workspace) -> tuple[Table, str, bool]:
    """The table, a sentence below it, and whether the run is finished."""
    from winnow.pipeline.funnel import planned_units
    from winnow.pipeline.lock import PATH, total_counts
    from winnow.pipeline.receipt import Receipt, read_receipts

    finished = workspace.exists(PATH)
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
    if finished:
        return table, "finished: lock.json is written", True
    begun = f"about {left:,.0f} worker seconds left in steps that have begun" if left else "no step is half done"
    return table, f"not finished: {begun}, {waiting} steps not begun; `winnow run` goes on", False
