"""JSON lines, one packed sequence each, compressed by zstd where the target's name ends so."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import IO

import zstandard

from winnow.stages.shards.exporters.documents import appearing, names
from winnow.stages.shards.reader import ShardReader


def export(index_path: str, phases: str | Sequence[str], target: str) -> dict[str, int]:
    """Writes `{"input_ids": […], "segments": [{…}], "loss_mask": […]}` a line; the mask only where there is one.

    Of several phases one follows another. Raises `ShardError` for a target that exists.
    """
    counts = {"sequences": 0, "tokens": 0}
    with appearing(target) as (temporary,), open(temporary, "wb") as raw:
        stream: IO[bytes] = zstandard.ZstdCompressor().stream_writer(raw) if target.endswith(".zst") else raw
        for batch in (batch for phase in names(phases) for batch in ShardReader(index_path, phase, lanes=1)):
            segments = batch.segments.to_pylist()
            for row, ids in enumerate(batch.input_ids.tolist()):
                line = {"input_ids": ids, "segments": segments[batch.bounds[row] : batch.bounds[row + 1]]}
                if batch.loss_mask is not None:
                    line["loss_mask"] = batch.loss_mask[row].tolist()
                stream.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
            counts["sequences"] += len(batch)
            counts["tokens"] += int(batch.lengths.sum())
        if stream is not raw:
            stream.flush(zstandard.FLUSH_FRAME)  # type: ignore[call-arg]
    return counts
