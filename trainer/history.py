"""The history of a run: one JSON line a step, cut back to the checkpoint that a run resumes from."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class History:
    """`steps.jsonl`: appended as training goes, read by the report."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def append(self, entry: dict[str, Any]) -> None:
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(entry, ensure_ascii=False) + "\n")

    def cut(self, steps: int) -> None:
        """Drops what was noted after that many steps, and a line that was cut short."""
        if not self._path.exists():
            return
        kept = [json.dumps(entry, ensure_ascii=False) + "\n" for entry in self if entry["step"] < steps]
        beside = self._path.with_suffix(".tmp")
        with beside.open("w", encoding="utf-8") as stream:
            stream.write("".join(kept))
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(beside, self._path)  # a kill leaves the old lines or the new ones, never a part

    def __iter__(self) -> Iterator[dict[str, Any]]:
        if not self._path.exists():
            return
        with self._path.open(encoding="utf-8") as stream:
            for line in stream:
                if line.endswith("\n"):
                    yield json.loads(line)
