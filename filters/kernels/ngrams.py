"""Repeated word n-grams, n from 2 to 10, in one visit to each document.

An n-gram can only repeat where both its first and its last n − 1 words repeat, so each length looks only at the places
that the length before it left over, and there are few after the second. An n-gram is known by the pair of the two
(n − 1)-grams inside it, each named by the place where it first stood: no text is compared or joined, and nothing but a
collision of 64-bit word hashes can make two n-grams equal that aren't.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from winnow.filters.kernels.bytes import Offsets, combine_hashes, inlined, kernel
from winnow.filters.kernels.repeats import EMPTY, clear, find_or_insert, table_size

Counts = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int32]
"""Positions of words, counted from the document's first."""

SHORTEST, LONGEST = 2, 10
LONGEST_TOP = 4
"""The most frequent n-gram is looked for up to this length, repeated n-grams are added up beyond it, as Gopher does."""

# What `measure` counts for each length, as the last axis of its `counts`.
TOP_COUNT = 0  # how often the most frequent n-gram stands; 1 when none repeats, 0 when there is none
TOP_CHARACTERS = 1  # characters of that n-gram's words; of several, the one that stands first
TOP_LONGEST_CHARACTERS = 2  # the same; of several, the longest
REPEATED_CHARACTERS = 3  # reading on: what has been met before counts and is skipped as a whole (datatrove)
COVERED_CHARACTERS = 4  # characters of words inside any n-gram that stands more than once, each once (DCLM, RedPajama)
NGRAM_COUNTS = 5
LENGTHS = LONGEST - SHORTEST + 1


@inlined
def _width(ends: Counts, first: int, place: int, length: int) -> int:
    """Characters of `length` words from `place` on, in the document whose words begin at `first`."""
    before = ends[first + place - 1] if first + place > 0 else 0
    return int(ends[first + place + length - 1] - before)


@inlined
def _join(place: int, earlier: int, first_place: Places, occurrences: Places) -> None:
    """Notes that the n-gram at `place` is the one at `earlier`, or new."""
    occurrences[place] = 1
    if earlier == EMPTY:
        first_place[place] = place
    else:
        first_place[place] = earlier
        occurrences[earlier] += 1


@inlined
def _keep_repeated(places: Places, count: int, first_place: Places, occurrences: Places, repeated: Places) -> int:
    """Writes the places whose n-gram stands more than once into `repeated`, which may be `places`; returns how many."""
    kept = 0
    for index in range(count):
        place = places[index]
        repeated[kept] = place
        kept += occurrences[first_place[place]] > 1
    return kept


@inlined
def _find_pairs(
    hashes: Hashes, first: int, words: int, slots: Places, keys: Hashes, first_place: Places, occurrences: Places,
    places: Places,
) -> int:  # fmt: skip
    """Names every pair of neighbouring words and leaves the places of the repeated ones in `places`."""
    pairs = words - 1
    size = table_size(pairs)
    clear(slots, size)
    for place in range(pairs):
        keys[place] = combine_hashes(hashes[first + place], hashes[first + place + 1])
        places[place] = place
        _join(place, find_or_insert(slots, size, keys, place), first_place, occurrences)
    return _keep_repeated(places, pairs, first_place, occurrences, places)


@inlined
def _lengthen(
    places: Places, count: int, slots: Places, keys: Hashes, shorter: Places, first_place: Places, occurrences: Places
) -> int:
    """From repeated n-grams at `places`, named in `shorter`, to repeated (n + 1)-grams, named in `first_place`."""
    kept = 0
    for index in range(count - 1):
        place = places[index]
        places[kept] = place
        kept += places[index + 1] == place + 1
    size = table_size(kept)
    clear(slots, size)
    for index in range(kept):
        place = places[index]
        keys[index] = combine_hashes(np.uint64(shorter[place]), np.uint64(shorter[place + 1]))
        earlier = find_or_insert(slots, size, keys, index)
        _join(place, places[earlier] if earlier != EMPTY else EMPTY, first_place, occurrences)
    return _keep_repeated(places, kept, first_place, occurrences, places)


@inlined
def _count_top(
    places: Places, count: int, first_place: Places, occurrences: Places, ends: Counts, first: int, length: int,
    row: Counts,
) -> None:  # fmt: skip
    row[TOP_COUNT] = 1
    row[TOP_CHARACTERS] = row[TOP_LONGEST_CHARACTERS] = _width(ends, first, 0, length)
    for index in range(count):
        place = places[index]
        if first_place[place] != place or occurrences[place] < row[TOP_COUNT]:
            continue
        width = _width(ends, first, place, length)
        if occurrences[place] > row[TOP_COUNT]:
            row[TOP_COUNT] = occurrences[place]
            row[TOP_CHARACTERS] = row[TOP_LONGEST_CHARACTERS] = width
        elif width > row[TOP_LONGEST_CHARACTERS]:
            row[TOP_LONGEST_CHARACTERS] = width


@inlined
def _count_repeats(
    places: Places, count: int, first_place: Places, met: Places, ends: Counts, first: int, length: int, row: Counts
) -> None:
    """`met[place]` holds the last length at which the n-gram that first stood at `place` was met."""
    free = 0
    covered = 0
    for index in range(count):
        place = places[index]
        start = max(place, covered)
        row[COVERED_CHARACTERS] += _width(ends, first, start, place + length - start)
        covered = place + length
        if place < free:
            continue
        name = first_place[place]
        if met[name] == length:
            row[REPEATED_CHARACTERS] += _width(ends, first, place, length)
            free = place + length
        else:
            met[name] = length


@kernel
def measure(
    hashes: Hashes,
    ends: Counts,
    word_offsets: Offsets,
    slots: Places,
    keys: Hashes,
    places: Places,
    names: Places,
    longer_names: Places,
    occurrences: Places,
    met: Places,
    counts: npt.NDArray[np.int64],
) -> None:
    """Counts repeated n-grams of each document from the hashes and end positions that `words.measure` gives.

    `counts` (n × `LENGTHS` × `NGRAM_COUNTS`, int64) gets the columns named above; lengths of top n-grams are without
    the spaces between words. Scratch for w words in a document: int32 arrays of w, `keys` of w, `slots` of
    `table_size(w)`.
    """
    for document in range(word_offsets.size - 1):
        first = word_offsets[document]
        words = word_offsets[document + 1] - first
        counts[document, :, :] = 0
        met[:words] = 0
        count = 0
        for length in range(SHORTEST, min(LONGEST, words) + 1):
            row = counts[document, length - SHORTEST]
            if length == SHORTEST:
                count = _find_pairs(hashes, first, words, slots, keys, names, occurrences, places)
            elif count > 0:
                count = _lengthen(places, count, slots, keys, names, longer_names, occurrences)
                for index in range(count):
                    names[places[index]] = longer_names[places[index]]
            if length <= LONGEST_TOP:
                _count_top(places, count, names, occurrences, ends, first, length, row)
            else:
                _count_repeats(places, count, names, met, ends, first, length, row)
