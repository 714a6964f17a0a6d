"""Which documents of a part are out, and why: one small table per dropping stage and part, beside the documents.

A stage that drops writes `drops/<stage>/<part>.parquet`: the columns of `REJECTION`, and `row`, the document's row in
its part. What survives is every row that no earlier stage named; nobody rewrites the documents.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from winnow.stages.document import REJECTION
from winnow.stages.run.unit import File, Files
from winnow.stages.run.workspace import Workspace

DROP = REJECTION.append(pa.field("row", pa.int32(), nullable=False))


def drops_path(stage: str, part: str) -> str:
    return f"drops/{stage}/{part}.parquet"


def drops_of(part: str, stages: Sequence[str]) -> Files:
    """The part's drops of each of these stages."""
    return tuple(File(drops_path(stage, part)) for stage in stages)


def write_drops(workspace: Workspace, stage: str, part: str, drops: pa.Table) -> None:
    """Writes the part's drops, of schema `DROP`, sorted by row; an empty table too, so that every part has its file."""
    workspace.write_table(drops_path(stage, part), drops.select(DROP.names).cast(DROP).sort_by("row"))


def surviving(workspace: Workspace, rows: int, drops: Sequence[str]) -> np.ndarray:
    """A mask of `rows` booleans: True where none of these files of drops names the document in that row."""
    mask = np.ones(rows, dtype=bool)
    for name in drops:
        dropped = workspace.read_table(name, columns=["row"])["row"].to_numpy()
        mask[dropped] = False
    return mask
