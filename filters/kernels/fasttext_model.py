"""The file of a fastText classifier (`.bin` or quantised `.ftz`, version 12), read into arrays for `fasttext.py`'s
kernels.

Layout after fastText 0.9 (`FastText::saveModel`, `Dictionary::save`, `ProductQuantizer::save`), little-endian
throughout.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from winnow.filters.kernels.bytes import PADDING, hash_bytes, kernel
from winnow.filters.kernels.versions import version

MAGIC = 793712314
SUPERVISED = 3
HIERARCHICAL_SOFTMAX, SOFTMAX, ONE_AGAINST_ALL = 1, 3, 4
CENTROIDS = 256  # of a product quantiser's block
END_OF_SENTENCE = b"</s>"
LABEL_PREFIX = b"__label__"

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]


class Weights(NamedTuple):
    """What the kernels need of a model, as arrays and integers. Rows of `input` are words, then hashed n-grams."""

    input: Floats  # (rows, dimension)
    output: Floats  # (labels, dimension); with hierarchical softmax, (labels - 1, dimension) inner nodes
    word_slots: Integers  # open addressing by hash_bytes: word number or -1; a power of two long
    word_bytes: npt.NDArray[np.uint8]
    word_offsets: Integers
    words: int
    end_row: int  # row of the end of sentence, -1 when the model doesn't know it
    shortest: int  # n-grams of characters
    longest: int
    buckets: int
    kept_bits: npt.NDArray[np.uint64]  # one bit per bucket: did pruning keep it? Empty arrays: nothing was pruned
    kept_before: npt.NDArray[np.int32]  # kept buckets before each word of `kept_bits`
    kept_rows: npt.NDArray[np.int32]  # rows of the kept buckets behind the words, by bucket
    word_grams: int
    loss: int
    left: npt.NDArray[np.int32]  # children in the Huffman tree; leaves come first
    right: npt.NDArray[np.int32]


@dataclass(frozen=True)
class Model:
    """A classifier: its labels without prefix, in the order of its outputs, and its weights."""

    labels: tuple[str, ...]
    weights: Weights


def load_model(path: str) -> Model:
    """Reads a supervised fastText model, once until the file changes.

    Raises `FileNotFoundError`, and `ValueError` for a file of any other kind.
    """
    return _load_model(path, *version(path))


@lru_cache(maxsize=4)
def _load_model(path: str, *version: int) -> Model:
    return _Reader(Path(path).read_bytes(), path).model()


class _Reader:
    """A cursor over the bytes of a model file."""

    def __init__(self, content: bytes, path: str) -> None:
        self.content = content
        self.path = path
        self.at = 0

    def take(self, format: str) -> tuple[Any, ...]:
        values = struct.unpack_from("<" + format, self.content, self.at)
        self.at += struct.calcsize("<" + format)
        return values

    def array(self, dtype: Any, count: int) -> npt.NDArray[Any]:
        values = np.frombuffer(self.content, dtype, count, self.at)
        self.at += values.nbytes
        return values

    def model(self) -> Model:
        try:
            return self._model()
        except (struct.error, IndexError) as error:
            raise ValueError(f"{self.path}: the file ends early ({error}); expected a whole fastText model") from error

    def _model(self) -> Model:
        magic, version = self.take("2i")
        if magic != MAGIC or version not in (11, 12):
            raise ValueError(f"{self.path} is no fastText model of version 11 or 12: it begins with {magic}, {version}")
        *_, word_grams, loss, kind, buckets, shortest, longest, _rate = self.take("12i")
        self.take("d")
        if kind != SUPERVISED:
            raise ValueError(f"{self.path} is a fastText model of word vectors; expected a classifier (supervised)")
        if version == 11:
            longest = 0  # version 11 classifiers were written without n-grams of characters
        words, labels, label_counts, pruned = self._dictionary()
        if pruned is not None and not len(pruned):
            longest, word_grams = 0, 1  # pruning kept no n-gram at all
        inputs, outputs = self._matrices()
        left, right = _huffman_tree(label_counts) if loss == HIERARCHICAL_SOFTMAX else (np.zeros(0, np.int32),) * 2
        offsets = np.cumsum([0, *map(len, words)], dtype=np.int64)
        word_bytes = np.frombuffer(b"".join(words) + b"\0" * PADDING, np.uint8)
        slots = np.full(1 << (2 * len(words) + 16).bit_length(), -1, np.int64)
        fill_slots(word_bytes, offsets, slots)
        weights = Weights(
            input=inputs,
            output=outputs,
            word_slots=slots,
            word_bytes=word_bytes,
            word_offsets=offsets,
            words=len(words),
            end_row=words.index(END_OF_SENTENCE) if END_OF_SENTENCE in words else -1,
            shortest=shortest,
            longest=longest,
            buckets=buckets,
            **_kept_buckets(pruned, buckets),
            word_grams=word_grams,
            loss=loss,
            left=left,
            right=right,
        )
        return Model(tuple(label.removeprefix(LABEL_PREFIX).decode() for label in labels), weights)

    def _dictionary(self) -> tuple[list[bytes], list[bytes], list[int], npt.NDArray[np.int32] | None]:
        """Words, labels, how often each label was seen, and (bucket, row) of the n-grams that pruning kept, if it
        ran.
        """
        size, _words, _labels = self.take("3i")
        _tokens, pruned = self.take("2q")
        words, labels, label_counts = [], [], []
        for _ in range(size):
            end = self.content.index(b"\0", self.at)
            entry, self.at = self.content[self.at : end], end + 1
            count, is_label = self.take("qb")
            if is_label:
                labels.append(entry)
                label_counts.append(count)
            else:
                words.append(entry)
        if pruned < 0:
            return words, labels, label_counts, None
        return words, labels, label_counts, self.array(np.int32, 2 * pruned).reshape(-1, 2)

    def _matrices(self) -> tuple[Floats, Floats]:
        (quantised,) = self.take("?")
        inputs = self._quantised() if quantised else self._dense()
        (output_quantised,) = self.take("?")
        outputs = self._quantised() if quantised and output_quantised else self._dense()
        return inputs, outputs

    def _dense(self) -> Floats:
        rows, columns = self.take("2q")
        return self.array(np.float32, rows * columns).reshape(rows, columns)

    def _quantised(self) -> Floats:
        """A product-quantised matrix as plain floats: each row is put together from the centroids that its codes
        name.
        """
        (normalised,) = self.take("?")
        rows, columns = self.take("2q")
        (size,) = self.take("i")
        codes = self.array(np.uint8, size).reshape(rows, -1)
        centroids, width, last_width = self._quantiser()
        matrix = np.empty((rows, columns), np.float32)
        for block in range(codes.shape[1]):
            block_width = last_width if block == codes.shape[1] - 1 else width
            start = block * CENTROIDS * width
            vectors = centroids[start : start + CENTROIDS * block_width].reshape(CENTROIDS, block_width)
            matrix[:, block * width : block * width + block_width] = vectors[codes[:, block]]
        if normalised:
            norm_codes = self.array(np.uint8, rows)
            norms, _, _ = self._quantiser()
            matrix *= norms[:CENTROIDS][norm_codes][:, None]
        return matrix

    def _quantiser(self) -> tuple[Floats, int, int]:
        dimension, _blocks, width, last_width = self.take("4i")
        return self.array(np.float32, dimension * CENTROIDS), width, last_width


def _kept_buckets(pruned: npt.NDArray[np.int32] | None, buckets: int) -> dict[str, npt.NDArray[Any]]:
    """The (bucket, row) pairs that pruning kept, as a bitmap with ranks: 250 kB of bits stay in the cache."""
    if pruned is None:
        pruned = np.zeros((0, 2), np.int32)
    ordered = pruned[np.argsort(pruned[:, 0])]
    bits = np.zeros(buckets // 64 + 1, np.uint64)
    np.bitwise_or.at(bits, ordered[:, 0] >> 6, np.uint64(1) << (ordered[:, 0] & 63).astype(np.uint64))
    before = np.searchsorted(ordered[:, 0], np.arange(bits.size) * 64).astype(np.int32)
    return {"kept_bits": bits, "kept_before": before, "kept_rows": np.ascontiguousarray(ordered[:, 1])}


@kernel
def fill_slots(word_bytes: npt.NDArray[np.uint8], offsets: Integers, slots: Integers) -> None:
    """Enters word i = `word_bytes[offsets[i]:offsets[i + 1]]` into the open-addressing table `slots`."""
    for word in range(offsets.size - 1):
        slot = np.int64(hash_bytes(word_bytes, offsets[word], offsets[word + 1]) & np.uint64(slots.size - 1))
        while slots[slot] >= 0:
            slot = (slot + 1) & (slots.size - 1)
        slots[slot] = word


def _huffman_tree(counts: list[int]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Left and right child of each node as fastText builds them: leaves are labels by falling count, the root is
    last.
    """
    leaves = len(counts)
    weight = [*counts, *([10**15] * (leaves - 1))]
    left, right = np.full(2 * leaves - 1, -1, np.int32), np.full(2 * leaves - 1, -1, np.int32)
    leaf, node = leaves - 1, leaves
    for parent in range(leaves, 2 * leaves - 1):
        children = []
        for _ in range(2):
            if leaf >= 0 and weight[leaf] < weight[node]:
                children.append(leaf)
                leaf -= 1
            else:
                children.append(node)
                node += 1
        left[parent], right[parent] = children
        weight[parent] = weight[children[0]] + weight[children[1]]
    return left, right
