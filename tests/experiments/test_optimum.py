"""The best mixture: against a search through all of a grid, with caps and floors."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from winnow.experiments.optimum import Objective, best, objective, rounded, uncertainty
from winnow.experiments.regression import Surface
from winnow.pipeline.configuration.reading import ConfigurationError

SURFACES = {
    "code": Surface(0.8, 0.1, np.array([-2.0, 0.2, 0.1])),
    "web": Surface(1.0, 0.0, np.array([0.2, -1.5, 0.0])),
    "books": Surface(1.1, -0.1, np.array([0.1, -0.2, -1.0])),
}
GIVEN = np.array([0.3, 0.4, 0.3])
LOW, HIGH = np.array([0.1, 0.1, 0.1]), np.array([0.6, 0.7, 0.5])


def searched(wanted: Objective) -> float:
    """The least value on a grid of thousandths: slow, and obvious."""
    first, second = (np.arange(low, high, 0.001) for low, high in ((0.1, 0.6), (0.1, 0.7)))
    grid = np.array([(a, b, 1 - a - b) for a, b in product(first, second) if 0.1 <= 1 - a - b <= 0.5])
    bits = {domain: surface(grid) for domain, surface in SURFACES.items()}
    allowed = np.ones(len(grid), bool)
    for domain, part in wanted.floors.items():
        allowed &= bits[domain] <= SURFACES[domain](GIVEN) * (1 + part)
    return float(wanted(bits)[allowed].min())


@pytest.mark.parametrize("floors", [{}, {"web": 0.0}, {"web": 0.02, "books": 0.0}])
@pytest.mark.parametrize("weights", [{"code": 1.0}, {"code": 0.6, "web": 0.4}, {"code": 0.2, "web": 0.3, "books": 0.5}])
def test_the_best_mixture_is_the_best_of_a_grid_and_keeps_its_bounds(
    weights: dict[str, float], floors: dict[str, float]
) -> None:
    wanted = Objective(weights=weights, floors=floors)
    found = best(SURFACES, wanted, GIVEN, LOW, HIGH, GIVEN[None])
    bits = {domain: surface(found) for domain, surface in SURFACES.items()}
    assert found.sum() == pytest.approx(1.0)
    assert (found >= LOW - 1e-9).all() and (found <= HIGH + 1e-9).all()
    for domain, part in floors.items():
        assert bits[domain] <= SURFACES[domain](GIVEN) * (1 + part) + 1e-5
    assert searched(wanted) - 2e-3 < float(wanted(bits)) <= searched(wanted) + 1e-5


def test_a_floor_changes_what_is_best() -> None:
    free = best(SURFACES, Objective(weights={"code": 1.0}, floors={}), GIVEN, LOW, HIGH, GIVEN[None])
    bound = best(SURFACES, Objective(weights={"code": 1.0}, floors={"web": 0.0}), GIVEN, LOW, HIGH, GIVEN[None])
    assert SURFACES["web"](free) > SURFACES["web"](GIVEN) + 0.05
    assert SURFACES["code"](bound) > SURFACES["code"](free)


def test_the_uncertainty_grows_with_noise() -> None:
    random = np.random.default_rng(0)
    shares = random.dirichlet(8 * GIVEN, 20)
    wanted = Objective(weights={"code": 0.5, "web": 0.5}, floors={})
    errors = []
    for noise in (0.001, 0.03):
        bits = {
            domain: surface(shares) + noise * random.standard_normal(len(shares))
            for domain, surface in SURFACES.items()
        }
        errors.append(uncertainty(shares, bits, wanted, GIVEN, np.array([0.5, 0.4, 0.1]), LOW, HIGH).gain)
    assert 0 < 1.5 * errors[0] < errors[1]


def test_weights_and_floors_are_read_and_mistakes_are_said() -> None:
    found = objective(["code=3", "web=1"], ["books=2.5", "web"], ["books", "code", "web"])
    assert found.weights == {"code": 0.75, "web": 0.25}
    assert found.floors == {"books": 0.025, "web": 0.0}
    assert objective([], [], ["a", "b"]).weights == {"a": 0.5, "b": 0.5}
    for weights, floors, said in (
        (["cod=1"], [], "did you mean 'code'"),
        (["code=much"], [], "is no number"),
        (["code"], [], "is no number"),
        (["code=-1"], [], "must not be negative"),
        (["code=0"], [], "add up to nothing"),
        ([], ["boks=1"], "--floor boks"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            objective(weights, floors, ["books", "code", "web"])


def test_rounded_shares_add_up_to_a_hundred() -> None:
    random = np.random.default_rng(1)
    for shares in random.dirichlet(np.ones(7), 50):
        per_cent = rounded(shares)
        assert per_cent.sum() == pytest.approx(100, abs=1e-9)
        assert np.abs(per_cent - 100 * shares).max() <= 0.1
