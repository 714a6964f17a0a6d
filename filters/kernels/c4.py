"""C4's pass over the lines of a page: which lines stay, what is cut out of them, and what condemns the whole page."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from winnow.filters.kernels.bytes import Bytes, Offsets, count_characters, decode, inlined, kernel
from winnow.filters.kernels.characters import DIGIT, SPACE, TERMINAL, Classes
from winnow.filters.kernels.copying import copy
from winnow.filters.kernels.lines import find_line_break, finder, skip_space, trim_space
from winnow.filters.kernels.machine import block_mask
from winnow.filters.kernels.phrases import find_phrase, has_phrase
from winnow.filters.kernels.words import Bounds, count, split

Counts = npt.NDArray[np.int64]

# What `edit` counts, as columns of its `counts`.
LINES = 0
KEPT_LINES = 1
SENTENCES = 2  # of the kept lines
LOREM_IPSUM = 3  # 1 when this stopped the page
CURLY_BRACKET = 4  # 1 when this stopped the page
LONG_WORD_LINES = 5  # dropped: a word of more than 1,000 characters
UNFINISHED_LINES = 6  # dropped: no mark at the end
SHORT_LINES = 7  # dropped: too few words
JAVASCRIPT_LINES = 8  # dropped
POLICY_LINES = 9  # dropped
C4_COUNTS = 10

LONGEST_WORD = 1000
FEWEST_WORDS = 3

PHRASES = (
    "cookie",
    "lorem ipsum",
    "javascript",
    "terms of use",
    "privacy policy",
    "cookie policy",
    "uses cookies",
    "use of cookies",
    "use cookies",
)
"""The first is in the last four: a page without the first five has none of them. Policy phrases begin at the fourth."""
_LOREM_IPSUM, _JAVASCRIPT, _FIRST_POLICY, _FIRST_OF_COOKIES = 1, 2, 3, 5
CITATIONS = ("[edit]", "[citation needed]")

_KEPT = -1
_LINE_FEED, _BRACKET, _CLOSING_BRACKET, _CURLY = 0x0A, 0x5B, 0x5D, 0x7B
_FULL_STOP = 0x2E
_LAST_ASCII = 0x7F

_find_bracket = finder(block_mask((_BRACKET, _BRACKET)))
_find_curly = finder(block_mask((_CURLY, _CURLY)))
_find_mark = finder(block_mask((0x21, 0x21), (0x2E, 0x2E), (0x3F, 0x3F), (0x80, 0xFF)))
"""The next of . ! ? or of the characters beyond ASCII, some of which end sentences as well."""


@inlined
def _has_long_word(data: Bytes, start: int, end: int, bounds: Bounds) -> bool:
    if end - start <= LONGEST_WORD:
        return False
    for word in range(split(data, start, end, bounds, 0) >> 1):
        first, last = bounds[2 * word], bounds[2 * word + 1]
        if last - first > LONGEST_WORD and count_characters(data, first, last) > LONGEST_WORD:
            return True
    return False


@inlined
def _citation_end(data: Bytes, at: int, end: int, classes: Classes, citations: Bytes, offsets: Offsets) -> int:
    """Where the citation mark that begins at `at` ends: `[12]`, `[]`, `[edit]` …; `at` when it is none."""
    close = at + 1
    while close < end:
        code_point, length = decode(data, close)
        if code_point == _CLOSING_BRACKET:
            return close + 1
        if not classes[code_point] & DIGIT:
            break
        close += length
    for number in range(offsets.size - 1):
        length = offsets[number + 1] - offsets[number]
        same = at + length <= end
        index = 0
        while same and index < length:
            same = data[at + index] == citations[offsets[number] + index]
            index += 1
        if same:
            return int(at + length)
    return at


@inlined
def _copy_without_citations(
    data: Bytes, start: int, end: int, classes: Classes, citations: Bytes, offsets: Offsets, text: Bytes, at: int
) -> int:
    """Copies `data[start:end]` to `text` from `at` on; returns where the copy ends."""
    while True:
        bracket = _find_bracket(data, start, end)
        at = copy(data, start, bracket, text, at)
        if bracket >= end:
            return at
        start = _citation_end(data, bracket, end, classes, citations, offsets)
        if start == bracket:
            text[at] = _BRACKET
            at += 1
            start += 1


@inlined
def _is_finished(data: Bytes, start: int, end: int) -> bool:
    """Whether the line ends in . ? ! \" or ' and not in three dots."""
    if end == start:
        return False
    last = data[end - 1]
    if last == _FULL_STOP:
        return not (end - start >= 3 and data[end - 2] == _FULL_STOP and data[end - 3] == _FULL_STOP)
    return bool(last == 0x3F or last == 0x21 or last == 0x22 or last == 0x27)


@inlined
def _is_closing(code_point: int) -> bool:
    """Quotes and brackets that may stand between the end of a sentence and the next: \" ' ) ] } ’ ” 」 』 ） 》."""
    return (
        code_point == 0x22
        or code_point == 0x27
        or code_point == 0x29
        or code_point == 0x5D
        or code_point == 0x7D
        or code_point == 0x2019
        or code_point == 0x201D
        or code_point == 0x300D
        or code_point == 0x300F
        or code_point == 0xFF09
        or code_point == 0x300B
    )


