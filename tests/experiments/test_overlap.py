"""Overlap is the share of windows that occur: against sets of tuples."""

from __future__ import annotations

import numpy as np
import pytest

from winnow.experiments.overlap import WINDOW, overlap, windows_of


def grams(tokens: np.ndarray) -> list[tuple[int, ...]]:
    return [tuple(tokens[start : start + WINDOW].tolist()) for start in range(len(tokens) - WINDOW + 1)]


def test_overlap_is_the_share_of_windows_that_occur() -> None:
    random = np.random.default_rng(1)
    text = random.integers(0, 3, 400)
    known = np.concatenate([text[50:120], text[300:380]])
    seen = set(grams(known))
    own = grams(text)
    assert overlap(text, windows_of(known)) == pytest.approx(sum(gram in seen for gram in own) / len(own))
    assert overlap(text[: WINDOW - 1], windows_of(known)) == 0.0
