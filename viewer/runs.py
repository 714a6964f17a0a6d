"""A run as the viewer asks about it: its Parquet tables as DuckDB views, which know each document by part and row.

Nothing is copied but five numbers of each document, 28 bytes in memory, read when they are first needed: place, id,
language and fate, by which most questions are answered. Every other query works on files as they lie, so a run that is
still going on is shown as far as it had come when it was opened.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import duckdb
import pyarrow as pa

from winnow.pipeline.funnel import DROPS, PLAN, planned_steps, read_index
from winnow.pipeline.lock import PATH as LOCK
from winnow.pipeline.lock import read_lock
from winnow.pipeline.manifest import Filter, Manifest
from winnow.pipeline.profile import Profile
from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.shard import ShardIndex
from winnow.tokenizer.encoder import Encoder
from winnow.tokenizer.load import load

LANGUAGE = "language.label"
WHOLE_ID = re.compile("[0-9a-f]{32}")
KEYS = ("id", "source", "kind")
Columns = Mapping[str, tuple[str, Iterable[Any]]]
"""A small table for a query: for each column its type in SQL and its values."""


@dataclass(frozen=True)
class Part:
    """A file of documents. All of its documents have one source and one kind."""

    name: str
    source: str
    kind: str
    rows: int


@dataclass(frozen=True)
class Fate:
    """How many documents of a source one rule of one stage dropped."""

    source: str
    stage: str
    rule: str
    documents: int


class Run:
    """A run's tables. Safe to ask from several threads."""

    def __init__(self, folder: str, root: str = "data") -> None:
        """`root`: where the profile's models lie, which explain why a rule fired.

        Raises `ValueError` for a run on an object store: DuckDB reads ranges of files, which must lie on a disk."""
        self.workspace = Workspace(folder)
        if not self.workspace.is_local:
            raise ValueError(f"{folder}: the viewer reads runs on a disk: mount the store, or copy the run")
        self.root = root
        self.name = folder.rstrip("/").rpartition("/")[2]
        self._connection = duckdb.connect(":memory:")
        for setting in (
            "autoinstall_known_extensions = false",  # nothing from the network
            "autoload_known_extensions = false",
            "parquet_metadata_cache = true",
            "enable_progress_bar = false",
        ):
            self._connection.execute(f"SET {setting}")
        self._lock = threading.Lock()
        self._documents = self.workspace.list("documents", ".parquet")
        self._make_views()

    def ask(self, query: str, parameters: Sequence[Any] = (), **tables: Columns) -> list[tuple[Any, ...]]:
        """The rows of a query. `tables` are known to it by their names."""
        return self._cursor(query, tables).execute(query, list(parameters)).fetchall()

    def table(self, query: str, parameters: Sequence[Any] = (), **tables: Columns) -> pa.Table:
        """The same as an Arrow table."""
        found: pa.Table = self._cursor(query, tables).sql(query, params=list(parameters)).to_arrow_table()
        return found

    def _cursor(self, query: str, tables: Mapping[str, Columns]) -> duckdb.DuckDBPyConnection:
        """A connection of the caller's own, which knows these tables, and `seats` and `dropped` where it asks for them."""
        if "dropped" in query or "seats" in query:
            self._load_seats()
        cursor = self._connection.cursor()
        for name, columns in tables.items():
            _give(cursor, name, columns)
        return cursor

    def _make_views(self) -> None:
        measured = set(self.workspace.list("attributes", ".parquet"))
        whole = all(f"attributes/{part}" in measured for part in map(_file_name, self._documents))
        self.measured = bool(measured) and whole
        self._view("documents", self._documents, "file_index AS part, file_row_number AS row")
        if self.measured:
            attributes = [f"attributes/{_file_name(path)}" for path in self._documents]
            self._view("attributes", attributes, "file_index AS part, file_row_number AS row")
        for name in ("sequences", "contamination", "pairs", "shards", "tokens"):
            own = "" if name == "contamination" else ", file_row_number AS row"
            self._view(name, self.workspace.list(name, ".parquet"), f"filename AS file{own}")

    def _view(self, name: str, paths: Sequence[str], keys: str) -> None:
        if not paths:
            return
        listed = ", ".join("'" + self.workspace.path(path).replace("'", "''") + "'" for path in paths)
        options = "file_row_number = true, union_by_name = true, filename = true"
        self._connection.execute(
            f"CREATE VIEW {name} AS SELECT {keys}, * EXCLUDE (filename, file_row_number) "
            f"FROM read_parquet([{listed}], {options})"
        )

    def warm(self) -> None:
        """Reads what every page needs, so that the first one doesn't wait for it."""
        for read in ("parts", "fates", "languages", "index"):
            getattr(self, read)
        self.ask("SELECT count(*) FROM seats")
        pa.array([0])  # imports pandas where it is installed

    def has(self, view: str) -> bool:
        """Whether the run has written tables of this name."""
        return bool(self.ask("SELECT 1 FROM duckdb_views() WHERE view_name = ?", [view]))

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """The run's parts; the place of one is its number in the views."""
        if not self._documents:
            return ()
        found = self.ask("SELECT part, any_value(source), any_value(kind), count(*) FROM documents GROUP BY part")
        known = {part: rest for part, *rest in found}
        names = [_file_name(path).removesuffix(".parquet") for path in self._documents]
        return tuple(Part(name, *known.get(place, ("", "", 0))) for place, name in enumerate(names))

    @cached_property
    def places(self) -> dict[str, int]:
        """The number of each part by its name."""
        return {_file_name(path).removesuffix(".parquet"): place for place, path in enumerate(self._documents)}

    @cached_property
    def fates(self) -> tuple[Fate, ...]:
        """What was dropped, by source, stage and rule, in the order of travel."""
        if not self.drops_listed:
            return ()
        query = f"SELECT source, stage, rule, count(*) FROM read_parquet([{self.drops_listed}]) GROUP BY ALL ORDER BY 4 DESC"
        steps = planned_steps(self.workspace)

        def position(stage: str) -> int:
            return next((place for place, step in enumerate(steps) if f"{step}.".startswith(f"{stage}.")), len(steps))

        return tuple(sorted((Fate(*row) for row in self.ask(query)), key=lambda fate: position(fate.stage)))

    @cached_property
    def drops_listed(self) -> str:
        """The files of all drops as a list in SQL; empty where there are none."""
        paths = [path for path in self.workspace.list(DROPS, ".parquet") if _stem(path) in self.places]
        return ", ".join("'" + self.workspace.path(path).replace("'", "''") + "'" for path in paths)

    def _load_seats(self) -> None:
        """`seats`: of each document part, row, id, language and the rule that dropped it; null where it was kept.
        `dropped`: part, row, id, stage and rule of those that were dropped."""
        with self._lock:
            if self._connection.execute("SELECT 1 FROM duckdb_views() WHERE view_name = 'dropped'").fetchall():
                return
            cursor = self._connection.cursor()
            small: dict[str, Columns] = {
                "reasons": {
                    "number": ("SMALLINT", range(len(self.reasons))),
                    "stage": ("VARCHAR", [stage for stage, _ in self.reasons]),
                    "rule": ("VARCHAR", [rule for _, rule in self.reasons]),
                },
                "languages": {
                    "number": ("SMALLINT", range(len(self.languages))),
                    "name": ("VARCHAR", self.languages),
                },
                "part_names": {"name": ("VARCHAR", list(self.places)), "part": ("UINTEGER", self.places.values())},
            }
            for name, columns in small.items():
                _give(cursor, f"given_{name}", columns)
                cursor.execute(f"CREATE TABLE {name} AS SELECT * FROM given_{name}")
            cursor.execute("CREATE TEMP TABLE drop_rows (part UINTEGER, row UINTEGER, reason SMALLINT)")
            if self.drops_listed:
                cursor.execute(
                    "INSERT INTO drop_rows SELECT p.part, d.row, r.number "
                    f"FROM read_parquet([{self.drops_listed}], filename = true) d "
                    "JOIN part_names p ON p.name = parse_filename(d.filename, true) "
                    "JOIN reasons r ON r.stage = d.stage AND r.rule = d.rule"
                )
            cursor.execute(
                "CREATE TABLE seats (part UINTEGER, row UINTEGER, uuid UUID, language SMALLINT, reason SMALLINT)"
            )
            for told in self._told():
                cursor.execute(
                    "INSERT INTO seats SELECT t.part, t.row, t.id::UUID, l.number, d.reason "
                    f"FROM ({told}) t LEFT JOIN drop_rows d ON d.part = t.part AND d.row = t.row "
                    "LEFT JOIN languages l ON l.name = t.language"
                )
            cursor.execute("DROP TABLE drop_rows")
            cursor.execute(
                "CREATE VIEW dropped AS SELECT s.part, s.row, s.uuid, r.stage, r.rule "
                "FROM seats s JOIN reasons r ON r.number = s.reason"
            )

    def _told(self) -> list[str]:
        """Queries for part, row, id and language of all documents: the language as measured, else as declared."""
        if not self._documents:
            return []
        declared = "SELECT part, row, id, language FROM documents"
        if LANGUAGE not in self.columns:
            return [declared]
        measured = f'SELECT part, row, id, "{LANGUAGE}" AS language FROM attributes WHERE "{LANGUAGE}" IS NOT NULL'
        unmeasured = f'SELECT part, row FROM attributes WHERE "{LANGUAGE}" IS NULL'
        some = self.ask(f"SELECT 1 FROM ({unmeasured}) LIMIT 1")
        return [measured, f"{declared} SEMI JOIN ({unmeasured}) USING (part, row)"] if some else [measured]

    @cached_property
    def documents_listed(self) -> str:
        """The files of all documents as a list in SQL; empty where there are none."""
        return ", ".join("'" + self.workspace.path(path).replace("'", "''") + "'" for path in self._documents)

    @cached_property
    def reasons(self) -> list[tuple[str, str]]:
        """Each stage and rule that dropped something, by its number in `seats`."""
        return sorted({(fate.stage, fate.rule) for fate in self.fates})

    @cached_property
    def columns(self) -> dict[str, str]:
        """Each measure with its type as DuckDB names it."""
        if not self.measured:
            return {}
        found = self.ask("SELECT column_name, column_type FROM (DESCRIBE attributes)")
        return {name: kind for name, kind in found if "." in name}

    @cached_property
    def lock(self) -> dict[str, Any] | None:
        return read_lock(self.workspace) if self.workspace.exists(LOCK) else None

    @cached_property
    def plan(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.workspace.read_bytes(PLAN))
        return found

    @cached_property
    def manifest(self) -> Manifest | None:
        """The manifest as the run's lock has it; None before there is one."""
        return Manifest.model_validate(self.lock["manifest"]) if self.lock else None

    @cached_property
    def profile(self) -> Profile | None:
        return Profile.model_validate(self.lock["profile"]) if self.lock else None

    def place(self, path: str) -> str:
        """A path of the profile as it can be opened here; the lock doesn't hold where the profile's root was."""
        return self.profile.model_copy(update={"root": self.root}).place(path) if self.profile else path

    @cached_property
    def index(self) -> ShardIndex | None:
        return read_index(self.workspace)

    @cached_property
    def encoder(self) -> Encoder | None:
        """The run's tokenizer; None before there is one."""
        if not self.workspace.list("tokenizer"):
            return None
        return load(self.workspace.path("tokenizer"))

    @cached_property
    def languages(self) -> list[str]:
        """Every language of a document, measured or else declared, the most frequent first."""
        if not self._documents:
            return []
        counted = self.ask("SELECT language, count(*) FROM documents WHERE language IS NOT NULL GROUP BY 1")
        if LANGUAGE in self.columns:
            query = f'SELECT "{LANGUAGE}", count(*) FROM attributes WHERE "{LANGUAGE}" IS NOT NULL GROUP BY 1'
            counted += self.ask(query)
        sums: dict[str, int] = {}
        for name, count in counted:
            sums[name] = sums.get(name, 0) + count
        return sorted(sums, key=lambda name: -sums[name])

    def concerned(self, entry: Filter) -> frozenset[tuple[str, str]]:
        """The pairs of source and kind on whose documents a filter of the manifest decides."""
        if self.profile is None:
            return frozenset()
        return frozenset(
            (source, given.kind)
            for source, inputs in self.profile.sources.items()
            for given in inputs
            if entry.concerns(source, given.kind, given.holds())
        )

    def rows(self, where: Sequence[tuple[int, int]], columns: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Columns of documents by part and row, in that order; of a part only the row groups that hold one are read, and
        once."""
        wanted: dict[int, list[int]] = {}
        for part, row in where:
            wanted.setdefault(part, []).append(row)
        found = {part: self._rows_of(part, sorted(set(rows)), columns) for part, rows in wanted.items()}
        for part, row in where:
            yield found[part][row]

    def _rows_of(self, part: int, rows: Sequence[int], columns: Sequence[str]) -> dict[int, dict[str, Any]]:
        path, first = f"documents/{self.parts[part].name}.parquet", 0
        found: dict[int, dict[str, Any]] = {}
        with self.workspace.parquet(path) as file:
            for group in range(file.num_row_groups):
                size = file.metadata.row_group(group).num_rows
                inside = [row for row in rows if first <= row < first + size]
                if inside:
                    table = file.read_row_group(group, columns=columns)
                    taken = table.take(pa.array([row - first for row in inside])).to_pylist()
                    found.update(zip(inside, taken, strict=True))
                first += size
        return found

    def record(self, part: int, row: int, columns: Sequence[str] | None = None) -> dict[str, Any]:
        """One document. Raises `LookupError` where the part has no such row."""
        name = self.parts[part].name
        table, inside = self._group(f"documents/{name}.parquet", row, columns)
        return dict(table.slice(inside, 1).to_pylist()[0])

    def measures(self, part: int, row: int) -> dict[str, Any]:
        """What was measured of a document; empty before anything was."""
        path = f"attributes/{self.parts[part].name}.parquet"
        if not self.workspace.exists(path):
            return {}
        table, inside = self._group(path, row, None)
        found = table.slice(inside, 1).to_pylist()[0]
        return {name: value for name, value in found.items() if name not in KEYS}

    def drop(self, part: int, row: int) -> dict[str, Any] | None:
        """Why a document was dropped: stage, rule, value and threshold; None where it stayed."""
        name = self.parts[part].name
        for path in self.workspace.list(DROPS, f"/{name}.parquet"):
            table = self.workspace.read_table(path)
            for entry in table.filter(pa.compute.equal(table["row"], row)).to_pylist():
                return dict(entry)
        return None

    def locate(self, identity: str) -> tuple[int, int]:
        """Part and row of a document by its whole id. Raises `LookupError` where there is none."""
        query = "SELECT part, row FROM seats WHERE uuid = ?::UUID LIMIT 1"
        found = self.ask(query, [identity]) if WHOLE_ID.fullmatch(identity) else []
        if not found:
            raise LookupError(f"this run has no document {identity}")
        return found[0][0], found[0][1]

    def _group(self, path: str, row: int, columns: Sequence[str] | None) -> tuple[pa.Table, int]:
        with self.workspace.parquet(path) as file:
            first = 0
            for group in range(file.num_row_groups):
                size = file.metadata.row_group(group).num_rows
                if first <= row < first + size:
                    return file.read_row_group(group, columns=columns), row - first
                first += size
        raise LookupError(f"{path} has no row {row}")


def _give(cursor: duckdb.DuckDBPyConnection, name: str, columns: Columns) -> None:
    """A temporary table of this connection. Not `register`, which imports pandas, three seconds on a slow machine."""
    listed = ", ".join(f"unnest(?::{kind}[]) AS {column}" for column, (kind, _) in columns.items())
    cursor.execute(f"CREATE TEMP TABLE {name} AS SELECT {listed}", [list(values) for _, values in columns.values()])


def _file_name(path: str) -> str:
    return path.partition("/")[2]


def _stem(path: str) -> str:
    return path.rpartition("/")[2].removesuffix(".parquet")
