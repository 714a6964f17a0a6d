"""Runs one stage alone on files of the user's own: as in a run, without manifest, receipts or Dask."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from inspect import Parameter, signature
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from winnow.filters.recipes import Recipe
from winnow.formats.addresses import expand
from winnow.stages.document import DOCUMENT, REJECTION
from winnow.stages.ingest.source import Builder, kind_module
from winnow.stages.ingest.tables import MAPPABLE
from winnow.stages.run.workspace import Workspace


@dataclass
class Sorted:
    """What a recipe made of some files: documents kept, and those rejected by rule."""

    documents: int = 0
    kept: int = 0
    rejected: Counter[str] = field(default_factory=Counter)


def read_documents(inputs: Sequence[str], *, source: str, kind: str = "tables", **options: Any) -> Iterator[pa.Table]:
    """The documents of files of one kind, as tables of schema `DOCUMENT`; records that are none come at the end.

    The last table has the schema `REJECTION`. Raises `FileNotFoundError` when an input isn't there.
    """
    module = kind_module(kind)
    settings = module.Settings(**options)
    tables: list[pa.Table] = []
    builder = Builder(source=source, kind=kind, emit=tables.append)
    for pattern in inputs:
        for path in expand(pattern):
            for split in module.splits(path, settings):
                module.read(split, settings, builder)
                builder.flush()
                yield from tables
                tables.clear()
    yield builder.rejection_table()


def filter_files(recipe: Recipe, inputs: Sequence[str], out: str) -> Sorted:
    """Applies one recipe to Parquet, JSONL, CSV or Arrow files with a column `text`, and `url`, `license` … by these
    names where the recipe reads them.

    Writes into `out`: `kept.parquet` (documents, edited where the recipe edits), `rejected.parquet` (rule, value,
    threshold, beside the document's text) and `measures.parquet` (a row for each document, by id). Raises
    `LookupError` for an option that the recipe needs and has not, or has not and is given.
    """
    from winnow.filters.measure import measure
    from winnow.stages.decide import Application, decide

    _check_options(recipe)
    columns = {name: name for name in ("text", *recipe.columns) if name in MAPPABLE}
    workspace = Workspace(out)
    found = Sorted()
    with ExitStack() as stack:

        def writer(name: str, schema: pa.Schema) -> pq.ParquetWriter:
            return stack.enter_context(workspace.create_parquet(name, schema))

        kept = writer("kept.parquet", DOCUMENT)
        rejected = writer("rejected.parquet", REJECTION.append(pa.field("text", pa.large_string())))
        measured: pq.ParquetWriter | None = None
        for documents in read_documents(inputs, source=recipe.name, columns=columns):
            if documents.schema == REJECTION:
                found.rejected.update(documents["rule"].to_pylist())
                missing = pa.nulls(documents.num_rows, pa.large_string())
                rejected.write_table(documents.append_column("text", missing))
                continue
            measures = []
            if recipe.edit is not None:
                documents, edits = recipe.edit(documents, **recipe.options)
                measures.append(edits)
            measures.append(measure(documents, [recipe]))
            attributes = documents.select(["id", "source", "kind", "locator"])
            for table in measures:
                for name in table.column_names:
                    attributes = attributes.append_column(name, table[name])
            if measured is None:
                measured = writer("measures.parquet", attributes.schema)
            measured.write_table(attributes)
            drops = decide(attributes, [Application(recipe=recipe)])
            found.documents += documents.num_rows
            found.kept += documents.num_rows - drops.num_rows
            found.rejected.update(drops["rule"].to_pylist())
            texts = documents["text"].take(drops["row"])
            rejected.write_table(drops.select(REJECTION.names).append_column("text", texts))
            gone = set(drops["row"].to_pylist())
            kept.write_table(
                documents.take(pa.array([row for row in range(documents.num_rows) if row not in gone], pa.int64()))
            )
    return found


def _check_options(recipe: Recipe) -> None:
    works = [signature(work).parameters for work in (recipe.measure, recipe.edit) if work is not None]
    known = {
        name: parameter
        for parameters in works
        for name, parameter in parameters.items()
        if parameter.kind is Parameter.KEYWORD_ONLY
    }
    for name, parameter in known.items():
        if parameter.default is Parameter.empty and name not in recipe.options:
            raise LookupError(f"recipe {recipe.name!r} needs the option {name!r}: give --option {name}=…")
    for name in recipe.options:
        if name not in known:
            raise LookupError(f"recipe {recipe.name!r} has no option {name!r}; there are {', '.join(known) or 'none'}")
