"""Covered terms against sets of terms."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from winnow.stages.decontaminate.coverage import covered

ITEMS = st.lists(st.tuples(st.integers(1, 9), st.sets(st.integers(0, 40), max_size=12)), max_size=6)


@given(ITEMS)
def test_every_term_counts_once(items: list[tuple[int, set[int]]]) -> None:
    rows = [(owner, place, length) for owner, (length, places) in enumerate(items) for place in sorted(places)]
    owner, position, length = np.array(rows, np.int64).reshape(-1, 3).T
    expected = [len({term for at in places for term in range(at, at + length)}) for length, places in items]
    assert covered(owner, position, length, len(items)).tolist() == expected
