"""Tokenized documents: their schema, and the arrays that make a table of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from winnow.stages.run.unit import File

NO_BUCKET = -1


def tokens_schema(dtype: npt.DTypeLike) -> pa.Schema:
    """The schema of `tokens/<part>.parquet` for ids of `dtype` (uint16 or uint32): one row is one document."""
    kind = pa.from_numpy_dtype(np.dtype(dtype))
    if kind not in (pa.uint16(), pa.uint32()):
        raise ValueError(f"token ids are uint16 or uint32, not {np.dtype(dtype)}")
    return pa.schema(
        [
            pa.field("id", pa.string(), nullable=False),
            pa.field("source", pa.string(), nullable=False),
            pa.field("language", pa.string()),
            pa.field("kind", pa.string(), nullable=False),
            pa.field("bucket", pa.int8(), nullable=False),  # of quality, the best has the highest; -1: not measured
            pa.field("tokens", pa.list_(pa.field("element", kind, nullable=False)), nullable=False),
            # Which tokens the model is to learn to say; null: all of them.
            pa.field("loss", pa.list_(pa.field("element", pa.bool_(), nullable=False))),
            # Where the document is best cut, if it must be: ascending positions of tokens that begin a paragraph,
            # a file or a turn. Neither 0 nor the length.
            pa.field("cuts", pa.list_(pa.field("element", pa.int32(), nullable=False)), nullable=False),
        ]
    )


TOKENS = tokens_schema(np.uint32)


def tokens_path(part: str) -> File:
    return File(f"tokens/{part}.parquet")


def lists(arrays: Sequence[npt.NDArray[Any]], kind: pa.DataType) -> pa.Array:
    """A list column of type `kind`, one list an array."""
    offsets = np.concatenate([[0], np.cumsum([len(array) for array in arrays])]).astype(np.int32)
    values = np.concatenate(arrays) if arrays else np.empty(0)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values).cast(kind.value_type), type=kind)


def list_lengths(column: pa.ChunkedArray | pa.Array) -> npt.NDArray[np.int64]:
    """The length of each list of a column without nulls, int64 [n]."""
    return np.diff(list_offsets(column))


def list_offsets(column: pa.ChunkedArray | pa.Array) -> npt.NDArray[np.int64]:
    """Where each list of the column begins in `list_values(column)`, int64 [n + 1] from 0."""
    array = one_array(column)
    if not len(array):
        return np.zeros(1, np.int64)
    offsets: npt.NDArray[np.int64] = np.asarray(array.offsets, dtype=np.int64)
    begun: npt.NDArray[np.int64] = offsets - offsets[0]
    return begun


def list_values(column: pa.ChunkedArray | pa.Array) -> npt.NDArray[Any]:
    """The values of all lists of a column, one after another."""
    values = one_array(column).flatten()
    flat: npt.NDArray[Any] = values.to_numpy(zero_copy_only=not pa.types.is_boolean(values.type))
    return flat


def one_array(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
