"""Documents and tokens of a finished run, counted again in the files themselves."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow.compute as pc

from winnow.pipeline.record.funnel import DROPS, read_index
from winnow.stages.run.workspace import Workspace

Problem = tuple[str, str]
"""A file, and what is wrong with it."""


def documents(workspace: Workspace) -> Iterator[Problem]:
    """A document is dropped at most once, and only documents that exist are dropped."""
    dropped: dict[str, list[str]] = {}
    for path in workspace.list(DROPS, ".parquet"):
        dropped.setdefault(path.rpartition("/")[2], []).append(path)
    for path in workspace.list("documents", ".parquet"):
        rows = workspace.parquet(path).metadata.num_rows
        seen: dict[int, str] = {}
        for drops in dropped.get(path.rpartition("/")[2], ()):
            for row in _dropped_rows(workspace, drops):
                if not 0 <= row < rows:
                    yield (drops, f"drops row {row} of {rows}")
                elif row in seen:
                    yield (drops, f"drops row {row}, which {seen[row]} had dropped before")
                seen[row] = drops


def _dropped_rows(workspace: Workspace, path: str) -> list[int]:
    """The rows that a table of drops names; many a one is empty, and of that the footer is enough."""
    with workspace.parquet(path) as file:
        rows: list[int] = file.read(["row"], use_threads=False)["row"].to_pylist() if file.metadata.num_rows else []
    return rows


def tokens(workspace: Workspace) -> Iterator[Problem]:
    """Every shard holds the sequences and tokens that the index promises, and no segment leaves its row."""
    index = read_index(workspace)
    if index is None:
        return
    for phase in index.phases:
        for file in phase.files:
            path = f"shards/{file.path}"
            table = workspace.read_table(path, columns=["input_ids", "segments"])
            lengths = set(pc.list_value_length(table["input_ids"]).unique().to_pylist())
            if lengths - {phase.length}:
                yield (path, f"has sequences of {sorted(lengths)} tokens, the phase says {phase.length}")
            counted = pc.sum(pc.struct_field(pc.list_flatten(table["segments"]), "length")).as_py() or 0
            if (table.num_rows, counted) != (file.sequences, file.tokens):
                found = f"{table.num_rows} sequences of {counted} tokens"
                yield (path, f"has {found}, the index says {file.sequences} of {file.tokens}")
