"""A verdict says what the seeds show, and no more."""

from __future__ import annotations

import math

import pytest
from scipy.stats import ttest_rel

from winnow.experiments.verdict import Difference, difference, sentence


def test_the_interval_is_that_of_a_paired_t_test() -> None:
    one, other = [1.90, 1.94, 1.89, 1.97], [1.95, 1.96, 1.95, 1.99]
    found = difference(one, other)
    low, high = ttest_rel(one, other).confidence_interval(0.95)
    assert (found.mean - found.error, found.mean + found.error) == pytest.approx((low, high))
    assert found.verdict == "better" and difference(other, one).verdict == "worse"


def test_a_difference_smaller_than_the_spread_of_seeds_is_none() -> None:
    assert difference([1.0, 1.2, 1.1], [1.1, 1.1, 1.1]).verdict == "no difference"


def test_one_seed_shows_nothing() -> None:
    assert difference([1.0], [2.0]).error == math.inf and not difference([1.0], [2.0]).clear


def test_a_sentence_tells_clear_differences_first_and_the_rest_as_none() -> None:
    found = {
        "code": Difference(mean=-0.0214, error=0.0061, seeds=3),
        "web": Difference(mean=0.002, error=0.006, seeds=3),
        "books": Difference(mean=0.05, error=0.01, seeds=3),
    }
    said = sentence("curated", "raw", found)
    assert said == (
        "curated against raw: better by .021 ± .006 on code, worse by .050 ± .010 on books; no difference on web"
    )
    assert sentence("a", "b", {"web": found["web"]}) == "a and b: no difference on any of web"
