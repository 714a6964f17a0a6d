"""Consumed: documents that a model has read already are not given to it again.

Whoever changes mixture or lengths in the middle of a training builds the shards anew. `winnow-train consumed` tells of which
documents the last checkpoint has read; of the tokenized documents these are left out, before anything is counted or drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from winnow.stages.run.inventory import change_mark
from winnow.stages.run.unit import File, Place, Unworkable
from winnow.stages.run.workspace import Workspace

CONSUMED = pa.schema(
    [
        pa.field("document", pa.string(), nullable=False),  # id, as segments of shards name it
        pa.field("source", pa.string(), nullable=False),
        pa.field("tokens", pa.int64(), nullable=False),  # of it, in the sequences read, each counted once
    ]
)


@dataclass(frozen=True, kw_only=True)
class Consumed:
    """Where the table of what was read lies, and its entry in the inventory."""

    table: Place
    inventory: File


def left(tokens: pa.Table, consumed: Consumed | None) -> pa.Table:
    """The tokenized documents that weren't read before, m of n rows in the same order."""
    if consumed is None:
        return tokens
    read = _read(consumed.table, str(change_mark(consumed.table)))
    return tokens.filter(pc.invert(pc.is_in(tokens["id"], value_set=read)))


def read_consumed(place: str) -> pa.Table:
    """The table of schema `CONSUMED`, a row a document. Raises `Unworkable` for a file that isn't one."""
    folder, _, name = place.rpartition("/")
    try:
        return Workspace(folder or ".").read_table(name, columns=CONSUMED.names).cast(CONSUMED)
    except (pa.ArrowInvalid, KeyError, ValueError) as error:
        raise Unworkable(
            f"{place} isn't a table of consumed documents ({error}): `winnow-train consumed` writes one"
        ) from None


@lru_cache(maxsize=1)
def _read(place: str, mark: str) -> pa.Array:
    """Ids, kept for the next parts that this process works; `mark` changes with the file."""
    return read_consumed(place)["document"].combine_chunks()
