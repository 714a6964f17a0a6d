"""Runs a kernel that rewrites texts over a table of documents, block by block."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

BLOCK_BYTES = 1 << 21
"""Text that is rewritten together."""

Rewrite = Callable[..., None]
"""`rewrite(data, offsets, bounds, text, text_offsets, counts)`: fills the last three, `bounds` is scratch."""


def edit_texts(documents: pa.Table, rewrite: Rewrite, columns: Mapping[str, int]) -> tuple[pa.Table, pa.Table]:
    """`documents` with their text rewritten, and a table of the named columns of what the kernel counted (n × int64).

    The kernel never makes a text longer.
    """
    from winnow.filters.kernels.bytes import PADDING, text_blocks

    texts: list[pa.Array] = []
    found: list[npt.NDArray[np.int64]] = [np.zeros((0, len(columns)), np.int64)]
    for data, offsets in text_blocks(documents["text"], BLOCK_BYTES):
        rows = offsets.size - 1
        text = np.zeros(int(offsets[-1] - offsets[0]) + PADDING, np.uint8)
        text_offsets = np.empty(rows + 1, np.int64)
        bounds = np.empty(int(np.diff(offsets).max()) + 2, np.int64)
        counts = np.empty((rows, len(columns)), np.int64)
        rewrite(data, offsets, bounds, text, text_offsets, counts)
        texts.append(pa.LargeStringArray.from_buffers(rows, pa.py_buffer(text_offsets), pa.py_buffer(text)))
        found.append(counts)
    measured = np.concatenate(found)
    return replace_text(documents, texts), pa.table({name: measured[:, column] for name, column in columns.items()})


def replace_text(documents: pa.Table, texts: Any) -> pa.Table:
    """`documents` with these arrays as their `text`, its type and nullability as they were."""
    position = documents.schema.get_field_index("text")
    field = documents.schema.field(position)
    column = pa.chunked_array(texts, pa.large_string()).cast(field.type)
    return documents.set_column(position, field, column)
