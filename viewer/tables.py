"""A run's Parquet as DuckDB views, which are asked where the files lie: nothing is copied."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from winnow.stages.run.workspace import Workspace

Columns = Mapping[str, tuple[str, Iterable[Any]]]
"""A small table for a query: for each column its type in SQL and its values."""


class Tables:
    """Views over files of a workspace. Safe to ask from several threads."""

    def __init__(self, workspace: Workspace) -> None:
        """Raises `ValueError` for an object store: DuckDB reads ranges of files, which must lie on a disk."""
        if not workspace.is_local:
            raise ValueError(f"{workspace.path('')}: the viewer reads runs on a disk: mount the store, or copy the run")
        self.workspace = workspace
        self._connection = duckdb.connect(":memory:")
        for setting in (
            "autoinstall_known_extensions = false",  # nothing from the network
            "autoload_known_extensions = false",
            "parquet_metadata_cache = true",
            "enable_progress_bar = false",
        ):
            self._connection.execute(f"SET {setting}")

    def ask(self, query: str, parameters: Sequence[Any] = (), **tables: Columns) -> list[tuple[Any, ...]]:
        """The rows of a query. `tables` are known to it by their names."""
        return self.cursor(query, tables).execute(query, list(parameters)).fetchall()

    def table(self, query: str, parameters: Sequence[Any] = (), **tables: Columns) -> pa.Table:
        """The same as an Arrow table."""
        found: pa.Table = self.cursor(query, tables).sql(query, params=list(parameters)).to_arrow_table()
        return found

    def cursor(self, query: str, tables: Mapping[str, Columns]) -> duckdb.DuckDBPyConnection:
        """A connection of the caller's own for a query, which knows these tables."""
        cursor = self._connection.cursor()
        for name, columns in tables.items():
            # Not `register`, which imports pandas, three seconds on a slow machine.
            listed = ", ".join(f"unnest(?::{kind}[]) AS {column}" for column, (kind, _) in columns.items())
            cursor.execute(
                f"CREATE TEMP TABLE {name} AS SELECT {listed}", [list(values) for _, values in columns.values()]
            )
        return cursor

    def view(self, name: str, paths: Sequence[str], keys: str) -> None:
        """A view over these files, none of which it needs to have every column, with `keys` before their columns."""
        if not paths:
            return
        options = "file_row_number = true, union_by_name = true, filename = true"
        self._connection.execute(
            f"CREATE VIEW {name} AS SELECT {keys}, * EXCLUDE (filename, file_row_number) "
            f"FROM read_parquet([{self.listed(paths)}], {options})"
        )

    def listed(self, paths: Sequence[str]) -> str:
        """Files as a list in SQL; empty where there are none."""
        return ", ".join("'" + self.workspace.path(path).replace("'", "''") + "'" for path in paths)

    def has(self, view: str) -> bool:
        """Whether there are tables of this name."""
        return bool(self.ask("SELECT 1 FROM duckdb_views() WHERE view_name = ?", [view]))
