"""Fill-in-the-middle: parts make up the text, choices follow from the hash, shares are as asked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.tokenizer.infill import Infill
from winnow.tokenizer.special import CODE_MIDDLE, CODE_PREFIX, CODE_SUFFIX

TEXT = "def add(a, b):\n    return a + b\n"


@given(st.text(), st.text(min_size=1), st.integers(0, 1 << 62))
def test_the_parts_are_the_text(text: str, document: str, seed: int) -> None:
    parts = Infill(rate=1.0).rearrange(text, seed=seed, document=document)
    assert parts is not None
    whole = dict(parts)
    assert whole[CODE_PREFIX] + whole[CODE_MIDDLE] + whole[CODE_SUFFIX] == text
    assert parts[-1][0] == CODE_MIDDLE


def test_shares_are_as_asked() -> None:
    results = [Infill(rate=0.3, spm=0.25).rearrange(TEXT, seed=5, document=str(number)) for number in range(8000)]
    chosen = [parts for parts in results if parts is not None]
    assert len(chosen) / len(results) == pytest.approx(0.3, abs=0.02)
    assert sum(parts[0][0] == CODE_SUFFIX for parts in chosen) / len(chosen) == pytest.approx(0.25, abs=0.03)


def test_a_higher_rate_keeps_what_a_lower_one_chose() -> None:
    for number in range(500):
        low = Infill(rate=0.2).rearrange(TEXT, seed=5, document=str(number))
        assert low is None or low == Infill(rate=0.6).rearrange(TEXT, seed=5, document=str(number))


def test_a_rate_above_one_is_refused() -> None:
    with pytest.raises(ValueError, match=r"rate must lie between 0 and 1, not 1\.5"):
        Infill(rate=1.5)
