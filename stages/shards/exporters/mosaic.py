"""MosaicML Streaming: a folder of MDS shards and its `index.json`, written without the library.

An MDS shard is a uint32 count, count + 1 uint32 byte offsets from the start of the file, the column metadata as JSON,
then the samples: uint32 sizes of the columns of variable size, then the columns' bytes. Columns here, for rows of L
tokens: `input_ids` as `ndarray:uint16:L` (or uint32), `segments` as `json`, and `loss_mask` as `ndarray:uint8:L` where
the stage has one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from winnow.stages.shards.exporters.documents import names
from winnow.stages.shards.reader import ShardReader
from winnow.stages.shards.sequences import Sequences, ShardError

SHARD_BYTES = 1 << 26  # the library's default
VERSION = 2


def export(index_path: str, phases: str | Sequence[str], target: str) -> dict[str, int]:
    """Writes `<target>/shard.00000.mds` … and `<target>/index.json`, one sample a packed sequence.

    Samples of one folder have one length: of several phases each gets a folder of its name below the target. Raises
    `ShardError` for a folder that holds an export.
    """
    asked = names(phases)
    folders = [Path(target)] if len(asked) == 1 else [Path(target) / phase for phase in asked]
    for folder in folders:
        if (folder / "index.json").exists() or any(folder.glob("shard.*.mds")):
            raise ShardError(f"{folder} is there already; remove it or name another target")
    counts = {"sequences": 0, "tokens": 0}
    for phase, folder in zip(asked, folders, strict=True):
        for name, count in _export(index_path, phase, folder).items():
            counts[name] += count
    return counts


def _export(index_path: str, phase: str, folder: Path) -> dict[str, int]:
    reader = ShardReader(index_path, phase, lanes=1)
    folder.mkdir(parents=True, exist_ok=True)
    shards: list[dict[str, Any]] = []
    samples: list[bytes] = []
    size = tokens = 0
    columns: dict[str, tuple[str, int | None]] = {}
    for batch in reader:
        columns = columns or _columns(batch)
        tokens += int(batch.lengths.sum())
        for sample in _samples(batch):
            if samples and size + len(sample) + 4 > SHARD_BYTES:
                shards.append(_write_shard(folder, len(shards), samples, columns))
                samples, size = [], 0
            samples.append(sample)
            size += len(sample) + 4
    if samples:
        shards.append(_write_shard(folder, len(shards), samples, columns))
    temporary = folder / "index.json.tmp"
    temporary.write_text(json.dumps({"version": VERSION, "shards": shards}, sort_keys=True))
    os.replace(temporary, folder / "index.json")
    return {"sequences": sum(int(shard["samples"]) for shard in shards), "tokens": tokens}


def _columns(batch: Sequences) -> dict[str, tuple[str, int | None]]:
    """Encoding and size in bytes (None where it varies) by column, in the order of their names, as the format wants."""
    columns: dict[str, tuple[str, int | None]] = {
        "input_ids": (f"ndarray:{batch.input_ids.dtype}:{batch.length}", batch.length * batch.input_ids.itemsize),
        "segments": ("json", None),
    }
    if batch.loss_mask is not None:
        columns["loss_mask"] = (f"ndarray:uint8:{batch.length}", batch.length)
    return dict(sorted(columns.items()))


def _samples(batch: Sequences) -> Iterator[bytes]:
    segments = batch.segments.to_pylist()
    for row in range(len(batch)):
        ids = batch.input_ids[row].tobytes()
        mask = b"" if batch.loss_mask is None else batch.loss_mask[row].tobytes()
        described = json.dumps(segments[batch.bounds[row] : batch.bounds[row + 1]], ensure_ascii=False).encode()
        yield np.uint32(len(described)).tobytes() + ids + mask + described


def _write_shard(
    folder: Path, number: int, samples: list[bytes], columns: dict[str, tuple[str, int | None]]
) -> dict[str, Any]:
    layout = {
        "column_encodings": [encoding for encoding, _ in columns.values()],
        "column_names": list(columns),
        "column_sizes": [size for _, size in columns.values()],
        "compression": None,
        "format": "mds",
        "hashes": [],
        "size_limit": SHARD_BYTES,
        "version": VERSION,
    }
    head = json.dumps(layout, sort_keys=True).encode()
    count = len(samples)
    first = 4 + 4 * (count + 1) + len(head)
    offsets = first + np.concatenate([[0], np.cumsum([len(sample) for sample in samples])])
    content = np.uint32(count).tobytes() + offsets.astype(np.uint32).tobytes() + head + b"".join(samples)
    name = f"shard.{number:05d}.mds"
    (folder / name).write_bytes(content)
    raw = {"basename": name, "bytes": len(content), "hashes": {}}
    return {**layout, "raw_data": raw, "samples": count, "zip_data": None}
