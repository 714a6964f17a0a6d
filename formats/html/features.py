"""What a block of a page looks like, in numbers: itself, its neighbours, and the elements it stands in.

Lengths are bytes of UTF-8, in logarithms; a Chinese character counts three, about what a word carries in it. No feature
looks at which site a page is from.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from winnow.filters.kernels.bytes import kernel
from winnow.formats.html.blocks import Blocks
from winnow.formats.html.characters import find_key, hash_byte, hash_start, lower
from winnow.formats.html.elements import (
    CHILDREN,
    CODED,
    DEPTH,
    ELEMENT,
    END,
    INLINE,
    LINKED,
    LINKS,
    NUMBER,
    ORDINAL,
    PARENT,
    PRESERVED,
    SIGNATURE,
    START,
)
from winnow.formats.html.furniture import GROUPS, lexicon
from winnow.formats.html.tags import TAG, TRAITS, fnv

Matrix = npt.NDArray[np.float32]

_P, _BR, _LI, _H1, _H6 = TAG["p"], TAG["br"], TAG["li"], TAG["h1"], TAG["h6"]
_COUNTED = (
    "length", "words", "stops", "commas", "capitals", "digits", "wide", "marks", "lines", "titled", "ends", "capital_first",
)  # fmt: skip
_OWN = (
    *_COUNTED, *GROUPS, "linked", "links", "coded", "preserved", "word_length", "number", "depth", "ordinal",
    "siblings", "run",
)  # fmt: skip
_PLACE = ("before", "page", "index", "blocks", "after_h1", "in_best", "from_best", "best_share", "page_linked")
_LEVELS = 4
_LEVEL = ("length", "linked", "share", "stops", "blocks", "paragraphs", "children")
_NEAR = (-3, -2, -1, 1, 2, 3)
_NEIGHBOUR = ("length", "linked", "stops", "same", "number")
_WINDOW = ("prose", "density", "stops", "headed")
NAMES = (
    *(f"within.{trait}" for trait in TRAITS),
    *(f"near.{trait}" for trait in TRAITS),
    *(f"own.{name}" for name in _OWN),
    *(f"place.{name}" for name in _PLACE),
    *(f"level{level}.{name}" for level in range(1, _LEVELS + 1) for name in _LEVEL),
    *(f"neighbour{distance:+}.{name}" for distance in _NEAR for name in _NEIGHBOUR),
    *(f"window.{name}" for name in _WINDOW),
)
"""The columns of a matrix of features."""

_TRAITS = len(TRAITS)
_OWN_AT = 2 * _TRAITS
_PLACE_AT = _OWN_AT + len(_OWN)
_LEVEL_AT = _PLACE_AT + len(_PLACE)
_NEAR_AT = _LEVEL_AT + _LEVELS * len(_LEVEL)
_WINDOW_AT = _NEAR_AT + len(_NEAR) * len(_NEIGHBOUR)
_LENGTH, _WORDS, _STOPS, _COMMAS, _CAPITALS, _DIGITS, _WIDE, _MARKS, _LINES, _TITLED, _ENDS, _FIRST = range(
    len(_COUNTED)
)
_GROUPS_AT = len(_COUNTED)
_GROUPS = len(GROUPS)
_WINDOW_REACH = 8
# Columns of what is summed up over an element and all inside it.
_TEXT, _LINK, _SENTENCES, _BLOCKS, _PARAGRAPHS, _SCORE = range(6)


def features(page: Blocks, title: str = "") -> Matrix:
    """One row for each block, one column for each of `NAMES`."""
    matrix = np.zeros((len(page), len(NAMES)), np.float32)
    sums = np.zeros((len(page.elements), 6), np.float64)
    runs = np.zeros(len(page.elements), np.int32)
    counts = np.zeros((len(page), len(_COUNTED) + _GROUPS), np.float64)
    words = sorted(fnv(word) for word in title.lower().split() if len(word) > 2)
    known = np.array(words, np.uint64)
    if len(page):
        count_signs(page.text, page.blocks, counts, known, *lexicon())
        measure(page.blocks, page.elements, page.traits, counts, sums, runs, matrix)
    return matrix


@kernel
def count_signs(text, blocks, counts, titled, word_keys, word_groups, pair_keys, pair_groups):
    """Counts of characters and of telling words, for each block."""
    for block in range(blocks.shape[0]):
        start, end = blocks[block, START], blocks[block, END]
        row = counts[block]
        state, length = hash_start(), 0
        at = start
        while at <= end:
            byte = np.int64(text[at]) if at < end else np.int64(32)
            if 97 <= lower(byte) <= 122 or byte >= 0x80:
                if 0xE3 <= byte <= 0xE9 and at + 6 <= end and text[at + 3] >= 0xE3:
                    pair = hash_start()
                    for position in range(at, at + 6):
                        pair = hash_byte(pair, text[position])
                    slot = find_key(pair_keys, pair)
                    if slot >= 0:
                        row[_GROUPS_AT + pair_groups[slot]] += 1
                if 0xE3 <= byte <= 0xE9 or byte == 0xEF:
                    row[_WIDE] += 1
                    if byte == 0xE3 and text[at + 1] == 0x80:
                        row[_STOPS if text[at + 2] == 0x82 else _COMMAS] += 1  # 。 and 、
                    elif byte == 0xEF and text[at + 1] == 0xBC:
                        sign = text[at + 2]
                        row[_COMMAS] += sign == 0x8C
                        row[_STOPS] += (sign == 0x81) | (sign == 0x9F) | (sign == 0x8E)
                    at += 3
                    continue
                row[_CAPITALS] += 65 <= byte <= 90
                state = hash_byte(state, lower(byte))
                length += 1
                at += 1
                continue
            if length:
                row[_WORDS] += 1
                slot = find_key(word_keys, state)
                if slot >= 0:
                    row[_GROUPS_AT + word_groups[slot]] += 1
                for position in range(titled.size):
                    row[_TITLED] += titled[position] == state
                state, length = hash_start(), 0
            row[_DIGITS] += 48 <= byte <= 57
            row[_STOPS] += (byte == 46) | (byte == 33) | (byte == 63)
            row[_COMMAS] += byte == 44
            row[_LINES] += byte == 10
            row[_MARKS] += (byte == 124) | (byte == 62) | (byte == 47) | (byte == 64) | (byte == 35)
            at += 1
        row[_WORDS] += row[_WIDE] / 2
        row[_LENGTH] = end - start
        last = text[end - 1]
        row[_ENDS] = (
            (last == 46) | (last == 33) | (last == 63) | (last == 34) | (last == 58) | (last == 0x82) | (last == 0x9F)
        )
        row[_FIRST] = 65 <= text[start] <= 90


@kernel
def measure(blocks, elements, traits, counts, sums, runs, matrix):
    """Fills `matrix`; `sums` and `runs` are scratch space."""
    count = blocks.shape[0]
    total = 0.0
    linked_total = 0.0
    for block in range(count):
        length = counts[block, _LENGTH]
        linked = blocks[block, LINKED]
        element = blocks[block, ELEMENT]
        total += length
        linked_total += linked
        sums[element, _TEXT] += length
        sums[element, _LINK] += linked
        sums[element, _SENTENCES] += counts[block, _STOPS] + counts[block, _COMMAS]
        sums[element, _BLOCKS] += 1
        if length >= 40 and linked < length / 2 and counts[block, _STOPS] > 0:
            sums[element, _PARAGRAPHS] += 1
            score = 1.0 + counts[block, _COMMAS] + min(length / 100.0, 3.0)
            holder = element
            if elements[element, NUMBER] == _P and elements[element, PARENT] >= 0:
                holder = elements[element, PARENT]
            sums[holder, _SCORE] += score
            if elements[holder, PARENT] >= 0:
                sums[elements[holder, PARENT], _SCORE] += score / 2
    best, best_score = 0, -1.0
    for element in range(elements.shape[0] - 1, 0, -1):
        parent = elements[element, PARENT]
        for column in range(_SCORE):
            sums[parent, column] += sums[element, column]
        score = sums[element, _SCORE] * (1.0 - sums[element, _LINK] / (sums[element, _TEXT] + 1.0))
        if score > best_score:
            best, best_score = element, score
    same_run(elements, runs)
    before = 0.0
    since_h1 = -1.0
    for block in range(count):
        row = matrix[block]
        element = blocks[block, ELEMENT]
        length = counts[block, _LENGTH]
        number = elements[element, NUMBER]
        ancestor = element
        for _ in range(3):
            ancestor = max(elements[ancestor, PARENT], 0)
        within = traits[element] | blocks[block, INLINE]
        near = within & ~traits[ancestor]
        for trait in range(_TRAITS):
            row[trait] = within >> trait & 1
            row[_TRAITS + trait] = near >> trait & 1
        own = row[_OWN_AT:_PLACE_AT]
        for column in range(_GROUPS_AT + _GROUPS):
            own[column] = counts[block, column]
        own[_LENGTH] = np.log1p(length)
        for column in (_CAPITALS, _DIGITS, _WIDE):
            own[column] = counts[block, column] / length
        column = _GROUPS_AT + _GROUPS
        own[column] = blocks[block, LINKED] / length
        own[column + 1] = blocks[block, LINKS]
        own[column + 2] = blocks[block, CODED] / length
        own[column + 3] = blocks[block, PRESERVED]
        own[column + 4] = length / (counts[block, _WORDS] + 1.0)
        own[column + 5] = number
        own[column + 6] = elements[element, DEPTH]
        own[column + 7] = elements[element, ORDINAL]
        own[column + 8] = elements[max(elements[element, PARENT], 0), CHILDREN]
        own[column + 9] = runs[element]
        if number == _H1:
            since_h1 = 0.0
        elif since_h1 >= 0.0:
            since_h1 += 1.0
        place = row[_PLACE_AT:_LEVEL_AT]
        place[0] = before / total
        place[1] = np.log1p(total)
        place[2] = block / count
        place[3] = np.log1p(count)
        place[4] = since_h1
        place[8] = linked_total / total
        before += length
        holder, steps = element, 0
        while holder > 0 and holder != best:
            holder = elements[holder, PARENT]
            steps += 1
        place[5] = holder == best
        place[6] = steps if holder == best else -1
        place[7] = sums[best, _TEXT] / total
        level_row = row[_LEVEL_AT:_NEAR_AT]
        holder = element
        for level in range(_LEVELS):
            base = level * 7
            text = sums[holder, _TEXT] + 1.0
            level_row[base] = np.log1p(sums[holder, _TEXT])
            level_row[base + 1] = sums[holder, _LINK] / text
            level_row[base + 2] = sums[holder, _TEXT] / total
            level_row[base + 3] = sums[holder, _SENTENCES] * 100.0 / text
            level_row[base + 4] = sums[holder, _BLOCKS]
            level_row[base + 5] = sums[holder, _PARAGRAPHS]
            level_row[base + 6] = elements[holder, CHILDREN]
            holder = max(elements[holder, PARENT], 0)
    surroundings(blocks, elements, counts, matrix)


@kernel
def same_run(elements, runs):
    """How many sisters in a row before an element have its tag and its class: rows of teasers, menus, comments."""
    last = np.int64(0)
    for element in range(1, elements.shape[0]):
        sister = element - 1
        while sister > 0 and elements[sister, PARENT] != elements[element, PARENT]:
            sister = elements[sister, PARENT]
        last = sister
        if last > 0 and elements[last, SIGNATURE] == elements[element, SIGNATURE]:
            runs[element] = runs[last] + 1
        else:
            runs[element] = 0


@kernel
def surroundings(blocks, elements, counts, matrix):
    """The columns that look at the blocks before and after."""
    count = blocks.shape[0]
    headed = 0
    for block in range(count):
        near = matrix[block, _NEAR_AT:_WINDOW_AT]
        element = blocks[block, ELEMENT]
        column = 0
        for distance in _NEAR:
            other = block + distance
            if 0 <= other < count:
                near[column] = matrix[other, _OWN_AT + _LENGTH]
                near[column + 1] = matrix[other, _OWN_AT + _GROUPS_AT + _GROUPS]
                near[column + 2] = counts[other, _STOPS] + counts[other, _COMMAS]
                near[column + 3] = elements[blocks[other, ELEMENT], PARENT] == elements[element, PARENT]
                near[column + 4] = elements[blocks[other, ELEMENT], NUMBER]
            else:
                for missing in range(5):
                    near[column + missing] = -1
            column += 5
        prose = text = stops = 0.0
        for other in range(max(block - _WINDOW_REACH, 0), min(block + _WINDOW_REACH + 1, count)):
            text += counts[other, _LENGTH]
            prose += counts[other, _LENGTH] - blocks[other, LINKED]
            stops += counts[other, _STOPS] + counts[other, _COMMAS]
        if _H1 <= elements[element, NUMBER] <= _H6:
            headed = block
        window = matrix[block, _WINDOW_AT:]
        window[0] = np.log1p(prose)
        window[1] = prose / (text + 1.0)
        window[2] = stops
        window[3] = block - headed
