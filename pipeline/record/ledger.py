"""The ledger: the receipts of a step wherever they lie, each in a file of its own or many in a table.

A unit commits by a file of its own, `receipts/<step>/<unit>.json`. When a step of many units is done, its receipts are
entered in tables (`pipeline/record/receipt_tables.py`), and then the files go. Killed between the two, a run holds a receipt
twice: the file counts, which is never the older one. Whatever reads receipts reads them here.
"""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple, overload

import pyarrow as pa
import pyarrow.compute as pc

from winnow.pipeline.record.receipt import FOLDER, Receipt, read_receipt, receipt_path
from winnow.pipeline.record.receipt_tables import ROWS, TABLE, Table, read_table, table_of, write_table
from winnow.stages.run.workspace import Workspace

LEAST_UNITS = 1_000
"""Of a step whose receipts are entered in tables: fewer files cost little to list, and `cat` shows them."""
LOOSE = ".json"


class Row(NamedTuple):
    """A receipt as it stands in a table."""

    table: Table
    row: int
    environment: str


Held = Receipt | Row
Sound = Callable[[str, int, str], bool]
"""Whether a file is as its receipt says: path, bytes, digest."""


class Ledger(Sequence[Receipt]):
    """The receipts of a step in tables, in their order; read from the disk when they are asked for, a table at a time."""

    def __init__(self, workspace: Workspace, tables: Sequence[Table]) -> None:
        """`tables`: as they lie there; they are let go."""
        self._workspace = workspace
        self.paths = [table.path for table in tables]
        self._ends = list(accumulate(map(len, tables)))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __iter__(self) -> Iterator[Receipt]:
        for table in self.tables():
            yield from table.receipts()

    def tables(self) -> Iterator[Table]:
        for path in self.paths:
            yield read_table(self._workspace, path)

    @overload
    def __getitem__(self, place: int) -> Receipt: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Receipt]: ...

    def __getitem__(self, place: int | slice) -> Receipt | Sequence[Receipt]:
        if isinstance(place, slice):
            return [self[one] for one in range(len(self))[place]]
        place = range(len(self))[place]
        number = bisect_right(self._ends, place)
        table = read_table(self._workspace, self.paths[number])
        return next(table.receipts([place - (self._ends[number] - len(table))]))


