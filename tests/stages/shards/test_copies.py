"""Rows that hold the same: counted, and spread over the order of their bucket."""

from __future__ import annotations

import numpy as np

from winnow.stages.shards.emit import _shuffled, contents_of
from winnow.stages.shards.pack import Packing

LENGTH, ROWS = 8, 60


def packing() -> tuple[Packing, np.ndarray]:
    """60 rows of one piece: rows 0, 20 and 40 hold one document's copies, so do 1, 21 and 41, and so on to 4."""
    document = np.arange(ROWS)
    numbers = np.where(document % 20 < 5, document % 20, document)
    sizes = np.full(ROWS, LENGTH)
    zeros = np.zeros(ROWS, np.int64)
    return Packing(np.arange(ROWS), zeros, document, zeros, sizes, ROWS), numbers


def test_sequences_are_shuffled_by_the_key_and_keep_their_pieces() -> None:
    found, numbers = packing()
    contents = contents_of(found, numbers)
    one, same, other = (_shuffled(found, np.uint64(key), contents) for key in (7, 7, 8))
    assert one.document.tolist() == same.document.tolist() != other.document.tolist()
    assert one.document.tolist() != found.document.tolist()
    assert sorted(one.document.tolist()) == found.document.tolist()
    assert one.sequence.tolist() == list(range(ROWS))


def test_copies_of_a_row_are_counted_and_lie_in_a_third_each() -> None:
    found, numbers = packing()
    contents = contents_of(found, numbers)
    assert ROWS - (int(contents.max()) + 1) == 10  # five rows, twice more each
    for key in range(20):
        placed = numbers[_shuffled(found, np.uint64(key), contents).document]
        for copied in range(5):
            places = np.flatnonzero(placed == copied)
            assert (places >= np.array([0, 20, 40]) - 8).all() and (places < np.array([20, 40, 60]) + 8).all()


def test_rows_of_several_pieces_are_never_taken_for_copies() -> None:
    sequence = np.array([0, 0, 1, 1])
    pieces = Packing(sequence, np.array([0, 4, 0, 4]), np.array([0, 1, 0, 1]), np.zeros(4, np.int64), np.full(4, 4), 2)
    assert len(set(contents_of(pieces, np.array([0, 1])).tolist())) == 2
