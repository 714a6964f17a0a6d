"""A document is best cut where a paragraph begins, by bytes or, of a tokenizer that normalises, in proportion."""

from __future__ import annotations

import numpy as np
import pytest

from winnow.stages.tokens.cuts import _cuts


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"ab\n\ncd\nef", [4]),
        (b"ab\n\n\ncd\n\nef", [5, 9]),
        (b"ab\ncd\nef", [3, 6]),
        (b"\nab\ncd", [1, 4]),
        (b"\n\nab\ncd", [2]),
        (b"ab\n\n", []),
        (b"ab", []),
        (b"", []),
    ],
)
def test_behind_an_empty_line_or_where_none_is_behind_any(text: bytes, expected: list[int]) -> None:
    lengths = np.ones(len(text), np.int32)
    assert _cuts(np.frombuffer(text, np.uint8), lengths).tolist() == expected


def test_a_token_that_holds_the_border_goes_to_what_follows() -> None:
    assert _cuts(np.frombuffer(b"ab\n\ncd", np.uint8), np.array([2, 3, 1], np.int32)).tolist() == [1]


def test_of_normalised_text_in_proportion() -> None:
    """Tokens that spell half of the bytes: the paragraph at byte 4 of 8 begins at their second of four."""
    assert _cuts(np.frombuffer(b"ab\n\ncdef", np.uint8), np.ones(4, np.int32)).tolist() == [2]
