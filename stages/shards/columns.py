"""What a trainer needs of packed rows beside their ids: positions, labels, the bounds of documents.

A document here is a segment; a run of padding counts as one too, so that every token has a place. Arrays are int64, as
embeddings and losses want them.
"""

from __future__ import annotations

import numpy as np

from winnow.stages.shards.sequences import Sequences

IGNORED = -100  # a label that no loss counts: what torch and transformers take it for


def begins(sequences: Sequences) -> np.ndarray:
    """Where a document, a run of padding or a row begins; bool [B, L]."""
    found = np.zeros(sequences.input_ids.size + 1, bool)
    starts = sequences.rows * sequences.length + sequences.positions
    found[starts] = True
    found[starts + sequences.lengths] = True  # what follows a segment, if only padding
    found[: -1 : sequences.length] = True
    return found[:-1].reshape(sequences.input_ids.shape)


def covered(sequences: Sequences) -> np.ndarray:
    """Which tokens a segment covers, all but padding; bool [B, L]."""
    steps = np.zeros(sequences.input_ids.size + 1, np.int64)
    starts = sequences.rows * sequences.length + sequences.positions
    np.add.at(steps, starts, 1)
    np.add.at(steps, starts + sequences.lengths, -1)
    return (np.cumsum(steps[:-1]) > 0).reshape(sequences.input_ids.shape)


def position_ids(sequences: Sequences) -> np.ndarray:
    """The place of each token in its document, from 0; int64 [B, L]."""
    flags = begins(sequences).reshape(-1)
    places = np.arange(len(flags), dtype=np.int64)
    return (places - np.maximum.accumulate(np.where(flags, places, 0))).reshape(sequences.input_ids.shape)


def labels(sequences: Sequences) -> np.ndarray:
    """The ids, and `IGNORED` where no loss is due: at the first token of a document, in padding, by the loss mask.

    Not shifted: label i is what the state before token i should predict. int64 [B, L].
    """
    wanted = covered(sequences) & ~begins(sequences)
    if sequences.loss_mask is not None:
        wanted &= sequences.loss_mask
    return np.where(wanted, sequences.input_ids.astype(np.int64), IGNORED)


def cu_seqlens(sequences: Sequences) -> list[np.ndarray]:
    """For each row the bounds of its documents, from 0 to L; int32 [D + 1]."""
    return [np.append(np.flatnonzero(row), sequences.length).astype(np.int32) for row in begins(sequences)]


def padding_of(sequences: Sequences) -> np.ndarray:
    """Tokens of padding at the end of each row, int64 [B]."""
    ends = np.zeros(len(sequences), np.int64)
    np.maximum.at(ends, sequences.rows, sequences.positions + sequences.lengths)
    return sequences.length - ends
