"""What must not be told: the same placeholders as in documents, for what a run says of documents."""

from __future__ import annotations

import pyarrow as pa

from winnow.filters import personal_data, secrets


def redact(values: pa.Array) -> pa.Array:
    """Strings (large_string or string, nulls kept) with a placeholder for each personal datum and secret in them."""
    table = pa.table({"text": values})
    for recipe in (personal_data, secrets):
        table, _ = recipe.edit(table)
    return table["text"].combine_chunks()
