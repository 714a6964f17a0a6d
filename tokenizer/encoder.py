"""The face of every encoder: text to token ids and back. Text never yields a special token; `load` finds the engine."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from winnow.tokenizer.conventions import ConventionsError, conventions_of
from winnow.tokenizer.files import Files
from winnow.tokenizer.special import require

DIGEST_BYTES = 16


class EncoderError(ValueError):
    """A tokenizer file that can't be used, and why."""


class Encoded(NamedTuple):
    """Text i is `ids[offsets[i]:offsets[i + 1]]`."""

    ids: npt.NDArray[Any]  # of the encoder's dtype
    offsets: npt.NDArray[np.int64]  # n + 1


class Marked(NamedTuple):
    """Token i stands in segment `places[i, 0]` (2n: text n, 2n + 1: the mark behind it), there from character
    `places[i, 1]` to before `places[i, 2]`; `places` is int64 [T, 3]."""

    ids: npt.NDArray[Any]
    places: npt.NDArray[np.int64]


class Encoder(ABC):
    """Text to ids and back.

    `special` maps the special tokens' names to their ids, `added` those of all that were added, plain ones too;
    `spellings` holds the bytes that each id stands for; `digest` is the BLAKE2b-128 of the file that defines the tokenizer;
    `files` are this file and those beside it, `conventions` what these say.
    """

    def __init__(
        self,
        *,
        files: Files,
        special: Mapping[str, int],
        spellings: Sequence[bytes],
        added: Mapping[str, int] | None = None,
        beginning: tuple[int, ...] = (),
    ) -> None:
        self.files = files
        self.path = files.path
        self.digest = digest_of(files.content)
        self.special = special
        self.added = special if added is None else added
        self.spellings = tuple(spellings)
        try:
            self.conventions = conventions_of(files, self.added, beginning)
        except ConventionsError as error:
            raise EncoderError(str(error)) from error

    @abstractmethod
    def encode(self, texts: pa.Array | pa.ChunkedArray) -> Encoded:
        """The ids of n strings. A null is an empty text."""

    def encode_marked(self, texts: Sequence[str], marks: Sequence[str], ids_of: Mapping[str, int]) -> Marked:
        """The ids of texts with marks between them (one text more than marks); marks are tokens by their names.

        `ids_of` holds every token that may be a mark: texts never yield one of these.
        """
        words = self.encode(pa.array(texts, pa.large_string()))
        text_of = np.repeat(np.arange(len(texts)), np.diff(words.offsets))
        starts, ends = self._characters(texts, words, text_of)
        marked = words.offsets[1:-1] + np.arange(len(marks))  # where the marks come to stand among the tokens
        ids = np.empty(len(words.ids) + len(marks), self.dtype)
        places = np.empty((len(ids), 3), np.int64)
        between = np.zeros(len(ids), bool)
        between[marked] = True
        ids[~between], ids[between] = words.ids, [ids_of[mark] for mark in marks]
        places[~between] = np.stack([2 * text_of, starts, ends], axis=1)
        places[between, 0], places[between, 1] = 2 * np.arange(len(marks)) + 1, 0
        places[between, 2] = [len(mark) for mark in marks]
        return Marked(ids, places)

    def _characters(
        self, texts: Sequence[str], words: Encoded, text_of: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Where each id begins and ends in its text, in characters; in proportion where a text's bytes don't match."""
        encoded = [text.encode() for text in texts]
        data = np.frombuffer(b"".join(encoded), np.uint8)
        bytes_before = np.cumsum([0, *map(len, encoded)])
        ends = np.concatenate([[0], np.cumsum(self.lengths[words.ids], dtype=np.int64)])
        told = ends[words.offsets]  # by the ids, where each text begins
        starts, ends = ends[:-1] - told[text_of], ends[1:] - told[text_of]
        if not np.array_equal(told, bytes_before):
            size, said = np.diff(bytes_before)[text_of], np.maximum(np.diff(told), 1)[text_of]
            ends = ends * size // said
            starts = starts * size // said
        begins = bytes_before[text_of]
        character = np.concatenate([np.cumsum(data & 0xC0 != 0x80) - 1, [sum(map(len, texts))]])
        first = np.cumsum([0, *map(len, texts)])[text_of]
        return character[begins + starts] - first, character[np.maximum(begins + ends - 1, 0)] + 1 - first

    @property
    def vocabulary_size(self) -> int:
        return len(self.spellings)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The smallest unsigned integer that holds every id: uint16 up to 65,536 ids, else uint32."""
        return np.dtype(np.uint16 if self.vocabulary_size <= 1 << 16 else np.uint32)

    @cached_property
    def lengths(self) -> npt.NDArray[np.int32]:
        """Bytes of text that each id stands for; 0 for special tokens."""
        lengths = np.array([len(spelling) for spelling in self.spellings], np.int32)
        lengths[list(self.special.values())] = 0
        return lengths

    def decode(self, ids: Iterable[int] | npt.NDArray[Any]) -> str:
        """The text of ids, special tokens by their names. Bytes that form no character become U+FFFD."""
        numbers = ids.tolist() if isinstance(ids, np.ndarray) else ids
        return b"".join(map(self.spellings.__getitem__, numbers)).decode("utf-8", "replace")

    def require(self, names: Iterable[str], purpose: str) -> tuple[int, ...]:
        """The ids of the tokens that serve as ours, by our names; raises `SpecialTokenError` with all that are missing."""
        return require(self.conventions.roles, names, purpose)


def digest_of(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=DIGEST_BYTES).hexdigest()


def strings(texts: pa.Array | pa.ChunkedArray, at_once: int = 1024) -> Iterator[list[str]]:
    """The strings of an Arrow array as Python lists of at most `at_once`."""
    for start in range(0, len(texts), at_once):
        yield [text or "" for text in texts.slice(start, at_once).to_pylist()]


def gather(ids: Iterable[Sequence[int]], dtype: np.dtype[Any]) -> Encoded:
    """Lists of ids, one per text, as one array with offsets."""
    arrays = [np.asarray(text, dtype=dtype) for text in ids]
    offsets = np.concatenate([[0], np.cumsum([len(array) for array in arrays])]).astype(np.int64)
    return Encoded(np.concatenate(arrays) if arrays else np.empty(0, dtype), offsets)
