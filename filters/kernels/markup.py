"""Markup painted over: HTML tags, character references and escapes become spaces, byte for byte."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from winnow.filters.kernels.bytes import Bytes, Offsets, inlined, kernel

_TAGS = """
    a abbr article b blockquote body br button caption center cite code dd div dl dt em fig figure font footer form h1
    h2 h3 h4 h5 h6 header hr html i img input label li link main mark math mi mn mo mrow nav ol option p pre q s samp
    script section select small span strike strong sub summary sup svg table tbody td textarea th thead title tr tt u ul
    var video
"""
_COMMANDS = """
    nabla natural ne nearrow neg neq newline nexists ngeq ni nleq nmid nonumber normalsize not notin nsim nsubseteq nu
    nwarrow tag tan tanh tau tbinom text textbf textit textrm textsf textstyle texttt tfrac therefore theta thickapprox
    thinspace tilde times tiny to top triangle triangleq twoheadrightarrow rangle rceil relax rfloor rho right
    rightarrow
    rightharpoonup rightleftharpoons rm root rtimes rVert rvert
"""
"""LaTeX commands that begin like an escape: `\\nu` isn't a line break and a u."""
LONGEST_TAG = 512
"""A `<` whose `>` doesn't follow within this many bytes begins no tag."""


class Names(NamedTuple):
    """What markup is known by: the first 8 letters of names, packed into uint64 in little-endian order, sorted."""

    tags: npt.NDArray[np.uint64]
    commands: npt.NDArray[np.uint64]


def known_names() -> Names:
    """The tags of HTML of up to 8 letters, and the LaTeX commands that begin like an escape."""
    tags = [name for name in _TAGS.split() if len(name) <= 8]
    return Names(*(_packed(names) for names in (tags, _COMMANDS.split())))


def _packed(names: list[str]) -> npt.NDArray[np.uint64]:
    packed = np.unique([int.from_bytes(name[:8].encode(), "little") for name in names]).astype(np.uint64)
    packed.flags.writeable = False
    return packed


@inlined
def _known(names: npt.NDArray[np.uint64], name: np.uint64) -> bool:
    place = np.searchsorted(names, name)
    return bool(place < names.size and names[place] == name)


@inlined
def _tag_end(data: Bytes, at: int, end: int, names: npt.NDArray[np.uint64]) -> int:
    """Where the tag or comment that begins with the `<` at `at` ends; `at` when there is none."""
    limit = min(end, at + LONGEST_TAG)
    name = at + 1
    if name < limit and data[name] == 0x2F:
        name += 1
    packed = np.uint64(0)
    length = 0
    while name + length < limit and length < 9:
        byte = data[name + length] | 0x20
        if not (0x61 <= byte <= 0x7A or (length > 0 and 0x30 <= data[name + length] <= 0x39)):
            break
        if length < 8:
            packed |= np.uint64(byte if byte >= 0x61 else data[name + length]) << np.uint64(8 * length)
        length += 1
    known = name < limit and length == 0 and data[name] == 0x21  # <!-- … or <!doctype …
    if 0 < length <= 8:
        known = _known(names, packed)
    if not known:
        return at
    stop = name + length
    while stop < limit:
        if data[stop] == 0x3E:
            return stop + 1
        if data[stop] == 0x3C:
            return at
        stop += 1
    return at


@inlined
def _reference_end(data: Bytes, at: int, end: int) -> int:
    """Where the character reference that begins with the `&` at `at` ends; `at` when there is none."""
    stop = at + 1
    while stop < min(end, at + 10):
        byte = data[stop]
        if byte == 0x3B:
            return stop + 1 if stop > at + 2 else at
        if not (byte == 0x23 or 0x30 <= byte <= 0x39 or 0x41 <= byte <= 0x5A or 0x61 <= byte <= 0x7A):
            return at
        stop += 1
    return at


@inlined
def _escape_end(data: Bytes, at: int, end: int, commands: npt.NDArray[np.uint64]) -> int:
    """Where the `\\n`, `\\t`, `\\r` or `\\"` at `at` ends; `at` when it is none, or begins a LaTeX command."""
    if at + 1 >= end:
        return at
    following = data[at + 1]
    if following == 0x22:
        return at + 2
    if not (following == 0x6E or following == 0x74 or following == 0x72):
        return at
    packed = np.uint64(0)
    stop = at + 1
    while stop < end and (0x41 <= data[stop] <= 0x5A or 0x61 <= data[stop] <= 0x7A):
        if stop < at + 9:
            packed |= np.uint64(data[stop]) << np.uint64(8 * (stop - at - 1))
        stop += 1
    return at if _known(commands, packed) else at + 2


@kernel
def blank_markup(data: Bytes, offsets: Offsets, names: Names, blanked: Bytes) -> None:
    """Copies the texts into `blanked`, each tag, character reference and `\\n`, `\\t`, `\\r`, `\\"` written as spaces.

    Every byte keeps its place. `names` are those of `known_names`.
    """
    for document in range(offsets.size - 1):
        at = offsets[document]
        end = offsets[document + 1]
        while at < end:
            byte = data[at]
            stop = at
            if byte == 0x3C:
                stop = _tag_end(data, at, end, names.tags)
            elif byte == 0x26:
                stop = _reference_end(data, at, end)
            elif byte == 0x5C:
                stop = _escape_end(data, at, end, names.commands)
            if stop == at:
                blanked[at] = byte
                at += 1
            else:
                while at < stop:
                    blanked[at] = 0x20
                    at += 1
