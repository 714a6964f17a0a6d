"""`winnow status`: how far a run is."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
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


@dataclass
class _Step:
    """What the receipts of a step come to; they themselves aren't kept, of a large run there are millions."""

    done: int = 0
    written: int = 0  # bytes
    seconds: float = 0.0
    counts: dict[str, int] = field(default_factory=dict)


def _status(workspace: Workspace) -> tuple[Table, str, bool]:
    """The table, a sentence below it, and whether the run is finished."""
    from winnow.pipeline.proof.lock import PATH, add_counts
    from winnow.pipeline.record.funnel import planned_units
    from winnow.pipeline.record.ledger import read_receipts

    finished = workspace.exists(PATH)
    steps: dict[str, _Step] = {}
    for receipt in read_receipts(workspace):
        step = steps.setdefault(receipt.step, _Step())
        step.done += 1
        step.written += sum(output.bytes for output in receipt.outputs)
        step.seconds += receipt.seconds
        add_counts(step.counts, receipt.counts)
    planned = planned_units(workspace)
    table = Table(box=None, padding=(0, 1, 0, 0))
    table.add_column("step", no_wrap=True)
    for name in ("units", "documents", "kept", "MB", "seconds"):
        table.add_column(name, justify="right", no_wrap=True)
    spent = left = written_in_all = 0.0
    waiting = 0
    for name, units in {**planned, **{name: 0 for name in steps if name not in planned}}.items():
        if name not in steps:
            waiting += 1
            table.add_row(name, f"0/{units}" if units else "0", style="dim")
            continue
        step = steps[name]
        done, counts, written, seconds = step.done, step.counts, step.written / 1e6, step.seconds
        left += seconds / done * max(units - done, 0)
        spent, written_in_all = spent + seconds, written_in_all + written
        shown = [f"{counts[each]:,}" if each in counts else "" for each in ("documents", "kept")]
        progress = f"{done}/{units}" if done < units else str(done)
        table.add_row(name, progress, *shown, f"{written:,.1f}", f"{seconds:,.1f}")
    table.add_row(
        "all", str(sum(step.done for step in steps.values())), "", "", f"{written_in_all:,.1f}", f"{spent:,.1f}"
    )
    if finished:
        return table, "finished: lock.json is written", True
    begun = f"about {left:,.0f} worker seconds left in steps that have begun" if left else "no step is half done"
    return table, f"not finished: {begun}, {waiting} steps not begun; `winnow run` goes on", False
