"""Where a document is best cut: at the tokens that begin a paragraph or, where it has none, a line."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from winnow.filters.kernels.bytes import Bytes, text_buffers
from winnow.tokenizer.encoder import Encoded, Encoder

NEWLINE = 10


def paragraph_cuts(
    texts: pa.Array | pa.ChunkedArray, encoded: Encoded, encoder: Encoder
) -> list[npt.NDArray[np.int64]]:
    """For each of n texts the ascending positions (in its tokens, neither 0 nor their number) of its best cuts.

    A token that holds the border itself stays whole and goes to what follows. With a tokenizer that normalises text,
    bytes and tokens don't match exactly; then positions are in proportion.
    """
    data, offsets = text_buffers(texts)
    cuts = []
    for place in range(len(offsets) - 1):
        start, end = offsets[place], offsets[place + 1]
        ids = encoded.ids[encoded.offsets[place] : encoded.offsets[place + 1]]
        cuts.append(_cuts(data[start:end], encoder.lengths[ids]))
    return cuts


def _cuts(text: Bytes, lengths: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    begins = _paragraphs(text)
    starts = np.cumsum(lengths, dtype=np.int64) - lengths
    spelled = int(lengths.sum())
    if spelled != len(text):
        begins = begins * spelled // max(len(text), 1)
    cuts = np.unique(np.searchsorted(starts, begins, side="right") - 1)
    return cuts[(cuts > 0) & (cuts < len(lengths))]


def _paragraphs(text: Bytes) -> npt.NDArray[np.int64]:
    """Where each paragraph after the first begins: behind an empty line; behind any newline where no line is empty."""
    newlines = text == NEWLINE
    begins = np.flatnonzero(newlines[:-1] & ~newlines[1:]) + 1
    after_empty = begins[newlines[np.maximum(begins - 2, 0)] & (begins >= 2)]
    return after_empty if len(after_empty) else begins
