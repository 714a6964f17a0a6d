"""What recipes for Chinese count character by character: scripts and their garbling, marks, runs of signs, entropy."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import numpy.typing as npt

from winnow.filters.kernels.bytes import Bytes, Offsets, combine_hashes, decode, inlined, kernel
from winnow.filters.kernels.characters import ALPHANUMERIC, DIGIT, SPACE, Classes
from winnow.filters.kernels.lines import find_line_break
from winnow.filters.kernels.repeats import EMPTY, clear, find_or_insert, table_size
from winnow.filters.kernels.scripts import Script, script_table

Counts = npt.NDArray[np.int64]
Kinds = npt.NDArray[np.uint16]
Places = npt.NDArray[np.int32]
Hashes = npt.NDArray[np.uint64]

# Bits of `kind_table`; column i of the counts is how many characters have bit i.
HAN = 0  # U+4E00 to U+9FA5, what ChineseWebText calls Chinese
TRADITIONAL = 1  # written in traditional Chinese only
GBK_GARBLE = 2  # what becomes of frequent Chinese when its UTF-8 is read as GBK
REPLACEMENT = 3  # U+FFFD
INVISIBLE = 4  # controls but \t \n \r, private use, noncharacters
FULL_WIDTH = 5  # letters and digits of full width
PUNCTUATION = 6  # of ASCII, of CJK and its full-width forms, and …
KINDS = 7
# The counts that aren't bits.
CHARACTERS = 7
WORD_CHARACTERS = 8  # letters, digits, _ and whitespace: what is left without punctuation
DIGITS = 9
HASH_RUNS = 10  # runs of #
ELLIPSIS_RUNS = 11  # runs of …, runs of two full stops or more
BRACKETED = 12  # characters between 【 and 】 on one line
SENTENCES = 13  # pieces between marks that aren't blank
LATIN_GARBLE = 14  # characters of UTF-8 read as Latin-1 or Windows-1252: Ã© ä¸­ â€œ
DISTINCT = 15
LINES = 16  # str.splitlines
MORE_LINES = 17  # of those, ending as a cut-off teaser does
BULLET_LINES = 18
HAN_COUNTS = 19

MARKS = '.!…?;。！？；"“”'
"""Where MAP-NEO cuts sentences, in both widths; the original's splitter knows the narrow ones alone."""
BULLETS = "•●○■□▪▫※·➢‣▶◀◦–"
ENDINGS = ("readmore", "展开", "更多", "。。。")

_FREQUENT = (
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经么去法"
    "学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把机十民第公此已工使情明性知全三又关点正业"
)
"""The 140 most frequent characters of modern Chinese, roughly in order."""
_GARBLES_OF = "，。、：；？！“”（）《》"
_FULL_WIDTH_RANGES = ((0xFF10, 0xFF19), (0xFF21, 0xFF3A), (0xFF41, 0xFF5A))
_PUNCTUATION_RANGES = (
    (0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E), (0x2014, 0x2026), (0x3001, 0x3003), (0x3008, 0x3011),
    (0x3014, 0x301F), (0xFF01, 0xFF0F), (0xFF1A, 0xFF20), (0xFF3B, 0xFF40), (0xFF5B, 0xFF65),
)  # fmt: skip
_INVISIBLE_RANGES = ((0, 8), (11, 12), (14, 31), (127, 159), (0xE000, 0xF8FF), (0xFDD0, 0xFDEF), (0xFFFE, 0xFFFF))
_HASH, _FULL_STOP, _UNDERSCORE = 0x23, 0x2E, 0x5F
_ELLIPSIS, _OPEN, _CLOSE = 0x2026, 0x3010, 0x3011
_CODE_POINTS = 0x110000


