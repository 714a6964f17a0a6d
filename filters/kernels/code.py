"""Reads program text once and counts what filters for code ask: lines, characters, comments, strings, telling words.

A small lexer knows for each language how comments begin and end and which quotes make strings; no grammar, no
backtracking, so that broken files cost no more than good ones. Each byte is code, comment or string.
"""

from __future__ import annotations

from enum import IntEnum, auto

import numpy as np
import numpy.typing as npt

from winnow.filters.kernels.bytes import Bytes, Offsets, combine_hashes, decode, inlined, kernel
from winnow.filters.kernels.machine import load64


class Count(IntEnum):
    """Columns of the counts, one row per document; characters are code points."""

    CHARACTERS = 0
    LINES = auto()  # pieces between line feeds; an empty text has none
    LONGEST_LINE = auto()  # characters
    LINE_CHARACTERS = auto()  # characters that aren't line feeds
    LETTERS = auto()
    DIGITS = auto()  # 0 to 9
    WHITESPACE = auto()
    REPLACEMENTS = auto()  # U+FFFD
    COMMENT_CHARACTERS = auto()  # delimiters too; in Python, strings that are statements
    CODE_CHARACTERS = auto()  # all that isn't a comment
    STRING_CHARACTERS = auto()  # inside the quotes
    CODE_LINES = auto()  # lines with more than comment and whitespace
    REPEATED_LINES = auto()  # code lines that stand more than once without their whitespace; single signs don't count
    LONG_STRING_LINES = auto()  # pieces of a string on one line with more than 20 words
    LONG_WORD_CHARACTERS = auto()  # of words of more than 20 characters in strings, addresses apart
    HEX_CHARACTERS = auto()  # of 0x… words
    ASSERT_LINES = auto()  # code lines with the word anywhere, in any case; so are the next ones
    PASS_LINES = auto()
    IMPORT_LINES = auto()
    PRINT_LINES = auto()
    DIRECTIVE_LINES = auto()  # code lines that begin with "#"
    PROMPT_LINES = auto()  # comment lines with "todo", "fixme" or "your code here"


COUNTS = len(Count)
LONG_WORD, LONG_STRING = 20, 20

# Columns of a language's syntax, packed little-endian as in the text; 0 where there is none.
LINE_1, LINE_2, BLOCK_START, BLOCK_END, QUOTES, SYNTAX_FIELDS = range(6)
DOUBLE, SINGLE, BACKTICK, TRIPLE, SHORT_SINGLE = 1, 2, 4, 8, 16

CODE, COMMENT, STRING = 0, 1, 2


@inlined
def _starts(data: Bytes, at: int, end: int, packed: np.uint64) -> int:
    """The length of the packed delimiter when it stands at `at`, else 0."""
    if packed == 0:
        return 0
    length = 0
    rest = packed
    while rest != 0:
        rest >>= np.uint64(8)
        length += 1
    if at + length > end:
        return 0
    mask = (np.uint64(1) << np.uint64(8 * length)) - np.uint64(1)
    return length if (load64(data, at) & mask) == packed else 0


@inlined
def _is_word(data: Bytes, at: int, end: int, packed: np.uint64, length: int) -> bool:
    """True when the ASCII letters at `at`, made lower case, are the packed word."""
    word = load64(data, at) | np.uint64(0x2020202020202020)
    return at + length <= end and (word << np.uint64(64 - 8 * length)) == (packed << np.uint64(64 - 8 * length))


@kernel
def count_code(
    data: Bytes,
    offsets: Offsets,
    syntaxes: npt.NDArray[np.uint64],
    table: npt.NDArray[np.uint8],
    slots: npt.NDArray[np.uint64],
    times: npt.NDArray[np.int32],
    touched: npt.NDArray[np.int32],
    counts: npt.NDArray[np.int64],
) -> None:
    """Fills the zeroed `counts`, int64 of shape (n, COUNTS). `syntaxes`: (n, SYNTAX_FIELDS), one row per document.

    `table` tells the script of a code point (`scripts.script_table`). Scratch: `slots` and the zeroed `times` with a
    power of two entries, more than the lines of any document; `touched` with as many.
    """
    for text in range(offsets.size - 1):
        _count_text(data, offsets[text], offsets[text + 1], syntaxes[text], table, slots, times, touched, counts[text])


