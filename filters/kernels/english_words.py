"""English words nearly as spaCy's blank tokenizer cuts them, which is what datatrove's filters count by default.

Each piece between whitespace loses signs at its front and at its back, one at a time; what is left is one word when it
looks like an address, is cut before n't, 're and the like, and else at hyphens and signs between letters
(`english_signs`). On 29,102 English pages the recipes over these words decide as datatrove does on 99.8 %
and for the same rule too; over the same words on all (`benchmarks/filters_agreement.py`).
"""

from __future__ import annotations

import numpy as np

from winnow.filters.kernels.bytes import Bytes, Offsets, decode, decode_before, inlined, kernel
from winnow.filters.kernels.characters import LETTER, Classes
from winnow.filters.kernels.english_signs import (
    CANNOT,
    DASH,
    FULL_STOP,
    HYPHEN_SIGN,
    Roles,
    back,
    contraction,
    cuts,
    front,
    is_address,
    is_listed,
    unit,
)
from winnow.filters.kernels.lines import finder
from winnow.filters.kernels.machine import BLOCK, block_mask, load64
from winnow.filters.kernels.words import Bounds, Hashes, split

_ONE, _ALL = np.uint64(1), ~np.uint64(0)
_sign_mask = block_mask((0x00, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0xFF))
"""Everything but the letters and digits of ASCII."""
_no_letter_mask = block_mask((0x00, 0x40), (0x5B, 0x60), (0x7B, 0xFF))
_find_sign = finder(_sign_mask)


@inlined
def _put(start: int, end: int, bounds: Bounds, at: int) -> int:
    bounds[at] = start
    bounds[at + 1] = end
    return at + 2 if end > start else at


@inlined
def _run_end(data: Bytes, place: int, end: int, code_point: int, classes: Classes) -> int:
    """Where the sign at `place` ends: of full stops all, of hyphens two or three, of dashes two before a letter."""
    _, length = decode(data, place)
    behind = place + length
    if code_point != FULL_STOP and code_point != HYPHEN_SIGN and code_point != DASH:
        return int(behind)
    last = behind
    while last < end and decode(data, last)[0] == code_point:
        last += length
    if code_point == FULL_STOP:
        return int(last)
    short = last - place <= (3 if code_point == HYPHEN_SIGN else 2 * length)
    return int(last) if short and last < end and classes[decode(data, last)[0]] & LETTER else int(behind)


@inlined
def _cut_inside(data: Bytes, start: int, end: int, classes: Classes, roles: Roles, bounds: Bounds, at: int) -> int:
    word = start
    place = _find_sign(data, start, end)
    while place < end:
        code_point, length = decode(data, place)
        behind = place + length
        if place > start and behind < end:
            before, _ = decode_before(data, place, start)
            if code_point == FULL_STOP or classes[before] & LETTER:
                behind = _run_end(data, place, end, code_point, classes)
            dots = code_point == FULL_STOP and behind - place > 1
            if behind < end and (dots or cuts(before, code_point, decode(data, behind)[0], classes, roles)):
                at = _put(word, place, bounds, at)
                at = _put(place, behind, bounds, at)
                word = behind
        place = _find_sign(data, behind, end)
    return _put(word, end, bounds, at)


@inlined
def _put_plain(data: Bytes, start: int, end: int, digits: np.uint64, listed: Hashes, bounds: Bounds, at: int) -> int:
    """Letters and, if `digits`, digits of ASCII: one word, unless it is cannot or ends in a unit."""
    if digits != 0:
        begin = unit(data, start, end, listed)
        at = _put(start, begin, bounds, at)
        return _put(begin, end, bounds, at)
    if (end - start == 6) & (load64(data, start) << np.uint64(16) == CANNOT):
        at = _put(start, end - 3, bounds, at)
        start = end - 3
    return _put(start, end, bounds, at)


