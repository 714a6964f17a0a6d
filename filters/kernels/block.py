"""A block of documents under measurement: bytes and offsets, and what the kernels found in them, each found once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from winnow.filters.kernels import lines, ngrams, repeats, unicode_words, variants, words
from winnow.filters.kernels.bytes import Bytes, Offsets, text_buffers
from winnow.filters.kernels.characters import class_table
from winnow.filters.kernels.word_lists import word_table

Counts = npt.NDArray[np.int64]
Found = TypeVar("Found")


class Splitter(StrEnum):
    """What a word is. Each has its own families of columns."""

    WHITESPACE = "whitespace"  # str.split()
    SPACY = "spacy"  # nearly as spaCy cuts English
    CHINESE = "chinese"  # as jieba cuts
    UNICODE = "unicode"  # by the word boundaries of Unicode, punctuation left out
    CHARACTERS = "characters"  # every code point is a word, whitespace too


class Pieces(StrEnum):
    """What is compared when repeated pieces of a text are counted."""

    LINES = "lines"  # between runs of line feeds (re.split("\n+"))
    PARAGRAPHS = "paragraphs"  # between runs of two line feeds or more, in the stripped text
    STRIPPED_LINES = "stripped_lines"  # without surrounding whitespace, empty ones left out
    STRIPPED_PARAGRAPHS = "stripped_paragraphs"


_NEWLINES = {Pieces.LINES: 1, Pieces.PARAGRAPHS: 2, Pieces.STRIPPED_LINES: 1, Pieces.STRIPPED_PARAGRAPHS: 2}


@dataclass(frozen=True)
class Words:
    """The words of a block, as `winnow.filters.kernels.words` lays them out; valid until the next block is measured."""

    bounds: npt.NDArray[np.int64]
    offsets: Offsets
    hashes: npt.NDArray[np.uint64]
    ends: npt.NDArray[np.int64]
    counts: Counts


class Scratch:
    """Arrays by name that grow and are used again, so that a block costs no new memory."""

    def __init__(self) -> None:
        self._arrays: dict[str, npt.NDArray[Any]] = {}

    def array(self, name: str, size: int, dtype: type[np.generic]) -> npt.NDArray[Any]:
        """At least `size` entries, their content whatever was there."""
        found = self._arrays.get(name)
        if found is None or found.size < size:
            found = self._arrays[name] = np.empty(size + size // 4, dtype)
        return found


class Block:
    """n documents and their measurements, worked out when asked for. Counts are int64 arrays of n rows."""

    def __init__(self, data: Bytes, offsets: Offsets, scratch: Scratch) -> None:
        self.data, self.offsets = data, offsets
        self._scratch = scratch
        self._found: dict[tuple[str, ...], Any] = {}
        self.size = offsets.size - 1
        self._longest = int(np.diff(offsets).max(initial=0))
        self._bytes = int(offsets[-1] - offsets[0])

    def _once(self, key: tuple[str, ...], work: Callable[[], Found]) -> Found:
        if key not in self._found:
            self._found[key] = work()
        found: Found = self._found[key]
        return found

    def _counts(self, *shape: int) -> Counts:
        return np.empty((self.size, *shape), np.int64)

    def lines(self) -> Counts:
        """Columns as named in `winnow.filters.kernels.lines`."""
        return self._once(("lines",), self._measure_lines)

    def _measure_lines(self) -> Counts:
        counts = self._counts(lines.LINE_COUNTS)
        lines.measure(self.data, self.offsets, class_table(), counts)
        return counts

    def repeats(self, pieces: Pieces) -> Counts:
        """Columns as named in `winnow.filters.kernels.repeats`."""
        return self._once(("repeats", pieces), lambda: self._measure_repeats(pieces))

    def _measure_repeats(self, pieces: Pieces) -> Counts:
        counts = self._counts(repeats.REPEAT_COUNTS)
        most = self._longest + 2
        repeats.measure(
            self.data,
            self.offsets,
            class_table(),
            _NEWLINES[pieces],
            pieces is Pieces.PARAGRAPHS,
            pieces in (Pieces.STRIPPED_LINES, Pieces.STRIPPED_PARAGRAPHS),
            self._scratch.array("slots", repeats.table_size(most), np.int32),
            self._scratch.array("keys", most, np.uint64),
            self._scratch.array("copied", most, np.uint8),
            counts,
        )
        return counts

    def word_counts(self, splitter: Splitter) -> Counts:
        """How many words each text has (n); where nobody asks for more, they aren't measured."""
        if splitter is not Splitter.WHITESPACE or ("bounds", splitter) in self._found:
            return np.diff(self._split(splitter)[1])
        return self._once(("word counts",), self._count_words)

    def _count_words(self) -> Counts:
        counts = self._counts()
        words.count_documents(self.data, self.offsets, counts)
        return counts

    def words(self, splitter: Splitter) -> Words:
        return self._once(("words", splitter), lambda: self._measure_words(splitter))

    def _split(self, splitter: Splitter) -> tuple[npt.NDArray[np.int64], Offsets]:
        """Bounds and offsets of the words, as in `Words`."""
        return self._once(("bounds", splitter), lambda: self._find_words(splitter))

    def _find_words(self, splitter: Splitter) -> tuple[npt.NDArray[np.int64], Offsets]:
        most = self._bytes + 2 * self.size + 2
        bounds = self._scratch.array(f"{splitter} bounds", 2 * most, np.int64)
        offsets = self._scratch.array(f"{splitter} offsets", self.size + 1, np.int64)[: self.size + 1]
        if splitter is Splitter.CHINESE:
            self._split_chinese(bounds, offsets)
        elif splitter is Splitter.SPACY:
            self._split_english(bounds, offsets)
        elif splitter is Splitter.UNICODE:
            kinds = unicode_words.word_kinds()
            unicode_words.split_documents(self.data, self.offsets, class_table(), kinds, bounds, offsets)
        elif splitter is Splitter.CHARACTERS:
            words.split_characters(self.data, self.offsets, bounds, offsets)
        else:
            words.split_documents(self.data, self.offsets, bounds, offsets)
        return bounds, offsets

    def _measure_words(self, splitter: Splitter) -> Words:
        bounds, offsets = self._split(splitter)
        most = self._bytes + 2 * self.size + 2
        hashes = self._scratch.array(f"{splitter} hashes", most, np.uint64)
        ends = self._scratch.array(f"{splitter} ends", most, np.int64)
        counts = self._counts(words.WORD_COUNTS)
        words.measure(self.data, self.offsets, bounds, offsets, class_table(), hashes, ends, counts)
        return Words(bounds, offsets, hashes, ends, counts)

    def _split_english(self, bounds: npt.NDArray[np.int64], offsets: Offsets) -> None:
        from winnow.filters.kernels import english_signs, english_words

        pieces = self._scratch.array("pieces", self._longest + 2, np.int64)
        backs = self._scratch.array("backs", 2 * self._longest + 2, np.int64)
        tables = (class_table(), english_signs.role_table(), english_signs.listed_table())
        english_words.split_documents(self.data, self.offsets, *tables, pieces, backs, bounds, offsets)

    def _split_chinese(self, bounds: npt.NDArray[np.int64], offsets: Offsets) -> None:
        from winnow.filters.kernels import chinese
        from winnow.filters.kernels.lexicon import load_lexicon

        most = self._longest + 1
        chinese.split_documents(
            self.data,
            self.offsets,
            class_table(),
            *load_lexicon().tables(),
            self._scratch.array("runes", most, np.int32),
            self._scratch.array("positions", most, np.int32),
            self._scratch.array("best", most, np.float64),
            self._scratch.array("word ends", most, np.int32),
            self._scratch.array("likely", 4 * most, np.float64)[: 4 * most].reshape(most, 4),
            self._scratch.array("before", 4 * most, np.int8)[: 4 * most].reshape(most, 4),
            bounds,
            offsets,
        )

    def listed_words(self, splitter: Splitter, listed: str) -> Counts:
        """Distinct words of the list `listed` in column 0, their occurrences in column 1."""
        return self._once(("listed words", splitter, listed), lambda: self._count_listed_words(splitter, listed))

    def _count_listed_words(self, splitter: Splitter, listed: str) -> Counts:
        found = self.words(splitter)
        counts = self._counts(2)
        words.count_listed(found.hashes, found.offsets, *word_table(listed), counts)
        return counts

    def variants(self) -> Counts:
        """Columns as named in `winnow.filters.kernels.variants`."""
        return self._once(("variants",), self._measure_variants)

    def _measure_variants(self) -> Counts:
        found = self.words(Splitter.WHITESPACE)
        counts = self._counts(variants.VARIANT_COUNTS)
        lengths = np.empty(257, np.int64)
        tables = (class_table(), found.bounds, found.ends, found.offsets, lengths)
        variants.measure(self.data, self.offsets, *tables, counts)
        return counts

    def normalized(self) -> Block:
        """The same documents in Unicode's form NFKC: full-width letters narrow, … as three dots."""
        return self._once(("normalized",), self._normalize)

    def _normalize(self) -> Block:
        buffers = (pa.py_buffer(self.offsets), pa.py_buffer(self.data))
        texts = pc.utf8_normalize(pa.LargeStringArray.from_buffers(self.size, *buffers), "NFKC")
        return Block(*text_buffers(texts), self._scratch)

    def han(self) -> tuple[Counts, npt.NDArray[np.float64]]:
        """Columns as named in `winnow.filters.kernels.han`, and the entropy of each text's characters in nats."""
        return self._once(("han",), self._measure_han)

    def _measure_han(self) -> tuple[Counts, npt.NDArray[np.float64]]:
        from winnow.filters.kernels import han

        counts, entropies = self._counts(han.HAN_COUNTS), np.empty(self.size)
        histogram = self._scratch.array("histogram", class_table().size, np.int32)
        histogram[:] = 0
        endings = text_buffers(pa.array(han.ENDINGS, pa.large_string()))
        tables = (class_table(), han.kind_table(), han.mark_table())
        han.measure(self.data, self.offsets, *tables, *endings, histogram, counts, entropies)
        return counts, entropies

    def runs(self, length: int) -> Counts:
        """Runs of `length` characters in column 0, those that stand more than once in column 1."""
        return self._once(("runs", str(length)), lambda: self._measure_runs(length))

    def _measure_runs(self, length: int) -> Counts:
        from winnow.filters.kernels import han

        counts = self._counts(2)
        most = self._longest + 2
        han.measure_runs(
            self.data,
            self.offsets,
            length,
            self._scratch.array("runes", most, np.int32),
            self._scratch.array("slots", repeats.table_size(most), np.int32),
            self._scratch.array("keys", most, np.uint64),
            self._scratch.array("positions", most, np.int32),
            self._scratch.array("word ends", most, np.int32),
            counts,
        )
        return counts

    def ngrams(self, splitter: Splitter) -> Counts:
        """n × lengths 2 to 10 × columns as named in `winnow.filters.kernels.ngrams`."""
        return self._once(("ngrams", splitter), lambda: self._measure_ngrams(splitter))

    def _measure_ngrams(self, splitter: Splitter) -> Counts:
        found = self.words(splitter)
        counts = self._counts(ngrams.LENGTHS, ngrams.NGRAM_COUNTS)
        most = int(np.diff(found.offsets).max(initial=0)) + 1
        scratch = (
            self._scratch.array(f"ngrams {name}", most, np.int32)
            for name in ("places", "names", "longer names", "occurrences", "met")
        )
        slots = self._scratch.array("slots", repeats.table_size(most), np.int32)
        keys = self._scratch.array("keys", most, np.uint64)
        ngrams.measure(found.hashes, found.ends, found.offsets, slots, keys, *scratch, counts)
        return counts
