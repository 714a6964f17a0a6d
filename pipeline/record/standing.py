"""What stood when a run last looked, step by step: so that a step of 100,000 units is known again by one digest.

Fingerprints tell unit by unit whether what is asked was done, and cost as much as all other looks together. All of a step
follow from the function that makes its units and what that closes over, from Winnow's own code, and from what earlier
steps have written, for which their receipts stand. So one digest over these, noted beside the receipts that were found to
answer it, tells the same of the whole step. Where anything differs, be it for no reason, fingerprints are taken.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from types import FunctionType
from typing import Any

from winnow.pipeline.record.environment import digest_of_code, environment
from winnow.pipeline.record.ledger import Book, Ledger
from winnow.pipeline.record.receipt import Fingerprints, Receipt, read_receipt
from winnow.stages.run.digests import DIGEST_BYTES, content_digest
from winnow.stages.run.unit import GROUND_VERSION, Step, Unit, Units
from winnow.stages.run.workspace import Workspace

PATH = "standing.json"
PLANNING = ("pipeline/configuration", "pipeline/planning", "pipeline/record")
"""Folders whose code makes units and their fingerprints, besides those that shape bytes."""
ASKED, TABLES, RECEIPTS, SUM = "asked", "tables", "receipts", "sum"
STEPS, DIGEST = "steps", "digest"


class Standing:
    """The notes of a run, and the digest of what has stood so far while its steps are gone through in order.

    Of each step the digest of what was `asked`, and its `tables` in their order or one digest of its `receipts`; of tables
    also what they come to, as somebody who has read them has it noted.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._before = _read(workspace)
        self._now: dict[str, Mapping[str, Any]] = {}
        self._past = ""
        self._looked_at: tuple[Sequence[Receipt], Mapping[str, Any]] = [], {}  # the last, and what stands for them

    def asked(self, step: Step[Any], units: Sequence[Unit[Any]]) -> str | None:
        """One digest for the fingerprints of all units of the step that comes next; None where its units can't be told so."""
        summary = hashlib.blake2b(digest_size=DIGEST_BYTES)
        heading = (step.name, step.version, GROUND_VERSION, environment().digest, digest_of_code(PLANNING), self._past)
        try:
            for told in (json.dumps(heading), *_told(step, units)):
                summary.update(told.encode("utf-8", "surrogatepass") + b"\0")
        except TypeError:
            return None
        return summary.hexdigest()

    def receipts(self, step: str, names: Sequence[str], book: Book, asked: str | None) -> Sequence[Receipt] | None:
        """The receipts that were noted to answer this, in the order of the units; None where they aren't there unchanged.

        Nobody has looked at their files.
        """
        note = self._before.get(step)
        if note is None or asked is None or note[ASKED] != asked or book.damaged:
            return None
        if TABLES in note:
            tables = {table.path: table for table in book.tables}
            if book.loose or tables.keys() != set(note[TABLES]):
                return None
            return Ledger(self._workspace, [tables[path] for path in note[TABLES]])
        if book.tables or book.loose.keys() != set(names):
            return None
        found = [receipt for name in names if (receipt := read_receipt(self._workspace, step, name)) is not None]
        if len(found) < len(names) or (state := _state(found)) != {RECEIPTS: note[RECEIPTS]}:
            return None
        self._looked_at = found, state
        return found

    def note(self, step: str, asked: str | None, receipts: Sequence[Receipt]) -> None:
        """Notes that these receipts answer what was asked, and goes on to the next step."""
        seen, state = self._looked_at
        if seen is not receipts:
            state = _state(receipts)
        if asked is not None:
            before = self._before.get(step, {})
            same = TABLES in state and before.get(TABLES) == state[TABLES]  # their names are digests of their bytes
            self._now[step] = {ASKED: asked, **state, **({SUM: before[SUM]} if same and SUM in before else {})}
        self._past = content_digest(json.dumps([self._past, step, state]).encode())

    def sum(self, step: str) -> Mapping[str, Any] | None:
        """What was noted of the tables by which a step stands now; None where nothing was."""
        return self._now.get(step, {}).get(SUM)

    def note_sum(self, step: str, told: Mapping[str, Any]) -> None:
        """Notes what the tables of a step come to, in JSON values; nothing of a step that has none."""
        if TABLES in self._now.get(step, {}):
            self._now[step] = {**self._now[step], SUM: told}

    def write(self) -> None:
        """Keeps the notes of a run of which all steps were gone through, where one has tables; removes those of another."""
        if not any(TABLES in note for note in self._now.values()):
            self._workspace.remove(PATH)
        elif self._now != self._before:
            self._workspace.write_bytes(PATH, _encoded(self._now))


def _read(workspace: Workspace) -> dict[str, Mapping[str, Any]]:
    """The notes as they lie there; none where one byte isn't as it was written."""
    try:
        content = workspace.read_bytes(PATH)
        notes: dict[str, Mapping[str, Any]] = {
            str(step): dict(note) for step, note in json.loads(content)[STEPS].items()
        }
        if _encoded(notes) != content or any(
            ASKED not in one or not one.keys() & {TABLES, RECEIPTS} for one in notes.values()
        ):
            return {}
    except (OSError, ValueError, AttributeError, KeyError, TypeError, RecursionError):
        return {}
    return notes


def _encoded(notes: Mapping[str, Mapping[str, Any]]) -> bytes:
    """The notes with a digest of their own."""
    digest = content_digest(json.dumps(notes).encode())
    return (json.dumps({STEPS: notes, DIGEST: digest}, indent=1) + "\n").encode()


def _state(receipts: Sequence[Receipt]) -> dict[str, Any]:
    """What stands for the receipts of a step: names of tables, which are digests of their bytes, or one digest of all."""
    if isinstance(receipts, Ledger):
        return {TABLES: receipts.paths}
    summary = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for receipt in receipts:
        summary.update(receipt.to_json() + b"\0")
    return {RECEIPTS: summary.hexdigest()}


class _Names(dict[str, str]):
    """In place of the digests of files, for which the receipts of earlier steps stand: files count by their names alone."""

    def __missing__(self, name: str) -> str:
        return ""


def _told(step: Step[Any], units: Sequence[Unit[Any]]) -> Iterator[str]:
    """What tells units from others. Raises `TypeError` where a value has no canonical form."""
    marks = Fingerprints(step, _Names())
    if isinstance(units, Units):
        yield marks.text(units.names)
        yield from _function(units.asked, marks)
    else:
        yield from map(marks.of, units)


def _function(asked: Any, marks: Fingerprints) -> Iterator[str]:
    """A function by its place in the code, which is digested as a whole, and by all that it closes over."""
    if not isinstance(asked, FunctionType) or asked.__defaults__ or asked.__kwdefaults__:
        raise TypeError(f"{asked!r} is no plain function")
    yield f"{asked.__module__} {asked.__qualname__} {asked.__code__.co_firstlineno}"
    for name, cell in zip(asked.__code__.co_freevars, asked.__closure__ or (), strict=True):
        yield name
        inner = cell.cell_contents
        if isinstance(inner, FunctionType):
            yield from _function(inner, marks)
        else:
            yield marks.text(inner)
