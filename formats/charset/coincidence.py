"""Whether bytes that are UTF-8 are so by chance: what they declare instead reads as text, and as UTF-8 they read as none.

A word or two of Chinese, Japanese, Korean, Thai or Russian in their charsets are now and then UTF-8, too (磨 in GB 18030
is ĥ, 未知 is δ֪). Far more files declare a charset that they were once written in, and are UTF-8 now. So the two readings
are compared: how many of their signs beyond ASCII stand where no text has them. `benchmarks.charsets --declared` measures.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from winnow.formats.charset.alphabets import oddities
from winnow.formats.charset.labels import known

ENOUGH = 12  # different signs beyond ASCII, which are UTF-8 by no chance
FEW = 3  # of them, up to which a declaration of `DENSE` decides between readings that are alike
DENSE = frozenset({"gb18030", "big5hkscs", "cp949", "cp932", "euc_jp", "cp874", "koi8-u"})
"""Charsets in which the bytes that begin and go on with a character of UTF-8 are signs of every other word."""
HIGH = re.compile(r"[^\x00-\x7f]")
PLAIN = re.compile(r"([\x00-\x7f]{3})[\x00-\x7f]{3,}+(?<=([\x00-\x7f]{3}))")
"""What stands between signs beyond ASCII and isn't beside one: it tells nothing, and is most of a page."""
NO_TEXT = re.compile("[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f-\x9f\ue000-\uf8ff\ufffd\ufffe\uffff]")
EAST_ASIAN = re.compile("[\u3400-\u9fff\uac00-\ud7a3\uff61-\uff9f]")
BESIDE_LATIN = re.compile(
    r"(?<=[A-Za-z])[\u3400-\u9fff\uac00-\ud7a3]{1,2}(?![\u3040-\u9fff\uac00-\ud7a3])"
    r"|(?<![\u3040-\u9fff\uac00-\ud7a3])[\u3400-\u9fff\uac00-\ud7a3]{1,2}(?=[A-Za-z])"
    r"|(?<=[^\W\d_])[\u2500-\u25ff]|[\u2500-\u25ff](?=[^\W\d_])"
)
BESIDE_COUNTS = 0.5
"""One or two signs beside a Latin letter (`Caf茅` for `Café`, but also `SQL文`), and lines of boxes beside any letter."""
RARE = re.compile(r"[\u0250-\u036f\u0370-\u0383\u03cf-\u03ff\u0460-\u048f\u0500-\u052f\u0700-\u07ff]")
"""Letters of phonetics, of old Greek and Cyrillic, and of scripts that hardly a file declares another charset for."""
LEVELS = {
    "gb2312": (range(0xB0, 0xD8), range(0xA1, 0xFF)),
    "big5": (range(0xA4, 0xC7), range(0x40, 0xFF)),
    "euc_jp": (range(0xB0, 0xD0), range(0xA1, 0xFF)),
    "euc_kr": (range(0xB0, 0xC9), range(0xA1, 0xFF)),
}
"""Where the standards of East Asia keep the signs in daily use: lead and trail bytes of their first levels."""


def declared_instead(content: bytes, text: str, labels: Iterable[str | None]) -> tuple[str, str] | None:
    """The text and Python's name of the charset that `content` declares, where it is UTF-8, reading `text`, by chance alone.

    `labels` are what it declares, the most trusted first; a charset of Unicode among them ends the search.
    """
    for codec in map(known, labels):
        if codec is not None and codec.startswith("utf"):
            return None
        if codec is not None and (declared := _by_chance(content, text, codec)) is not None:
            return declared, codec
    return None


def _by_chance(content: bytes, text: str, codec: str) -> str | None:
    if len(signs := set(text) - _ASCII) >= ENOUGH:
        return None
    try:
        declared = content.decode(codec)
    except UnicodeDecodeError:
        return None
    if NO_TEXT.search(declared):
        return None
    odd, odd_as_utf_8 = (strangeness(PLAIN.sub(r"\1 \2", reading)) for reading in (declared, text))
    alike = odd == odd_as_utf_8 and codec in DENSE and len(signs) <= FEW
    return declared if odd < odd_as_utf_8 or alike else None


def strangeness(text: str) -> float:
    """Of the signs beyond ASCII the share that stands where no text of one language has it."""
    east = EAST_ASIAN.findall(text)
    odd = oddities(text)[0] + min(sum(sign not in level for sign in east) for level in _levels())
    odd += len(RARE.findall(text)) + len(NO_TEXT.findall(text))
    return (odd + BESIDE_COUNTS * len(BESIDE_LATIN.findall(text))) / max(len(HIGH.findall(text)), 1)


_ASCII = frozenset(map(chr, range(128)))


@lru_cache(maxsize=1)
def _levels() -> tuple[frozenset[str], ...]:
    return tuple(
        frozenset("".join(bytes((lead, trail)).decode(codec, "ignore") for lead in leads for trail in trails))
        for codec, (leads, trails) in LEVELS.items()
    )
