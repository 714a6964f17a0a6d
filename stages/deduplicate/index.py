"""The index of a run: what a later run needs to find its near-duplicates among the documents of this one.

`remember` writes `index/<part>.parquet`, signature and shingles of every document that stayed: about 4 bytes per
word. A later run names the earlier run's folder; each of its index files takes part as if it were a part of the new
run whose documents nobody can beat, so a new document goes for an old one and never the other way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from winnow.stages.deduplicate.bands import band_rows, bands_path
from winnow.stages.deduplicate.contender import CONTENDER
from winnow.stages.deduplicate.content import COLUMNS, content_sets
from winnow.stages.deduplicate.recipes import MinHashSettings
from winnow.stages.deduplicate.signature import check_scheme, signature_minima
from winnow.stages.run.drops import surviving
from winnow.stages.run.exchange import scatter
from winnow.stages.run.unit import Counts, File, Files, Place, Unit
from winnow.stages.run.workspace import Workspace, digest_file

SHINGLES = pa.field("set", pa.large_list(pa.uint32()), nullable=False)
FOLDER = "index"
ROWS_PER_GROUP = 1 << 14


class Known(NamedTuple):
    """One index file of an earlier run: the run's folder or address, the file in it, its digest."""

    root: Place
    name: str
    digest: str


class Signed(NamedTuple):
    """What a part of this run holds itself: its documents and their signatures."""

    documents: File
    signatures: File


@dataclass(frozen=True, kw_only=True)
class RememberPart:
    """A part and the drops of every stage so far, this level's too."""

    signed: Signed
    drops: Files
    settings: MinHashSettings


@dataclass(frozen=True, kw_only=True)
class RecallKnown:
    """An index file of an earlier run, which takes part as the `index`-th part."""

    index: int
    known: Known
    settings: MinHashSettings


def known_files(roots: Sequence[str], folder: str = FOLDER) -> list[Known]:
    """The index files of earlier runs in `folder`, in order. Raises `FileNotFoundError` for a run that kept no index."""
    found = []
    for root in roots:
        workspace = Workspace(root)
        names = workspace.list(folder, ".parquet")
        if not names:
            raise FileNotFoundError(f"{root} holds no index: no {folder}/*.parquet; was it made with `remember`?")
        found += [Known(Place(root), name, digest_file(workspace, name)) for name in names]
    return found


def index_path(settings: MinHashSettings, part: str) -> str:
    return f"{settings.folder(FOLDER)}/{part}.parquet"


def known_part(number: int) -> str:
    """The name under which the index file of this number takes part in the exchanges."""
    return f"known-{number:05d}"


def remember_part(workspace: Workspace, unit: Unit[RememberPart]) -> Counts:
    """Writes the index of one part: signatures and shingles of the documents that stayed."""
    settings = unit.asked.settings
    documents, signatures = unit.asked.signed
    check_scheme(workspace, signatures, settings.scheme())
    table = workspace.read_table(signatures)
    texts = workspace.read_table(documents, columns=list(COLUMNS))
    stays = surviving(workspace, texts.num_rows, unit.asked.drops)
    table = table.filter(pa.array(stays[table["row"].to_numpy()]))
    sets = content_sets(texts.take(table["row"]), table["shingles"].to_numpy(), settings)
    metadata = table.schema.metadata
    table = table.append_column(SHINGLES, sets).replace_schema_metadata(metadata)
    workspace.write_table(index_path(settings, unit.name), table, row_group_size=ROWS_PER_GROUP)
    return {"documents": table.num_rows}


def recall_known(workspace: Workspace, unit: Unit[RecallKnown]) -> Counts:
    """Scatters the bands of one index file of an earlier run, its documents preferred to every new one."""
    asked, settings = unit.asked, unit.asked.settings
    earlier, name = Workspace(asked.known.root), asked.known.name
    check_scheme(earlier, name, settings.scheme())
    table = earlier.read_table(name, columns=[*CONTENDER.names, "shingles", "signature"])
    table = _unbeatable(table)
    rows = band_rows(table, signature_minima(table), table["shingles"].to_numpy(), settings, part=asked.index)
    scatter(workspace, bands_path(settings.stage, unit.name), rows, settings.buckets)
    return {"documents": table.num_rows}


def known_sets(known: Known, rows: np.ndarray) -> tuple[pa.Table, pa.LargeListArray]:
    """Contender rows and shingle sets of some rows of an index file, read row group by row group."""
    earlier = Workspace(known.root)
    tables = []
    with earlier.parquet(known.name) as file:
        start = 0
        for group in range(file.num_row_groups):
            stop = start + file.metadata.row_group(group).num_rows
            wanted = rows[(rows >= start) & (rows < stop)] - start
            if len(wanted):
                tables.append(file.read_row_group(group).take(pa.array(wanted)))
            start = stop
    table = pa.concat_tables(tables).combine_chunks() if tables else earlier.read_table(known.name).slice(0, 0)
    return _unbeatable(table), pa.concat_arrays(table["set"].chunks) if len(table) else pa.array([], SHINGLES.type)


def _unbeatable(table: pa.Table) -> pa.Table:
    """With quality infinite, and `row` the row of the index file: what the exchanges know the document by."""
    count = table.num_rows
    table = table.set_column(table.schema.get_field_index("quality"), "quality", pa.array(np.full(count, np.inf)))
    return table.set_column(table.schema.get_field_index("row"), "row", pa.array(np.arange(count, dtype=np.int32)))
