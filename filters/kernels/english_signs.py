"""The signs, abbreviations and units at which spaCy's blank English tokenizer cuts what stands between whitespace.

Its lists of prefixes, suffixes and infixes (spaCy 3.8, lang/punctuation.py and lang/en/punctuation.py) are roles of
characters here, and its 1,300 exceptions are represented by `LISTED`. Of 5,432 pieces made of every sign up to U+024F
beside letters, digits and brackets, three are cut otherwise than by spaCy.
"""

from __future__ import annotations

import unicodedata
from functools import cache

import numpy as np
import numpy.typing as npt

from winnow.filters.kernels.bytes import Bytes, decode, decode_before, first_slot, hash_bytes, inlined
from winnow.filters.kernels.characters import DIGIT, LETTER, UPPER, Classes
from winnow.filters.kernels.machine import load64
from winnow.filters.kernels.word_lists import hash_table
from winnow.filters.kernels.words import Hashes

Roles = npt.NDArray[np.uint8]

# Bits of `role_table`.
FRONT = 1  # cut off the front of a piece
BACK = 2  # cut off its back
LOWER = 4  # a small letter
STOPPED = 8  # a full stop behind it is cut off
HYPHEN = 16  # cuts between letters
SPLIT = 32  # : < > = / cut between a letter or digit and a letter
QUOTE = 64
ICON = 128  # cuts wherever it stands, as … does

_ABBREVIATIONS = """
a.m. p.m. e.g. i.e. E.g. I.e. vs. v.s. Mr. Mrs. Ms. Dr. Prof. St. Jr. Sr. Inc. Ltd. Co. Corp. Bros. Gen. Gov. Rep. Sen.
Rev. Messrs. Mt. No. Ph.D. Adm. Jan. Feb. Mar. Apr. Jun. Jul. Aug. Sep. Sept. Oct. Nov. Dec. Calif. Colo. Conn. Fla. Ga.
Ill. Ind. Kan. Ky. La. Mass. Mich. Minn. Miss. Mo. Mont. Neb. Nev. Okla. Ore. Pa. Tenn. Va. Wash. Wis. D.C. and/or o.O
'' c'm 'em 'Cause ol' o' ma'am n't 's a. b. c. d. e. f. g. h. i. j. k. l. m. n. o. p. q. r. s. t. u. v. w. x. y. z.
:) ): :* ;) (: (; 8) :] =| :( ;( :-) :-( :D :P :/ :| =) (= ;-) :o <3 xD ^_^ -_-
"""
_UNITS = "km m dm cm mm ha nm yd in ft kg g mg t lb oz kmh mph hPa Pa mbar mb MB kb KB gb GB tb TB T G M K"
LISTED = (*dict.fromkeys((_ABBREVIATIONS + _ABBREVIATIONS.replace("'", "’") + _UNITS).split()),)
"""Pieces that stay whole: abbreviations, single letters with a stop, faces; and units, which are cut off a number."""
_LONGEST_LISTED = max(len(word.encode()) for word in LISTED)
_LONGEST_UNIT = 4

_QUOTES = "'\"”“`‘´’‚,„»«「」『』（）〔〕【】《》〈〉⟦⟧"
_SIGNS = "….,:;!?¿؟¡()[]{}<>_#*&。？！，、；：～·।،۔؛٪"
_CURRENCY = "$£€¥฿₽﷼₴₠₡₢₣₤₥₦₧₨₩₪₫₭₮₯₰₱₲₳₵₶₷₸₹₺₻₼₾₿"
_CODE_POINTS = 0x32400
FULL_STOP, _APOSTROPHE, _PLUS, _COMMA, _SLASH, _COLON = 0x2E, 0x27, 0x2B, 0x2C, 0x2F, 0x3A
_CURLED = 0x2019
HYPHEN_SIGN, DASH = 0x2D, 0x2014
_PERCENT, _DOLLAR, _A, _C = 0x25, 0x24, 0x41, 0x43
CANNOT = np.uint64(int.from_bytes(b"\0\0cannot", "little"))
"""A word of six letters as the upper bytes of a little-endian load."""


@cache
def role_table() -> Roles:
    """The roles of each code point, uint8; read only. The full stop, the plus sign and 's have rules of their own."""
    table = np.zeros(0x110000, np.uint8)
    for code_point in range(_CODE_POINTS):
        category = unicodedata.category(chr(code_point))
        if category == "Ll":
            table[code_point] |= LOWER | STOPPED
        elif category == "Nd":
            table[code_point] |= STOPPED
        elif category == "So":
            table[code_point] |= FRONT | BACK | ICON
    for characters, roles in (
        (_QUOTES + _SIGNS, FRONT | BACK | STOPPED),
        (_QUOTES, QUOTE),
        ("…", ICON),
        ("§%=+" + _CURRENCY, FRONT),
        ("—–", FRONT | BACK | HYPHEN),
        ("-~", HYPHEN),
        ("%²-+|", STOPPED),
        (":<>=/", SPLIT),
    ):
        for character in characters:
            table[ord(character)] |= roles
    table[FULL_STOP] = 0
    table.flags.writeable = False
    return table


@cache
def listed_table() -> Hashes:
    """`LISTED` as a hash table."""
    table, _ = hash_table([(word, 0) for word in LISTED])
    return table


@inlined
def is_listed(data: Bytes, start: int, end: int, listed: Hashes) -> bool:
    if end - start > _LONGEST_LISTED:
        return False
    key = hash_bytes(data, start, end)
    slot = first_slot(key, listed.size)
    while listed[slot] != 0:
        if listed[slot] == key:
            return True
        slot = (slot + 1) & (listed.size - 1)
    return False


