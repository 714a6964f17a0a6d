"""The index of benchmark n-grams: into which length each entry is cut, and which n-grams say something."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from winnow.filters.kernels.bytes import text_buffers
from winnow.filters.kernels.grams import FILTER_BITS, PROSE, GramIndex, count_terms, fill_index, list_grams
from winnow.filters.kernels.markup import blank_markup, known_names
from winnow.filters.kernels.normalise import CHARACTER, TABLE_SIZE, Characters, characters
from winnow.filters.kernels.terms import scratch
from winnow.stages.decontaminate.escapes import resolve_escapes
from winnow.stages.decontaminate.items import ENTRY, KINDS
from winnow.stages.decontaminate.settings import DecontaminationSettings

Offsets = npt.NDArray[np.int64]

MEASURED_ENTRY = ENTRY.append(pa.field("length", pa.int64(), nullable=False)).append(
    pa.field("grams", pa.int64(), nullable=False)
)
"""Entries with the terms of their n-grams (0: too short to be looked for) and how many n-grams say something."""

POSTING = pa.schema(
    [
        pa.field("gram", pa.uint64(), nullable=False),
        pa.field("beginning", pa.uint64(), nullable=False),  # its first terms, as many as the shortest of the kind has
        pa.field("entry", pa.int32(), nullable=False),  # row of the entries
        pa.field("position", pa.int32(), nullable=False),  # which of the entry's n-grams it is
    ]
)
LONGEST_GRAM = 64


def tables() -> Characters:
    """The normalisation of decontamination: as for near-duplicates, but numbers count, 三 is 3 and 蘋 is 苹."""
    return characters(han_digits=True, simplified=True)


def buffers_of(texts: pa.Array | pa.ChunkedArray, kind: str) -> tuple[npt.NDArray[np.uint8], Offsets]:
    """Bytes and offsets of texts as terms of this kind are read from them: prose with escapes resolved, without markup."""
    data, offsets = text_buffers(texts)
    if kind != KINDS[PROSE]:
        return data, offsets
    data = resolve_escapes(data)
    blanked = np.zeros_like(data)
    blank_markup(data, offsets, known_names(), blanked)
    blanked.flags.writeable = False
    return blanked, offsets


def build_postings(entries: pa.Table, settings: DecontaminationSettings) -> tuple[pa.Table, dict[str, pa.Table]]:
    """The entries measured, and for each kind of terms the postings sorted by n-gram."""
    lengths, counts = np.zeros(entries.num_rows, np.int64), np.zeros(entries.num_rows, np.int64)
    postings = {}
    for kind in KINDS:
        rows = np.flatnonzero(np.asarray(entries["kind"].to_pylist(), object) == kind)
        chosen = entries.take(pa.array(rows))
        lengths[rows], found = _postings(chosen, settings, kind)
        owner = rows[found["entry"].to_numpy()].astype(np.int32)
        postings[kind] = found.set_column(2, POSTING.field("entry"), pa.array(owner))
        counts += np.bincount(owner, minlength=entries.num_rows)
    measured = entries.append_column(MEASURED_ENTRY.field("length"), pa.array(lengths))
    return measured.append_column(MEASURED_ENTRY.field("grams"), pa.array(counts)), postings


def open_index(postings: pa.Table, entries: pa.Table, kind: str) -> GramIndex:
    """The index that the kernels search, from its postings and the measured entries."""
    here = np.asarray(entries["kind"].to_pylist(), object) == kind
    lengths = np.unique(entries["length"].to_numpy()[here])
    lengths = lengths[lengths > 0]
    index = GramIndex(
        lengths=lengths if len(lengths) else np.ones(1, np.int64),
        beginnings=np.zeros(1 << (FILTER_BITS - 6), np.uint64),
        filter=np.zeros(1 << (FILTER_BITS - 6), np.uint64),
        slots=np.zeros(1 << max(4, (2 * postings.num_rows).bit_length()), np.int64),
        grams=postings["gram"].combine_chunks().to_numpy(),
        entries=postings["entry"].combine_chunks().to_numpy(),
        positions=postings["position"].combine_chunks().to_numpy(),
    )
    fill_index(index, postings["beginning"].combine_chunks().to_numpy())
    return index


def _postings(entries: pa.Table, settings: DecontaminationSettings, kind: str) -> tuple[Offsets, pa.Table]:
    """The n-gram lengths of entries of one kind, and their telling postings, sorted by n-gram."""
    texts = entries["text"].combine_chunks()
    data, offsets = buffers_of(texts, kind)
    terms = np.zeros(len(texts), np.int64)
    room = scratch(LONGEST_GRAM)
    number = KINDS.index(kind)
    count_terms(data, offsets, tables(), number, room, terms)
    lengths = _lengths(texts, terms, settings, kind)
    total = int(np.where(lengths > 0, terms - lengths + 1, 0).sum())
    grams, beginnings = np.empty(total, np.uint64), np.empty(total, np.uint64)
    shortest = int(lengths[lengths > 0].min(initial=LONGEST_GRAM))
    owner, position = np.empty(total, np.int32), np.empty(total, np.int32)
    list_grams(data, offsets, tables(), number, lengths, shortest, room, grams, beginnings, owner, position)
    items = _item_numbers(entries)
    order = np.lexsort((position, owner, items[owner], grams))
    order = order[_telling(grams[order], items[owner[order]], settings.shared_items)]
    return lengths, pa.table([grams[order], beginnings[order], owner[order], position[order]], schema=POSTING)


def _lengths(texts: pa.Array, terms: Offsets, settings: DecontaminationSettings, kind: str) -> Offsets:
    """The n-gram length of each entry: that of its kind, its own length where it is shorter, 0 where too short."""
    if kind != KINDS[PROSE]:
        full = settings.model_dump()[kind]
        return np.where(terms < full, 0, full).astype(np.int64)
    dense = np.array([_unspaced(text) for text in texts.to_pylist()]) * 2 >= np.maximum(terms, 1)
    full = np.where(dense, settings.characters, settings.words)
    shortest = np.where(dense, settings.shortest_characters, settings.shortest_words)
    return np.where(terms < shortest, 0, np.minimum(full, terms)).astype(np.int64)


def _unspaced(text: str) -> int:
    """Characters of scripts without spaces in a text."""
    points = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    points = points[points < TABLE_SIZE]
    return int((characters().classes[points] == CHARACTER).sum())


def _telling(grams: npt.NDArray[np.uint64], items: Offsets, shared: int) -> npt.NDArray[np.bool_]:
    """Which postings, sorted by n-gram and item, are of n-grams in at most `shared` items."""
    new_gram = np.ones(len(grams), bool)
    new_gram[1:] = grams[1:] != grams[:-1]
    new_item = new_gram.copy()
    new_item[1:] |= items[1:] != items[:-1]
    group = np.cumsum(new_gram) - 1
    telling: npt.NDArray[np.bool_] = np.bincount(group, weights=new_item, minlength=1)[group] <= shared
    return telling


def _item_numbers(entries: pa.Table) -> Offsets:
    """A number for each distinct pair of benchmark and item."""
    pairs = zip(entries["benchmark"].to_pylist(), entries["item"].to_pylist(), strict=True)
    numbers: dict[tuple[str, str], int] = {}
    return np.array([numbers.setdefault(pair, len(numbers)) for pair in pairs], np.int64)
