"""Packing: every token in its place, best fit as the slow obvious loop does it, cuts where they are best."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.stages.shards.pack import Packing, best_fit, concatenate, pack_best_fit, split
from winnow.stages.shards.patterns import assign, fill

lengths_and_capacity = st.integers(1, 200).flatmap(
    lambda capacity: st.tuples(st.lists(st.integers(1, capacity), max_size=80), st.just(capacity))
)


def slow_best_fit(lengths: list[int], capacity: int) -> list[int]:
    """Free space of every sequence, when each length in turn, longest first, goes where the least space is left."""
    spaces: list[int] = []
    for length in sorted(lengths, reverse=True):
        fitting = [space for space in spaces if space >= length]
        if fitting:
            spaces.remove(min(fitting))
            spaces.append(min(fitting) - length)
        else:
            spaces.append(capacity - length)
    return sorted(spaces)


def check(packing: Packing, lengths: list[int], capacity: int) -> None:
    """Segments stay in their sequence, in order, without overlap, and no token of a document stands twice."""
    assert packing.length.min(initial=1) > 0
    ends = packing.position + packing.length
    assert (packing.position >= 0).all() and (ends <= capacity).all()
    same = packing.sequence[1:] == packing.sequence[:-1]
    assert (np.diff(packing.sequence) >= 0).all()
    assert (packing.position[1:][same] >= ends[:-1][same]).all()
    covered: Counter[tuple[int, int]] = Counter()
    for document, offset, length in zip(packing.document, packing.offset, packing.length, strict=True):
        covered.update((int(document), token) for token in range(offset, offset + length))
    assert not covered or max(covered.values()) == 1
    assert all(token < lengths[document] for document, token in covered)


@given(lengths_and_capacity)
def test_best_fit_leaves_the_spaces_of_the_slow_loop_or_fewer_sequences(case: tuple[list[int], int]) -> None:
    lengths, capacity = case
    sequence, count = best_fit(lengths, capacity)
    spaces = [capacity - int(np.array(lengths)[sequence == place].sum()) for place in range(count)]
    expected = slow_best_fit(lengths, capacity)
    assert min(spaces, default=0) >= 0 and max(spaces, default=0) < capacity
    assert count < len(expected) or sorted(spaces) == expected


@settings(max_examples=300)
@given(st.integers(2, 60), st.data())
def test_patterns_place_every_piece_once(capacity: int, data: st.DataObject) -> None:
    lengths = np.array(data.draw(st.lists(st.integers(1, capacity), min_size=1, max_size=300)), np.int64)
    order = np.argsort(lengths, kind="stable").astype(np.int32)
    begins = np.searchsorted(lengths[order], np.arange(capacity + 2)).astype(np.int32)
    sequence = np.full(len(lengths), -1, np.int32)
    patterns, count = fill(begins, capacity, fewest=-(-int(lengths.sum()) // capacity))
    assign(patterns, order, begins, sequence)
    used = np.bincount(sequence, lengths, count)
    assert sequence.min() == 0 and len(used) == count
    assert used.min() > 0 and used.max() <= capacity


@pytest.mark.parametrize(
    ("lengths", "capacity"),
    [
        ([4, 4, 3, 3, 3, 3], 10),  # best fit puts 4 beside 4 and needs three
        ([9, 9, 8, 8, 7, 7, 6, 6, 5, 5, 4, 4, 3, 3], 21),
        ([44, 24, 24, 22, 21, 17, 8, 8, 6, 6], 60),
        ([14, 11, 11, 11, 10, 10, 9, 9, 9, 7, 7], 28),  # 14 and 11, so that each 7 completes 11 and 10
    ],
)
def test_patterns_fill_what_best_fit_leaves_empty(lengths: list[int], capacity: int) -> None:
    _, count = best_fit(lengths, capacity)
    assert count == -(-sum(lengths) // capacity) < len(slow_best_fit(lengths, capacity))


@pytest.mark.parametrize("capacity", [4_095, 70_001, 600_000])
def test_best_fit_of_many_lengths_into_long_sequences(capacity: int) -> None:
    lengths = np.random.default_rng(1).integers(1, capacity, 3000).tolist()
    sequence, count = best_fit(lengths, capacity)
    spaces = capacity - np.bincount(sequence, lengths, count).astype(int)
    assert sorted(spaces.tolist()) == slow_best_fit(lengths, capacity)


@given(lengths_and_capacity)
def test_packed_best_fit_holds_every_token_once(case: tuple[list[int], int]) -> None:
    lengths, capacity = case
    packing = pack_best_fit(split(lengths, capacity), capacity)
    check(packing, lengths, capacity)
    assert int(packing.length.sum()) == sum(lengths)
    assert len(packing.document) == len(lengths)  # nothing is cut that fits


@given(st.lists(st.integers(0, 90), max_size=40), st.integers(1, 60), st.booleans())
def test_concatenate_is_the_stream_cut_every_l_tokens(lengths: list[int], capacity: int, pad: bool) -> None:
    packing = concatenate(lengths, capacity, pad=pad)
    check(packing, lengths, capacity)
    stream = [(document, token) for document, length in enumerate(lengths) for token in range(length)]
    rows: list[list[tuple[int, int]]] = [[] for _ in range(packing.sequences)]
    for sequence, position, document, offset, length in zip(*packing[:5], strict=True):
        assert len(rows[sequence]) == position
        rows[sequence] += [(int(document), token) for token in range(offset, offset + length)]
    expected = [stream[start : start + capacity] for start in range(0, len(stream), capacity)]
    if not pad and expected and len(expected[-1]) < capacity:
        expected.pop()
    assert rows == expected


@settings(max_examples=200)
@given(st.data(), st.integers(2, 40))
def test_long_documents_are_cut_at_the_last_good_place(data: st.DataObject, capacity: int) -> None:
    length = data.draw(st.integers(1, 300))
    cuts = sorted(data.draw(st.sets(st.integers(1, max(length - 1, 1)), max_size=30)))
    pieces = split([length], capacity, cuts, [0, len(cuts)])
    ends = np.cumsum(pieces.length)
    assert ends[-1] == length and (pieces.offset == ends - pieces.length).all()
    for start, end in zip(pieces.offset, ends, strict=True):
        good = [cut for cut in cuts if start + (capacity + 1) // 2 <= cut <= start + capacity]
        expected = length if length - start <= capacity else good[-1] if good else start + capacity
        assert end == expected


def test_pieces_of_several_documents_keep_their_own_cuts() -> None:
    pieces = split([10, 3, 9], 6, [4, 5, 6], [0, 2, 2, 3])
    assert pieces.document.tolist() == [0, 0, 1, 2, 2]
    assert pieces.offset.tolist() == [0, 5, 0, 0, 6]
    assert pieces.length.tolist() == [5, 5, 3, 6, 3]


def test_lengths_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="between 1 and 8; they span 3 to 9"):
        best_fit([3, 9], 8)


@pytest.mark.parametrize("capacity", [4096, 8192, 32_768])
def test_document_like_lengths_take_no_sequence_more_than_their_tokens_need(capacity: int) -> None:
    lengths = np.minimum(np.random.default_rng(0).lognormal(6.5, 1.2, 100_000).astype(int) + 1, capacity)
    _, count = best_fit(lengths, capacity)
    assert count == -(-int(lengths.sum()) // capacity)
