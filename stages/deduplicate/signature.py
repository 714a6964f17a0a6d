"""MinHash signatures of a part's documents, and the files that keep them.

A signature file says in its metadata how it was made; reading one made otherwise is an error, not a wrong answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from winnow.stages.deduplicate.contender import CONTENDER
from winnow.stages.run.workspace import Workspace

Minima = npt.NDArray[np.uint32]

SCHEME = b"winnow.minhash"
"""Key of the Parquet metadata that tells how the signatures were made, as JSON."""


def permutations(count: int, seed: int) -> tuple[Minima, Minima]:
    """Odd multipliers and addends of `count` permutations `x → multiplier · x + addend mod 2³²`.

    They are those of `datasketch.MinHash(num_perm=count, seed=seed)` in its scheme `affine32`.
    """
    generator = np.random.RandomState(seed)
    multipliers = generator.randint(0, 1 << 31, count, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    return multipliers, generator.randint(0, 1 << 32, count, dtype=np.uint32)


def sign(
    texts: pa.Array | pa.ChunkedArray,
    *,
    permutations_: int,
    shingle: int,
    characters: bool,
    seed: int,
    fold_numbers: bool = True,
    simplified: bool = False,
) -> tuple[Minima, npt.NDArray[np.int64]]:
    """Signatures of n texts, n × permutations of uint32, and how many shingles each has, repeats included.

    `simplified` reads traditional Chinese characters as simplified ones. A text without a single word has no shingle and
    a signature of all ones.
    """
    from winnow.filters.kernels.bytes import text_buffers
    from winnow.filters.kernels.minima import LANES, sign_documents
    from winnow.filters.kernels.normalise import characters as tables
    from winnow.filters.kernels.terms import scratch

    padded = -(-permutations_ // LANES) * LANES
    multipliers, addends = (np.resize(values, padded) for values in permutations(permutations_, seed))
    minima = np.full((len(texts), padded), 0xFFFFFFFF, np.uint32)
    counts = np.zeros(len(texts), np.int64)
    sign_documents(
        *text_buffers(texts),
        tables(alone=characters, simplified=simplified),
        fold_numbers,
        characters,
        shingle,
        multipliers,
        addends,
        scratch(shingle),
        minima.reshape(-1),
        counts,
    )
    return np.ascontiguousarray(minima[:, :permutations_]), counts


def shingle_sets(
    texts: pa.Array | pa.ChunkedArray,
    counts: npt.NDArray[np.int64],
    *,
    shingle: int,
    characters: bool,
    fold_numbers: bool = True,
    simplified: bool = False,
    bits: int = 32,
) -> tuple[Minima, npt.NDArray[np.int64]]:
    """The distinct shingle hashes of n texts (uint32, in order of appearance) and where each text's begin (n + 1).

    `counts` are those of `sign`; of each hash the lowest `bits` are kept.
    """
    from winnow.filters.kernels.bytes import text_buffers
    from winnow.filters.kernels.normalise import characters as tables
    from winnow.filters.kernels.sets import distinct, set_table
    from winnow.filters.kernels.shingles import list_shingles
    from winnow.filters.kernels.terms import scratch

    values = np.empty(int(counts.sum()), np.uint32)
    bounds = np.zeros(len(texts) + 1, np.int64)
    data, offsets = text_buffers(texts)
    tables_ = tables(alone=characters, simplified=simplified)
    list_shingles(data, offsets, tables_, fold_numbers, characters, shingle, scratch(shingle), values, bounds)
    if bits < 32:
        values &= np.uint32((1 << bits) - 1)
    used = distinct(values, bounds, set_table(int(counts.max(initial=0))))
    return values[:used], bounds


def signature_schema(size: int, scheme: Mapping[str, Any]) -> pa.Schema:
    """Rows of `CONTENDER`, `shingles` (their number, repeats included) and `signature`: `size` little-endian uint32."""
    fields = [*CONTENDER, pa.field("shingles", pa.int64(), nullable=False)]
    fields.append(pa.field("signature", pa.binary(4 * size), nullable=False))
    return pa.schema(fields, metadata={SCHEME: json.dumps(scheme, sort_keys=True).encode()})


def signature_table(
    contenders: pa.Table, minima: Minima, counts: npt.NDArray[np.int64], scheme: Mapping[str, Any]
) -> pa.Table:
    size = minima.shape[1]
    buffer = pa.py_buffer(np.ascontiguousarray(minima, "<u4"))
    signature = pa.FixedSizeBinaryArray.from_buffers(pa.binary(4 * size), len(minima), [None, buffer])
    return pa.table([*contenders.columns, counts, signature], schema=signature_schema(size, scheme))


def signature_minima(table: pa.Table) -> Minima:
    """The signatures of a table as n × permutations of uint32."""
    column = table["signature"].combine_chunks()
    size = column.type.byte_width // 4
    if not len(column):
        return np.zeros((0, size), np.uint32)
    flat = np.frombuffer(column.buffers()[1], "<u4").reshape(-1, size)
    return flat[column.offset : column.offset + len(column)]


def check_scheme(workspace: Workspace, name: str, scheme: Mapping[str, Any]) -> None:
    """Raises `ValueError` when file `name` is cut short, holds no signatures or others than `scheme` asks for."""
    try:
        metadata = workspace.parquet(name).schema_arrow.metadata or {}
    except pa.ArrowInvalid as error:
        raise ValueError(f"{name} in {workspace.root} is no whole Parquet file ({error}): make it again") from error
    if SCHEME not in metadata:
        raise ValueError(f"{name} in {workspace.root} holds no MinHash signatures: its metadata lack {SCHEME.decode()}")
    found = json.loads(metadata[SCHEME])
    for key in sorted({*found, *scheme}):
        if found.get(key) != scheme.get(key):
            raise ValueError(
                f"{name} in {workspace.root} was signed with {key} = {found.get(key)!r}, this run asks for "
                f"{scheme.get(key)!r}: sign it again or change the settings"
            )
