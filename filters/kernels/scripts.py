"""How many letters of each script a text holds, and which Chinese characters tell simplified from traditional.

A table gives each code point below U+30000 a class: a script (ISO 15924), one of two kinds of Chinese characters that
only one of the two orthographies uses, or nothing. ASCII is counted 64 bytes at a time; the rest is decoded and
looked up.
"""

from __future__ import annotations

from enum import IntEnum
from functools import cache

import numpy as np
import numpy.typing as npt

from winnow.filters.kernels.bytes import Bytes, Offsets, decode, kernel
from winnow.filters.kernels.machine import BLOCK, block_mask, non_ascii_mask, population_count, trailing_zeros


class Script(IntEnum):
    """The classes of letters. `HANS` and `HANT` are the Chinese characters that only one orthography writes."""

    NONE = 0
    LATN = 1
    HANI = 2
    HANS = 3
    HANT = 4
    HIRA = 5
    KANA = 6
    HANG = 7
    CYRL = 8
    ARAB = 9
    GREK = 10
    HEBR = 11
    DEVA = 12
    THAI = 13
    BENG = 14
    TAML = 15
    TELU = 16
    KNDA = 17
    MLYM = 18
    GUJR = 19
    GURU = 20
    ORYA = 21
    SINH = 22
    LAOO = 23
    TIBT = 24
    MYMR = 25
    GEOR = 26
    ARMN = 27
    ETHI = 28
    KHMR = 29
    OTHER = 30  # a letter of any other script


SCRIPTS = len(Script)
JAPANESE_KANA = 0.05
"""Share of kana among kana and Han characters from which a text is Japanese."""
TABLE_SIZE = 0x30000  # the planes that hold all scripts above; beyond it lie only rare Chinese characters (see `count`)

# The blocks in which each script's letters lie (Unicode 16, Blocks.txt); marks and digits in them don't count.
_BLOCKS: dict[Script, tuple[tuple[int, int], ...]] = {
    Script.LATN: ((0x41, 0x5A), (0x61, 0x7A), (0xAA, 0x24F), (0x1E00, 0x1EFF), (0x2C60, 0x2C7F), (0xA720, 0xA7FF)),
    Script.HANI: ((0x3005, 0x3007), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x2FFFF)),
    Script.HIRA: ((0x3041, 0x309F),),
    Script.KANA: ((0x30A1, 0x30FF), (0x31F0, 0x31FF), (0xFF66, 0xFF9F)),
    Script.HANG: ((0x1100, 0x11FF), (0x3130, 0x318F), (0xA960, 0xA97F), (0xAC00, 0xD7FF)),
    Script.CYRL: ((0x400, 0x52F), (0x1C80, 0x1C8F), (0x2DE0, 0x2DFF), (0xA640, 0xA69F)),
    Script.ARAB: ((0x600, 0x6FF), (0x750, 0x77F), (0x8A0, 0x8FF), (0xFB50, 0xFDFF), (0xFE70, 0xFEFF)),
    Script.GREK: ((0x370, 0x3FF), (0x1F00, 0x1FFF)),
    Script.HEBR: ((0x590, 0x5FF), (0xFB1D, 0xFB4F)),
    Script.DEVA: ((0x900, 0x97F), (0xA8E0, 0xA8FF)),
    Script.BENG: ((0x980, 0x9FF),),
    Script.GURU: ((0xA00, 0xA7F),),
    Script.GUJR: ((0xA80, 0xAFF),),
    Script.ORYA: ((0xB00, 0xB7F),),
    Script.TAML: ((0xB80, 0xBFF),),
    Script.TELU: ((0xC00, 0xC7F),),
    Script.KNDA: ((0xC80, 0xCFF),),
    Script.MLYM: ((0xD00, 0xD7F),),
    Script.SINH: ((0xD80, 0xDFF),),
    Script.THAI: ((0xE00, 0xE7F),),
    Script.LAOO: ((0xE80, 0xEFF),),
    Script.TIBT: ((0xF00, 0xFFF),),
    Script.MYMR: ((0x1000, 0x109F), (0xAA60, 0xAA7F)),
    Script.GEOR: ((0x10A0, 0x10FF), (0x1C90, 0x1CBF), (0x2D00, 0x2D2F)),
    Script.ETHI: ((0x1200, 0x139F), (0x2D80, 0x2DDF)),
    Script.ARMN: ((0x530, 0x58F),),
    Script.KHMR: ((0x1780, 0x17FF),),
}

letter_mask = block_mask((0x41, 0x5A), (0x61, 0x7A))


@cache
def script_table() -> npt.NDArray[np.uint8]:
    """The class of each code point below `TABLE_SIZE`, uint8; read-only.

    Which Chinese characters belong to one orthography alone follows from two national character sets: GB 2312 was
    made for simplified text, the frequent level of Big5 for traditional. A character in one and not in the other is
    evidence.
    """
    import sys
    import unicodedata

    table = np.zeros(TABLE_SIZE, np.uint8)
    letters = np.zeros(TABLE_SIZE, bool)
    for code_point in range(min(TABLE_SIZE, sys.maxunicode)):
        letters[code_point] = unicodedata.category(chr(code_point))[0] == "L"
    table[letters] = Script.OTHER
    for script, blocks in _BLOCKS.items():
        for first, last in blocks:
            inside = slice(first, last + 1)
            table[inside][letters[inside]] = script
    table[0x3007] = Script.HANI  # 〇 is a number to Unicode, a character to its readers
    for code_point in range(0x4E00, 0x9FFF):
        simplified, traditional = _in_charset(code_point, "gb2312"), _in_charset(code_point, "big5")
        if simplified and not traditional:
            table[code_point] = Script.HANS
        elif traditional and not simplified and traditional[0] < 0xC7:
            table[code_point] = Script.HANT
    table.flags.writeable = False
    return table


def _in_charset(code_point: int, charset: str) -> bytes | None:
    try:
        return chr(code_point).encode(charset)
    except UnicodeEncodeError:
        return None


@kernel
def count_letters(
    data: Bytes, starts: Offsets, ends: Offsets, table: npt.NDArray[np.uint8], counts: npt.NDArray[np.int32]
) -> None:
    """Counts the letters of `data[starts[i]:ends[i]]` by class into the zeroed `counts`, int32 (n, SCRIPTS)."""
    for text in range(starts.size):
        at, end = starts[text], ends[text]
        while at < end:
            wide = non_ascii_mask(data, at)
            plain = min(trailing_zeros(wide), end - at)  # ASCII bytes from here on, up to a block
            if plain > 0:
                letters = letter_mask(data, at)
                if plain < BLOCK:
                    letters &= (np.uint64(1) << np.uint64(plain)) - np.uint64(1)
                counts[text, 1] += population_count(letters)
                at += plain
            while at < end and data[at] >= 0x80:
                code_point, length = decode(data, at)
                if code_point < table.size:
                    counts[text, table[code_point]] += 1
                at += length
