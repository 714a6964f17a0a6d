"""What a person sees while a run works: one bar per step with throughput and time left, or plain lines in a log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.text import Text

from winnow.pipeline.record.receipt import Receipt
from winnow.pipeline.running.runner import Progress
from winnow.stages.run.unit import Step, Unit

MEGABYTE = 1_000_000


def _throughput(text: int, units: int, seconds: float) -> str:
    """Megabytes of text a second where the step reads text, units a second where it doesn't."""
    if not units or not seconds:
        return ""
    return f"{text / MEGABYTE / seconds:7.1f} MB/s" if text else f"{units / seconds:7.1f} units/s"


class _Throughput(ProgressColumn):
    """How much of the step was worked in each second of its life."""

    def render(self, task: Task) -> Text:
        elapsed = task.finished_time or task.elapsed or 0.0
        return Text(_throughput(task.fields["bytes"], task.fields["worked"], elapsed), style="progress.data.speed")


class RunProgress:
    """Follows a run on a terminal; in a file or a log it prints one line per finished step."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Bars(
            TextColumn("{task.description:<35}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            _Throughput(),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            console=console,
            disable=not console.is_terminal,
        )
        self._task: Any = None
        self._seconds = 0.0
        self._bytes = 0
        self._worked = 0

    def __enter__(self) -> RunProgress:
        self._bars.start()
        return self

    def __exit__(self, *error: Any) -> None:
        self._bars.stop()

    def cluster_started(self, dashboard: str) -> None:
        self._console.print(f"Dask dashboard: {dashboard}", highlight=False)

    def step_started(self, step: Step[Any], units: int, done: int) -> None:
        self._bytes = self._worked = 0
        self._seconds = self._bars.get_time()
        self._task = self._bars.add_task(step.name, total=units, completed=done, bytes=0, worked=0)

    def unit_finished(self, step: Step[Any], receipt: Receipt) -> None:
        self._worked += 1
        text = receipt.counts.get("bytes", 0)
        self._bytes += text if isinstance(text, int) else 0
        self._bars.update(self._task, advance=1, bytes=self._bytes, worked=self._worked)

    def unit_retried(self, step: Step[Any], unit: Unit[Any]) -> None:
        """The bar stands still meanwhile."""

    def unit_failed(self, step: Step[Any], unit: str, reason: str) -> None:
        """All failures are told when the step is over."""

    def step_finished(self, step: Step[Any], receipts: Sequence[Receipt]) -> None:
        if self._console.is_terminal:
            return
        seconds = self._bars.get_time() - self._seconds
        rate = _throughput(self._bytes, self._worked, seconds) or "  as it was"
        self._console.print(f"{step.name:<35} {len(receipts):>4} units {seconds:7.1f} s {rate}", highlight=False)


class Together:
    """Several who want to hear how far the run is, as one."""

    def __init__(self, followers: Sequence[Progress]) -> None:
        self._followers = followers

    def cluster_started(self, dashboard: str) -> None:
        for each in self._followers:
            each.cluster_started(dashboard)

    def step_started(self, step: Step[Any], units: int, done: int) -> None:
        for each in self._followers:
            each.step_started(step, units, done)

    def unit_finished(self, step: Step[Any], receipt: Receipt) -> None:
        for each in self._followers:
            each.unit_finished(step, receipt)

    def unit_retried(self, step: Step[Any], unit: Unit[Any]) -> None:
        for each in self._followers:
            each.unit_retried(step, unit)

    def unit_failed(self, step: Step[Any], unit: str, reason: str) -> None:
        for each in self._followers:
            each.unit_failed(step, unit, reason)

    def step_finished(self, step: Step[Any], receipts: Sequence[Receipt]) -> None:
        for each in self._followers:
            each.step_finished(step, receipts)
