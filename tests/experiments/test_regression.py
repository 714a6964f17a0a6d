"""Surfaces are found again from what they say; a peer fits the same slopes; ranks are Spearman's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from winnow.experiments.design import design
from winnow.experiments.regression import Surface, cross_validated, fit, rank_correlation

GIVEN = np.array([0.4, 0.3, 0.2, 0.1])
TRUE = Surface(1.4, 0.2, np.array([-1.2, 0.3, 0.1, -0.4]))


@pytest.fixture(scope="module")
def mixtures() -> np.ndarray:
    return design(GIVEN, np.ones(4), 32, 1)


def test_a_surface_is_found_again_between_its_points(mixtures: np.ndarray) -> None:
    fitted = fit(mixtures, TRUE(mixtures))
    others = np.random.default_rng(5).dirichlet(10 * GIVEN, 50)
    assert np.abs(fitted(others) - TRUE(others)).max() < 0.02 * np.ptp(TRUE(mixtures))


def test_what_is_left_out_is_foretold_despite_noise(mixtures: np.ndarray) -> None:
    noise = 0.05 * np.ptp(TRUE(mixtures)) * np.random.default_rng(2).standard_normal(len(mixtures))
    said = cross_validated(mixtures, TRUE(mixtures) + noise)
    assert rank_correlation(said, TRUE(mixtures)) > 0.9


def test_noise_alone_is_foretold_by_nothing(mixtures: np.ndarray) -> None:
    found = [
        rank_correlation(cross_validated(mixtures, bits), bits)
        for bits in 2 + 0.1 * np.random.default_rng(3).standard_normal((8, len(mixtures)))
    ]
    assert np.mean(found) < 0.2


def test_a_mixture_left_out_has_no_say_in_what_is_foretold_of_it(mixtures: np.ndarray) -> None:
    bits = TRUE(mixtures)
    changed = bits.copy()
    changed[7] *= 1.5
    assert cross_validated(mixtures, changed)[7] == cross_validated(mixtures, bits)[7]


def test_the_rank_correlation_is_spearmans() -> None:
    random = np.random.default_rng(0)
    one = random.integers(0, 6, 40).astype(float)
    other = one + random.standard_normal(40)
    assert rank_correlation(one, other) == pytest.approx(spearmanr(one, other).statistic)
    assert rank_correlation(np.ones(5), np.arange(5.0)) == 0.0
