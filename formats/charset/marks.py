"""What shows a charset without statistics: byte order marks, the zeros of UTF-16 and UTF-32, the escapes of seven bits."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable

from winnow.formats.charset.labels import known

MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins with UTF-16's
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"\x84\x31\x95\x33", "gb18030"),
)
UTF_16 = ((re.compile(rb"<\0[!?a-zA-Z]\0"), "utf-16-le"), (re.compile(rb"\0<\0[!?a-zA-Z]"), "utf-16-be"))
UTF_16_BYTES = 512  # within which such a page has its first tag
ESCAPES = ((b"\x1b$)C", "iso2022_kr"), (b"\x1b$", "iso2022_jp_ext"))
WIDE_BYTES = 1 << 14
WIDE_SHARE, WIDE_MARGIN = 0.9, 0.1  # of usual characters, and how many more than with the bytes turned round
USUAL = re.compile(
    "[\t\n\r -~\u00a0-\u017f\u0370-\u06ff\u0900-\u0e7f\u1e00-\u1eff\u2010-\u2026\u2190-\u21ff\u2200-\u22ff\u2500-\u25ff"
    "\u3000-\u30ff\u4e00-\u9fff\uac00-\ud7a3\uff00-\uffef]"
)
BROKEN_SHARE = 0.1  # of characters beyond ASCII that may be broken in what is still UTF-8


def marked(content: bytes) -> tuple[str, int] | None:
    """The charset of a byte order mark and the mark's length."""
    return next(((name, len(mark)) for mark, name in MARKS if content.startswith(mark)), None)


def utf_16(content: bytes) -> str | None:
    """Which UTF-16 a page without a byte order mark is written in, told by its first tag; None for any other charset."""
    head = content[:UTF_16_BYTES]
    found = ((tag.search(head), name) for tag, name in UTF_16 if b"\0" in head)
    return next((name for tag, name in found if tag and tag.start() % 2 == 0), None)


def wide(content: bytes) -> str | None:
    """UTF-16 or UTF-32 of a text without a mark: line ends, blanks and digits have zeros, all on the same side.

    None for text of bytes, which has no zero, and for what isn't text.
    """
    sample = content[:WIDE_BYTES]
    if b"\0" not in sample:
        return None
    size = len(sample)
    if len(content) % 4 == 0:
        for name, ahead in (("utf-32-le", 3), ("utf-32-be", 0)):
            if sample[ahead::4].count(0) == len(sample[ahead::4]) and _decoded(sample[: size - size % 4], name):
                return name
    if len(content) % 2:
        return None
    shares = {name: _usual(sample, name) for name in ("utf-16-le", "utf-16-be")}
    best, other = sorted(shares, key=lambda name: shares[name], reverse=True)
    return best if shares[best] >= WIDE_SHARE and shares[other] < shares[best] - WIDE_MARGIN else None


def _usual(sample: bytes, name: str) -> float:
    """The share of usual characters in a sample read as UTF-16; 0 where it is no text."""
    text = _decoded(sample, name)
    return 0.0 if text is None or not text else len(USUAL.findall(text)) / len(text)


def _decoded(sample: bytes, name: str) -> str | None:
    """A sample, perhaps cut within a surrogate pair, as text of that charset; None where it has controls."""
    try:
        text = codecs.getincrementaldecoder(name)().decode(sample)
    except UnicodeDecodeError:
        return None
    return None if any(sign < " " and sign not in "\t\n\r\f\x1b" for sign in set(text)) else text


def seven_bits(content: bytes, labels: Iterable[str | None]) -> str:
    """The charset of bytes that look like ASCII: Japanese and Korean show by their escapes, HZ must be declared."""
    if b"~{" in content and "hz" in map(known, labels):
        return "hz"
    return next((name for escape, name in ESCAPES if escape in content), "utf-8")


def mostly_utf_8(content: bytes) -> str | None:
    """The text of bytes that are UTF-8, but for a wrong one here and there; None for another charset's."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        text = content.decode("utf-8", "replace")
    beyond = len(text) - len(text.encode("ascii", "ignore"))
    broken = text.count("\ufffd")
    return text if text.removesuffix("\ufffd").count("\ufffd") <= BROKEN_SHARE * beyond and beyond > broken else None
