"""Finding fixed phrases, capitals of ASCII aside: 64 places at once are tried by the phrase's first three bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from winnow.filters.kernels.bytes import Bytes, Offsets, inlined
from winnow.filters.kernels.machine import BLOCK, load_block, operation, trailing_zeros

_BYTE, _WORD = ir.IntType(8), ir.IntType(64)
_LANES = ir.VectorType(ir.IntType(32), BLOCK)
_CASE_BIT = 0x20
"""What tells a capital letter of ASCII from a small one."""


@operation
def folded_equal_mask(typing_context: Any, data: Any, index: Any, byte: Any) -> Any:
    """`folded_equal_mask(data, index, byte)`: bit j is set when byte `index + j`, its case bit set, is `byte`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        block = load_block(context, builder, signature.args[0], arguments[0], arguments[1])
        folded = builder.or_(block, ir.Constant(block.type, [_CASE_BIT] * BLOCK))
        one = builder.insert_element(
            ir.Constant(block.type, ir.Undefined), arguments[2], ir.Constant(_LANES.element, 0)
        )
        wanted = builder.shuffle_vector(one, ir.Constant(block.type, ir.Undefined), ir.Constant(_LANES, [0] * BLOCK))
        return builder.bitcast(builder.icmp_unsigned("==", folded, wanted), _WORD)

    return types.uint64(data, types.int64, types.uint8), generate


@inlined
def fold(byte: np.uint8) -> np.uint8:
    """A capital letter of ASCII as a small one, any other byte as it is."""
    return byte | np.uint8(_CASE_BIT) if 0x41 <= byte <= 0x5A else byte


@inlined
def _stands_at(data: Bytes, at: int, phrases: Bytes, first: int, last: int) -> bool:
    for index in range(first, last):
        if fold(data[at + index - first]) != phrases[index]:
            return False
    return True


@inlined
def find_phrase(data: Bytes, start: int, end: int, phrases: Bytes, phrase_offsets: Offsets, number: int) -> int:
    """Where phrase `number` first stands in `data[start:end]`, or -1. Phrases are three bytes at least."""
    first, last = phrase_offsets[number], phrase_offsets[number + 1]
    latest = end - (last - first)
    one = phrases[first] | np.uint8(_CASE_BIT)
    two = phrases[first + 1] | np.uint8(_CASE_BIT)
    three = phrases[first + 2] | np.uint8(_CASE_BIT)
    at = start
    while at <= latest:
        found = folded_equal_mask(data, at, one)
        found &= folded_equal_mask(data, at + 1, two)
        found &= folded_equal_mask(data, at + 2, three)
        while found != 0:
            place = at + trailing_zeros(found)
            if place > latest:
                return -1
            if _stands_at(data, place, phrases, first, last):
                return int(place)
            found &= found - np.uint64(1)
        at += BLOCK
    return -1


@inlined
def has_phrase(data: Bytes, start: int, end: int, phrases: Bytes, phrase_offsets: Offsets, numbers: range) -> bool:
    """Whether any phrase of these numbers stands in `data[start:end]`."""
    for number in numbers:
        if find_phrase(data, start, end, phrases, phrase_offsets, number) >= 0:
            return True
    return False
