"""datatrove's and nanotron's tokenized files: `<target>.ds` of raw tokens, `.ds.index` of ends, `.ds.metadata`.

Tokens are little-endian, 2 or 4 bytes each; the index holds, as uint64, where each document ends, counted in tokens.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from winnow.stages.shards.exporters.documents import DOCUMENTS, DocumentTable, Pieces, appearing, documents, names
from winnow.stages.shards.reader import ShardReader

LOSS = ".loss"


def export(
    index_path: str, phases: str | Sequence[str], target: str, *, pieces: Pieces | str = Pieces.KEEP
) -> dict[str, int]:
    """Writes one entry a document, padding left out; a loss mask goes beside, one byte a token, as datatrove does.

    `<target>.documents.parquet` says what each document is. Raises `ShardError` for a target that exists.
    """
    index = ShardReader(index_path, names(phases)[0]).index
    ends: list[int] = []
    total = 0
    suffixes = (".ds", f".ds{LOSS}", ".ds.index", ".ds.metadata", DOCUMENTS)
    with appearing(*(target + suffix for suffix in suffixes)) as (bytes_, loss_path, ends_path, metadata, table_path):
        table, masked = DocumentTable(table_path), False
        with open(bytes_, "wb") as tokens, open(loss_path, "wb") as losses:
            for document in documents(index_path, phases, pieces):
                tokens.write(np.ascontiguousarray(document.tokens).data)
                if document.loss is not None:
                    losses.write(np.ascontiguousarray(document.loss).data)
                    masked = True
                total += len(document.tokens)
                ends.append(total)
                table.add(document)
        table.close()
        if not masked:
            os.unlink(loss_path)
        Path(ends_path).write_bytes(np.asarray(ends, "<u8").tobytes())
        name, size = str(index.tokenizer.get("path", "")), np.dtype(index.dtype).itemsize
        Path(metadata).write_text(f"{name}|{size}\n{total}\n{total / 1e9:.3f} GT")
    return {"sequences": len(ends), "tokens": total}
