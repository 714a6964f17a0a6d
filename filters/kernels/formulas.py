"""Finds the formulas of a text by their delimiters and tells which are well formed.

Delimiters: `$…$`, `$$…$$`, `\\(…\\)`, `\\[…\\]` and the environments of `_ENVIRONMENTS`. As in Pandoc, a single
dollar opens only before a sign that isn't a space and closes only behind one, and not before a digit, so that prices
are no formulas; what isn't closed within a paragraph is none. Well formed: not blank, braces balanced, as many
`\\left` as `\\right`, `\\begin` as `\\end`.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import numpy.typing as npt

from winnow.filters.kernels.bytes import Bytes, Offsets, count_characters, inlined, kernel
from winnow.filters.kernels.machine import BLOCK, block_mask, load64, trailing_zeros


class Count(IntEnum):
    """Columns of the counts, one row per document."""

    FORMULAS = 0
    WELL_FORMED = 1
    CHARACTERS = 2  # of formulas, delimiters included
    DISPLAYED = 3
    UNCLOSED = 4  # delimiters that open a formula which never closes


COUNTS = len(Count)
LONGEST_FORMULA = 8192  # bytes; a dollar that finds no partner within is no delimiter

dollar_or_backslash_mask = block_mask((0x24, 0x24), (0x5C, 0x5C))


@kernel
def count_formulas(data: Bytes, offsets: Offsets, counts: npt.NDArray[np.int64]) -> None:
    """Fills the zeroed `counts`, int64 of shape (n, COUNTS)."""
    for text in range(offsets.size - 1):
        start, end = offsets[text], offsets[text + 1]
        at = start
        while at < end:
            skipped = trailing_zeros(dollar_or_backslash_mask(data, at))
            at += skipped
            if skipped == BLOCK:
                continue
            if at >= end:
                break
            kind, opened = _opening(data, at, end)
            if kind == 0:
                at += opened
                continue
            last = _closing(data, at + opened, end, kind)
            if last < 0:
                counts[text, 4] += kind != 1  # a lone dollar is money
                at += opened
                continue
            closed = opened if kind != 5 else 0
            counts[text, 0] += 1
            counts[text, 1] += _is_well_formed(data, at + closed, last - closed)  # an environment with its own braces
            counts[text, 2] += count_characters(data, at, last)
            counts[text, 3] += kind != 1 and kind != 3
            at = last


@inlined
def _opening(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """Kind and length of the delimiter at `at`: 1 `$`, 2 `$$`, 3 `\\(`, 4 `\\[`, 5 an environment; kind 0: none,
    skip.
    """
    following = data[at + 1] if at + 1 < end else 0
    if data[at] == 0x24:
        if following == 0x24:
            return 2, 2
        return (0, 1) if following <= 32 else (1, 1)
    if following == 0x28:
        return 3, 2
    if following == 0x5B:
        return 4, 2
    if following == 0x62 and load64(data, at) & np.uint64(0x00FFFFFFFFFFFFFF) == np.uint64(0x7B6E696765625C):
        return (5, 7) if _is_formula_environment(data, at + 7, end) else (0, 7)
    return 0, 2


@inlined
def _is_formula_environment(data: Bytes, at: int, end: int) -> bool:
    """equation, align, gather, multline, eqnarray, displaymath, math, flalign, alignat: told by their first four
    bytes.
    """
    word = load64(data, at) & np.uint64(0xFFFFFFFF)
    return at + 4 < end and (
        word == np.uint64(0x61757165)  # equa
        or word == np.uint64(0x67696C61)  # alig
        or word == np.uint64(0x68746167)  # gath
        or word == np.uint64(0x746C756D)  # mult
        or word == np.uint64(0x616E7165)  # eqna
        or word == np.uint64(0x70736964)  # disp
        or word == np.uint64(0x6874616D)  # math
        or word == np.uint64(0x6C616C66)  # flal
    )


@inlined
def _closing(data: Bytes, at: int, end: int, kind: int) -> int:
    """The byte after the closing delimiter, -1 when there is none in reach."""
    limit = min(end, at + LONGEST_FORMULA)
    depth = 0
    index = at
    while index < limit:
        byte = data[index]
        following = data[index + 1] if index + 1 < end else 0
        if kind <= 2 and byte == 0x24:
            if kind == 2:
                return index + 2 if following == 0x24 else -1
            if data[index - 1] > 32 and not 0x30 <= following <= 0x39:
                return index + 1
            return -1
        if byte == 0x5C:
            if (kind == 3 and following == 0x29) or (kind == 4 and following == 0x5D):
                return index + 2
            if (
                kind == 5
                and following == 0x62
                and load64(data, index) & np.uint64(0xFFFFFFFFFFFF) == np.uint64(0x6E696765625C)
            ):
                depth += 1
            if (
                kind == 5
                and following == 0x65
                and load64(data, index) & np.uint64(0xFFFFFFFFFF) == np.uint64(0x7B646E655C)
            ):
                if depth == 0:
                    while index < limit and data[index] != 0x7D:
                        index += 1
                    return index + 1
                depth -= 1
            index += 2
            continue
        if byte == 0x0A and kind != 5 and following == 0x0A:
            return -1
        index += 1
    return -1


@inlined
def _is_well_formed(data: Bytes, start: int, end: int) -> bool:
    depth, sides, environments, signs = 0, 0, 0, 0
    at = start
    while at < end:
        byte = data[at]
        if byte == 0x5C:
            word = load64(data, at)
            if word & np.uint64(0xFFFFFFFFFF) == np.uint64(0x7466656C5C) and not _is_letter(data[at + 5]):  # \left
                sides += 1
            elif word & np.uint64(0xFFFFFFFFFFFF) == np.uint64(0x74686769725C) and not _is_letter(
                data[at + 6]
            ):  # \right
                sides -= 1
            elif word & np.uint64(0x00FFFFFFFFFFFFFF) == np.uint64(0x7B6E696765625C):  # \begin{
                environments += 1
            elif word & np.uint64(0xFFFFFFFFFF) == np.uint64(0x7B646E655C):  # \end{
                environments -= 1
            signs += 1
            at += 2
            continue
        if byte == 0x7B:
            depth += 1
        elif byte == 0x7D:
            depth -= 1
        signs += byte > 32
        if depth < 0:
            return False
        at += 1
    return depth == 0 and sides == 0 and environments == 0 and signs > 0


@inlined
def _is_letter(byte: int) -> bool:
    return 0x41 <= byte <= 0x5A or 0x61 <= byte <= 0x7A
