"""The bytes of Arrow strings as numba kernels see them, and the few machine operations that make scanning them fast.

A kernel gets `data`, the UTF-8 bytes of a whole column, and `offsets`, where each string begins and ends in them:
string i is `data[offsets[i]:offsets[i + 1]]`. It may read up to `PADDING` bytes past the last string, so that loads of
8 and 64 bytes need no test for the end. Kernels never check bounds and allocate nothing: scratch space comes from
outside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from winnow.filters.kernels.cache import kernel_folder
from winnow.filters.kernels.machine import (
    BLOCK,
    continuation_mask,
    folded_product,
    load64,
    population_count,
)

Bytes = npt.NDArray[np.uint8]
Offsets = npt.NDArray[np.int64]

PADDING = 128
"""Readable bytes past the end of the last string: two blocks of 64, for a mask load that starts at its last byte."""

KERNEL_OPTIONS: dict[str, Any] = {
    "cache": True,
    "nogil": True,
    "boundscheck": False,
    "error_model": "numpy",
    # Arrays belong to the caller; without this, counting references to them in helpers costs up to 6.5 times the work.
    "_nrt": False,
}

Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(function: Function) -> Function:
    """Compiles a loop over bytes: cached on disk, without the interpreter lock, without allocation."""
    return _compiled(function)


def inlined(function: Function) -> Function:
    """Compiles a small function that is always inlined into the kernels that call it."""
    return _compiled(function, forceinline=True)


def _compiled(function: Function, **options: Any) -> Function:
    numba.config.CACHE_DIR = kernel_folder(function)  # read once, when the function is made
    return numba.njit(**KERNEL_OPTIONS, **options)(function)  # type: ignore[no-any-return]


# --- buffers ------------------------------------------------------------------------------------------------------


def text_buffers(array: pa.Array | pa.ChunkedArray) -> tuple[Bytes, Offsets]:
    """The UTF-8 bytes (uint8, with `PADDING` readable bytes behind) and the offsets (int64, n + 1) of n strings.

    `array` may be sliced, in chunks, a `string`, `large_string`, `binary` or dictionary array; a null is an empty
    string. The first offset needn't be zero. Nothing is copied when the Arrow buffer is long enough already. Both
    arrays are read only, so that a kernel is compiled for one kind of array. Raises `TypeError` for an array of
    anything but strings.
    """
    return _padded(*_buffers(_one_array(array)))


def text_blocks(array: pa.Array | pa.ChunkedArray, size: int) -> Iterator[tuple[Bytes, Offsets]]:
    """The strings in order, as `text_buffers` gives them, in runs of at most `size` bytes; a longer string goes alone.

    Scratch space for one block is all that a loop over a long column then needs, and it stays in the processor's cache.
    """
    for chunk in array.chunks if isinstance(array, pa.ChunkedArray) else (array,):
        data, offsets = _buffers(_one_array(chunk))
        first, count = 0, offsets.size - 1
        while first < count:
            behind = int(np.searchsorted(offsets, offsets[first] + size, side="right")) - 1
            behind = min(max(behind, first + 1), count)
            yield _padded(data, offsets[first : behind + 1])
            first = behind


def _buffers(strings: pa.Array) -> tuple[Bytes, Offsets]:
    """Data and offsets of a plain array as they lie in Arrow, the data perhaps without padding."""
    if len(strings) == 0:
        return np.zeros(PADDING, np.uint8), np.zeros(1, np.int64)
    _, offset_buffer, data_buffer = strings.buffers()
    wide = pa.types.is_large_string(strings.type) or pa.types.is_large_binary(strings.type)
    stored = np.frombuffer(offset_buffer, np.int64 if wide else np.int32)
    offsets = stored[strings.offset : strings.offset + len(strings) + 1].astype(np.int64, copy=False)
    return np.frombuffer(data_buffer, np.uint8) if data_buffer is not None else np.zeros(0, np.uint8), offsets


def _padded(data: Bytes, offsets: Offsets) -> tuple[Bytes, Offsets]:
    first, last = int(offsets[0]), int(offsets[-1])
    if data.size >= last + PADDING:
        return _read_only(data, offsets)
    padded = np.zeros(last - first + PADDING, np.uint8)
    padded[: last - first] = data[first:last]
    return _read_only(padded, offsets - first)


def _read_only(data: Bytes, offsets: Offsets) -> tuple[Bytes, Offsets]:
    """Both arrays read-only, Arrow's or copied: numba compiles a kernel again for arrays that may be written."""
    data.flags.writeable = offsets.flags.writeable = False
    return data, offsets


