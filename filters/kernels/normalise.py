"""The one normalisation under shingles and n-grams: which characters make words, which stand alone, what each becomes.

A character is folded to its compatibility form without accents, in lower case, where that is one character (É → e,
Ａ → a, ٣ → 3). Letters, marks and numbers make words; characters of scripts without spaces (Han, kana, bopomofo, Thai,
Lao, Khmer, Burmese) are terms of their own; accents and invisible characters are skipped; all else separates.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

SEPARATOR, WORD, CHARACTER, DIGIT, SKIPPED = range(5)
TABLE_SIZE = 0x20000
"""Code points that the tables tell; those above are rare Han characters, tokens of their own."""

UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x3005, 0x3007),  # 々 〆 〇
    (0x3040, 0x312F),  # hiragana, katakana, bopomofo
    (0x31A0, 0x31BF),
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0xFF66, 0xFF9F),  # half-width katakana
)
HAN_DIGITS = "〇一二三四五六七八九"
HAN_POWERS = "十百千万亿"
_PLAIN = ((0x3400, 0x4DBF), (0x4E00, 0x9FFC), (0xAC00, 0xD7A3))
"""Letters, all of them, that are left as they are: Han characters, and Hangul syllables in spite of their parts."""
_ACCENTS = range(0x0300, 0x0370)
_INVISIBLE = (0x00AD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, *range(0xFE00, 0xFE10))


class Characters(NamedTuple):
    """What becomes of each code point below `TABLE_SIZE`: its class (uint8) and its folded form (uint32)."""

    classes: npt.NDArray[np.uint8]
    folds: npt.NDArray[np.uint32]


@cache
def characters(*, alone: bool = False, han_digits: bool = False, simplified: bool = False) -> Characters:
    """The tables of the normalisation; costs about 0.1 s once.

    `alone` makes every letter a token (character shingles of any script); `han_digits` reads 三 as 3, and 十百千万亿 as
    parts of numbers; `simplified` reads traditional and Japanese forms as simplified Chinese (蘋 as 苹), by OpenCC's
    tables, one by one.
    """
    classes = np.zeros(TABLE_SIZE, np.uint8)
    folds = np.arange(TABLE_SIZE, dtype=np.uint32)
    for point in range(TABLE_SIZE):
        if any(first <= point <= last for first, last in _PLAIN):
            continue
        if unicodedata.category(chr(point)) not in ("Cn", "Co", "Cs"):  # unassigned, private, surrogate
            folded = _fold(chr(point))
            folds[point] = ord(folded)
            classes[point] = _class(folded)
    for first, last in _PLAIN:
        classes[first : last + 1] = WORD
    for first, last in UNSPACED:
        inside = classes[first : last + 1]
        inside[inside == WORD] = CHARACTER
    classes[list(_INVISIBLE)] = SKIPPED
    classes[_ACCENTS.start : _ACCENTS.stop] = SKIPPED
    if simplified:
        points = np.array([*range(0x3400, 0x4DC0), *range(0x4E00, 0xA000)])
        folds[points] = _simplified(points)
    if alone:
        classes[classes == WORD] = CHARACTER
    if han_digits:
        for value, digit in enumerate(HAN_DIGITS):
            classes[ord(digit)], folds[ord(digit)] = DIGIT, ord("0") + value
        classes[np.isin(folds, list(map(ord, HAN_POWERS)))] = DIGIT
    classes.flags.writeable = folds.flags.writeable = False
    return Characters(classes, folds)


def _simplified(points: npt.NDArray[np.int64]) -> npt.NDArray[np.uint32]:
    import opencc

    lines = "\n".join(map(chr, points.tolist()))
    read = opencc.OpenCC("t2s").convert(opencc.OpenCC("jp2t").convert(lines)).split("\n")
    return np.array(
        [
            ord(one) if len(one) == 1 and ord(one) < TABLE_SIZE else point
            for one, point in zip(read, points.tolist(), strict=True)
        ],
        np.uint32,
    )


def _fold(character: str) -> str:
    if unicodedata.category(character) == "Nd":
        return str(unicodedata.digit(character))
    plain = "".join(part for part in unicodedata.normalize("NFKD", character) if ord(part) not in _ACCENTS).lower()
    if len(plain) == 1 and ord(plain) < TABLE_SIZE:
        return plain
    lower = character.lower()
    return lower if len(lower) == 1 else character


def _class(folded: str) -> int:
    category = unicodedata.category(folded)
    if category == "Nd":
        return DIGIT
    return WORD if category[0] in "LMN" else SEPARATOR
