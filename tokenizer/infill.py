"""Fill in the middle: code rearranged so that a model that reads from left to right learns to fill a gap.

A document is cut at two places into prefix, middle and suffix (Bavarian et al., arXiv 2207.14255), and written in one of
two orders: prefix, suffix, middle (PSM) or suffix, prefix, middle (SPM), each part after its special token. The places
are two random characters or, where a share is asked for and the syntax is known, the ends of a random syntax node (as in
AST-FIM, arXiv 2506.00204).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from winnow.tokenizer.encoder import Encoder
from winnow.tokenizer.special import CODE_MIDDLE, CODE_PREFIX, CODE_SUFFIX

PURPOSE = b"infill"
_WORD = 1 << 64


@dataclass(frozen=True, kw_only=True)
class Infill:
    """The share of documents that are rearranged; of those, the shares in SPM order and with a syntax node as the gap."""

    rate: float
    spm: float = 0.5
    syntax: float = 0.0

    def __post_init__(self) -> None:
        for name, share in (("rate", self.rate), ("spm", self.spm), ("syntax", self.syntax)):
            if not 0 <= share <= 1:
                raise ValueError(f"fill-in-the-middle: {name} must lie between 0 and 1, not {share}")

    def rearrange(
        self, text: str, *, seed: int, document: str, spans: Callable[[], npt.NDArray[np.int64]] | None = None
    ) -> list[tuple[str, str]] | None:
        """The parts with the special token that stands before each, or None where the text stays as it is.

        Everything follows from the hash of (seed, document id): whether, in which order, and where it is cut. `spans`
        gives the text's syntax nodes as character ranges, int64 of shape (n, 2); where there is none, characters serve.
        """
        key = seed.to_bytes(8, "little")
        digest = hashlib.blake2b(document.encode(), digest_size=40, key=key, person=PURPOSE).digest()
        chosen, order, first, second, kind = (int.from_bytes(digest[at : at + 8], "little") for at in range(0, 40, 8))
        if chosen >= self.rate * _WORD:
            return None
        start, end = sorted(draw * (len(text) + 1) // _WORD for draw in (first, second))
        if spans is not None and kind < self.syntax * _WORD and len(nodes := spans()):
            start, end = nodes[first * len(nodes) // _WORD].tolist()
        prefix, middle, suffix = (
            (CODE_PREFIX, text[:start]),
            (CODE_MIDDLE, text[start:end]),
            (CODE_SUFFIX, text[end:]),
        )
        return [suffix, prefix, middle] if order < self.spm * _WORD else [prefix, suffix, middle]


def encode(parts: list[tuple[str, str]], encoder: Encoder) -> npt.NDArray[Any]:
    """The ids of rearranged parts, each after its special token."""
    marks = encoder.require([mark for mark, _ in parts], "fill-in-the-middle")
    encoded = encoder.encode(pa.array([text for _, text in parts], pa.large_string()))
    return np.insert(encoded.ids, encoded.offsets[:-1], marks)
