"""Copying between texts by blocks: the bytes arrive, and nothing before them or beyond a block behind them changes."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from winnow.filters.kernels.bytes import PADDING, Bytes, kernel
from winnow.filters.kernels.copying import copy
from winnow.filters.kernels.machine import BLOCK


@kernel
def copied(data: Bytes, start: int, end: int, text: Bytes, at: int) -> int:
    return copy(data, start, end, text, at)


@given(st.binary(max_size=300), st.integers(0, 80), st.integers(0, 80))
def test_a_copy_is_the_bytes_in_their_place(content, skipped, at):
    data = np.frombuffer(content + bytes(PADDING), np.uint8)
    start = min(skipped, len(content))
    text = np.full(600, 0xFF, np.uint8)
    behind = copied(data, start, len(content), text, at)
    assert behind == at + len(content) - start
    assert bytes(text[at:behind]) == content[start:]
    assert (text[:at] == 0xFF).all()
    assert (text[behind + BLOCK :] == 0xFF).all()
