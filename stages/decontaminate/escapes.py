"""Characters written as escapes, `\\u5c0f` of JSON and code, `&#23567;` of HTML, `\\'e` of LaTeX, read as themselves in place.

No byte moves: behind the character stand as many invisible ones as its escape was longer, so that what is found in the
text has its place in the document. The normalisation skips those, also inside a word (`caf\\u00e9`).
"""

from __future__ import annotations

import re

import numpy as np

from winnow.filters.kernels.bytes import Bytes
from winnow.filters.kernels.machine import BLOCK

_ESCAPE = re.compile(
    rb"\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})|\\u([0-9a-f]{4})|&#x([0-9a-f]{2,6});|&#([0-9]{2,7});",
    re.IGNORECASE,
)
# Accents of LaTeX on what bears them; `don\'t` of code is none. The letter is left, as the normalisation folds accents.
_ACCENT = re.compile(
    rb"\{\\['`^\"~]\{?([a-zA-Z])\}?\}|\\['`^\"~]\{([a-zA-Z])\}|\\['`^\"~]([aeiouyncAEIOUYNC])"
    rb"|\{?\\[cvHkru]\{([a-zA-Z])\}\}?"
)
_STARTS = (b"\\u", b"\\U", b"&#")
_ACCENTS = tuple(b"\\" + sign for sign in (b"'", b"`", b"^", b'"', b"~", b"c{", b"v{", b"H{", b"k{", b"r{", b"u{"))
_TWO, _THREE = "\u00ad".encode(), "\u200b".encode()  # soft hyphen, zero-width space: bytes of fillers


def resolve_escapes(data: Bytes) -> Bytes:
    """The same bytes with every escaped character in its place, as many as before; `data` itself without one."""
    text = data.tobytes()
    escaped, accented = any(start in text for start in _STARTS), any(start in text for start in _ACCENTS)
    if not escaped and not accented:
        return data
    if escaped:
        text = _ESCAPE.sub(_resolve, text)
    if accented:
        text = _ACCENT.sub(_letter, text)
    room = np.zeros(len(text) + BLOCK, np.uint8)  # kernels load whole blocks
    room[: len(text)] = np.frombuffer(text, np.uint8)
    return room[: len(text)]


def _resolve(found: re.Match[bytes]) -> bytes:
    escape = found[0]
    high, low, short, hexadecimal, decimal = found.groups()
    if high:
        point = 0x10000 + ((int(high, 16) - 0xD800) << 10) + int(low, 16) - 0xDC00
    else:
        point = int(decimal) if decimal else int(short or hexadecimal, 16)
    if point < 0x20 or 0xD800 <= point < 0xE000 or point > 0x10FFFF:
        return escape
    character = chr(point).encode()
    left = len(escape) - len(character)
    if left < 2:
        return escape
    return character + _filler(left)


def _letter(found: re.Match[bytes]) -> bytes:
    letter: bytes = next(filter(None, found.groups()))
    return letter + _filler(len(found[0]) - 1)


def _filler(left: int) -> bytes:
    """As many invisible bytes, at least two."""
    return _THREE + _TWO * ((left - 3) // 2) if left % 2 else _TWO * (left // 2)
