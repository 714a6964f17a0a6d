"""Draws: fixed by (seed, id, purpose), uniform, and independent between purposes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from winnow.stages.run.chance import draws, key_of, order

IDS = pa.array([f"{number:032x}" for number in range(200_000)])


def test_a_draw_depends_on_seed_id_and_purpose_alone() -> None:
    found = draws(IDS, 1, "mix")
    np.testing.assert_array_equal(draws(IDS.slice(100, 50), 1, "mix"), found[100:150])
    assert len(np.unique(found)) == len(found)
    assert not np.any(found == draws(IDS, 2, "mix")) and not np.any(found == draws(IDS, 1, "shuffle"))


@pytest.mark.parametrize("shift", [0, 20, 48, 56])
def test_draws_are_uniform_in_all_their_bits(shift: int) -> None:
    values = (draws(IDS, 1, "mix") >> np.uint64(shift)) & np.uint64(255)
    expected = len(IDS) / 256
    chi_squared = float(((np.bincount(values.astype(int), minlength=256) - expected) ** 2 / expected).sum())
    assert 160 < chi_squared < 360  # 255 degrees of freedom: mean 255, deviation 22.6


def test_draws_of_two_purposes_are_uncorrelated() -> None:
    first, second = draws(IDS, 1, "a").astype(float), draws(IDS, 1, "b").astype(float)
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.01


@pytest.mark.parametrize("count", [0, 1, 2, 1000])
def test_order_is_a_permutation_that_follows_from_the_key(count: int) -> None:
    places = order(count, key_of(1, "order"))
    assert sorted(places.tolist()) == list(range(count))
    np.testing.assert_array_equal(places, order(count, key_of(1, "order")))
    assert count < 1000 or not np.array_equal(places, order(count, key_of(2, "order")))
