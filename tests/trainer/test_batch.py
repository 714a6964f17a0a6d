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
    batch = make_batch(sequences)
    tokens, positions, bounds, sources = [], [], [0], []
    next_pairs, leads, ahead_pairs, row_bounds, lead_rows = [], [], [], [0], [0]
    for b in range(len(sequences)):
        for segment in sequences.segments[sequences.bounds[b] : sequences.bounds[b + 1]].to_pylist():
            start, length = segment["position"], segment["length"]
            ids = sequences.input_ids[b, start : start + length].tolist()
            counts = [True] * length if not mask else sequences.loss_mask[b, start : start + length].tolist()
            for i in range(length):
                if i + 1 < length and counts[i + 1]:
                    next_pairs.append((len(tokens) + i, ids[i + 1]))
                if i + 2 < length and counts[i + 2]:
                    ahead_pairs.append((len(leads) + i, ids[i + 2]))
            leads += [(len(tokens) + i, ids[i + 1]) for i in range(length - 1)]
            tokens += ids
            positions += range(length)
            sources += [segment["source"]] * length
            bounds.append(len(tokens))
        row_bounds.append(len(tokens))
        lead_rows.append(len(leads))
    assert batch.tokens.tolist() == tokens
    assert batch.positions.tolist() == positions
    assert batch.documents.bounds == bounds
    assert batch.rows == row_bounds
    assert [batch.source_names[code] for code in batch.sources.tolist()] == sources
    assert list(zip(batch.next.index.tolist(), batch.next.tokens.tolist(), strict=True)) == next_pairs
    assert list(zip(batch.leading.tolist(), batch.following.tolist(), strict=True)) == leads
    assert list(zip(batch.ahead.index.tolist(), batch.ahead.tokens.tolist(), strict=True)) == ahead_pairs
    assert batch.lead_rows == lead_rows
    assert sum(batch.lead_documents.lengths) == len(leads) and 0 not in batch.lead_documents.lengths


def test_ids_of_32_bits_keep_their_value(pack: Packer) -> None:
    narrow = pack([[4]])
    wide = Sequences(
        input_ids=narrow.input_ids.astype(np.uint32) + 100_000, segments=narrow.segments, bounds=narrow.bounds
    )
    assert (make_batch(wide).tokens - 100_000).tolist() == make_batch(narrow).tokens.tolist()
