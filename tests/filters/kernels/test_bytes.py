"""Buffers of every kind of Arrow string array, and the machine operations, against plain Python."""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.filters.kernels.bytes import (
    PADDING,
    count_characters,
    decode,
    decode_before,
    folded_multiply,
    hash_bytes,
    kernel,
    text_blocks,
    text_buffers,
)
from winnow.filters.kernels.machine import block_mask, load64, population_count, trailing_zeros

texts = st.lists(st.one_of(st.none(), st.text(max_size=90)), max_size=12)
vowel_mask = block_mask((0x61, 0x61), (0x65, 0x65), (0x6F, 0x75))


def strings_of(data: np.ndarray, offsets: np.ndarray) -> list[str]:
    return [bytes(data[start:end]).decode() for start, end in itertools.pairwise(offsets)]


@given(texts, st.sampled_from([pa.string(), pa.large_string(), pa.string_view()]), st.integers(0, 3), st.integers(0, 3))
def test_buffers_hold_the_strings_of_slices_with_nulls_as_empty(values, kind, left, right):
    array = pa.array(values, kind)
    array = array.slice(left, max(len(array) - left - right, 0))
    data, offsets = text_buffers(array)
    assert strings_of(data, offsets) == [text or "" for text in array.to_pylist()]
    assert data.size >= offsets[-1] + PADDING


@given(st.lists(texts, max_size=4), st.integers(1, 200))
def test_blocks_cover_chunked_arrays_in_order(chunks, size):
    array = pa.chunked_array([pa.array(chunk, pa.string()) for chunk in chunks], pa.string())
    found = []
    for data, offsets in text_blocks(array, size):
        block = strings_of(data, offsets)
        assert len(block) == 1 or offsets[-1] - offsets[0] <= size
        assert data.size >= offsets[-1] + PADDING
        found += block
    assert found == [text or "" for text in array.to_pylist()]


def test_buffers_read_dictionaries_and_chunks():
    assert strings_of(*text_buffers(pa.array(["x", "y", "x"]).dictionary_encode())) == ["x", "y", "x"]
    assert strings_of(*text_buffers(pa.chunked_array([["a", None], [], ["中"]], pa.string()))) == ["a", "", "中"]
    assert strings_of(*text_buffers(pa.chunked_array([], pa.large_string()))) == []


def test_a_null_slot_that_spans_bytes_is_empty():
    data, offsets = pa.py_buffer(b"hidden"), pa.py_buffer(np.array([0, 6], np.int64))
    array = pa.LargeStringArray.from_buffers(1, offsets, data, pa.py_buffer(b"\x00"))
    assert strings_of(*text_buffers(array)) == [""]


def test_numbers_are_refused():
    with pytest.raises(TypeError, match="expected an Arrow array of strings"):
        text_buffers(pa.array([1, 2]))


@kernel
def _machine(data, index, words, found):
    found[0] = load64(data, index)
    found[1] = vowel_mask(data, index)
    found[2] = folded_multiply(words[0], words[1])
    found[3] = np.uint64(trailing_zeros(words[0]))
    found[4] = np.uint64(population_count(words[0]))


@given(st.binary(min_size=70, max_size=90), st.integers(0, 6), st.tuples(*[st.integers(0, 2**64 - 1)] * 2))
def test_machine_operations_agree_with_python(content, index, pair):
    found = np.zeros(5, np.uint64)
    data = np.frombuffer(content, np.uint8)
    _machine(data, index, np.array(pair, np.uint64), found)
    load, mask, multiplied, zeros, ones = (int(value) for value in found)
    assert load == int.from_bytes(content[index : index + 8], "little")
    assert [mask >> bit & 1 for bit in range(64)] == [byte in b"aeopqrstu" for byte in content[index : index + 64]]
    product = pair[0] * pair[1]
    assert multiplied == (product ^ product >> 64) & (2**64 - 1)
    assert zeros == ((pair[0] & -pair[0]).bit_length() - 1 if pair[0] else 64)
    assert ones == pair[0].bit_count()


@kernel
def _characters(data, offsets, code_points, backwards, hashes):
    at = offsets[0]
    count = 0
    while at < offsets[1]:
        code_points[count], length = decode(data, at)
        at += length
        count += 1
    end = offsets[1]
    last = 0
    while end > offsets[0]:
        backwards[last], end = decode_before(data, end, offsets[0])
        last += 1
    hashes[0] = hash_bytes(data, offsets[0], offsets[1])
    return count_characters(data, offsets[0], offsets[1])


def characters(text: str) -> tuple[list[int], list[int], int, int]:
    data, offsets = text_buffers(pa.array([text], pa.large_string()))
    forwards, backwards, hashes = np.zeros(len(text), np.int64), np.zeros(len(text), np.int64), np.zeros(1, np.uint64)
    count = _characters(data, offsets, forwards, backwards, hashes)
    return forwards.tolist(), backwards.tolist(), int(hashes[0]), count


@given(st.text(max_size=200))
def test_characters_are_decoded_both_ways_and_counted(text):
    forwards, backwards, _, count = characters(text)
    assert forwards == [ord(character) for character in text]
    assert backwards == forwards[::-1]
    assert count == len(text)


def test_hashes_tell_strings_apart_at_every_length():
    words = [("ab" * 40)[:length] + tail for length in range(80) for tail in ("", "a", "b", "\0")]
    distinct = set(words)
    assert len({characters(word)[2] for word in distinct}) == len(distinct)
