"""Chinese words exactly as jieba cuts them by default, at a hundred times its speed.

Runs of Han characters, letters and digits are cut where the product of the frequencies of the words is greatest (a
shortest path through all words of the dictionary that stand in the run). Neighbouring single characters that came of it
are then cut again by a hidden Markov model, which finds names and new words. Everything else is a word of one character
each, and whitespace is none. spaCy's and datatrove's Chinese words are these.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from winnow.filters.kernels.bytes import Bytes, Offsets, combine_hashes, decode, inlined, kernel
from winnow.filters.kernels.characters import SPACE, Classes
from winnow.filters.kernels.lexicon import BEGIN, END, MIDDLE, PREFIX, SINGLE, Hashes, Runes, Weights, find_slot
from winnow.filters.kernels.words import Bounds

Places = npt.NDArray[np.int32]
States = npt.NDArray[np.int8]

_FIRST_HAN, _LAST_HAN = 0x4E00, 0x9FD5  # what jieba takes for Chinese
_FULL_STOP, _PERCENT = 0x2E, 0x25


@inlined
def _is_han(rune: int) -> bool:
    return _FIRST_HAN <= rune <= _LAST_HAN


@inlined
def _is_digit(rune: int) -> bool:
    return 0x30 <= rune <= 0x39


@inlined
def _is_letter_or_digit(rune: int) -> bool:
    return _is_digit(rune) or 0x41 <= rune <= 0x5A or 0x61 <= rune <= 0x7A


@inlined
def _joins_run(rune: int) -> bool:
    """Han, letters, digits and + # & . _ % -."""
    if _is_han(rune) or _is_letter_or_digit(rune):
        return True
    return rune == 43 or rune == 35 or rune == 38 or rune in (_FULL_STOP, _PERCENT) or rune == 95 or rune == 45


@inlined
def _weigh_words(
    runes: Runes, size: int, characters: Weights, keys: Hashes, weights: Weights, missing: float, best: Weights,
    ends: Places,
) -> None:  # fmt: skip
    """`best[i]` gets the weight of the best way to cut the run from i on, `ends[i]` where its first word ends."""
    best[size] = 0.0
    for start in range(size - 1, -1, -1):
        best[start] = missing + best[start + 1]
        ends[start] = start + 1
        weight = characters[runes[start]]
        known = False
        key = np.uint64(runes[start])
        end = start + 1
        while not np.isnan(weight):
            if weight != PREFIX:
                total = weight + best[end]
                if not known or total >= best[start]:
                    best[start] = total
                    ends[start] = end
                known = True
            if end == size:
                break
            key = combine_hashes(key, np.uint64(runes[end]))
            slot = find_slot(keys, key)
            weight = weights[slot] if keys[slot] == key else np.nan
            end += 1


@inlined
def _is_word(runes: Runes, start: int, end: int, keys: Hashes, weights: Weights) -> bool:
    """Whether the dictionary has the word `runes[start:end]` of two characters or more."""
    key = np.uint64(runes[start])
    for index in range(start + 1, end):
        key = combine_hashes(key, np.uint64(runes[index]))
    slot = find_slot(keys, key)
    return bool(keys[slot] == key and weights[slot] != PREFIX)


@inlined
def _better(left: float, left_state: int, right: float, right_state: int) -> tuple[float, int]:
    """The likelier of two states; of equals the later letter, as when Python compares pairs."""
    if left > right or (left == right and left_state > right_state):
        return left, left_state
    return right, right_state


@inlined
def _label(
    runes: Runes, start: int, end: int, emissions: Weights, starts: Weights, transitions: Weights, likely: Weights,
    before: States,
) -> None:  # fmt: skip
    """Viterbi over `runes[start:end]`: afterwards `before[i, 0]` is the state of the character at i."""
    for state in range(4):
        likely[start, state] = starts[state] + emissions[state, runes[start]]
    for index in range(start + 1, end):
        for state in range(4):
            first, second = (BEGIN, MIDDLE) if state in (END, MIDDLE) else (END, SINGLE)
            value, origin = _better(
                likely[index - 1, first] + transitions[first, state] + emissions[state, runes[index]],
                first,
                likely[index - 1, second] + transitions[second, state] + emissions[state, runes[index]],
                second,
            )
            likely[index, state] = value
            before[index, state] = origin
    _, state = _better(likely[end - 1, END], END, likely[end - 1, SINGLE], SINGLE)
    for index in range(end - 1, start - 1, -1):
        origin = before[index, state]
        before[index, 0] = state
        state = origin


@inlined
def _put(positions: Places, start: int, end: int, base: int, bounds: Bounds, at: int) -> int:
    bounds[at] = base + positions[start]
    bounds[at + 1] = base + positions[end]
    return at + 2


