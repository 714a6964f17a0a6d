"""Designs stay within caps, hold smaller ones, and spread out."""

from __future__ import annotations

import numpy as np
import pytest

from winnow.experiments.design import NoRoom, design, within

GIVEN = np.array([0.4, 0.3, 0.2, 0.1])
MOST = np.array([1.0, 0.35, 0.6, 0.1])


def test_every_mixture_sums_to_one_within_its_caps_and_the_first_is_the_given_one() -> None:
    mixtures = design(GIVEN, MOST, 24, 3)
    assert mixtures.shape == (24, 4)
    assert mixtures[0].tolist() == GIVEN.tolist()
    assert mixtures.sum(axis=1) == pytest.approx(1.0)
    assert (mixtures >= 0).all() and (mixtures <= MOST + 1e-9).all()


def test_a_larger_design_of_the_same_seed_holds_a_smaller_one() -> None:
    assert design(GIVEN, MOST, 20, 3)[:8].tolist() == design(GIVEN, MOST, 8, 3).tolist()
    assert design(GIVEN, MOST, 8, 4).tolist() != design(GIVEN, MOST, 8, 3).tolist()


def test_mixtures_lie_farther_apart_than_plain_draws() -> None:
    def closest(mixtures: np.ndarray) -> float:
        distances = np.linalg.norm(np.sqrt(mixtures)[:, None] - np.sqrt(mixtures)[None], axis=2)
        return float(distances[~np.eye(len(mixtures), dtype=bool)].min())

    random = np.random.default_rng(0)
    drawn = max(closest(random.dirichlet(20 * GIVEN, 16)) for _ in range(20))
    assert closest(design(GIVEN, np.ones(4), 16, 0)) > 2 * drawn


def test_what_is_not_feasible_is_not_taken() -> None:
    mixtures = design(GIVEN, MOST, 12, 0, lambda shares: bool(shares[0] < 0.45))
    assert (mixtures[:, 0] < 0.45).all() and len(mixtures) == 12


def test_caps_that_leave_no_choice_are_said() -> None:
    with pytest.raises(NoRoom):
        design(GIVEN, GIVEN, 8, 0)


def test_what_lies_above_a_cap_goes_to_the_others_in_proportion() -> None:
    assert within(np.array([0.6, 0.2, 0.2]), np.array([0.4, 1.0, 1.0])).tolist() == pytest.approx([0.4, 0.3, 0.3])
    assert within(np.array([0.6, 0.3, 0.1]), np.array([0.4, 0.4, 1.0])).tolist() == pytest.approx([0.4, 0.4, 0.2])
    assert np.isnan(within(np.array([0.6, 0.4, 0.0]), np.array([0.4, 0.4, 1.0]))).all()
