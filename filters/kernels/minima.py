"""MinHash: the minima of many permutations over the shingles of a text, and the keys of their bands.

A permutation is `x → multiplier · x + addend mod 2³²` with an odd multiplier.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types

from winnow.filters.kernels.bytes import Bytes, Offsets, folded_multiply, inlined, kernel
from winnow.filters.kernels.machine import operation
from winnow.filters.kernels.normalise import Characters
from winnow.filters.kernels.shingles import Shingles, keep_tail, window_shingles
from winnow.filters.kernels.terms import Scratch, window_end, window_terms

_BAND_KEY = np.uint64(0x8EBC6AF09C88C6E3)
_ROW_KEY = np.uint64(0xE7037ED1A0B428DB)

LANES = 16
"""Permutations worked on together; their number is a multiple of it."""


_LANE, _INDEX = ir.IntType(32), ir.IntType(64)
_VECTOR = ir.VectorType(_LANE, LANES)


@operation
def _lower(
    typing_context: Any, shingles: Any, count: Any, multipliers: Any, addends: Any, minima: Any, first: Any, at: Any
) -> Any:
    """`_lower(shingles, count, multipliers, addends, minima, first, at)`: `LANES` permutations, from number `first`.

    `minima[at + k] = min(minima[at + k], multipliers[first + k] · s + addends[first + k])` over the first `count`
    shingles s. The minima stay in a vector register over all shingles; left to itself, the compiler writes them to
    memory for each. More than 16 lanes at a time are slower where registers have 256 bits.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        def place(argument: int, index: Any, loaded: Any) -> Any:
            data = context.make_array(signature.args[argument])(context, builder, arguments[argument]).data
            return builder.bitcast(builder.gep(data, [index]), ir.PointerType(loaded))

        def load(argument: int, index: Any, loaded: Any) -> Any:
            value = builder.load(place(argument, index, loaded), typ=loaded)
            value.align = 4
            return value

        multiplier, addend = load(2, arguments[5], _VECTOR), load(3, arguments[5], _VECTOR)
        before = load(4, arguments[6], _VECTOR)
        entry = builder.block
        loop, done = builder.append_basic_block("shingle"), builder.append_basic_block("done")
        builder.cbranch(builder.icmp_signed(">", arguments[1], ir.Constant(_INDEX, 0)), loop, done)

        builder.position_at_end(loop)
        index, lowest = builder.phi(_INDEX), builder.phi(_VECTOR)
        undefined = ir.Constant(_VECTOR, ir.Undefined)
        single = builder.insert_element(undefined, load(0, index, _LANE), ir.Constant(_LANE, 0))
        spread = builder.shuffle_vector(single, undefined, ir.Constant(ir.VectorType(_LANE, LANES), [0] * LANES))
        permuted = builder.add(builder.mul(spread, multiplier), addend)
        lowered = builder.select(builder.icmp_unsigned("<", permuted, lowest), permuted, lowest)
        following = builder.add(index, ir.Constant(_INDEX, 1))
        for phi, start, step in ((index, ir.Constant(_INDEX, 0), following), (lowest, before, lowered)):
            phi.add_incoming(start, entry)
            phi.add_incoming(step, loop)
        builder.cbranch(builder.icmp_signed("<", following, arguments[1]), loop, done)

        builder.position_at_end(done)
        result = builder.phi(_VECTOR)
        result.add_incoming(before, entry)
        result.add_incoming(lowered, loop)
        builder.store(result, place(4, arguments[6], _VECTOR)).align = 4
        return context.get_dummy_value()

    return types.void(shingles, types.int64, multipliers, addends, minima, types.int64, types.int64), generate


@inlined
def _lower_minima(
    shingles: Shingles, count: int, multipliers: Shingles, addends: Shingles, minima: Shingles, at: int
) -> None:
    for first in range(0, multipliers.size, LANES):
        _lower(shingles, count, multipliers, addends, minima, first, at + first)


@kernel
def sign_documents(
    data: Bytes,
    offsets: Offsets,
    tables: Characters,
    zero: bool,
    alone: bool,
    shingle: int,
    multipliers: Shingles,
    addends: Shingles,
    room: Scratch,
    minima: Shingles,
    counts: Offsets,
) -> None:
    """Lowers `minima` (n × permutations, flat, all ones before) for n documents; `counts` gets their shingles."""
    permutations = multipliers.size
    for document in range(offsets.size - 1):
        at = offsets[document]
        end = offsets[document + 1]
        kept = 0
        total = 0
        while at < end:
            stop = window_end(data, at, end)
            filled = window_terms(data, at, stop, tables, zero, alone, room, kept)
            found = window_shingles(room, filled, shingle)
            if found == 0 and stop == end and total == 0 and filled > 0:
                found = window_shingles(room, filled, filled)
            _lower_minima(room.shingles, found, multipliers, addends, minima, document * permutations)
            total += found
            kept = keep_tail(room, filled, shingle)
            at = stop
        counts[document] = total


@kernel
def band_keys(minima: npt.NDArray[np.uint32], rows: int, keys: npt.NDArray[np.uint64]) -> None:
    """`keys[i, b]`: the hash of band b of signature i, its `rows` minima and the number b."""
    for document in range(keys.shape[0]):
        for band in range(keys.shape[1]):
            state = folded_multiply(np.uint64(band) ^ _BAND_KEY, _ROW_KEY)
            for row in range(band * rows, band * rows + rows):
                state = folded_multiply(state ^ np.uint64(minima[document, row]), _ROW_KEY)
            keys[document, band] = folded_multiply(state, _BAND_KEY)
