"""The index of benchmark n-grams: into which length each entry is cut, which n-grams say something, how many must be met."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from winnow.filters.kernels.bytes import text_buffers
from winnow.filters.kernels.escapes import named_letters, write_escapes
from winnow.filters.kernels.gram_terms import PROSE, count_terms
from winnow.filters.kernels.grams import FILTER_BITS, GramIndex, fill_index, list_grams
from winnow.filters.kernels.markup import blank_markup, known_names
from winnow.filters.kernels.normalise import CHARACTER, TABLE_SIZE, Characters, characters
from winnow.filters.kernels.terms import scratch
from winnow.stages.decontaminate.coverage import covered
from winnow.stages.decontaminate.items import ENTRY, KINDS
from winnow.stages.decontaminate.settings import DecontaminationSettings

Offsets = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

MEASURED_ENTRY = pa.schema(
    [
        *ENTRY,
        pa.field("length", pa.int64(), nullable=False),  # terms of its n-grams; 0: too short to be looked for
        pa.field("telling", pa.large_list(pa.int32()), nullable=False),  # positions of the n-grams that say something
        pa.field("terms", pa.int64(), nullable=False),  # that those cover
        pa.field("threshold", pa.float64(), nullable=False),  # the share of them that a document must hold
    ]
)
"""Entries and what is asked of a document that holds them."""

POSTING = pa.schema(
    [
        pa.field("gram", pa.uint64(), nullable=False),
        pa.field("written", pa.uint64(), nullable=False),  # with its numbers as they are written
        pa.field("beginning", pa.uint64(), nullable=False),  # its first terms, as many as the shortest of the kind has
        pa.field("entry", pa.int32(), nullable=False),  # row of the entries
        pa.field("position", pa.int32(), nullable=False),  # which of the entry's n-grams it is
    ]
)
LONGEST_GRAM = 64


def tables() -> Characters:
    """The normalisation of decontamination: as for near-duplicates, but 三 is 3 and 蘋 is 苹."""
    return characters(han_digits=True, simplified=True)


def buffers_of(texts: pa.Array | pa.ChunkedArray, kind: str) -> tuple[npt.NDArray[np.uint8], Offsets]:
    """Bytes and offsets of texts as terms of this kind are read from them: prose with escapes resolved, without markup."""
    data, offsets = text_buffers(texts)
    if kind != KINDS[PROSE]:
        return data, offsets
    resolved = data.copy()
    write_escapes(data, offsets, named_letters(), resolved)
    resolved.flags.writeable = False
    blanked = np.zeros_like(data)
    blank_markup(resolved, offsets, known_names(), blanked)
    blanked.flags.writeable = False
    return blanked, offsets


def build_postings(entries: pa.Table, settings: DecontaminationSettings) -> tuple[pa.Table, dict[str, pa.Table]]:
    """The entries measured, and for each kind of terms the postings sorted by n-gram."""
    lengths = np.zeros(entries.num_rows, np.int64)
    dense = np.zeros(entries.num_rows, bool)
    postings = {}
    for kind in KINDS:
        rows = np.flatnonzero(np.asarray(entries["kind"].to_pylist(), object) == kind)
        lengths[rows], dense[rows], found = _postings(entries.take(pa.array(rows)), settings, kind)
        owner = rows[found["entry"].to_numpy()].astype(np.int32)
        postings[kind] = found.set_column(POSTING.get_field_index("entry"), POSTING.field("entry"), pa.array(owner))
    owner, position = (
        np.concatenate([table[name].to_numpy() for table in postings.values()]).astype(np.int64)
        for name in ("entry", "position")
    )
    order = np.lexsort((position, owner))
    owner, position = owner[order], position[order]
    terms = covered(owner, position, lengths[owner], entries.num_rows)
    bounds = np.searchsorted(owner, np.arange(entries.num_rows + 1))
    shares = np.array([getattr(settings.overlap, field) for field in entries["field"].to_pylist()], np.float64)
    least = np.where(dense, settings.least_characters, settings.least_words)
    return pa.table(
        {
            **dict(zip(entries.column_names, entries.columns, strict=True)),
            "length": lengths,
            "telling": pa.LargeListArray.from_arrays(bounds, position.astype(np.int32)),
            "terms": terms,
            "threshold": np.maximum(shares, np.minimum(1.0, least / np.maximum(terms, 1))),
        },
        schema=MEASURED_ENTRY,
    ), postings


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
        written=postings["written"].combine_chunks().to_numpy(),
        entries=postings["entry"].combine_chunks().to_numpy(),
        positions=postings["position"].combine_chunks().to_numpy(),
    )
    fill_index(index, postings["beginning"].combine_chunks().to_numpy())
    return index


def _postings(entries: pa.Table, settings: DecontaminationSettings, kind: str) -> tuple[Offsets, Flags, pa.Table]:
    """Of entries of one kind: n-gram lengths, which are dense, and their telling postings, sorted by n-gram."""
    texts = entries["text"].combine_chunks()
    data, offsets = buffers_of(texts, kind)
    terms = np.zeros(len(texts), np.int64)
    room = scratch(LONGEST_GRAM)
    number = KINDS.index(kind)
    count_terms(data, offsets, tables(), number, room, terms)
    dense = _dense(texts, terms) if kind == KINDS[PROSE] else np.zeros(len(texts), bool)
    lengths = _lengths(terms, dense, settings, kind)
    total = int(np.where(lengths > 0, terms - lengths + 1, 0).sum())
    grams, written, beginnings = (np.empty(total, np.uint64) for _ in range(3))
    shortest = int(lengths[lengths > 0].min(initial=LONGEST_GRAM))
    owner, position = np.empty(total, np.int32), np.empty(total, np.int32)
    again = scratch(LONGEST_GRAM)
    list_grams(
        data, offsets, tables(), number, lengths, shortest, room, again, grams, written, beginnings, owner, position
    )
    items = _item_numbers(entries)
    order = np.lexsort((position, owner, items[owner], grams))
    order = order[_telling(grams[order], items[owner[order]], settings.shared_items)]
    columns = (grams, written, beginnings, owner, position)
    return lengths, dense, pa.table([column[order] for column in columns], schema=POSTING)


def _lengths(terms: Offsets, dense: Flags, settings: DecontaminationSettings, kind: str) -> Offsets:
    """The n-gram length of each entry: that of its kind, its own length where it is shorter, 0 where too short."""
    if kind != KINDS[PROSE]:
        full = settings.model_dump()[kind]
        return np.where(terms < full, 0, full).astype(np.int64)
    full = np.where(dense, settings.characters, settings.words)
    shortest = np.where(dense, settings.shortest_characters, settings.shortest_words)
    return np.where(terms < shortest, 0, np.minimum(full, terms)).astype(np.int64)


def _dense(texts: pa.Array, terms: Offsets) -> Flags:
    """Whether most terms of a text are characters of scripts without spaces."""
    dense: Flags = np.array([_unspaced(text) for text in texts.to_pylist()], np.int64) * 2 >= np.maximum(terms, 1)
    return dense


def _unspaced(text: str) -> int:
    """Characters of scripts without spaces in a text."""
    points = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    points = points[points < TABLE_SIZE]
    return int((characters().classes[points] == CHARACTER).sum())


def _telling(grams: npt.NDArray[np.uint64], items: Offsets, shared: int) -> Flags:
    """Which postings, sorted by n-gram and item, are of n-grams in at most `shared` items."""
    new_gram = np.ones(len(grams), bool)
    new_gram[1:] = grams[1:] != grams[:-1]
    new_item = new_gram.copy()
    new_item[1:] |= items[1:] != items[:-1]
    group = np.cumsum(new_gram) - 1
    telling: Flags = np.bincount(group, weights=new_item, minlength=1)[group] <= shared
    return telling


def _item_numbers(entries: pa.Table) -> Offsets:
    """A number for each distinct pair of benchmark and item."""
    pairs = zip(entries["benchmark"].to_pylist(), entries["item"].to_pylist(), strict=True)
    numbers: dict[tuple[str, str], int] = {}
    return np.array([numbers.setdefault(pair, len(numbers)) for pair in pairs], np.int64)