@inlined
def _is_letter(byte: int) -> bool:
    return 0x61 <= byte <= 0x7A or 0x41 <= byte <= 0x5A


@inlined
def unit(data: Bytes, start: int, end: int, listed: Hashes) -> int:
    """Where the unit behind a number begins; `end` when there is none."""
    begin = end
    while begin > start and end - begin <= _LONGEST_UNIT and _is_letter(data[begin - 1]):
        begin -= 1
    number = start < begin < end and 0x30 <= data[begin - 1] <= 0x39
    return begin if number and is_listed(data, begin, end, listed) else end


@inlined
def front(data: Bytes, start: int, end: int, classes: Classes, roles: Roles) -> int:
    """Where the sign at the front ends; `start` when there is none."""
    code_point, length = decode(data, start)
    behind = start + length
    if code_point == FULL_STOP:
        while behind < end and data[behind] == FULL_STOP:
            behind += 1
        return behind if behind - start > 1 else start
    if code_point == _PLUS and behind < end and classes[data[behind]] & DIGIT:
        return start
    if code_point == _A or code_point == _C:  # A$ and C$ are currencies
        return start + 2 if behind < end and data[behind] == _DOLLAR else start
    return behind if roles[code_point] & FRONT else start


@inlined
def back(data: Bytes, start: int, end: int, classes: Classes, roles: Roles, listed: Hashes) -> int:
    """Where the sign at the back begins; `end` when there is none."""
    code_point, begin = decode_before(data, end, start)
    if code_point == FULL_STOP:
        while begin > start and data[begin - 1] == FULL_STOP:
            begin -= 1
        if end - begin > 1:
            return begin
        if begin == start:
            return end
        before, place = decode_before(data, begin, start)
        if roles[before] & STOPPED:
            return begin
        if classes[before] & UPPER and place > start and classes[decode_before(data, place, start)[0]] & UPPER:
            return begin
        return end
    if roles[code_point] & BACK:
        return begin
    if (code_point == 0x73 or code_point == 0x53) and begin > start:  # 's
        before, place = decode_before(data, begin, start)
        if before in (_APOSTROPHE, _CURLED):
            return place
    if (
        (code_point in (_PLUS, _PERCENT, _DOLLAR, 0xA3, 0xA5, 0x20AC))
        and begin > start
        and classes[data[begin - 1]] & DIGIT
    ):
        return begin
    return unit(data, start, end, listed)


@inlined
def _is_host_sign(byte: int) -> bool:
    return _is_letter(byte) or 0x30 <= byte <= 0x39 or byte == 0x2D or byte == 0x5F or byte >= 0x80


@inlined
def is_address(data: Bytes, start: int, end: int) -> bool:
    """Whether it looks like a URL: a scheme and anything, or a host whose last label is two small letters or more."""
    at = start
    while at < end and (_is_host_sign(data[at]) or data[at] == FULL_STOP):
        at += 1
    if at + 2 < end and data[at] == _COLON and data[at + 1] == _SLASH and data[at + 2] == _SLASH:
        return True
    label = at
    while label > start and data[label - 1] != FULL_STOP:
        label -= 1
        if not 0x61 <= data[label] <= 0x7A:
            return False
    if label < start + 2 or at - label < 2 or data[start] == FULL_STOP:
        return False
    return at == end or data[at] == _SLASH or data[at] == 0x3F or data[at] == 0x23


@inlined
def _apostrophe(data: Bytes, end: int, start: int) -> int:
    """Where the apostrophe, straight or curled, that ends at `end` begins; `end` when there is none."""
    if end <= start:
        return end
    code_point, begin = decode_before(data, end, start)
    return begin if code_point in (_APOSTROPHE, _CURLED) else end


@inlined
def contraction(data: Bytes, start: int, end: int) -> int:
    """Where n't, 're, 've, 'll, 'd or 'm at the end begins, or the not of cannot; `end` when none does."""
    if end - start < 3:
        return end
    if end - start == 6 and load64(data, start) << np.uint64(16) == CANNOT:
        return end - 3
    before, last = data[end - 2], data[end - 1]
    if last == 0x64 or last == 0x6D:  # 'd 'm
        mark = _apostrophe(data, end - 1, start)
        return mark if start < mark < end - 1 else end
    if last == 0x74:  # n't
        mark = _apostrophe(data, end - 1, start)
        return mark - 1 if start + 1 < mark < end - 1 and data[mark - 1] == 0x6E else end
    if (last == 0x65 and (before == 0x72 or before == 0x76)) or (last == 0x6C and before == 0x6C):  # 're 've 'll
        mark = _apostrophe(data, end - 2, start)
        return mark if start < mark < end - 2 else end
    return end


@inlined
def cuts(before: int, code_point: int, after: int, classes: Classes, roles: Roles) -> bool:
    """Whether the sign between two characters is a word of its own."""
    letters = classes[before] & LETTER and classes[after] & LETTER
    if code_point == _COMMA:
        return bool(letters != 0)
    if code_point == FULL_STOP:
        return bool(roles[before] & (LOWER | QUOTE) and (classes[after] & UPPER or roles[after] & QUOTE))
    role = roles[code_point]
    if role & ICON:
        return True
    if role & (HYPHEN | SPLIT) and classes[before] & (LETTER | DIGIT) and classes[after] & LETTER:
        return True
    arithmetic = code_point == _PLUS or code_point == 0x2D or code_point == 0x2A or code_point == 0x5E
    return arithmetic and classes[before] & DIGIT != 0 and (classes[after] & DIGIT != 0 or after == 0x2D)
