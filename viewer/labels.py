"""What a person says of texts: good or bad, kept in a file beside the run; precision by rule; a training file.

A label is one line of JSON, appended; the last one of a document holds. `winnow classifier train` reads the training file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from threading import Lock

from winnow.viewer import records
from winnow.viewer.runs import Run
from winnow.viewer.tables import Columns


class Label(StrEnum):
    GOOD = "good"
    BAD = "bad"


@dataclass(frozen=True)
class Precision:
    """Of the labelled documents that a rule dropped, how many are bad; of those kept, how many are good."""

    rule: str  # `stage: rule`, or empty for what was kept
    good: int
    bad: int

    @property
    def share(self) -> float:
        right = self.bad if self.rule else self.good
        return right / (self.good + self.bad)


class Labels:
    """The labels in a file; it is made with the first of them."""

    def __init__(self, path: str) -> None:
        """Raises `ValueError` for a file whose lines aren't labels."""
        self.path = Path(path)
        self._lock = Lock()
        self.given: dict[str, Label] = {}
        if self.path.exists():
            for place, line in enumerate(self.path.read_text("utf-8").splitlines(), 1):
                try:
                    entry = json.loads(line)
                    self.given[entry["id"]] = Label(entry["label"])
                except (ValueError, KeyError, TypeError):
                    raise ValueError(f"{path}:{place}: is no label: {line[:80]}") from None

    def give(self, identity: str, label: Label) -> None:
        """Labels a document; it is on the disk when this returns."""
        with self._lock, self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"id": identity, "label": label}) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
            self.given[identity] = label

    def precisions(self, run: Run) -> list[Precision]:
        """Precision of each rule of which anything was labelled, and of what was kept."""
        if not self.given:
            return []
        counted: dict[str, list[int]] = {}
        for label, stage, rule in run.ask(
            "SELECT g.label, d.stage, d.rule FROM given g LEFT JOIN dropped d ON d.uuid = g.id::UUID",
            given=self._table(),
        ):
            name = f"{stage}: {rule}" if stage else ""
            counted.setdefault(name, [0, 0])[label == Label.BAD] += 1
        found = [Precision(name, good, bad) for name, (good, bad) in counted.items()]
        return sorted(found, key=lambda entry: (entry.rule != "", -(entry.good + entry.bad), entry.rule))

    def training(self, run: Run) -> Iterator[str]:
        """One JSON line with id, text and label for each labelled document that this run has."""
        if not self.given:
            return
        places = run.ask(
            "SELECT d.part, d.row, g.label FROM given g JOIN documents d ON d.id = g.id ORDER BY 1, 2",
            given=self._table(),
        )
        documents = records.rows(run, [(part, row) for part, row, _ in places], ["id", "text"])
        for (_, _, label), fields in zip(places, documents, strict=True):
            yield json.dumps({**fields, "label": label}, ensure_ascii=False) + "\n"

    def _table(self) -> Columns:
        return {"id": ("VARCHAR", self.given), "label": ("VARCHAR", [str(label) for label in self.given.values()])}