@inlined
def _cut_plain(
    data: Bytes, start: int, end: int, classes: Classes, roles: Roles, listed: Hashes, bounds: Bounds, at: int
) -> int:
    """Writes the words of a piece of letters and digits of ASCII, with one sign before or behind them at most.

    Returns `at` as it was when the piece is of another kind. One in eleven is, and with all that way the words of
    English came at a third of the speed.
    """
    length = end - start
    if length > BLOCK:
        return at
    inside = _ALL >> np.uint64(BLOCK - length)
    others = _no_letter_mask(data, start) & inside
    if others == 0:
        return _put_plain(data, start, end, others, listed, bounds, at)
    signs = _sign_mask(data, start) & inside
    if signs == 0:
        return _put_plain(data, start, end, others, listed, bounds, at)
    if length == 1:
        return _put(start, end, bounds, at)
    last = signs >> np.uint64(length - 1)
    if length == 2 or signs & ~(_ONE | last << np.uint64(length - 1)) or (data[start] | data[end - 1]) >= 0x80:
        return at
    if is_listed(data, start, end, listed):
        return _put(start, end, bounds, at)
    behind = front(data, start, end, classes, roles) if signs & _ONE else start
    if signs & _ONE and (behind == start or (last and length == 3) or is_listed(data, behind, end, listed)):
        return at
    begin = back(data, behind, end, classes, roles, listed) if last else end
    at = _put(start, behind, bounds, at)
    if begin == end and last:
        return _put(behind, end, bounds, at)
    at = _put_plain(data, behind, begin, others ^ signs, listed, bounds, at)
    return _put(begin, end, bounds, at)


@inlined
def _join_listed(data: Bytes, listed: Hashes, bounds: Bounds, first: int, at: int) -> int:
    """Joins a word of one sign and the next where the list has both as one: '' and the faces."""
    kept = first
    for word in range(first, at, 2):
        start, end = bounds[word], bounds[word + 1]
        before = bounds[kept - 2] if kept > first else start
        if (
            start - before in (1, 3)
            and decode(data, before)[1] == start - before
            and is_listed(data, before, end, listed)
        ):
            bounds[kept - 1] = end
        else:
            kept = _put(start, end, bounds, kept)
    return kept


@inlined
def _cut_piece(
    data: Bytes,
    start: int,
    end: int,
    classes: Classes,
    roles: Roles,
    listed: Hashes,
    backs: Bounds,
    bounds: Bounds,
    at: int,
) -> int:
    """Writes the words of a piece between whitespace; `backs` keeps the signs from its back until the rest is cut."""
    kept = 0
    first = at
    while start < end and not is_listed(data, start, end, listed):
        behind = front(data, start, end, classes, roles)
        at = _put(start, behind, bounds, at)
        start = behind
        if start == end or is_listed(data, start, end, listed):
            break
        begin = back(data, start, end, classes, roles, listed)
        if begin == end:
            if behind == start and front(data, start, end, classes, roles) == start:
                break
            continue
        kept = _put(begin, end, backs, kept)
        end = begin
    if start < end:
        if is_listed(data, start, end, listed) or is_address(data, start, end):
            at = _put(start, end, bounds, at)
        else:
            cut = contraction(data, start, end)
            at = _cut_inside(data, start, cut, classes, roles, bounds, at)
            at = _put(cut, end, bounds, at)
    for index in range(kept - 2, -2, -2):
        at = _put(backs[index], backs[index + 1], bounds, at)
    return _join_listed(data, listed, bounds, first, at)


@kernel
def split_documents(
    data: Bytes, offsets: Offsets, classes: Classes, roles: Roles, listed: Hashes, pieces: Bounds, backs: Bounds,
    bounds: Bounds, word_offsets: Offsets,
) -> int:  # fmt: skip
    """The words of every string, laid out as `winnow.filters.kernels.words.split_documents` does; returns their number.

    Scratch for b bytes in a string: `pieces` of b + 2, `backs` of 2 b + 2. `listed` is the table of `LISTED`.
    """
    at = 0
    word_offsets[0] = 0
    for document in range(offsets.size - 1):
        count = split(data, offsets[document], offsets[document + 1], pieces, 0) >> 1
        for piece in range(count):
            start, end = pieces[2 * piece], pieces[2 * piece + 1]
            before = at
            at = _cut_plain(data, start, end, classes, roles, listed, bounds, at)
            if at == before:
                at = _cut_piece(data, start, end, classes, roles, listed, backs, bounds, at)
        word_offsets[document + 1] = at >> 1
    return at >> 1