@inlined
def _cut_labelled(before: States, start: int, end: int, positions: Places, base: int, bounds: Bounds, at: int) -> int:
    begin = start
    done = start
    for index in range(start, end):
        state = before[index, 0]
        if state == BEGIN:
            begin = index
        elif state in (END, SINGLE):
            at = _put(positions, begin if state == END else index, index + 1, base, bounds, at)
            done = index + 1
    return _put(positions, done, end, base, bounds, at) if done < end else at


@inlined
def _cut_latin(runes: Runes, start: int, end: int, positions: Places, base: int, bounds: Bounds, at: int) -> int:
    """Numbers and Latin words (with decimals and a percent sign) as one word each, signs between them as another."""
    while start < end:
        stop = start
        if _is_letter_or_digit(runes[start]):
            while stop < end and _is_letter_or_digit(runes[stop]):
                stop += 1
            if stop + 1 < end and runes[stop] == _FULL_STOP and _is_digit(runes[stop + 1]):
                stop += 1
                while stop < end and _is_digit(runes[stop]):
                    stop += 1
            if stop < end and runes[stop] == _PERCENT:
                stop += 1
        else:
            while stop < end and not _is_letter_or_digit(runes[stop]):
                stop += 1
        at = _put(positions, start, stop, base, bounds, at)
        start = stop
    return at


@inlined
def _cut_singles(
    runes: Runes, start: int, end: int, keys: Hashes, weights: Weights, emissions: Weights, starts: Weights,
    transitions: Weights, likely: Weights, before: States, positions: Places, base: int, bounds: Bounds, at: int,
) -> int:  # fmt: skip
    """Cuts neighbouring characters that the dictionary left single."""
    if end - start == 1 or _is_word(runes, start, end, keys, weights):
        for index in range(start, end):
            at = _put(positions, index, index + 1, base, bounds, at)
        return at
    while start < end:
        stop = start
        while stop < end and _is_han(runes[stop]) == _is_han(runes[start]):
            stop += 1
        if _is_han(runes[start]):
            _label(runes, start, stop, emissions, starts, transitions, likely, before)
            at = _cut_labelled(before, start, stop, positions, base, bounds, at)
        else:
            at = _cut_latin(runes, start, stop, positions, base, bounds, at)
        start = stop
    return at


@kernel
def _cut_run(
    runes: Runes, size: int, characters: Weights, keys: Hashes, weights: Weights, missing: float, emissions: Weights,
    starts: Weights, transitions: Weights, best: Weights, ends: Places, likely: Weights, before: States,
    positions: Places, base: int, bounds: Bounds, at: int,
) -> int:  # fmt: skip
    _weigh_words(runes, size, characters, keys, weights, missing, best, ends)
    place = 0
    while place < size:
        singles = place
        while place < size and ends[place] == place + 1:
            place += 1
        if place > singles:
            at = _cut_singles(
                runes, singles, place, keys, weights, emissions, starts, transitions, likely, before, positions, base,
                bounds, at,
            )  # fmt: skip
        if place < size:
            at = _put(positions, place, ends[place], base, bounds, at)
            place = ends[place]
    return at


@kernel
def split_documents(
    data: Bytes, offsets: Offsets, classes: Classes, characters: Weights, keys: Hashes, weights: Weights,
    missing: float, emissions: Weights, starts: Weights, transitions: Weights, runes: Runes, positions: Places,
    best: Weights, ends: Places, likely: Weights, before: States, bounds: Bounds, word_offsets: Offsets,
) -> int:  # fmt: skip
    """The words of every string, laid out as `winnow.filters.kernels.words.split_documents` does; returns their number.

    Scratch for c characters in a string: `runes`, `positions`, `best` and `ends` of c + 1, `likely` and `before` of
    c × 4. `bounds` needs two entries for each byte.
    """
    at = 0
    word_offsets[0] = 0
    for document in range(offsets.size - 1):
        place, end = offsets[document], offsets[document + 1]
        size = 0
        base = place
        while place < end:
            rune, width = decode(data, place)
            if _joins_run(rune):
                if size == 0:
                    base = place
                runes[size] = rune
                positions[size] = place - base
                size += 1
                place += width
                continue
            if size > 0:
                positions[size] = place - base
                at = _cut_run(
                    runes, size, characters, keys, weights, missing, emissions, starts, transitions, best, ends, likely,
                    before, positions, base, bounds, at,
                )  # fmt: skip
                size = 0
            if not classes[rune] & SPACE:
                bounds[at] = place
                bounds[at + 1] = place + width
                at += 2
            place += width
        if size > 0:
            positions[size] = end - base
            at = _cut_run(
                runes, size, characters, keys, weights, missing, emissions, starts, transitions, best, ends, likely,
                before, positions, base, bounds, at,
            )  # fmt: skip
        word_offsets[document + 1] = at >> 1
    return at >> 1
