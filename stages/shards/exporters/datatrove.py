"""datatrove's and nanotron's tokenized files: `<target>.ds` of raw tokens, `.ds.index` of ends, `.ds.metadata`.

Tokens are little-endian, 2 or 4 bytes each; the index holds, as uint64, where each document ends, counted in tokens.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from winnow.stages.shards.reader import ShardReader

LOSS = ".loss"


def export(index_path: str, phase: str, target: str) -> dict[str, int]:
    """Writes one document a segment, padding left out; a loss mask goes beside, one byte a token, as datatrove does."""
    reader = ShardReader(index_path, phase, lanes=1)
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    ends: list[np.ndarray] = []
    total = 0
    has_mask = False
    with open(f"{target}.ds.tmp", "wb") as tokens, open(f"{target}.ds{LOSS}.tmp", "wb") as losses:
        for batch in reader:
            lengths = batch.lengths.astype(np.int64)
            bounds = np.concatenate([[0], np.cumsum(lengths)])
            starts = batch.rows * batch.length + batch.positions
            places = np.arange(bounds[-1]) + np.repeat(starts - bounds[:-1], lengths)
            tokens.write(batch.input_ids.reshape(-1)[places].data)
            if batch.loss_mask is not None:
                has_mask = True
                losses.write(batch.loss_mask.reshape(-1)[places].data)
            ends.append(total + bounds[1:])
            total += int(bounds[-1])
    positions = np.concatenate(ends).astype("<u8")
    Path(f"{target}.ds.index").write_bytes(positions.tobytes())
    name = str(reader.index.tokenizer.get("path", ""))
    size = np.dtype(reader.index.dtype).itemsize
    Path(f"{target}.ds.metadata").write_text(f"{name}|{size}\n{total}\n{total / 1e9:.3f} GT")
    os.replace(f"{target}.ds.tmp", f"{target}.ds")
    if has_mask:
        os.replace(f"{target}.ds{LOSS}.tmp", f"{target}.ds{LOSS}")
    else:
        os.unlink(f"{target}.ds{LOSS}.tmp")
    return {"sequences": len(positions), "tokens": total}