@kernel
def _count_text(
    data: Bytes,
    start: int,
    end: int,
    syntax: npt.NDArray[np.uint64],
    table: npt.NDArray[np.uint8],
    slots: npt.NDArray[np.uint64],
    times: npt.NDArray[np.int32],
    touched: npt.NDArray[np.int32],
    counts: npt.NDArray[np.int64],
) -> None:
    quotes = np.int64(syntax[4])
    state, quote, triple = CODE, np.int64(0), False
    closing = np.uint64(0)
    at = start
    line_start, blank_so_far, has_code = np.int64(0), True, False
    line_hash, line_signs = np.uint64(1), np.int64(0)
    asserts = passes = imports = prints = directive = prompts = False
    string_words, word_length, word_is_address = np.int64(0), np.int64(0), False
    lines_hashed = np.int64(0)
    mask = np.int64(slots.size - 1)
    while at <= end:
        at_end = at == end
        if at_end and (start == end or data[end - 1] == 10):
            break  # what follows the last line feed is no line
        byte = np.int64(10) if at_end else np.int64(data[at])
        if state == STRING and (byte <= 32 or at_end):
            if word_length > LONG_WORD and not word_is_address:
                counts[14] += word_length
            string_words += word_length > 0
            word_length, word_is_address = 0, False
        if byte == 10:
            if state == STRING and string_words > LONG_STRING:
                counts[13] += 1
            string_words = 0
            length = counts[0] - line_start
            counts[1] += 1
            counts[3] += length
            counts[2] = max(counts[2], length)
            if has_code:
                counts[11] += 1
                counts[16] += asserts
                counts[17] += passes
                counts[18] += imports
                counts[19] += prints
                counts[20] += directive
                if line_signs > 1:
                    slot = np.int64(line_hash >> np.uint64(8)) & mask
                    while times[slot] > 0 and slots[slot] != line_hash:
                        slot = (slot + 1) & mask
                    if times[slot] == 0:
                        slots[slot] = line_hash
                        touched[lines_hashed] = slot
                        lines_hashed += 1
                    times[slot] += 1
                    counts[12] += 2 if times[slot] == 2 else 1 if times[slot] > 2 else 0
            counts[21] += prompts
            if state == COMMENT and closing == 0:
                state = CODE
            if state == STRING and not triple and quote != 0x60:
                state = CODE
            if at_end:
                break
            counts[0] += 1
            counts[6] += 1
            if state == COMMENT:
                counts[8] += 1
            else:
                counts[9] += 1
                counts[10] += state == STRING
            line_start = counts[0]
            blank_so_far, has_code = True, False
            line_hash, line_signs = np.uint64(1), np.int64(0)
            asserts = passes = imports = prints = directive = prompts = False
            at += 1
            continue
        step = np.int64(1)
        kind = state
        if state == CODE:
            opened = _starts(data, at, end, syntax[2])
            if opened > 0:
                state, kind, closing, step = COMMENT, COMMENT, syntax[3], opened
            elif _starts(data, at, end, syntax[0]) > 0 or _starts(data, at, end, syntax[1]) > 0:
                state, kind, closing = COMMENT, COMMENT, np.uint64(0)
            elif (
                (byte == 0x22 and quotes & DOUBLE)
                or (byte == 0x27 and quotes & (SINGLE | SHORT_SINGLE))
                or (byte == 0x60 and quotes & BACKTICK)
            ):
                triple = bool(quotes & TRIPLE) and at + 2 < end and data[at + 1] == byte and data[at + 2] == byte
                opens = True
                if byte == 0x27 and quotes & SHORT_SINGLE:
                    opens = _is_character(data, at + 1, end)
                if opens:
                    quote = byte
                    step = np.int64(3) if triple else np.int64(1)
                    if triple and blank_so_far:
                        state, kind = COMMENT, COMMENT
                        closing = np.uint64(byte) * np.uint64(0x010101)
                    else:
                        state = STRING
                        word_length, string_words, word_is_address = np.int64(0), np.int64(0), False
        elif state == COMMENT:
            if closing != 0:
                closed = _starts(data, at, end, closing)
                if closed > 0:
                    state, step = CODE, closed
        elif byte == 0x5C and at + 1 < end and data[at + 1] != 10:
            step = np.int64(2)
        elif byte == quote and (not triple or (at + 2 < end and data[at + 1] == byte and data[at + 2] == byte)):
            state, kind, step = CODE, CODE, np.int64(3) if triple else np.int64(1)
            if word_length > LONG_WORD and not word_is_address:
                counts[14] += word_length
            string_words += word_length > 0
            if string_words > LONG_STRING:
                counts[13] += 1
            word_length, string_words = np.int64(0), np.int64(0)
        if byte >= 0x80 and step == 1:
            code_point, step = decode(data, at)
            counts[4] += code_point < table.size and table[code_point] != 0
            counts[7] += code_point == 0xFFFD
            counts[6] += code_point == 0x3000 or code_point == 0xA0
            counts[0] += 1
            characters = np.int64(1)
        else:
            characters = step
            if step == 2 and data[at + 1] >= 0x80:  # an escaped character above ASCII
                code_point, length = decode(data, at + 1)
                step = 1 + length
                counts[4] += code_point < table.size and table[code_point] != 0
                counts[7] += code_point == 0xFFFD
                counts[6] += code_point == 0x3000 or code_point == 0xA0
            for index in range(at, min(at + step, end)):
                low = np.int64(data[index])
                counts[4] += 0x41 <= (low & 0xDF) <= 0x5A
                counts[5] += 0x30 <= low <= 0x39
                counts[6] += low == 32 or 9 <= low <= 13
            counts[0] += characters
        if kind == COMMENT:
            counts[8] += characters
            to_do = byte | 32 == 0x74 and _is_word(data, at, end, np.uint64(0x6F646F74), 4)
            fix_me = byte | 32 == 0x66 and _is_word(data, at, end, np.uint64(0x656D786966), 5)
            if to_do or fix_me:
                prompts = True
            elif byte | 32 == 0x79 and _is_word(data, at, end, np.uint64(0x646F632072756F79), 8):
                prompts = prompts or _is_word(data, at + 8, end, np.uint64(0x657265682065), 6)
        else:
            counts[9] += characters
            if kind == STRING:
                counts[10] += characters
                if byte > 32:
                    word_length += characters
                    if byte == 0x3A and at + 2 < end and data[at + 1] == 0x2F and data[at + 2] == 0x2F:
                        word_is_address = True
            if byte > 32:
                if blank_so_far and byte == 0x23:
                    directive = True
                has_code = True
                line_signs += characters
                for index in range(at, min(at + step, end)):
                    line_hash = combine_hashes(line_hash, np.uint64(data[index]))
                if byte | 32 == 0x61 and _is_word(data, at, end, np.uint64(0x747265737361), 6):
                    asserts = True
                elif byte | 32 == 0x70 and _is_word(data, at, end, np.uint64(0x73736170), 4):
                    passes = True
                elif byte | 32 == 0x69 and _is_word(data, at, end, np.uint64(0x74726F706D69), 6):
                    imports = True
                elif byte == 0x70 and _starts(data, at, end, np.uint64(0x746E697270)) > 0:
                    prints = True
                elif byte == 0x30 and step == 1 and (at == start or not _joins_word(data[at - 1])):
                    counts[15] += _hexadecimal(data, at, end)
        if byte > 32:
            blank_so_far = False
        at += step
    for line in range(lines_hashed):
        times[touched[line]] = 0


@inlined
def _is_character(data: Bytes, at: int, end: int) -> bool:
    """True for an escape, or one character and a quote: where a lone quote means something else (a lifetime in Rust)."""
    if at >= end:
        return False
    if data[at] == 0x5C:
        return True
    _, length = decode(data, at)
    return at + length < end and data[at + length] == 0x27


@inlined
def _joins_word(byte: int) -> bool:
    return 0x30 <= byte <= 0x39 or 0x41 <= byte <= 0x5A or 0x61 <= byte <= 0x7A or byte == 0x5F or byte >= 0x80


@inlined
def _hexadecimal(data: Bytes, at: int, end: int) -> int:
    """Characters of the word 0x… at `at`; 0 when it is another word."""
    if at + 2 >= end or data[at + 1] | 32 != 0x78:
        return 0
    last = at + 2
    while last < end and (0x30 <= data[last] <= 0x39 or 0x61 <= (data[last] | 32) <= 0x66):
        last += 1
    return last - at if last > at + 2 and (last == end or not _joins_word(data[last])) else 0
