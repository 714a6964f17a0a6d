"""Sums the rows of a fastText model that a text's words, their n-grams of characters and the n-grams of words name.

The sum of a word never changes, so a table remembers it for words of up to `KEY_BYTES` bytes: the n-grams of a word are
hashed once per call and not once per occurrence.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from winnow.filters.kernels.bytes import PADDING, Bytes, folded_multiply, hash_bytes, inlined, kernel
from winnow.filters.kernels.fasttext_model import Floats, Integers, Weights
from winnow.filters.kernels.machine import BLOCK, block_mask, load64, population_count, trailing_zeros

KEY_BYTES = 24
REMEMBERED_WORDS = 1 << 17  # half of the table; with 16 dimensions it takes 24 MB, touched only as far as it fills
LONGEST_WORD_GRAM = 8

FNV_OFFSET, FNV_PRIME = np.uint32(2166136261), np.uint32(16777619)
END_HASH = np.int32(-677604519)  # of </s>
SECRET = np.uint64(0x9E3779B97F4A7C15)  # mixes the bytes of a word into its slot
WORD_GRAM_FACTOR = np.uint64(116049371)

separator_mask = block_mask((0x20, 0x20), (0x09, 0x0D), (0x00, 0x00))


class Memory(NamedTuple):
    """Scratch of one call: the remembered words, and room for one word, one tree walk and the open word n-grams."""

    keys: npt.NDArray[
        np.uint64
    ]  # (slots, 3): the bytes of a word; no word holds a zero byte, so zeros mean an empty slot
    sums: Floats  # (slots, dimension)
    features: npt.NDArray[np.int32]  # (slots,): how many rows were summed
    hashes: npt.NDArray[np.int32]
    state: Integers  # how many words are remembered, how many word n-grams the next word can lengthen
    word: Bytes  # "<word>"
    word_sum: Floats
    open_grams: npt.NDArray[np.uint64]
    nodes: npt.NDArray[np.int32]
    node_scores: Floats


def memory(weights: Weights, longest_text: int) -> Memory:
    """Fresh scratch space for texts of up to `longest_text` bytes. One per thread; nothing of it outlives a call."""
    slots, dimension = 2 * REMEMBERED_WORDS, weights.input.shape[1]
    outputs = 2 * weights.output.shape[0] + 8
    return Memory(
        keys=np.zeros((slots, 3), np.uint64),
        sums=np.zeros((slots, dimension), np.float32),
        features=np.zeros(slots, np.int32),
        hashes=np.zeros(slots, np.int32),
        state=np.zeros(2, np.int64),
        word=np.zeros(longest_text + PADDING, np.uint8),
        word_sum=np.zeros(dimension, np.float32),
        open_grams=np.zeros(LONGEST_WORD_GRAM, np.uint64),
        nodes=np.zeros(outputs, np.int32),
        node_scores=np.zeros(outputs, np.float32),
    )


@inlined
def _hash_step(state: np.uint32, byte: np.uint8) -> np.uint32:
    """One step of fastText's FNV-1a, which widens the byte with its sign."""
    return np.uint32((state ^ np.uint32(np.int32(np.int8(byte)))) * FNV_PRIME)


@inlined
def add_row(weights: Weights, row: int, total: Floats) -> None:
    for axis in range(total.size):
        total[axis] += weights.input[row, axis]


@inlined
def _bucket_row(weights: Weights, bucket: int) -> int:
    """The row of a hashed n-gram, -1 when pruning took it out (98 of 100 in lid.176.ftz: a bit tells, not 4 bytes)."""
    if weights.kept_rows.size > 0:
        word = weights.kept_bits[bucket >> 6]
        place = np.uint64(bucket & 63)
        if (word >> place) & np.uint64(1) == 0:
            return np.int64(-1)
        before = population_count(word & ((np.uint64(1) << place) - np.uint64(1)))
        return weights.words + np.int64(weights.kept_rows[weights.kept_before[bucket >> 6] + before])
    return weights.words + bucket if weights.buckets > 0 else np.int64(-1)


@inlined
def _add_word(data: Bytes, start: int, end: int, weights: Weights, scratch: Memory, total: Floats) -> int:
    """Adds the rows of a word and of its n-grams of characters to `total`; returns how many there were."""
    features = 0
    if weights.words > 0:
        slots = weights.word_slots
        slot = np.int64(hash_bytes(data, start, end) & np.uint64(slots.size - 1))
        while slots[slot] >= 0:
            number = slots[slot]
            first = weights.word_offsets[number]
            if weights.word_offsets[number + 1] - first == end - start:
                same = True
                for index in range(end - start):
                    if weights.word_bytes[first + index] != data[start + index]:
                        same = False
                        break
                if same:
                    add_row(weights, number, total)
                    features += 1
                    break
            slot = (slot + 1) & (slots.size - 1)
    is_end = end - start == 4 and load64(data, start) & np.uint64(0xFFFFFFFF) == np.uint64(0x3E732F3C)  # </s>
    if weights.longest <= 0 or is_end:
        return features
    word = scratch.word
    length = end - start + 2
    word[0], word[length - 1] = 60, 62  # "<" and ">"
    for index in range(end - start):
        word[index + 1] = data[start + index]
    for first in range(length):
        if word[first] & 0xC0 == 0x80:
            continue
        state = FNV_OFFSET
        at = first
        characters = 1
        while at < length and characters <= weights.longest:
            state = _hash_step(state, word[at])
            at += 1
            while at < length and word[at] & 0xC0 == 0x80:
                state = _hash_step(state, word[at])
                at += 1
            if characters >= weights.shortest and not (characters == 1 and (first == 0 or at == length)):
                row = _bucket_row(weights, np.int64(state) % weights.buckets)
                if row >= 0:
                    add_row(weights, row, total)
                    features += 1
            characters += 1
    return features