def _one_array(array: pa.Array | pa.ChunkedArray) -> pa.Array:
    """One plain array without nulls. Chunks of `string` are widened first: together they may pass 2 GiB."""
    if pa.types.is_dictionary(array.type) or pa.types.is_string_view(array.type) or pa.types.is_null(array.type):
        array = array.cast(pa.large_string())
    narrow = pa.types.is_string(array.type) or pa.types.is_binary(array.type)
    if not (narrow or pa.types.is_large_string(array.type) or pa.types.is_large_binary(array.type)):
        raise TypeError(f"expected an Arrow array of strings, got {array.type}")
    if isinstance(array, pa.ChunkedArray):
        if array.num_chunks == 1:
            array = array.chunk(0)
        else:
            if narrow:
                array = array.cast(pa.large_string() if pa.types.is_string(array.type) else pa.large_binary())
            array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    return array.fill_null("") if array.null_count else array


# --- hashing ------------------------------------------------------------------------------------------------------

# Odd 64-bit constants with balanced bits, the secrets of wyhash (Wang Yi, public domain).
_SECRET_0 = np.uint64(0xA0761D6478BD642F)
_SECRET_1 = np.uint64(0xE7037ED1A0B428DB)
_SECRET_2 = np.uint64(0x8EBC6AF09C88C6E3)


@inlined
def folded_multiply(left: np.uint64, right: np.uint64) -> np.uint64:
    """Both halves of the 128-bit product, xored: the step of which hashes are made."""
    return np.uint64(folded_product(left, right))


@inlined
def hash_bytes(data: Bytes, start: int, end: int) -> np.uint64:
    """A 64-bit hash of `data[start:end]`, equal on every machine and run; two multiplications up to 16 bytes.

    Reads up to 8 bytes past `end`. Not keyed: what must withstand made collisions compares the bytes besides.
    """
    length = end - start
    seed = np.uint64(length) * _SECRET_2
    if length <= 8:
        if length <= 0:
            return _SECRET_2
        word = load64(data, start) << np.uint64(8 * (8 - length))
        return folded_multiply(word ^ _SECRET_0, seed ^ _SECRET_1)
    if length <= 16:
        return folded_multiply(load64(data, start) ^ _SECRET_0, load64(data, end - 8) ^ (seed + _SECRET_1))
    state = seed
    at = start
    while at + 16 < end:
        state = folded_multiply(load64(data, at) ^ _SECRET_0, load64(data, at + 8) ^ state)
        at += 16
    return folded_multiply(load64(data, end - 16) ^ state, load64(data, end - 8) ^ _SECRET_1)


@inlined
def combine_hashes(left: np.uint64, right: np.uint64) -> np.uint64:
    """The hash of an ordered pair of hashes."""
    return folded_multiply(left ^ _SECRET_1, right ^ _SECRET_2)


@inlined
def first_slot(key: np.uint64, slots: int) -> int:
    """Where the search for a hash begins in a table of `slots` slots, a power of two."""
    return np.int64(key >> np.uint64(24)) & (slots - 1)


# --- characters ---------------------------------------------------------------------------------------------------


@inlined
def byte_at(data: Bytes, at: int) -> int:
    """The byte as a number of 64 bits, which doesn't overflow when it is shifted."""
    return np.int64(data[at])


@inlined
def decode(data: Bytes, at: int) -> tuple[int, int]:
    """The code point that begins at `at` in valid UTF-8, and its length in bytes."""
    lead = byte_at(data, at)
    if lead < 0x80:
        return lead, 1
    second = byte_at(data, at + 1) & 0x3F
    if lead < 0xE0:
        return (lead & 0x1F) << 6 | second, 2
    third = byte_at(data, at + 2) & 0x3F
    if lead < 0xF0:
        return (lead & 0x0F) << 12 | second << 6 | third, 3
    fourth = byte_at(data, at + 3) & 0x3F
    return (lead & 0x07) << 18 | second << 12 | third << 6 | fourth, 4


@inlined
def decode_before(data: Bytes, end: int, start: int) -> tuple[int, int]:
    """The code point that ends just before `end`, and where it begins; never looks below `start`."""
    at = end - 1
    while at > start and data[at] & 0xC0 == 0x80:
        at -= 1
    code_point, _ = decode(data, at)
    return code_point, at


@inlined
def count_characters(data: Bytes, start: int, end: int) -> int:
    """Code points in `data[start:end]`, whole characters of valid UTF-8, 64 bytes at a time."""
    continuations = 0
    at = start
    while at + BLOCK <= end:
        continuations += population_count(continuation_mask(data, at))
        at += BLOCK
    if at < end:
        inside = (np.uint64(1) << np.uint64(end - at)) - np.uint64(1)
        continuations += population_count(continuation_mask(data, at) & inside)
    return end - start - continuations
