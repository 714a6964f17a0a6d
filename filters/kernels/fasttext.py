"""Inference of fastText classifiers over the bytes of Arrow strings: the numbers fastText itself gives, several times
faster.

Joulin et al. 2016 (arXiv 1607.01759): a text is the mean of the vectors of its words, of their n-grams of characters
and of the n-grams of words (`fasttext_features.py`); a linear layer follows (`fasttext_labels.py`).

Two differences from the original: a line break is a space (fastText reads one line), and the word `</s>` ends nothing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from winnow.filters.kernels.bytes import Bytes, Offsets, kernel
from winnow.filters.kernels.fasttext_features import Memory, add_end, add_row, add_text, memory
from winnow.filters.kernels.fasttext_labels import all_labels, best_label
from winnow.filters.kernels.fasttext_model import Floats, Integers, Model, Weights


def classify_pieces(
    model: Model, data: Bytes, starts: Offsets, ends: Offsets, groups: Offsets
) -> tuple[npt.NDArray[np.int32], Floats, npt.NDArray[np.int32], Floats]:
    """The best label and its probability of every piece `data[starts[i]:ends[i]]` and of every text.

    Text t is the pieces `groups[t]:groups[t + 1]`, one after the other. Returns label numbers and probabilities of the
    pieces (int32, float32), then of the texts; a text without a single known feature has the label -1.
    """
    starts, ends, groups = _read_only(starts, ends, groups)
    pieces, texts = starts.size, groups.size - 1
    piece_labels, piece_scores = np.full(pieces, -1, np.int32), np.zeros(pieces, np.float32)
    labels, scores = np.full(texts, -1, np.int32), np.zeros(texts, np.float32)
    dimension = model.weights.input.shape[1]
    scratch = memory(model.weights, int((ends - starts).max(initial=0)))
    sums = np.zeros((2, dimension), np.float32)
    results = (piece_labels, piece_scores, labels, scores)
    _classify(data, starts, ends, groups, model.weights, scratch, sums[0], sums[1], *results)
    return results


def probabilities(model: Model, data: Bytes, offsets: Offsets) -> Floats:
    """The probability of every label for each text, float32 of shape (n, labels); zeros for a text without features."""
    result = np.zeros((offsets.size - 1, len(model.labels)), np.float32)
    (offsets,) = _read_only(offsets)
    scratch = memory(model.weights, int(np.diff(offsets).max(initial=0)))
    _probabilities(data, offsets, model.weights, scratch, np.zeros(model.weights.input.shape[1], np.float32), result)
    return result


def _read_only(*arrays: Integers) -> list[Integers]:
    """Views that can't be written: Arrow's arrays can't either, and numba compiles again for every other type."""
    views = [array.view() for array in arrays]
    for view in views:
        view.flags.writeable = False
    return views


@kernel
def _classify(
    data: Bytes,
    starts: Offsets,
    ends: Offsets,
    groups: Offsets,
    weights: Weights,
    scratch: Memory,
    piece_sum: Floats,
    text_sum: Floats,
    piece_labels: npt.NDArray[np.int32],
    piece_scores: Floats,
    labels: npt.NDArray[np.int32],
    scores: Floats,
) -> None:
    for text in range(groups.size - 1):
        scratch.state[1] = 0
        text_features = np.int64(0)
        text_sum[:] = 0
        for piece in range(groups[text], groups[text + 1]):
            piece_sum[:] = 0
            features = add_text(data, starts[piece], ends[piece], weights, scratch, piece_sum)
            for axis in range(text_sum.size):
                text_sum[axis] += piece_sum[axis]
            text_features += features
            if weights.end_row >= 0:
                add_row(weights, weights.end_row, piece_sum)
                features += 1
            piece_labels[piece], piece_scores[piece] = best_label(weights, piece_sum, features, scratch)
        text_features += add_end(weights, scratch, text_sum)
        labels[text], scores[text] = best_label(weights, text_sum, text_features, scratch)


@kernel
def _probabilities(
    data: Bytes, offsets: Offsets, weights: Weights, scratch: Memory, total: Floats, result: Floats
) -> None:
    for text in range(offsets.size - 1):
        scratch.state[1] = 0
        total[:] = 0
        features = add_text(data, offsets[text], offsets[text + 1], weights, scratch, total)
        features += add_end(weights, scratch, total)
        if features > 0:
            for axis in range(total.size):
                total[axis] *= np.float32(1.0 / features)
            all_labels(weights, total, scratch, result[text])
