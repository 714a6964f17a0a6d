"""OLMo-core's and Dolma's token files: `<target>.npy` of raw tokens, `.csv.gz` of documents, `.mask.npy` of what is learned.

In spite of its name the `.npy` has no header: tokens are little-endian, 2 or 4 bytes each. A line of the table is start and
end of a document, counted in tokens, then Dolma's id, source and line, here document, source and the document's number.
"""

from __future__ import annotations

import csv
import gzip
import io
import os
from collections.abc import Sequence

import numpy as np

from winnow.stages.shards.exporters.documents import DOCUMENTS, DocumentTable, Pieces, appearing, documents

MASK = ".mask.npy"


def export(
    index_path: str, phases: str | Sequence[str], target: str, *, pieces: Pieces | str = Pieces.KEEP
) -> dict[str, int]:
    """Writes one entry a document, padding left out; the loss mask as `label_mask_paths` takes it, one bool a token.

    `<target>.documents.parquet` says what each document is. Raises `ShardError` for a target that exists.
    """
    total = 0
    suffixes = (".npy", MASK, ".csv.gz", DOCUMENTS)
    with appearing(*(target + suffix for suffix in suffixes)) as (tokens_path, mask_path, ends_path, table_path):
        table, masked, count = DocumentTable(table_path), False, 0
        with (
            open(tokens_path, "wb") as tokens,
            open(mask_path, "wb") as losses,
            open(ends_path, "wb") as raw,
            gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed,
            io.TextIOWrapper(packed, encoding="utf-8", newline="") as lines,
        ):
            bounds = csv.writer(lines, lineterminator="\n")
            for document in documents(index_path, phases, pieces):
                tokens.write(np.ascontiguousarray(document.tokens).data)
                if document.loss is not None:
                    losses.write(np.ascontiguousarray(document.loss).data)
                    masked = True
                start, total = total, total + len(document.tokens)
                bounds.writerow((start, total, document.name, document.source, count))
                table.add(document)
                count += 1
        table.close()
        if not masked:
            os.unlink(mask_path)
    return {"sequences": count, "tokens": total}