@cache
def kind_table() -> Kinds:
    """The bits of every code point, uint16; read only."""
    table = np.zeros(_CODE_POINTS, np.uint16)
    table[0x4E00:0x9FA6] |= 1 << HAN
    scripts = script_table()
    table[: scripts.size][scripts == Script.HANT] |= 1 << TRADITIONAL
    for character in _garbled():
        table[ord(character)] |= 1 << GBK_GARBLE
    table[0xFFFD] |= 1 << REPLACEMENT
    for bit, ranges in (
        (INVISIBLE, _INVISIBLE_RANGES),
        (FULL_WIDTH, _FULL_WIDTH_RANGES),
        (PUNCTUATION, _PUNCTUATION_RANGES),
    ):
        for low, high in ranges:
            table[low : high + 1] |= 1 << bit
    table.flags.writeable = False
    return table


def _garbled() -> set[str]:
    """What frequent Chinese turns into when its UTF-8 is read as GBK, but for frequent characters themselves."""
    found: set[str] = set()
    for first in _FREQUENT + _GARBLES_OF:
        for second in _FREQUENT[:40] + _GARBLES_OF:
            found.update((first + second).encode().decode("gbk", errors="ignore"))
    return {character for character in found if "\u4e00" <= character <= "\u9fff"} - set(_FREQUENT)


@cache
def mark_table() -> npt.NDArray[np.uint8]:
    """1 where `MARKS` has the code point, 2 where `BULLETS` has it; uint8, read only."""
    table = np.zeros(_CODE_POINTS, np.uint8)
    for value, characters in ((1, MARKS), (2, BULLETS)):
        for character in characters:
            table[ord(character)] |= value
    table.flags.writeable = False
    return table


@inlined
def _latin_lead(code_point: int) -> bool:
    """Whether it's what a first byte of UTF-8 looks like in Latin-1: Â to ô."""
    return 0xC2 <= code_point <= 0xF4


@inlined
def _latin_trail(code_point: int) -> bool:
    """Whether it's what a later byte of UTF-8 looks like in Latin-1 or Windows-1252."""
    if 0x80 <= code_point <= 0xBF:
        return True
    return (
        code_point == 0x20AC or 0x2018 <= code_point <= 0x203A or code_point == 0x2122 or 0x0152 <= code_point <= 0x017E
    )


@inlined
def _count_characters(
    data: Bytes, start: int, end: int, classes: Classes, kinds: Kinds, marks: Bytes, row: Counts
) -> None:
    before = 0
    dots = 0
    opened = -1  # characters since the last 【 of the line
    filled = False  # whether the sentence has more than whitespace
    lead = False
    at = start
    while at < end:
        code_point, length = decode(data, at)
        at += length
        kind = kinds[code_point]
        flags = classes[code_point]
        row[CHARACTERS] += 1
        for bit in range(KINDS):
            row[bit] += (kind >> bit) & 1
        row[DIGITS] += flags & DIGIT != 0
        row[WORD_CHARACTERS] += flags & (ALPHANUMERIC | SPACE) != 0 or code_point == _UNDERSCORE
        row[HASH_RUNS] += code_point == _HASH and before != _HASH
        dots = dots + 1 if code_point == _FULL_STOP else 0
        row[ELLIPSIS_RUNS] += dots == 2 or (code_point == _ELLIPSIS and before != _ELLIPSIS)
        if code_point == _CLOSE and opened >= 0:
            row[BRACKETED] += opened
            opened = -1
        elif opened >= 0:
            opened = opened + 1 if code_point != 0x0A else -1
        elif code_point == _OPEN:
            opened = 0
        if marks[code_point] & 1:
            row[SENTENCES] += filled
            filled = False
        elif not flags & SPACE:
            filled = True
        if lead and _latin_trail(code_point):
            row[LATIN_GARBLE] += 1 + _latin_lead(before)
        lead = _latin_lead(code_point) or (lead and _latin_trail(code_point))
        before = code_point
    row[SENTENCES] += filled


