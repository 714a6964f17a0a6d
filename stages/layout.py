"""A user's own files laid out as a run's parts, so that a level of de-duplication or decontamination works alone.

`lay_out` writes documents/, `carry_out` works a plan in this process, `keep` writes what is left to kept/.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa

from winnow.formats.addresses import expand
from winnow.stages.ingest.source import Builder, kind_module
from winnow.stages.run.drops import drops_of, surviving
from winnow.stages.run.unit import Planned
from winnow.stages.run.workspace import Workspace

Edit = Callable[[Workspace, str, pa.Table], pa.Table]


def lay_out(
    workspace: Workspace,
    inputs: Sequence[str],
    columns: Mapping[str, str],
    *,
    kind: str = "tables",
    measures: Sequence[str] = (),
) -> list[str]:
    """Writes Parquet, JSONL, CSV or Arrow files as parts of documents, one per piece of about 64 MiB; their names.

    `columns` tells for `text`, `url` or another column of `DOCUMENT` which of the inputs' columns holds it; numeric
    columns named by `measures` become attributes. Records that can't become documents go to `rejections.parquet`.
    Raises `FileNotFoundError` when an input isn't there, `ValueError` for a measure that is no number and for a folder
    that holds what an earlier run kept: files of both would be mixed.
    """
    if workspace.list("kept"):
        raise ValueError(f"{workspace.root} holds what an earlier run kept: name another folder, or remove that one")
    tables = kind_module("tables")
    settings = tables.Settings(columns=columns, metadata=tuple(measures))
    builder = Builder(source="files", kind=kind, emit=lambda table: pieces.append(table))
    pieces: list[pa.Table] = []
    parts: list[str] = []
    for pattern in inputs:
        for path in expand(pattern):
            for split in tables.splits(path, settings):
                tables.read(split, settings, builder)
                builder.flush()
                if not pieces:
                    continue
                part = f"files-{len(parts):05d}"
                documents = pa.concat_tables(pieces).combine_chunks()
                workspace.write_table(f"documents/{part}.parquet", documents)
                if measures:
                    workspace.write_table(f"attributes/{part}.parquet", _attributes(documents, measures, path))
                parts.append(part)
                pieces.clear()
    workspace.write_table("rejections.parquet", builder.rejection_table())
    return parts


def _attributes(documents: pa.Table, measures: Sequence[str], path: str) -> pa.Table:
    """What the metadata hold of the measures, row by row; null where there is nothing."""
    rows = [json.loads(metadata or "{}") for metadata in documents["metadata"].to_pylist()]
    try:
        columns = {name: pa.array([row.get(name) for row in rows], pa.float64()) for name in measures}
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise ValueError(f"{path}: {' or '.join(measures)} is no column of numbers: {error}") from error
    return pa.table({"id": documents["id"], **columns})


def carry_out(workspace: Workspace, plan: Sequence[Planned]) -> Counter[str]:
    """Works every unit of a plan in order; the counts summed over units, as `<step>.<count>`."""
    counts: Counter[str] = Counter()
    for step, units in plan:
        for unit in units:
            counts.update({f"{step.name}.{name}": value for name, value in step.work(workspace, unit).items()})
    return counts


def keep(workspace: Workspace, parts: Sequence[str], stages: Sequence[str], edit: Edit | None = None) -> int:
    """Writes the documents that none of the stages dropped to `kept/<part>.parquet`; how many they are.

    `edit(workspace, part, documents)` may change their texts first.
    """
    kept = 0
    for part in parts:
        documents = workspace.read_table(f"documents/{part}.parquet")
        if edit is not None:
            documents = edit(workspace, part, documents)
        left = documents.filter(pa.array(surviving(workspace, documents.num_rows, drops_of(part, stages))))
        workspace.write_table(f"kept/{part}.parquet", left)
        kept += left.num_rows
    return kept