@inlined
def _is_label(data: Bytes, start: int, end: int) -> bool:
    """True for `__label__…`: fastText takes such a word for an annotation, even in a text it is asked about."""
    return end - start >= 9 and load64(data, start) == np.uint64(0x5F6C6562616C5F5F) and data[start + 8] == 0x5F


@inlined
def add_text(data: Bytes, start: int, end: int, weights: Weights, scratch: Memory, total: Floats) -> int:
    """Adds every row of a piece of text to `total` and returns how many there were."""
    features = 0
    grams = scratch.state[1]
    at = start
    keys, sums = scratch.keys, scratch.sums
    mask = np.int64(keys.shape[0] - 1)
    while True:
        while at < end and (data[at] == 32 or (9 <= data[at] <= 13) or data[at] == 0):
            at += 1
        if at >= end:
            break
        word_start = at
        while at < end:
            found = trailing_zeros(separator_mask(data, at))
            at += found
            if found < BLOCK:
                break
        at = min(at, end)
        length = at - word_start
        slot = np.int64(-1)
        if length <= KEY_BYTES:
            word_0 = load64(data, word_start)
            word_1 = word_2 = np.uint64(0)
            if length < 8:
                word_0 &= (np.uint64(1) << np.uint64(8 * length)) - np.uint64(1)
            elif length > 8:
                word_1 = load64(data, word_start + 8)
                if length < 16:
                    word_1 &= (np.uint64(1) << np.uint64(8 * length - 64)) - np.uint64(1)
                elif length > 16:
                    word_2 = load64(data, word_start + 16)
                    if length < 24:
                        word_2 &= (np.uint64(1) << np.uint64(8 * length - 128)) - np.uint64(1)
            slot = np.int64(folded_multiply(word_0 ^ SECRET, (word_1 ^ ~word_2) * SECRET)) & mask
            while keys[slot, 0] != 0 and not (
                keys[slot, 0] == word_0 and keys[slot, 1] == word_1 and keys[slot, 2] == word_2
            ):
                slot = (slot + 1) & mask
            if keys[slot, 0] == 0 and scratch.state[0] >= REMEMBERED_WORDS:
                slot = np.int64(-1)
        if slot >= 0 and keys[slot, 0] != 0:
            for axis in range(total.size):
                total[axis] += sums[slot, axis]
            found = np.int64(scratch.features[slot])
            word_hash = scratch.hashes[slot]
        else:
            word_sum = scratch.word_sum
            for axis in range(word_sum.size):
                word_sum[axis] = 0
            found = np.int64(0)
            if not _is_label(data, word_start, at):
                found = _add_word(data, word_start, at, weights, scratch, word_sum)
            word_hash = np.int32(0)
            if weights.word_grams > 1:
                word_hash = _word_hash(data, word_start, at)
            for axis in range(total.size):
                total[axis] += word_sum[axis]
            if slot >= 0:
                keys[slot, 0], keys[slot, 1], keys[slot, 2] = word_0, word_1, word_2
                for axis in range(total.size):
                    sums[slot, axis] = word_sum[axis]
                scratch.features[slot] = found
                scratch.hashes[slot] = word_hash
                scratch.state[0] += 1
        features += found
        if weights.word_grams > 1 and not _is_label(data, word_start, at):
            features += _add_word_grams(word_hash, weights, scratch, total, grams)
            grams = min(grams + 1, weights.word_grams - 1)
    scratch.state[1] = grams
    return features


@kernel
def add_end(weights: Weights, scratch: Memory, total: Floats) -> int:
    """Adds the rows of the end of sentence, which fastText appends to every text."""
    features = 0
    if weights.end_row >= 0:
        add_row(weights, weights.end_row, total)
        features += 1
    if weights.word_grams > 1:
        features += _add_word_grams(END_HASH, weights, scratch, total, scratch.state[1])
    return features


@inlined
def _word_hash(data: Bytes, start: int, end: int) -> np.int32:
    state = FNV_OFFSET
    for index in range(start, end):
        state = _hash_step(state, data[index])
    return np.int32(state)


@inlined
def _add_word_grams(word_hash: np.int32, weights: Weights, scratch: Memory, total: Floats, grams: int) -> int:
    """Adds the n-grams of words that end with this word. `open_grams[k]` hashes the last k + 1 words before it."""
    features = 0
    extended = np.uint64(np.int64(word_hash))  # fastText widens the 32-bit hash with its sign
    open_grams = scratch.open_grams
    for length in range(grams - 1, -1, -1):
        state = open_grams[length] * WORD_GRAM_FACTOR + extended
        row = _bucket_row(weights, np.int64(state % np.uint64(weights.buckets)))
        if row >= 0:
            add_row(weights, row, total)
            features += 1
        open_grams[length + 1] = state
    open_grams[0] = extended
    return features
