"""Document embeddings: computed by a model that the user names, or brought along as Parquet.

`embeddings/<part>.parquet` has the columns `id` and `embedding`, a list of floats, row by row with the documents.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from winnow.filters.embedder import BATCH, Vectors, embedder, unit_length
from winnow.stages.run.unit import File
from winnow.stages.run.workspace import Workspace


def embeddings_path(part: str) -> File:
    return File(f"embeddings/{part}.parquet")


def unit_vectors(workspace: Workspace, name: File, documents: File, rows: npt.NDArray[np.int32]) -> Vectors:
    """The embeddings in the file `name` of some rows of a part's documents, each of length 1; zero stays zero.

    Raises `ValueError` when there is no file, or it doesn't fit the documents, or its rows are of different lengths.
    """
    if not workspace.exists(name):
        raise ValueError(
            f"{name} is not in {workspace.root}: name a `model`, or put a list of floats per document there"
        )
    column = workspace.read_table(name, columns=["embedding"])["embedding"].combine_chunks()
    count = workspace.parquet(documents).metadata.num_rows
    flat = column.flatten().cast(pa.float32()).to_numpy(zero_copy_only=False)
    if len(column) != count or column.null_count or (len(column) and len(flat) % len(column)):
        raise ValueError(f"{name}: expected {count} embeddings of one length, found {len(column)}")
    vectors = flat.reshape(len(column), -1)[rows] if len(column) else np.zeros((0, 1), np.float32)
    return unit_length(vectors)


def write_embeddings(workspace: Workspace, part: str, source: File, model: str) -> int:
    """Embeds the documents of a part; the number of dimensions."""
    documents = workspace.read_table(source, columns=["id", "text"])
    embed = embedder(model)
    texts = documents["text"].to_pylist()
    batches = [np.asarray(embed(texts[at : at + BATCH]), np.float32) for at in range(0, len(texts), BATCH)]
    vectors = np.concatenate(batches) if batches else np.zeros((0, 1), np.float32)
    embedding = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), vectors.shape[1])
    workspace.write_table(embeddings_path(part), pa.table({"id": documents["id"], "embedding": embedding}))
    return int(vectors.shape[1])
