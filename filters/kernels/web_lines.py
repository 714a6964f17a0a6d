"""RefinedWeb's pass over the lines of a page: shouting, numbers and counters go, web furniture is cut out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from winnow.filters.kernels.bytes import Bytes, Offsets, decode, inlined, kernel
from winnow.filters.kernels.characters import ALPHANUMERIC, DIGIT, SPACE, UPPER, Classes
from winnow.filters.kernels.copying import copy
from winnow.filters.kernels.lines import find_newline, skip_space, trim_space
from winnow.filters.kernels.phrases import find_phrase, fold
from winnow.filters.kernels.words import Bounds, split

Counts = npt.NDArray[np.int64]

# What `edit` counts, as columns of its `counts`.
WORDS = 0  # of the page as it was, between whitespace
REMOVED_WORDS = 1
UPPERCASE_LINES = 2  # dropped: more than half of the characters are capitals
NUMERIC_LINES = 3  # dropped: nothing but digits
COUNTER_LINES = 4  # dropped: "3 likes"
SHORT_LINES = 5  # dropped: one word
CUT_LINES = 6  # lines from which a phrase was cut, or that were nothing else
LINE_EDIT_COUNTS = 7

MOST_CAPITALS = 0.5
FEWEST_WORDS = 2
MOST_WORDS_CUT = 10
"""Phrases are cut out of lines of at most so many words."""

PHRASES = ("items in cart", "sign-in", "read more")
_IN_CART, _SIGN_IN, _READ_MORE = range(3)
COUNTED = (
    "likes", "shares", "comments", "retweets", "reposts", "quotes", "bookmarks", "upvotes", "downvotes", "downloads",
    "views", "followers",
)  # fmt: skip
_READ_MORE_TAIL = 3  # the pattern as published is "Read more..." with dots that stand for any sign

_KEPT = -1
_LINE_FEED, _UNDERSCORE = 0x0A, 0x5F


@inlined
def _is_word_character(code_point: int, classes: Classes) -> bool:
    return classes[code_point] & ALPHANUMERIC != 0 or code_point == _UNDERSCORE


@inlined
def _skip_signs(data: Bytes, at: int, end: int, classes: Classes) -> int:
    """Behind the characters from `at` on that are no letters, digits or _."""
    while at < end:
        code_point, length = decode(data, at)
        if _is_word_character(code_point, classes):
            break
        at += length
    return at


@inlined
def _is_counter(data: Bytes, start: int, end: int, classes: Classes, counted: Bytes, offsets: Offsets) -> bool:
    """Whether the line is a number, perhaps with K, M or B, and a thing that web pages count, signs around it aside."""
    at = _skip_signs(data, start, end, classes)
    if at >= end or not classes[decode(data, at)[0]] & DIGIT:
        return False
    while at < end:
        code_point, length = decode(data, at)
        if not (classes[code_point] & DIGIT or code_point == 0x2C or code_point == 0x2E):
            break
        at += length
    if at < end and (fold(data[at]) == 0x6B or fold(data[at]) == 0x6D or fold(data[at]) == 0x62):
        at += 1
    thing = skip_space(data, at, end, classes)
    if thing == at:
        return False
    for number in range(offsets.size - 1):
        length = offsets[number + 1] - offsets[number]
        same = thing + length <= end
        index = 0
        while same and index < length:
            same = fold(data[thing + index]) == counted[offsets[number] + index]
            index += 1
        if same and _skip_signs(data, thing + length, end, classes) == end:
            return True
    return False


@inlined
def _verdict(
    data: Bytes, start: int, end: int, words: int, classes: Classes, counted: Bytes, counted_offsets: Offsets
) -> int:
    """The column of the rule by which the line goes, in DCLM's order; `_KEPT` when it stays."""
    characters = capitals = digits = 0
    at = start
    while at < end:
        code_point, length = decode(data, at)
        kind = classes[code_point]
        characters += 1
        capitals += kind & UPPER != 0
        digits += kind & DIGIT != 0
        at += length
    if capitals > MOST_CAPITALS * characters:
        return UPPERCASE_LINES
    if digits == characters:
        return NUMERIC_LINES
    if digits > 0 and _is_counter(data, start, end, classes, counted, counted_offsets):
        return COUNTER_LINES
    return SHORT_LINES if words < FEWEST_WORDS else _KEPT