def counts_of(receipts: Sequence[Receipt]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What the unit of each receipt reports, after its name; no receipt of a table is made for it."""
    if isinstance(receipts, Ledger):
        for table in receipts.tables():
            yield from zip(table.column("unit"), table.counts(), strict=True)
    else:
        yield from ((receipt.unit, receipt.counts) for receipt in receipts)


class Book:
    """The receipts of a step as they lie there, while the step is looked at or worked."""

    def __init__(self, workspace: Workspace, step: str, paths: Sequence[str]) -> None:
        """`paths`: the files of its receipts. A table that can't be believed holds none."""
        self.workspace, self.step = workspace, step
        self.loose = {unit_of(path): path for path in paths if path.endswith(LOOSE)}
        self.tables: list[Table] = []
        self.damaged: list[str] = []
        for path in paths:
            if path.endswith(TABLE):
                try:
                    self.tables.append(read_table(workspace, path))
                except (OSError, ValueError):
                    self.damaged.append(path)

    def units(self) -> set[str]:
        """The names of all units that have a receipt, of which none is read."""
        return set(self.loose).union(*(table.column("unit") for table in self.tables))

    def rows(self) -> dict[str, Row]:
        """The units whose receipts stand in tables alone."""
        found = {}
        for table in self.tables:
            environments = map(sys.intern, table.column("environment"))
            for row, (name, environment) in enumerate(zip(table.column("unit"), environments, strict=True)):
                if name not in self.loose:
                    found[name] = Row(table, row, environment)
        return found

    def receipts(self) -> Iterator[Receipt]:
        """Every receipt that can be read, each unit's once."""
        yield from self.files_of_their_own()
        for table in self.believed():
            yield from table.receipts()

    def files_of_their_own(self) -> Iterator[Receipt]:
        """The receipts that have one, as far as they can be read."""
        for name in self.loose:
            if (receipt := read_receipt(self.workspace, self.step, name)) is not None:
                yield receipt

    def believed(self) -> Iterator[Table]:
        """The receipts that stand in tables alone, each unit's once."""
        for table, rows in self._by_table(self.rows()):
            yield table if len(rows) == len(table) else Table(table.path, self.step, table.data.take(rows))

    def in_order(self, marks: Mapping[str, str]) -> list[Table] | None:
        """The tables of a step that needs no look at its single receipts: they hold those of the units of these
        fingerprints alone, in their order and as `entered` leaves them. None of any other step."""
        if self.loose or self.damaged or not self.tables or sum(map(len, self.tables)) != len(marks):
            return None
        names, wanted = list(marks), list(marks.values())
        first = {table.array("unit")[0].as_py(): table for table in self.tables if len(table)}
        found = []
        for start in range(0, len(names), ROWS):
            rows = slice(start, start + ROWS)
            table = first.get(names[start])
            if table is None or table.column("unit") != names[rows] or table.column("fingerprint") != wanted[rows]:
                return None
            found.append(table)
        return found

    def finished(self, marks: Mapping[str, str]) -> dict[str, Held]:
        """The units of these fingerprints that are done."""
        fingerprints = {id(table): table.column("fingerprint") for table in self.tables}
        rows = self.rows().items()
        found: dict[str, Held] = {
            name: row for name, row in rows if marks.get(name) == fingerprints[id(row.table)][row.row]
        }
        for name in self.loose.keys() & marks.keys():
            receipt = read_receipt(self.workspace, self.step, name)
            if receipt is not None and receipt.fingerprint == marks[name]:
                found[name] = receipt
        return found

    def broken(self, held: Mapping[str, Held], is_sound: Sound) -> set[str]:
        """The units of which a file isn't as the receipt says."""
        found = set()
        for name, path, size, digest in self.files(held):
            if not is_sound(path, size, digest):
                found.add(name)
        return found

    def files(self, held: Mapping[str, Held]) -> Iterator[tuple[str, str, int, str]]:
        """Every file of these units: the unit's name, path, bytes, digest."""
        for name, one in held.items():
            if isinstance(one, Receipt):
                for written in one.outputs:
                    yield name, written.path, written.bytes, written.digest
        for table, rows in self._by_table(held):
            names, wanted = table.column("unit"), set(rows)
            every = len(wanted) == len(table)
            for row, path, size, digest in table.outputs():
                if every or row in wanted:
                    yield names[row], path, size, digest

    def discard(self, finished: dict[str, Held], within: Collection[str] | None = None) -> None:
        """Removes receipts that no longer hold before anything is worked, and the files that only they name. The rows of
        `finished` follow those of tables that are written anew.

        `within`: of these units alone, which will write their files again.
        """
        left: list[str] = list(self.damaged) if within is None else []  # files of which no receipt that holds may tell
        for table, rows in self._stale(finished, within):
            if within is None:
                left += [path for row, path, _, _ in table.outputs() if row in rows]
            self._without(table, rows, finished)
        for name in [name for name in self.loose if name not in finished and (within is None or name in within)]:
            stale = None if within is not None else read_receipt(self.workspace, self.step, name)
            self.workspace.remove(self.loose.pop(name))
            left += [written.path for written in stale.outputs] if stale else []
        if left:
            kept = {path for _, path, _, _ in self.files(finished)}
            self.workspace.remove_all([path for path in dict.fromkeys(left) if path not in kept])

    def _stale(self, finished: Mapping[str, Held], within: Collection[str] | None) -> list[tuple[Table, set[int]]]:
        """The tables with rows of units that aren't done by them, and those rows."""
        holding = {id(table): set(rows) for table, rows in self._by_table(finished)}
        found = []
        for table in self.tables:
            stale = set(range(len(table))) - holding.get(id(table), set())
            if within is not None and stale:
                names = table.column("unit")
                stale = {row for row in stale if names[row] in within}
            if stale:
                found.append((table, stale))
        return found

    def _without(self, table: Table, rows: set[int], finished: dict[str, Held]) -> None:
        """Writes a table anew without these rows, before anything else changes."""
        self.tables.remove(table)
        left = [row for row in range(len(table)) if row not in rows]
        if left:
            new = write_table(self.workspace, self.step, table.data.take(left))
            self.tables.append(new)
            for row, name in enumerate(new.column("unit")):
                if isinstance(held := finished.get(name), Row) and held.table is table:
                    finished[name] = Row(new, row, held.environment)
        self.workspace.remove(table.path)

    def entered(self, names: Sequence[str], finished: Mapping[str, Held]) -> Sequence[Receipt]:
        """The receipts of a whole step that is done, in the order of its units: of many units entered in tables."""
        held = [finished[name] for name in names]
        if len(names) < LEAST_UNITS and not self.tables:
            return [one for one in held if isinstance(one, Receipt)]
        try:
            made = [self._table(held[start : start + ROWS]) for start in range(0, len(held), ROWS)]
        except UnicodeEncodeError:
            return in_order(held)
        tables = [one if isinstance(one, Table) else write_table(self.workspace, self.step, one) for one in made]
        kept = {table.path for table in tables}
        self.workspace.remove_all([table.path for table in self.tables if table.path not in kept])
        loose = [receipt_path(self.step, one.unit) for one in held if isinstance(one, Receipt)]
        self.workspace.remove_all(list(dict.fromkeys([*self.loose.values(), *loose])))
        return Ledger(self.workspace, tables)

    def _table(self, held: Sequence[Held]) -> Table | pa.Table:
        """A table of these receipts, to be written: or the one that is there, if it holds them alone and in this order."""
        first = held[0]
        if isinstance(first, Row) and len(first.table) == len(held):
            table = first.table
            if all(isinstance(one, Row) and one.table is table and one.row == row for row, one in enumerate(held)):
                return table
        return table_of(in_order(held))

    @staticmethod
    def _by_table(held: Mapping[str, Held]) -> list[tuple[Table, list[int]]]:
        found: dict[int, tuple[Table, list[int]]] = {}
        for one in held.values():
            if isinstance(one, Row):
                found.setdefault(id(one.table), (one.table, []))[1].append(one.row)
        return list(found.values())


def in_order(held: Sequence[Held]) -> list[Receipt]:
    """Receipts as they are, those of tables read out; table by table where they stand together."""
    found: list[Receipt] = []
    place = 0
    while place < len(held):
        one = held[place]
        if isinstance(one, Receipt):
            found.append(one)
            place += 1
            continue
        rows = []
        while place < len(held) and isinstance(other := held[place], Row) and other.table is one.table:
            rows.append(other.row)
            place += 1
        found.extend(one.table.receipts(rows))
    return found


def receipt_files(paths: Iterable[str]) -> dict[str, list[str]]:
    """Those of a run's files that hold receipts, sorted, by step."""
    found: dict[str, list[str]] = {}
    for path in sorted(path for path in paths if path.startswith(f"{FOLDER}/") and path.endswith((LOOSE, TABLE))):
        found.setdefault(step_of(path), []).append(path)
    return found


def step_of(path: str) -> str:
    """The step whose receipts a file holds."""
    return path.removeprefix(f"{FOLDER}/").rpartition("/")[0]


def unit_of(path: str) -> str:
    """The unit whose receipt a loose file is."""
    return path.rpartition("/")[2].removesuffix(LOOSE)


def read_receipts(workspace: Workspace, step: str = "") -> Iterator[Receipt]:
    """Every receipt that can be read, of one step or of all; each unit's once."""
    for book in read_books(workspace, step):
        yield from book.receipts()


def read_books(workspace: Workspace, step: str = "") -> Iterator[Book]:
    """The receipts of one step or of all, step by step."""
    for name, paths in receipt_files(workspace.list(f"{FOLDER}/{step}" if step else FOLDER)).items():
        yield Book(workspace, name, paths)


def done_of(workspace: Workspace, planned: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """How many of the units that are planned, by their names and step, have a receipt."""
    found = dict.fromkeys(planned, 0)
    for book in read_books(workspace):
        names = planned.get(book.step, ())
        if not names:
            continue
        if book.loose:
            found[book.step] = len(book.units().intersection(names))
        else:
            wanted = pa.array([name.encode("utf-8", "surrogatepass") for name in names], pa.binary())
            there = [chunk.cast(pa.binary()) for table in book.tables for chunk in table.array("unit").chunks]
            found[book.step] = pc.sum(pc.is_in(pa.chunked_array(there, pa.binary()), wanted)).as_py() or 0
    return found


def units_of(workspace: Workspace, step: str) -> set[str]:
    """Those of one step; none where a table of its receipts is damaged, since then nobody knows them all."""
    books = list(read_books(workspace, step))
    if any(book.damaged for book in books):
        return set()
    return set().union(*(book.units() for book in books))
