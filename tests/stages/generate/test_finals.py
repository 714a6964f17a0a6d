"""Final answers: what a box holds, and that form and equality say the same."""

from __future__ import annotations

from itertools import product

import pytest

from winnow.stages.generate.finals import boxed, equal, form


@pytest.mark.parametrize(
    ("answer", "held"),
    [
        ("so \\boxed{\\frac{1}{2}}.", "\\frac{1}{2}"),
        ("\\boxed{1} or rather \\boxed{2}", "2"),
        ("<think>\\boxed{1}</think> no idea", None),
        ("\\boxed{1", None),
        ("", None),
    ],
)
def test_the_last_box_after_the_thinking_counts(answer: str, held: str | None) -> None:
    assert boxed(answer) == held


def test_equal_answers_share_one_form_and_no_others() -> None:
    alike = [
        ["1/2", "0.5", "\\frac{1}{2}", "50\\%", " .5 "],
        ["1,000", "1000", "1e3"],
        ["x + 1", "x+1"],
        ["1/0"],
        ["x"],
    ]
    for one, other in product(range(len(alike)), repeat=2):
        for first, second in product(alike[one], alike[other]):
            assert equal(first, second) == (one == other) == (form(first) == form(second)), (first, second)