@inlined
def _space_before(data: Bytes, at: int, start: int, classes: Classes) -> int:
    """Where the whitespace character just before `at` begins; `at` when there is none."""
    begin = at - 1
    while begin > start and data[begin] & 0xC0 == 0x80:
        begin -= 1
    return begin if at > start and classes[decode(data, begin)[0]] & SPACE else at


@inlined
def _cut_phrases(text: Bytes, start: int, end: int, classes: Classes, phrases: Bytes, phrase_offsets: Offsets) -> int:
    """Cuts the phrases, and a space beside each, out of `text[start:end]` in place; returns its new end."""
    place = find_phrase(text, start, end, phrases, phrase_offsets, _IN_CART)
    while place >= 0:
        first = _space_before(text, place, start, classes)
        behind = place + phrase_offsets[_IN_CART + 1] - phrase_offsets[_IN_CART]
        for index in range(end - behind):
            text[first + index] = text[behind + index]
        end -= behind - first
        place = find_phrase(text, first, end, phrases, phrase_offsets, _IN_CART)
    length = phrase_offsets[_READ_MORE + 1] - phrase_offsets[_READ_MORE]
    place = end - length - _READ_MORE_TAIL
    if place >= start and find_phrase(text, place, end - _READ_MORE_TAIL, phrases, phrase_offsets, _READ_MORE) == place:
        end = _space_before(text, place, start, classes)
    length = phrase_offsets[_SIGN_IN + 1] - phrase_offsets[_SIGN_IN]
    if find_phrase(text, start, min(end, start + length), phrases, phrase_offsets, _SIGN_IN) == start:
        behind = start + length
        if behind < end and classes[decode(text, behind)[0]] & SPACE:
            behind += decode(text, behind)[1]
        for index in range(end - behind):
            text[start + index] = text[behind + index]
        end -= behind - start
    return end


@inlined
def _edit_page(
    data: Bytes, start: int, end: int, classes: Classes, phrases: Bytes, phrase_offsets: Offsets, counted: Bytes,
    counted_offsets: Offsets, bounds: Bounds, text: Bytes, begin: int, row: Counts,
) -> int:  # fmt: skip
    at = begin
    first = True
    while start <= end:
        stop = find_newline(data, start, end)
        words = split(data, start, stop, bounds, 0) >> 1
        row[WORDS] += words
        verdict = _verdict(data, start, stop, words, classes, counted, counted_offsets) if stop > start else _KEPT
        if verdict != _KEPT:
            row[verdict] += 1
            row[REMOVED_WORDS] += words
            start = stop + 1
            continue
        line = at if first else at + 1
        tail = copy(data, start, stop, text, line)
        if stop > start and words <= MOST_WORDS_CUT:
            whole = tail
            tail = _cut_phrases(text, line, tail, classes, phrases, phrase_offsets)
            if tail < whole:
                row[CUT_LINES] += 1
                row[REMOVED_WORDS] += words - (split(text, line, tail, bounds, 0) >> 1)
                if skip_space(text, line, tail, classes) == tail:
                    start = stop + 1
                    continue
        if not first:
            text[at] = _LINE_FEED
        first = False
        at = tail
        start = stop + 1
    return at


@kernel
def edit(
    data: Bytes, offsets: Offsets, classes: Classes, phrases: Bytes, phrase_offsets: Offsets, counted: Bytes,
    counted_offsets: Offsets, bounds: Bounds, text: Bytes, text_offsets: Offsets, counts: Counts,
) -> None:  # fmt: skip
    """Writes each page without the lines that go and the phrases that are cut out, stripped, to `text`.

    `counts` (n × `LINE_EDIT_COUNTS`, int64) gets the columns named above. `text` needs room for the input and its
    padding,
    `bounds` for the longest page's length and two more.
    """
    at = 0
    text_offsets[0] = 0
    for document in range(offsets.size - 1):
        row = counts[document]
        row[:] = 0
        behind = _edit_page(
            data, offsets[document], offsets[document + 1], classes, phrases, phrase_offsets, counted, counted_offsets,
            bounds, text, at, row,
        )  # fmt: skip
        first = skip_space(text, at, behind, classes)
        behind = trim_space(text, first, behind, classes)
        for index in range(behind - first):
            text[at + index] = text[first + index]
        at += behind - first
        text_offsets[document + 1] = at
