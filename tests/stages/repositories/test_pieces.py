"""Sharing the files of a repository out over sequences: what must hold for any sizes and edges."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.stages.repositories.pieces import line_cuts, share_out

CAPACITY = 100


@st.composite
def repositories(draw: st.DrawFn) -> tuple[list[int], np.ndarray, np.ndarray]:
    sizes = draw(st.lists(st.integers(1, CAPACITY), min_size=1, max_size=40))
    order = draw(st.permutations(range(len(sizes))))
    node = st.integers(0, len(sizes) - 1)
    edges = sorted(draw(st.sets(st.tuples(node, node), max_size=40)))
    return list(order), np.array(sizes, dtype=np.int64), np.array(edges, dtype=np.int32).reshape(-1, 2)


@given(repositories())
def test_every_file_is_in_one_piece_in_order_and_no_piece_is_too_long(
    case: tuple[list[int], np.ndarray, np.ndarray],
) -> None:
    order, sizes, edges = case
    pieces = share_out(order, sizes, edges, CAPACITY)
    assert sorted(file for piece in pieces for file in piece) == sorted(order)
    assert all(sizes[piece].sum() <= CAPACITY for piece in pieces)
    place = {file: i for i, file in enumerate(order)}
    assert all([place[file] for file in piece] == sorted(place[file] for file in piece) for piece in pieces)
    if sizes.sum() <= CAPACITY:
        assert len(pieces) == 1


@given(repositories())
def test_a_connected_group_that_fits_is_never_parted(case: tuple[list[int], np.ndarray, np.ndarray]) -> None:
    order, sizes, edges = case
    where = {file: i for i, piece in enumerate(share_out(order, sizes, edges, CAPACITY)) for file in piece}
    reach = np.eye(len(sizes), dtype=bool)
    reach[edges[:, 0], edges[:, 1]] = reach[edges[:, 1], edges[:, 0]] = True
    for _ in range(6):
        reach = reach @ reach
    for group in {tuple(np.flatnonzero(row).tolist()) for row in reach}:
        if sizes[list(group)].sum() <= CAPACITY:
            assert len({where[file] for file in group}) == 1


@given(st.lists(st.integers(1, 10), min_size=200, max_size=400))
def test_files_without_edges_fill_their_pieces(sizes: list[int]) -> None:
    pieces = share_out(list(range(len(sizes))), np.array(sizes, dtype=np.int64), np.empty((0, 2), np.int32), CAPACITY)
    filled = [sum(sizes[file] for file in piece) for piece in pieces]
    assert sum(load < CAPACITY - 9 for load in filled) <= 1


def test_a_large_group_is_cut_along_its_order() -> None:
    chain = np.array([[i + 1, i] for i in range(9)], dtype=np.int32)
    pieces = share_out(list(range(10)), np.full(10, 30, dtype=np.int64), chain, CAPACITY)
    assert pieces == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]]


def test_a_gap_is_filled_by_what_belongs_there_before_what_waits_for_a_later_file() -> None:
    edges = np.array([[1, 0], [2, 1], [3, 0], [4, 2], [5, 0]], dtype=np.int32)
    sizes = np.array([60, 60, 60, 30, 40, 10], dtype=np.int64)
    assert share_out([0, 1, 2, 3, 4, 5], sizes, edges, CAPACITY) == [[0, 3, 5], [1, 4], [2]]
    sizes[5] = 40
    assert share_out([0, 1, 2, 3, 4, 5], sizes, edges, CAPACITY) == [[0, 5], [1, 3], [2, 4]]


def test_a_file_larger_than_a_piece_is_refused() -> None:
    with pytest.raises(ValueError, match="101 tokens"):
        share_out([0], np.array([101]), np.empty((0, 2), np.int32), CAPACITY)


@given(st.lists(st.text(alphabet="ab\n", min_size=1, max_size=6), max_size=60), st.integers(3, 20))
def test_cuts_fall_on_lines_wherever_one_begins_in_reach(tokens: list[str], capacity: int) -> None:
    text = "".join(tokens)
    cuts = line_cuts(text.encode(), np.array([len(token) for token in tokens], dtype=np.int64), capacity)
    bounds = [0, *cuts, len(tokens)]
    assert all(0 < stop - start <= capacity for start, stop in pairwise(bounds) if tokens)
    for start, cut in zip(bounds, cuts, strict=False):
        reach = range(start + 1, start + capacity + 1)
        natural = [i for i in reach if tokens[i - 1].endswith("\n") or "\n" in tokens[i][:-1]]
        assert cut == (max(natural) if natural else start + capacity)
