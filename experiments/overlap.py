"""Overlap of texts by their windows of tokens: how much of one occurs word for word in another."""

from __future__ import annotations

import numpy as np

WINDOW = 16  # tokens


def windows_of(tokens: np.ndarray) -> np.ndarray:
    """Hashes of all runs of `WINDOW` tokens, sorted, uint64."""
    return np.sort(_hashes(tokens))


def overlap(tokens: np.ndarray, seen: np.ndarray) -> float:
    """The share of a document's windows that occur in `seen`."""
    own = _hashes(tokens)
    if not len(own) or not len(seen):
        return 0.0
    places = np.minimum(np.searchsorted(seen, own), len(seen) - 1)
    return float((seen[places] == own).mean())


def _hashes(tokens: np.ndarray) -> np.ndarray:
    """A polynomial hash modulo 2⁶⁴ of each window."""
    if len(tokens) < WINDOW:
        return np.empty(0, np.uint64)
    powers = np.array([pow(0x9E3779B97F4A7C15, k, 1 << 64) for k in range(WINDOW)], dtype=np.uint64)
    windows = np.lib.stride_tricks.sliding_window_view(tokens, WINDOW).astype(np.uint64) + np.uint64(1)
    return (windows * powers).sum(axis=1, dtype=np.uint64)
