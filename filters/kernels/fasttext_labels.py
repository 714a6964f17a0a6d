"""The linear layer of a fastText model: from the mean of a text's rows to its label and to the probability of each."""

from __future__ import annotations

import numpy as np

from winnow.filters.kernels.bytes import inlined, kernel
from winnow.filters.kernels.fasttext_features import Memory
from winnow.filters.kernels.fasttext_model import HIERARCHICAL_SOFTMAX, ONE_AGAINST_ALL, Floats, Weights

SMALLEST = np.float32(1e-5)  # fastText adds it to every probability before the logarithm


@inlined
def _sigmoid(value: np.float32) -> np.float32:
    return np.float32(np.float32(1) / (np.float32(1) + np.exp(-value)))


@inlined
def _stepped_sigmoid(value: np.float32) -> np.float32:
    """The sigmoid in 512 steps from -8 to 8, as fastText looks it up where every label is judged alone."""
    if value < -8:
        return np.float32(0)
    if value > 8:
        return np.float32(1)
    step = np.int64((value + np.float32(8)) * np.float32(512) / np.float32(8) / np.float32(2))
    return _sigmoid(np.float32(step * 16) / np.float32(512) - np.float32(8))


@inlined
def _activation(weights: Weights, mean: Floats, row: int) -> np.float32:
    total = np.float32(0)
    for axis in range(mean.size):
        total += mean[axis] * weights.output[row, axis]
    return total


@kernel
def _best_leaf(weights: Weights, mean: Floats, scratch: Memory) -> tuple[int, np.float32]:
    """The most probable label of a hierarchical softmax: the likelier child first, branches below the best cut off."""
    leaves = weights.output.shape[0]
    nodes, scores = scratch.nodes, scratch.node_scores
    best, best_score = np.int64(-1), np.float32(-1e30)
    nodes[0], scores[0] = 2 * leaves - 2, np.float32(0)
    open_nodes = 1
    while open_nodes > 0:
        open_nodes -= 1
        node, score = np.int64(nodes[open_nodes]), scores[open_nodes]
        if score < best_score:
            continue
        if node < leaves:
            if score > best_score:
                best, best_score = node, score
            continue
        right = _sigmoid(_activation(weights, mean, node - leaves))
        left_score = np.float32(score + np.log(np.float32(1) - right + SMALLEST))
        right_score = np.float32(score + np.log(right + SMALLEST))
        likelier = 1 if right_score >= left_score else 0  # goes on the stack last, so it is taken first
        nodes[open_nodes + 1 - likelier], scores[open_nodes + 1 - likelier] = weights.left[node], left_score
        nodes[open_nodes + likelier], scores[open_nodes + likelier] = weights.right[node], right_score
        open_nodes += 2
    return best, np.float32(np.exp(best_score))


@kernel
def all_labels(weights: Weights, mean: Floats, scratch: Memory, result: Floats) -> None:
    """The probability of every label, float32 into `result`."""
    labels = weights.output.shape[0]
    if weights.loss == HIERARCHICAL_SOFTMAX:
        nodes, scores = scratch.nodes, scratch.node_scores
        nodes[0], scores[0] = 2 * labels - 2, np.float32(0)
        open_nodes = 1
        while open_nodes > 0:
            open_nodes -= 1
            node, score = np.int64(nodes[open_nodes]), scores[open_nodes]
            if node < labels:
                result[node] = np.exp(score)
                continue
            right = _sigmoid(_activation(weights, mean, node - labels))
            nodes[open_nodes], scores[open_nodes] = weights.left[node], score + np.log(np.float32(1) - right + SMALLEST)
            nodes[open_nodes + 1], scores[open_nodes + 1] = weights.right[node], score + np.log(right + SMALLEST)
            open_nodes += 2
        return
    if weights.loss == ONE_AGAINST_ALL:
        for label in range(labels):
            result[label] = _stepped_sigmoid(_activation(weights, mean, label)) + SMALLEST
        return
    largest = np.float32(-1e30)
    for label in range(labels):
        result[label] = _activation(weights, mean, label)
        largest = max(largest, result[label])
    total = np.float32(0)
    for label in range(labels):
        result[label] = np.exp(result[label] - largest)
        total += result[label]
    for label in range(labels):
        result[label] = result[label] / total + SMALLEST


@kernel
def best_label(weights: Weights, total: Floats, features: int, scratch: Memory) -> tuple[int, np.float32]:
    """The best label of a sum of rows; `total` becomes the mean."""
    if features == 0:
        return np.int64(-1), np.float32(0)
    for axis in range(total.size):
        total[axis] *= np.float32(1.0 / features)
    if weights.loss == HIERARCHICAL_SOFTMAX:
        return _best_leaf(weights, total, scratch)
    result = scratch.node_scores[: weights.output.shape[0]]
    all_labels(weights, total, scratch, result)
    best = np.int64(0)
    for label in range(1, result.size):
        if result[label] > result[best]:
            best = np.int64(label)
    return best, result[best]
