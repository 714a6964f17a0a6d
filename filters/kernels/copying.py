"""Copying bytes from one text to another, a block at a time."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from winnow.filters.kernels.bytes import Bytes, inlined
from winnow.filters.kernels.machine import BLOCK, load_block, operation


@operation
def _copy_block(typing_context: Any, data: Any, index: Any, text: Any, at: Any) -> Any:
    """`_copy_block(data, index, text, at)`: writes the block at `index` of `data` to `text` from `at` on."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        block = load_block(context, builder, signature.args[0], arguments[0], arguments[1])
        target = context.make_array(signature.args[2])(context, builder, arguments[2])
        place = builder.gep(target.data, [arguments[3]])
        builder.store(block, builder.bitcast(place, ir.PointerType(block.type)), align=1)
        return context.get_dummy_value()

    return types.none(data, types.int64, text, types.int64), generate


@inlined
def copy(data: Bytes, start: int, end: int, text: Bytes, at: int) -> int:
    """Copies `data[start:end]` to `text` from `at` on and returns where the copy ends.

    Up to `BLOCK` bytes behind the copy are overwritten, so `text` is filled from front to back and needs padding. A
    loop over bytes takes three times as long for lines of prose, most of which are one block or two.
    """
    behind = at + end - start
    while start < end:
        _copy_block(data, start, text, at)
        start += BLOCK
        at += BLOCK
    return behind
