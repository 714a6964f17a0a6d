"""Who competes for survival: the documents of a part that are still there, and what the preference compares.

Of several duplicates the one of highest quality stays, then the longest, then the one with the smallest id. Quality is
a measured column of `attributes/<part>.parquet` that the manifest names; without one, length decides.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict

from winnow.stages.run.drops import drops_path, surviving
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
CLUSTERING = frozenset({"deduplicate.url", "deduplicate.exact", "deduplicate.minhash", "deduplicate.semantic"})
"""The levels after which a document may stand for others; the other levels keep no clusters."""
CLUSTER_SIZE = "cluster_size"
"""The attribute beside the documents, which a mixture may weight by: how many documents each stands for."""
PREFERENCE = ("identity", "quality", "length")


class Preference(BaseModel):
    """Which of several duplicates stays: the highest `quality`, then the longest, then the smallest id."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    quality: str | None = None
    """A numeric column of `attributes/<part>.parquet`, the higher the better."""


def read_contenders(
    workspace: Workspace, part: str, earlier: Sequence[str], preference: Preference, columns: Sequence[str] = ()
) -> tuple[pa.Table, pa.Table]:
    """The contenders of a part and, row by row, their documents: `id`, `text` and the other `columns` asked for.

    Raises `ValueError` when the attributes lack the column that the preference names.
    """
    documents = workspace.read_table(f"documents/{part}.parquet", columns=["id", "text", *columns])
    rows = np.flatnonzero(surviving(workspace, part, documents.num_rows, earlier)).astype(np.int32)
    kept = documents if len(rows) == documents.num_rows else documents.take(pa.array(rows))
    quality = np.full(documents.num_rows, -np.inf)
    if preference.quality is not None:
        quality = _quality(workspace, part, preference.quality)
    table = pa.table(
        {
            "row": rows,
            "identity": to_identity(kept["id"]),
            "quality": quality[rows],
            "length": _byte_lengths(kept["text"]),
            "weight": cluster_sizes(workspace, part, earlier, documents.num_rows)[rows],
        },
        schema=CONTENDER,
    )
    return table, kept


def part_inputs(part: str, earlier: Sequence[str], preference: Preference) -> tuple[str, ...]:
    """The files that `read_contenders` reads for a part, the documents first."""
    names = [f"documents/{part}.parquet", *(drops_path(stage, part) for stage in earlier)]
    names += cluster_inputs(part, earlier)
    if preference.quality is not None:
        names.append(f"attributes/{part}.parquet")
    return tuple(names)


def cluster_sizes(workspace: Workspace, part: str, stages: Sequence[str], rows: int) -> npt.NDArray[np.int64]:
    """How many documents each row stands for: the cluster sizes of the last of the stages that keeps clusters."""
    for name in cluster_inputs(part, stages):
        return workspace.read_table(name, columns=[CLUSTER_SIZE])[CLUSTER_SIZE].to_numpy()  # type: ignore[no-any-return]
    return np.ones(rows, np.int64)


def cluster_inputs(part: str, stages: Sequence[str]) -> list[str]:
    """The file that `cluster_sizes` reads, if there is one."""
    return [clusters_path(stage, part) for stage in stages if stage in CLUSTERING][-1:]


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


def _quality(workspace: Workspace, part: str, column: str) -> npt.NDArray[np.float64]:
    name = f"attributes/{part}.parquet"
    known = workspace.parquet(name).schema_arrow.names
    if column not in known:
        raise ValueError(f"{name} has no column {column!r} for the preference; it has {', '.join(known)}")
    values = workspace.read_table(name, columns=[column])[column].cast(pa.float64()).fill_null(-np.inf).to_numpy()
    return np.where(np.isnan(values), -np.inf, values)


def _byte_lengths(texts: pa.ChunkedArray) -> pa.Array:
    return pc.binary_length(texts).cast(pa.int64())
