"""Who competes for survival: the documents of a part that are still there, and what the preference compares.

Of several duplicates the one of highest quality stays, then the longest, then the one with the smallest id. Quality is
a measured column of `attributes/<part>.parquet` that the manifest names; without one, length decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict

from winnow.stages.run.drops import drops_of, surviving
from winnow.stages.run.unit import File, Files
from winnow.stages.run.workspace import Workspace

IDENTITY = pa.binary(16)
"""A document id as its 16 bytes."""

CONTENDER = pa.schema(
    [
        pa.field("row", pa.int32(), nullable=False),
        pa.field("identity", IDENTITY, nullable=False),
        pa.field("quality", pa.float64(), nullable=False),  # -inf where it wasn't measured
        pa.field("length", pa.int64(), nullable=False),  # bytes of UTF-8
        pa.field("weight", pa.int64(), nullable=False),  # documents that it stands for since earlier levels
    ]
)
CLUSTERING = frozenset(f"deduplicate.{level}" for level in ("url", "exact", "minhash", "scripts", "semantic"))
"""The levels after which a document may stand for others; the other levels keep no clusters."""
CLUSTER_SIZE = "cluster_size"
"""The attribute beside the documents, which a mixture may weight by: how many documents each stands for."""
PREFERENCE = ("identity", "quality", "length")


class Preference(BaseModel):
    """Which of several duplicates stays: the highest `quality`, then the longest, then the smallest id."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    quality: str | None = None
    """A numeric column of `attributes/<part>.parquet`, the higher the better."""


@dataclass(frozen=True, kw_only=True)
class Contending:
    """The files of a part that tell who competes in it: what `read_contenders` reads."""

    documents: File
    drops: Files = ()
    clusters: File | None = None  # of the last level before that keeps clusters
    attributes: File | None = None  # where the preference asks for a quality …
    quality: str | None = None  # … this column of them


def contending(part: str, earlier: Sequence[str], preference: Preference | None = None) -> Contending:
    """Who competes in a part after the dropping stages `earlier`."""
    quality = preference.quality if preference is not None else None
    return Contending(
        documents=File(f"documents/{part}.parquet"),
        drops=drops_of(part, earlier),
        clusters=cluster_file(part, earlier),
        attributes=None if quality is None else File(f"attributes/{part}.parquet"),
        quality=quality,
    )


def read_contenders(workspace: Workspace, asked: Contending, columns: Sequence[str] = ()) -> tuple[pa.Table, pa.Table]:
    """The contenders of a part and, row by row, their documents: `id`, `text` and the other `columns` asked for.

    Raises `ValueError` when the attributes lack the column that the preference names.
    """
    documents = workspace.read_table(asked.documents, columns=["id", "text", *columns])
    rows = np.flatnonzero(surviving(workspace, documents.num_rows, asked.drops)).astype(np.int32)
    kept = documents if len(rows) == documents.num_rows else documents.take(pa.array(rows))
    quality = np.full(documents.num_rows, -np.inf)
    if asked.attributes is not None and asked.quality is not None:
        quality = _quality(workspace, asked.attributes, asked.quality)
    table = pa.table(
        {
            "row": rows,
            "identity": to_identity(kept["id"]),
            "quality": quality[rows],
            "length": _byte_lengths(kept["text"]),
            "weight": cluster_sizes(workspace, asked.clusters, documents.num_rows)[rows],
        },
        schema=CONTENDER,
    )
    return table, kept


def cluster_sizes(workspace: Workspace, clusters: File | None, rows: int) -> npt.NDArray[np.int64]:
    """How many documents each row of a part stands for: one, where no level has kept clusters."""
    if clusters is None:
        return np.ones(rows, np.int64)
    return workspace.read_table(clusters, columns=[CLUSTER_SIZE])[CLUSTER_SIZE].to_numpy()  # type: ignore[no-any-return]


def cluster_file(part: str, stages: Sequence[str]) -> File | None:
    """The part's cluster sizes after the last of the stages that keeps clusters."""
    clustering = [stage for stage in stages if stage in CLUSTERING]
    return File(clusters_path(clustering[-1], part)) if clustering else None


def clusters_path(stage: str, part: str) -> str:
    return f"clusters/{stage}/{part}.parquet"


def to_identity(ids: pa.ChunkedArray) -> pa.Array:
    """Ids of 32 hexadecimal digits as 16 bytes each. Raises `ValueError` for any other id."""
    digits = "".join(ids.to_pylist())
    try:
        identity = bytes.fromhex(digits)
    except ValueError:
        identity = b""
    if len(identity) != 16 * len(ids) or len(digits) != 32 * len(ids):
        wrong = next(text for text in ids.to_pylist() if len(text) != 32 or set(text) - set("0123456789abcdefABCDEF"))
        raise ValueError(f"document id {wrong!r}: expected 32 hexadecimal digits")
    return pa.FixedSizeBinaryArray.from_buffers(IDENTITY, len(ids), [None, pa.py_buffer(identity)])


def to_hexadecimal(identity: pa.Array | pa.ChunkedArray) -> list[str]:
    return [value.hex() for value in identity.to_pylist()]


def identity_words(identity: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.uint64]:
    """The two big-endian words of each identity, n × 2: they sort as the ids do."""
    joined = identity.combine_chunks() if isinstance(identity, pa.ChunkedArray) else identity
    if isinstance(joined, pa.ChunkedArray):
        joined = pa.concat_arrays(joined.chunks)
    words = np.frombuffer(joined.buffers()[1], ">u8") if len(joined) else np.zeros(0, ">u8")
    return words.reshape(-1, 2)[joined.offset : joined.offset + len(joined)].astype(np.uint64)


def preference_keys(table: pa.Table, prefix: str = "") -> tuple[npt.NDArray[np.generic], ...]:
    """Keys for `numpy.lexsort` that put the preferred document first."""
    words = identity_words(table[prefix + "identity"])
    length = table[prefix + "length"].to_numpy()
    quality = table[prefix + "quality"].to_numpy()
    return words[:, 1], words[:, 0], -length, -quality


def _quality(workspace: Workspace, name: str, column: str) -> npt.NDArray[np.float64]:
    known = workspace.parquet(name).schema_arrow.names
    if column not in known:
        raise ValueError(f"{name} has no column {column!r} for the preference; it has {', '.join(known)}")
    values = workspace.read_table(name, columns=[column])[column].cast(pa.float64()).fill_null(-np.inf).to_numpy()
    return np.where(np.isnan(values), -np.inf, values)


def _byte_lengths(texts: pa.ChunkedArray) -> pa.Array:
    return pc.binary_length(texts).cast(pa.int64())
