"""Words: runs of characters that `str.isspace` denies, exactly as `str.split()` cuts them, and what they are made of.

`split` looks at 64 bytes at once: a mask of the whitespace bytes, xored with itself shifted by one, has a bit at each
beginning and each end of a word. `measure` then visits every word once.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from winnow.filters.kernels.bytes import (
    Bytes,
    Offsets,
    count_characters,
    decode,
    first_slot,
    hash_bytes,
    inlined,
    kernel,
)
from winnow.filters.kernels.characters import LETTER, PUNCTUATION, Classes
from winnow.filters.kernels.machine import (
    BLOCK,
    ascii_space_mask,
    block_mask,
    non_ascii_mask,
    population_count,
    trailing_zeros,
)

Bounds = npt.NDArray[np.int64]
"""Beginning and end of each word as byte positions, alternating: word j is `data[bounds[2 * j]:bounds[2 * j + 1]]`."""
Hashes = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int64]

# What `measure` counts, as columns of its `counts`.
WORDS = 0
NON_SYMBOL_WORDS = 1  # at least one character that isn't punctuation
NON_SYMBOL_CHARACTERS = 2  # characters of those words
LETTER_WORDS = 3  # at least one letter
CHARACTERS = 4  # characters of all words
WORD_COUNTS = 5

_ALL = ~np.uint64(0)
_ONE = np.uint64(1)

_letter_mask = block_mask((0x41, 0x5A), (0x61, 0x7A))
_other_mask = block_mask((0x09, 0x0A), (0x20, 0x20), (0x30, 0x39))
"""What of ASCII is neither a letter nor punctuation; whitespace stands in words where every character is one."""

# Whitespace beyond ASCII is two bytes (0085, 00A0) or three (1680, 2000-200A, 2028, 2029, 202F, 205F, 3000).
_c2 = block_mask((0xC2, 0xC2))
_e1 = block_mask((0xE1, 0xE1))
_e2 = block_mask((0xE2, 0xE2))
_e3 = block_mask((0xE3, 0xE3))
_80 = block_mask((0x80, 0x80))
_81 = block_mask((0x81, 0x81))
_9a = block_mask((0x9A, 0x9A))
_9f = block_mask((0x9F, 0x9F))
_next_line_or_no_break_space = block_mask((0x85, 0x85), (0xA0, 0xA0))
_general_punctuation_space = block_mask((0x80, 0x8A), (0xA8, 0xA9), (0xAF, 0xAF))


@inlined
def keep_below(count: int) -> np.uint64:
    """The lowest `count` bits, 0 < count < 64."""
    return (_ONE << np.uint64(count)) - _ONE


@inlined
def _wide_space_starts(data: Bytes, at: int) -> tuple[np.uint64, np.uint64]:
    """First bytes of two-byte and of three-byte whitespace in the block at `at`."""
    two = _c2(data, at) & _next_line_or_no_break_space(data, at + 1)
    third = _80(data, at + 2)
    three = _e3(data, at) & _80(data, at + 1) & third
    three |= _e2(data, at) & _80(data, at + 1) & _general_punctuation_space(data, at + 2)
    three |= _e2(data, at) & _81(data, at + 1) & _9f(data, at + 2)
    three |= _e1(data, at) & _9a(data, at + 1) & third
    return two, three


@inlined
def _space_mask(data: Bytes, block: int, end: int, spilled: np.uint64) -> tuple[np.uint64, np.uint64]:
    """Whitespace bytes of the block, all from `end` on among them, and those that a character spills into the next."""
    spaces = ascii_space_mask(data, block) | spilled
    spilled = np.uint64(0)
    if non_ascii_mask(data, block) != 0:
        two, three = _wide_space_starts(data, block)
        spaces |= two | two << _ONE | three | three << _ONE | three << np.uint64(2)
        spilled = two >> np.uint64(63) | three >> np.uint64(63) | three >> np.uint64(62)
    if block + BLOCK > end:
        spaces |= ~keep_below(end - block)
    return spaces, spilled


@kernel
def split(data: Bytes, start: int, end: int, bounds: Bounds, at: int) -> int:
    """Writes the words of `data[start:end]` into `bounds` from index `at` on; returns the index behind the last.

    `bounds` needs room for `end - start + 2` entries.
    """
    outside = _ONE  # whether the byte before the block is whitespace
    spilled = np.uint64(0)  # whitespace bytes of a character that began in the block before
    block = start
    while block < end:
        spaces, spilled = _space_mask(data, block, end, spilled)
        edges = spaces ^ (spaces << _ONE | outside)
        outside = spaces >> np.uint64(63)
        while edges != 0:
            bounds[at] = block + trailing_zeros(edges)
            at += 1
            edges &= edges - _ONE
        block += BLOCK
    if outside == 0:
        bounds[at] = end
        at += 1
    return at


@inlined
def count(data: Bytes, start: int, end: int) -> int:
    """How many words `data[start:end]` has, without a look at where they lie."""
    words = 0
    outside = _ONE
    spilled = np.uint64(0)
    block = start
    while block < end:
        spaces, spilled = _space_mask(data, block, end, spilled)
        words += population_count(~spaces & (spaces << _ONE | outside))
        outside = spaces >> np.uint64(63)
        block += BLOCK
    return words


@inlined
def is_ascii(data: Bytes, start: int, end: int) -> bool:
    """Whether `data[start:end]` has no byte above 0x7F."""
    block = start
    while block < end:
        high = non_ascii_mask(data, block)
        if block + BLOCK > end:
            high &= keep_below(end - block)
        if high != 0:
            return False
        block += BLOCK
    return True


@inlined
def _kinds(data: Bytes, start: int, end: int, classes: Classes) -> tuple[bool, bool]:
    """Whether the word has a character that isn't punctuation, and whether it has a letter."""
    non_symbol = False
    at = start
    while at < end:
        code_point, length = decode(data, at)
        kind = classes[code_point]
        if kind & LETTER:
            return True, True
        if not kind & PUNCTUATION:
            non_symbol = True
        at += length
    return non_symbol, False


