"""The few machine operations that make scanning bytes fast, as intrinsics for numba kernels.

They are written in LLVM's terms and lowered to AVX-512, AVX2, SSE2 or NEON, whichever the machine has.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_BYTE, _WORD, _DOUBLE_WORD = ir.IntType(8), ir.IntType(64), ir.IntType(128)
BLOCK = 64
"""Bytes that a mask function looks at together: one bit of a 64-bit word each."""
_BLOCK_TYPE = ir.VectorType(_BYTE, BLOCK)


def load_block(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    """Generates the unaligned load of a block of `BLOCK` bytes from the byte array at `index`, for intrinsics."""
    return _load(context, builder, array_type, array, index, _BLOCK_TYPE)


def _load(context: Any, builder: Any, array_type: Any, array: Any, index: Any, loaded: Any) -> Any:
    start = builder.gep(context.make_array(array_type)(context, builder, array).data, [index])
    value = builder.load(builder.bitcast(start, ir.PointerType(loaded)), typ=loaded)
    value.align = 1
    return value


def operation(typer: Callable[..., Any]) -> Any:
    """Makes an operation for kernels that is written in LLVM's terms (`numba.extending.intrinsic`)."""
    return intrinsic(typer)


@operation
def load64(typing_context: Any, data: Any, index: Any) -> Any:
    """`load64(data, index)`: the 8 bytes from `index` as a little-endian uint64, at any alignment."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _load(context, builder, signature.args[0], arguments[0], arguments[1], _WORD)

    return types.uint64(data, types.int64), generate


@operation
def folded_product(typing_context: Any, left: Any, right: Any) -> Any:
    """`folded_product(left, right)`: both halves of the 128-bit product of two uint64, xored."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        product = builder.mul(*(builder.zext(argument, _DOUBLE_WORD) for argument in arguments))
        high = builder.trunc(builder.lshr(product, ir.Constant(_DOUBLE_WORD, 64)), _WORD)
        return builder.xor(builder.trunc(product, _WORD), high)

    return types.uint64(types.uint64, types.uint64), generate


@operation
def trailing_zeros(typing_context: Any, word: Any) -> Any:
    """`trailing_zeros(word)`: the index of the lowest set bit of a uint64, as int64; 64 when there is none."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


@operation
def population_count(typing_context: Any, word: Any) -> Any:
    """`population_count(word)`: how many bits of a uint64 are set, as int64."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), generate


def block_mask(*ranges: tuple[int, int]) -> Any:
    """Makes `mask(data, index) -> uint64`: bit j is set when byte `index + j` lies in one of the inclusive ranges.

    64 bytes at a time in vector code; LLVM lowers it to AVX-512, AVX2, SSE2 or NEON, whichever the machine has.
    """

    def splat(byte: int) -> ir.Constant:
        return ir.Constant(_BLOCK_TYPE, [byte] * BLOCK)

    def inside(builder: Any, block: Any, low: int, high: int) -> Any:
        if low == high:
            return builder.icmp_unsigned("==", block, splat(low))
        return builder.icmp_unsigned("<=", builder.sub(block, splat(low)), splat(high - low))

    @operation
    def mask(typing_context: Any, data: Any, index: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            block = load_block(context, builder, signature.args[0], arguments[0], arguments[1])
            found = inside(builder, block, *ranges[0])
            for low, high in ranges[1:]:
                found = builder.or_(found, inside(builder, block, low, high))
            return builder.bitcast(found, _WORD)

        return types.uint64(data, types.int64), generate

    return mask


newline_mask = block_mask((0x0A, 0x0A))
non_ascii_mask = block_mask((0x80, 0xFF))
continuation_mask = block_mask((0x80, 0xBF))  # second and later bytes of a character
ascii_space_mask = block_mask((0x09, 0x0D), (0x1C, 0x20))  # what str.isspace accepts below 0x80
