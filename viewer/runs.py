"""A run as the viewer asks about it: its Parquet tables as DuckDB views, which know each document by part and row.

Nothing is copied but a few numbers of each document, read when they are first needed (`seats`), by which most questions are
answered. Every other query works on files as they lie, so a run that is still going on is shown as far as it had come when
it was opened.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import duckdb
import pyarrow as pa

from winnow.pipeline.configuration.manifest import Filter, Manifest
from winnow.pipeline.configuration.profile import Profile
from winnow.pipeline.proof.lock import PATH as LOCK
from winnow.pipeline.proof.lock import read_lock
from winnow.pipeline.record.funnel import DROPS, PLAN, planned_steps, read_index
from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.shard import ShardIndex
from winnow.tokenizer.encoder import Encoder
from winnow.tokenizer.load import load
from winnow.viewer.seats import LANGUAGE, Seated, load_seats
from winnow.viewer.tables import Columns, Tables

WHOLE_ID = re.compile("[0-9a-f]{32}")


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


class Run(Tables):
    """A run's tables, and what its lock, index and tokenizer tell of them."""

    def __init__(self, folder: str, root: str = "data") -> None:
        """`root`: where the profile's models lie, which explain why a rule fired. Raises `ValueError` for a run on an
        object store."""
        super().__init__(Workspace(folder))
        self.root = root
        self.name = folder.rstrip("/").rpartition("/")[2]
        self._loading = threading.Lock()
        self._documents = self.workspace.list("documents", ".parquet")
        self._make_views()

    def cursor(self, query: str, tables: Mapping[str, Columns]) -> duckdb.DuckDBPyConnection:
        """The same; `seats` and `dropped` are there for a query that asks for them."""
        if "dropped" in query or "seats" in query:
            with self._loading:
                if not super().has("dropped"):
                    load_seats(
                        self,
                        parts=list(self.places),
                        reasons=self.reasons,
                        languages=self.languages,
                        drops=self.drops_listed,
                        labelled=LANGUAGE in self.columns,
                    )
        return super().cursor(query, tables)

    def _make_views(self) -> None:
        measured = set(self.workspace.list("attributes", ".parquet"))
        whole = all(f"attributes/{part}" in measured for part in map(_file_name, self._documents))
        self.measured = bool(measured) and whole
        self.view("documents", self._documents, "file_index AS part, file_row_number AS row")
        if self.measured:
            attributes = [f"attributes/{_file_name(path)}" for path in self._documents]
            self.view("attributes", attributes, "file_index AS part, file_row_number AS row")
        for name in ("sequences", "contamination", "pairs", "shards", "tokens"):
            own = "" if name == "contamination" else ", file_row_number AS row"
            folders = (name, "scripts/pairs") if name == "pairs" else (name,)
            files = [path for folder in folders for path in self.workspace.list(folder, ".parquet")]
            self.view(name, files, f"filename AS file{own}")

    def warm(self) -> None:
        """Reads what every page needs, so that the first one doesn't wait for it."""
        for read in ("parts", "fates", "languages", "index"):
            getattr(self, read)
        _ = self.seated
        pa.array([0])  # imports pandas where it is installed

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
    def drops(self) -> list[str]:
        """The files of all drops."""
        return [path for path in self.workspace.list(DROPS, ".parquet") if part_of(path) in self.places]

    @cached_property
    def drops_listed(self) -> str:
        """The same as a list in SQL; empty where there are none."""
        return self.listed(self.drops)

    @cached_property
    def documents_listed(self) -> str:
        """The files of all documents as a list in SQL; empty where there are none."""
        return self.listed(self._documents)

    @cached_property
    def reasons(self) -> list[tuple[str, str]]:
        """Each stage and rule that dropped something, by its number in `seats`."""
        return sorted({(fate.stage, fate.rule) for fate in self.fates})

    @cached_property
    def seated(self) -> Seated:
        return Seated(self, [part.rows for part in self.parts])

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

    def locate(self, identity: str) -> tuple[int, int]:
        """Part and row of a document by its whole id. Raises `LookupError` where there is none."""
        query = "SELECT part, row FROM seats WHERE uuid = ?::UUID LIMIT 1"
        found = self.ask(query, [identity]) if WHOLE_ID.fullmatch(identity) else []
        if not found:
            raise LookupError(f"this run has no document {identity}")
        return found[0][0], found[0][1]


def _file_name(path: str) -> str:
    return path.partition("/")[2]


def part_of(path: str) -> str:
    """The name of the part to which a file of documents, measures or drops belongs."""
    return path.rpartition("/")[2].removesuffix(".parquet")
