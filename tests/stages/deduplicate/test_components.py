"""Components by exchange: stars against union-find, and the same survivors as one worker chooses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.stages.deduplicate import components, minhash
from winnow.stages.deduplicate.recipes import MinHashSettings

LINKS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=60)


def union_find(links: list[tuple[int, int]]) -> dict[int, int]:
    """The smallest member of each document's component, the obvious way."""
    smallest = {end: end for link in links for end in link}
    changed = True
    while changed:
        changed = False
        for one, other in links:
            low = min(smallest[one], smallest[other])
            for end in (one, other):
                changed |= smallest[end] != low
                smallest[end] = low
    return smallest


@given(LINKS)
@settings(max_examples=200)
def test_stars_end_in_the_components_of_union_find(links):
    here, there = (np.array([link[side] for link in links], np.uint64) for side in (0, 1))
    here, there = components.both_ways(here, there)
    for _ in range(8):
        here, there = components.small_first(*components.large_star(here, there))
        here, there = components.both_ways(*components.small_star(here, there))
    leaves, centres = components.labels(here, there)
    found = {int(leaf): int(centre) for leaf, centre in zip(leaves, centres, strict=True)}
    expected = {end: low for end, low in union_find(links).items() if end != low}
    assert found == expected


def test_too_few_rounds_are_an_error_not_a_wrong_answer():
    chain = np.arange(40, dtype=np.uint64)
    here, there = components.both_ways(chain[:-1], chain[1:])
    with pytest.raises(RuntimeError, match="raise component_rounds"):
        components.labels(here, there)


def test_the_survivors_are_those_that_one_worker_chooses(workspace, lay_out, work):
    generator = np.random.Generator(np.random.PCG64(5))
    words = np.array([f"term{chr(97 + at % 26)}{chr(97 + at // 26 % 26)}" for at in range(600)])
    texts = []
    for _ in range(8):
        current = generator.choice(words, 120)
        for _ in range(12):  # a drifting text: long chains whose ends differ
            texts.append(" ".join(current))
            current = current.copy()
            current[generator.integers(0, 120, 3)] = generator.choice(words, 3)
    parts = lay_out({f"p-{index:05d}": texts[index::4] for index in range(4)})
    one = MinHashSettings(bands=25, rows=4, threshold=0.6, buckets=3)

    def dropped() -> list[list[dict]]:
        return [workspace.read_table(f"drops/{minhash.STAGE}/{part}.parquet").to_pylist() for part in parts]

    work(minhash.plan(parts, one))
    expected = dropped()
    assert sum(map(len, expected)) > 30
    work(minhash.plan(parts, one.model_copy(update={"component_rounds": 5})))
    assert dropped() == expected