@inlined
def _measure_word(
    data: Bytes, start: int, end: int, narrow: bool, classes: Classes
) -> tuple[int, bool, bool]:  # fmt: skip
    """Characters of the word, whether one of them isn't punctuation, and whether one is a letter."""
    length = end - start
    if length <= BLOCK:
        inside = _ALL >> np.uint64(BLOCK - length)
        if narrow or non_ascii_mask(data, start) & inside == 0:
            letters = _letter_mask(data, start) & inside
            return length, (letters | _other_mask(data, start) & inside) != 0, letters != 0
    non_symbol, letter = _kinds(data, start, end, classes)
    return length if narrow else count_characters(data, start, end), non_symbol, letter


@kernel
def split_documents(data: Bytes, offsets: Offsets, bounds: Bounds, word_offsets: Offsets) -> int:
    """Cuts every string; words of string i are `word_offsets[i]` to `word_offsets[i + 1]`. Returns their number."""
    at = 0
    word_offsets[0] = 0
    for document in range(offsets.size - 1):
        at = split(data, offsets[document], offsets[document + 1], bounds, at)
        word_offsets[document + 1] = at >> 1
    return at >> 1


@kernel
def split_characters(data: Bytes, offsets: Offsets, bounds: Bounds, word_offsets: Offsets) -> int:
    """Every code point as a word of its own, whitespace too; laid out as by `split_documents`."""
    at = 0
    word_offsets[0] = 0
    for document in range(offsets.size - 1):
        place = offsets[document]
        while place < offsets[document + 1]:
            _, length = decode(data, place)
            bounds[at] = place
            bounds[at + 1] = place + length
            at += 2
            place += length
        word_offsets[document + 1] = at >> 1
    return at >> 1