@inlined
def count_sentences(data: Bytes, start: int, end: int, classes: Classes) -> int:
    """Sentences of `data[start:end]`: each run of terminal marks ends one, and what follows the last mark is one more.

    A mark of ASCII (. ! ?) ends a sentence only where whitespace or the end of the text follows, closing quotes and
    brackets between them aside, so that 3.14, example.org and a.b stay whole; any other mark (。！？ …) ends it at
    once.
    """
    sentences = 0
    ended = start  # where the last one ended
    at = start
    while at < end:
        if data[at] <= _LAST_ASCII:
            at = _find_mark(data, at, end)
            if at >= end:
                break
        code_point, length = decode(data, at)
        at += length
        if not classes[code_point] & TERMINAL:
            continue
        wide = code_point > _LAST_ASCII
        while at < end:
            code_point, length = decode(data, at)
            if not (classes[code_point] & TERMINAL or _is_closing(code_point)):
                break
            wide = wide or (classes[code_point] & TERMINAL and code_point > _LAST_ASCII)
            at += length
        if wide or at >= end or classes[code_point] & SPACE:
            sentences += 1
            ended = at
    return sentences + (skip_space(data, ended, end, classes) < end)


@inlined
def _verdict(
    text: Bytes, start: int, end: int, words: int, must_finish: bool, suspect: bool, phrases: Bytes,
    phrase_offsets: Offsets,
) -> int:  # fmt: skip
    """The column of the rule that the line breaks, in C4's order; `_KEPT` when it breaks none.

    Phrases are looked for where the line is `suspect` of holding one.
    """
    if must_finish and not _is_finished(text, start, end):
        return UNFINISHED_LINES
    if words < FEWEST_WORDS:
        return SHORT_LINES
    if suspect and find_phrase(text, start, end, phrases, phrase_offsets, _LOREM_IPSUM) >= 0:
        return LOREM_IPSUM
    if suspect and find_phrase(text, start, end, phrases, phrase_offsets, _JAVASCRIPT) >= 0:
        return JAVASCRIPT_LINES
    if _find_curly(text, start, end) < end:
        return CURLY_BRACKET
    if suspect and has_phrase(text, start, end, phrases, phrase_offsets, range(_FIRST_POLICY, len(PHRASES))):
        return POLICY_LINES
    return _KEPT


@inlined
def _edit_page(
    data: Bytes, start: int, end: int, must_finish: bool, classes: Classes, phrases: Bytes, phrase_offsets: Offsets,
    citations: Bytes, citation_offsets: Offsets, bounds: Bounds, text: Bytes, at: int, row: Counts,
) -> int:  # fmt: skip
    """Writes the page's kept lines to `text` from `at` on and returns where they end; -1 when the page is condemned."""
    begin = at
    suspect = has_phrase(data, start, end, phrases, phrase_offsets, range(_FIRST_OF_COOKIES))
    while start < end:
        stop, width = find_line_break(data, start, end)
        first = skip_space(data, start, stop, classes)
        last = trim_space(data, first, stop, classes)
        start = stop + width
        row[LINES] += 1
        if _has_long_word(data, first, last, bounds):
            row[LONG_WORD_LINES] += 1
            continue
        words = count(data, first, last)
        line = at + 1 if at > begin else at  # behind the line feed that joins it to the line before
        tail = _copy_without_citations(data, first, last, classes, citations, citation_offsets, text, line)
        joined = tail - line < last - first  # a phrase may come of what stood around a citation mark
        verdict = _verdict(text, line, tail, words, must_finish, suspect or joined, phrases, phrase_offsets)
        if verdict != _KEPT:
            row[verdict] += 1
            if verdict in (LOREM_IPSUM, CURLY_BRACKET):
                return -1
            continue
        row[KEPT_LINES] += 1
        row[SENTENCES] += count_sentences(text, line, tail, classes)
        if line > begin:
            text[line - 1] = _LINE_FEED
        at = tail
    return at


@inlined
def _strip(text: Bytes, start: int, end: int, classes: Classes) -> int:
    """Strips whitespace from `text[start:end]` in place; returns its new end."""
    first = skip_space(text, start, end, classes)
    end = trim_space(text, first, end, classes)
    if first > start:
        for index in range(end - first):
            text[start + index] = text[first + index]
    return start + end - first


@kernel
def edit(
    data: Bytes, offsets: Offsets, must_finish: bool, classes: Classes, phrases: Bytes, phrase_offsets: Offsets,
    citations: Bytes, citation_offsets: Offsets, bounds: Bounds, text: Bytes, text_offsets: Offsets, counts: Counts,
) -> None:  # fmt: skip
    """Writes each page's kept lines, joined by line feeds and stripped, to `text`; a condemned page stays as it was.

    `must_finish` drops lines that don't end a sentence. `counts` (n × `C4_COUNTS`, int64) gets the columns named above.
    `text` needs room for the input and its padding, `bounds` for the longest page's length and two more.
    """
    at = 0
    text_offsets[0] = 0
    for document in range(offsets.size - 1):
        start, end = offsets[document], offsets[document + 1]
        row = counts[document]
        row[:] = 0
        behind = _edit_page(
            data, start, end, must_finish, classes, phrases, phrase_offsets, citations, citation_offsets, bounds, text,
            at, row,
        )  # fmt: skip
        at = copy(data, start, end, text, at) if behind < 0 else _strip(text, at, behind, classes)
        text_offsets[document + 1] = at