@inlined
def _ends_with(data: Bytes, start: int, end: int, endings: Bytes, offsets: Offsets) -> bool:
    for number in range(offsets.size - 1):
        length = offsets[number + 1] - offsets[number]
        same = end - start >= length
        index = 0
        while same and index < length:
            same = data[end - length + index] == endings[offsets[number] + index]
            index += 1
        if same:
            return True
    return False


@inlined
def _count_lines(
    data: Bytes, start: int, end: int, marks: Bytes, endings: Bytes, ending_offsets: Offsets, row: Counts
) -> None:
    while start < end:
        stop, width = find_line_break(data, start, end)
        row[LINES] += 1
        if stop > start:
            row[BULLET_LINES] += marks[decode(data, start)[0]] & 2 != 0
            row[MORE_LINES] += _ends_with(data, start, stop, endings, ending_offsets)
        start = stop + width


@inlined
def _entropy(data: Bytes, start: int, end: int, total: int, histogram: Places, row: Counts) -> float:
    """Entropy of the characters in nats; counts the distinct ones and leaves `histogram` zeroed."""
    at = start
    while at < end:
        code_point, length = decode(data, at)
        histogram[code_point] += 1
        at += length
    entropy = 0.0
    at = start
    while at < end:
        code_point, length = decode(data, at)
        times = histogram[code_point]
        if times > 0:
            row[DISTINCT] += 1
            entropy -= times / total * math.log(times / total)
            histogram[code_point] = 0
        at += length
    return entropy


@kernel
def measure(
    data: Bytes, offsets: Offsets, classes: Classes, kinds: Kinds, marks: Bytes, endings: Bytes, ending_offsets:
    Offsets, histogram: Places, counts: Counts, entropies: npt.NDArray[np.float64],
) -> None:  # fmt: skip
    """Counts every string's characters into `counts` (n × `HAN_COUNTS`, int64) and gives the entropy of each in nats.

    `histogram` is zeroed int32 for every code point and is left so. An empty string has entropy 0.
    """
    for document in range(offsets.size - 1):
        start, end = offsets[document], offsets[document + 1]
        row = counts[document]
        row[:] = 0
        _count_characters(data, start, end, classes, kinds, marks, row)
        _count_lines(data, start, end, marks, endings, ending_offsets, row)
        entropies[document] = _entropy(data, start, end, row[CHARACTERS], histogram, row)


@kernel
def measure_runs(
    data: Bytes, offsets: Offsets, length: int, runes: Places, slots: Places, keys: Hashes, first: Places,
    times: Places, counts: Counts,
) -> None:  # fmt: skip
    """Runs of `length` characters, spaces, tabs and line feeds left out and ASCII capitals made small.

    `counts[:, 0]` is how many runs a string has, without the last one (as ChineseWebText counts), `counts[:, 1]` how
    many of those are of runs that stand more than once. A string shorter than `length` is one run.
    """
    for document in range(offsets.size - 1):
        at, end = offsets[document], offsets[document + 1]
        size = 0
        while at < end:
            code_point, width = decode(data, at)
            at += width
            if code_point == 0x20 or code_point == 0x09 or code_point == 0x0A:
                continue
            runes[size] = code_point + 0x20 if 0x41 <= code_point <= 0x5A else code_point
            size += 1
        runs = size - length if size >= length else 1
        table = table_size(runs)
        clear(slots, table)
        repeated = 0
        for run in range(runs if size >= length else 0):
            key = np.uint64(0)
            for index in range(run, run + length):
                key = combine_hashes(key, np.uint64(runes[index]))
            keys[run] = key
            earlier = find_or_insert(slots, table, keys, run)
            first[run] = run if earlier == EMPTY else earlier
            times[run] = 1
            if earlier != EMPTY:
                times[earlier] += 1
        for run in range(runs if size >= length else 0):
            repeated += times[first[run]] > 1
        counts[document, 0] = runs
        counts[document, 1] = repeated