@kernel
def measure(
    data: Bytes,
    offsets: Offsets,
    bounds: Bounds,
    word_offsets: Offsets,
    classes: Classes,
    hashes: Hashes,
    ends: Counts,
    counts: npt.NDArray[np.int64],
) -> None:
    """Hashes every word and counts the kinds of words of each string.

    `hashes[j]` is the hash of word j and `ends[j]` the characters of all words up to and with it, so that differences
    are lengths of runs of words. `counts` (n × `WORD_COUNTS`, int64) gets the columns named above.
    """
    total = 0
    for document in range(offsets.size - 1):
        narrow = is_ascii(data, offsets[document], offsets[document + 1])
        before = total
        non_symbol_words = non_symbol_characters = letter_words = 0
        for word in range(word_offsets[document], word_offsets[document + 1]):
            start, end = bounds[2 * word], bounds[2 * word + 1]
            hashes[word] = hash_bytes(data, start, end)
            length, non_symbol, letter = _measure_word(data, start, end, narrow, classes)
            total += length
            ends[word] = total
            non_symbol_words += non_symbol
            non_symbol_characters += length * non_symbol
            letter_words += letter
        row = counts[document]
        row[WORDS] = word_offsets[document + 1] - word_offsets[document]
        row[NON_SYMBOL_WORDS] = non_symbol_words
        row[NON_SYMBOL_CHARACTERS] = non_symbol_characters
        row[LETTER_WORDS] = letter_words
        row[CHARACTERS] = total - before


@kernel
def count_documents(data: Bytes, offsets: Offsets, counts: Counts) -> None:
    """How many words each string has, into `counts` (n)."""
    for document in range(offsets.size - 1):
        counts[document] = count(data, offsets[document], offsets[document + 1])


@kernel
def count_listed(
    hashes: Hashes, word_offsets: Offsets, listed: Hashes, numbers: npt.NDArray[np.int8], counts: npt.NDArray[np.int64]
) -> None:
    """Counts the words of a list in each string: distinct ones into `counts[:, 0]`, occurrences into `counts[:, 1]`.

    `listed` and `numbers` come from `word_lists.word_table`: a word of the list stands in its first slot or in
    the next, so that two looks tell without a branch: on English prose a seventh of the time that a search with branches takes.
    """
    last = listed.size - 1
    for document in range(word_offsets.size - 1):
        found = np.uint64(0)
        occurrences = 0
        for word in range(word_offsets[document], word_offsets[document + 1]):
            slot = first_slot(hashes[word], listed.size)
            following = (slot + 1) & last
            here, there = listed[slot] == hashes[word], listed[following] == hashes[word]
            found |= np.uint64(here) << np.uint64(numbers[slot])
            found |= np.uint64(there) << np.uint64(numbers[following])
            occurrences += here + there
        counts[document, 0] = population_count(found)
        counts[document, 1] = occurrences


@kernel
def insert_listed(hashes: Hashes, source: npt.NDArray[np.int8], listed: Hashes, numbers: npt.NDArray[np.int8]) -> int:
    """Fills an empty table: word i, of hash `hashes[i]`, is entry `source[i]`. Returns how far any is from its slot."""
    last = listed.size - 1
    farthest = 0
    for word in range(hashes.size):
        slot = first_slot(hashes[word], listed.size)
        distance = 0
        while listed[slot] != 0:
            slot = (slot + 1) & last
            distance += 1
        listed[slot] = hashes[word]
        numbers[slot] = source[word]
        farthest = max(farthest, distance)
    return farthest


@kernel
def hash_strings(data: Bytes, offsets: Offsets, hashes: Hashes) -> None:
    """The hash of each whole string, as `measure` gives it for a word of the same bytes."""
    for index in range(offsets.size - 1):
        hashes[index] = hash_bytes(data, offsets[index], offsets[index + 1])
