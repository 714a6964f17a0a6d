"""Windows: tokenized documents cut into pieces of one length at the most, the grain by which a proxy's text is drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from winnow.stages.tokens.schema import list_offsets, list_values, lists, one_array, tokens_schema

Longs = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Windows:
    """W windows: ids `document:number`, the row of each one's document, its number there, and its tokens."""

    ids: pa.Array
    row: Longs
    number: Longs
    size: Longs


def windows_in(ids: pa.ChunkedArray | pa.Array, lengths: Longs, length: int) -> Windows:
    """The windows of documents of so many tokens: all of `length`, but for the last of each."""
    counts = -(-lengths // length)
    row = np.repeat(np.arange(len(lengths)), counts)
    number = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    names = pc.binary_join_element_wise(one_array(ids).take(pa.array(row)), pa.array(number).cast(pa.string()), ":")
    return Windows(names, row, number, np.minimum(lengths[row] - number * length, length))


def document_of(window: str) -> str:
    """The id of a window's document."""
    return window.rpartition(":")[0]


def cut(table: pa.Table, windows: Windows, chosen: Longs, length: int) -> pa.Table:
    """The `chosen` windows of a table of `tokens_schema`, as a table of the same schema.

    A window keeps its document's source, language, kind, bucket and loss mask; it has no places to be cut at.
    """
    starts, values = list_offsets(table["tokens"]), list_values(table["tokens"])
    schema = tokens_schema(values.dtype)
    rows, sizes = windows.row[chosen], windows.size[chosen]
    first = windows.number[chosen] * length
    masks = one_array(table["loss"])
    losses = [
        masks[row].values.slice(begin, size).to_pylist() if masks[row].is_valid else None
        for row, begin, size in zip(rows.tolist(), first.tolist(), sizes.tolist(), strict=True)
    ]
    begins = starts[rows] + first
    pieces = [values[begin : begin + size] for begin, size in zip(begins, sizes, strict=True)]
    columns = {
        "id": windows.ids.take(pa.array(chosen)),
        **{name: one_array(table[name]).take(pa.array(rows)) for name in ("source", "language", "kind", "bucket")},
        "tokens": lists(pieces, schema.field("tokens").type),
        "loss": pa.array(losses, schema.field("loss").type),
        "cuts": pa.array([[]] * len(rows), schema.field("cuts").type),
    }
    return pa.Table.from_pydict(columns, schema=schema)
