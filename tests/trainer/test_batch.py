"""Batches: every target lies in its predecessor's document, padding is left out, positions restart."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.stages.shards.sequences import Sequences
from winnow.trainer.batch import make_batch

Packer = Callable[..., Sequences]
ROWS = st.lists(st.lists(st.integers(1, 6), min_size=1, max_size=4), min_size=1, max_size=4)


@settings(max_examples=80)
@given(rows=ROWS, mask=st.booleans(), seed=st.integers(0, 99))
def test_a_batch_says_what_a_plain_loop_over_documents_says(
    pack: Packer, rows: list[list[int]], mask: bool, seed: int
) -> None:
    sequences = pack(rows, seed=seed, mask=mask)
    batch = make_batch(sequences, depths=3)
    tokens, positions, bounds, sources = [], [], [0], []
    next_pairs, row_bounds = [], [0]
    read: list[list[tuple[int, int]]] = [[] for _ in range(4)]  # of each depth, flat index and the token embedded there
    wanted: list[list[tuple[int, int]]] = [[] for _ in range(4)]  # index among those, and the token to foresee
    further_rows: list[list[int]] = [[0] for _ in range(4)]
    for b in range(len(sequences)):
        for segment in sequences.segments[sequences.bounds[b] : sequences.bounds[b + 1]].to_pylist():
            start, length = segment["position"], segment["length"]
            ids = sequences.input_ids[b, start : start + length].tolist()
            counts = [True] * length if not mask else sequences.loss_mask[b, start : start + length].tolist()
            next_pairs += [(len(tokens) + i, ids[i + 1]) for i in range(length - 1) if counts[i + 1]]
            for depth in (1, 2, 3):
                for i in range(length - depth):
                    if i + depth + 1 < length and counts[i + depth + 1]:
                        wanted[depth].append((len(read[depth]) + i, ids[i + depth + 1]))
                read[depth] += [(len(tokens) + i, ids[i + depth]) for i in range(length - depth)]
            tokens += ids
            positions += range(length)
            sources += [segment["source"]] * length
            bounds.append(len(tokens))
        row_bounds.append(len(tokens))
        for depth in (1, 2, 3):
            further_rows[depth].append(len(read[depth]))
    assert batch.tokens.tolist() == tokens
    assert batch.positions.tolist() == positions
    assert batch.documents.bounds == bounds
    assert batch.rows == row_bounds
    assert [batch.source_names[code] for code in batch.sources.tolist()] == sources
    assert list(zip(batch.next.index.tolist(), batch.next.tokens.tolist(), strict=True)) == next_pairs
    flat = list(range(len(tokens)))
    assert len(batch.depths) == 3
    for number, depth in enumerate(batch.depths, start=1):
        flat = [flat[i] for i in depth.leading.tolist()]
        assert list(zip(flat, depth.following.tolist(), strict=True)) == read[number]
        found = list(zip(depth.targets.index.tolist(), depth.targets.tokens.tolist(), strict=True))
        assert found == wanted[number]
        assert depth.rows == further_rows[number]
        assert sum(depth.documents.lengths) == len(flat) and 0 not in depth.documents.lengths


def test_ids_of_32_bits_keep_their_value(pack: Packer) -> None:
    narrow = pack([[4]])
    wide = Sequences(
        input_ids=narrow.input_ids.astype(np.uint32) + 100_000, segments=narrow.segments, bounds=narrow.bounds
    )
    assert (make_batch(wide).tokens - 100_000).tolist() == make_batch(narrow).tokens.tolist()
