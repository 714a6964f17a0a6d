"""A run as lines of JSON, for machines that read logs: one event a line, with its time.

`{"time": "2026-01-31T12:00:00.123+00:00", "event": "unit", "step": "ingest", "unit": "web-00000", "seconds": 4.1, …}`
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TextIO

from winnow.pipeline.credentials import redacted
from winnow.pipeline.record.receipt import Receipt
from winnow.stages.run.unit import Step, Unit


class JsonLog:
    """Follows a run like a progress bar does, and is the file of a console: what that prints are events `message`."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream
        self._begun = ""

    def event(self, event: str, **fields: Any) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = redacted(json.dumps({"time": now, "event": event, **fields}))  # ASCII: inert in every terminal
        stream = self._stream or sys.stdout
        stream.write(f"{line}\n")
        stream.flush()

    def cluster_started(self, dashboard: str) -> None:
        self.event("cluster", dashboard=dashboard)

    def step_started(self, step: Step[Any], units: int, done: int) -> None:
        self.event("step", step=step.name, units=units, done=done)

    def unit_finished(self, step: Step[Any], receipt: Receipt) -> None:
        written = sum(output.bytes for output in receipt.outputs)
        fields = {"seconds": receipt.seconds, "written_bytes": written, "counts": dict(receipt.counts)}
        self.event("unit", step=step.name, unit=receipt.unit, **fields)

    def unit_retried(self, step: Step[Any], unit: Unit[Any]) -> None:
        self.event("retry", step=step.name, unit=unit.name)

    def unit_failed(self, step: Step[Any], unit: str, reason: str) -> None:
        self.event("failure", step=step.name, unit=unit, reason=reason)

    def step_finished(self, step: Step[Any], receipts: Sequence[Receipt]) -> None:
        self.event("step_done", step=step.name, units=len(receipts), seconds=round(sum(r.seconds for r in receipts), 3))

    def write(self, text: str) -> int:
        """What a console prints, line by line."""
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            if line.strip():
                self.event("message", text=line.rstrip())
        return len(text)

    def flush(self) -> None:
        """Lines are flushed when they end."""
