"""Our own encoder for lossless BPE models: the ids of sentencepiece at ten times its speed.

Sentencepiece stays the reference (`tokenizer/pieces.py`), and the encoder of every model that isn't supported here.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from winnow.filters.kernels.bytes import text_buffers
from winnow.tokenizer.encoder import Encoded, Encoder
from winnow.tokenizer.merges import RANK_BITS, Scratch, Tables, Words, insert
from winnow.tokenizer.pieces import SentencePieceEncoder
from winnow.tokenizer.units import ENTRY, encode_units
from winnow.tokenizer.vocabulary import SPACE, Kind, Vocabulary
from winnow.tokenizer.windows import WINDOW, cuts_of

CACHE_ENTRIES = 1 << 17  # 4 MiB: the frequent words of any text, still near the processor
SCRATCH = 1 << 12  # characters of a unit, at first
OUT = 1 << 20  # ids written between two stops
LAST_CODE_POINT = 0x10FFFF


def is_supported(vocabulary: Vocabulary) -> bool:
    """Whether our ids are sentencepiece's: a lossless BPE, each merge with a score of its own, nothing user-defined."""
    kinds = set(vocabulary.kinds.tolist())
    joined = [number for number in vocabulary.ids_of(Kind.NORMAL) if len(vocabulary.pieces[number]) > 1]
    return (
        vocabulary.is_lossless
        and not kinds & {Kind.USER_DEFINED, Kind.UNUSED}
        and len(np.unique(vocabulary.scores[joined])) == len(joined)
        and len(vocabulary.pieces) < 1 << RANK_BITS
        and len(vocabulary.ids_of(Kind.BYTE)) == 256
    )


class BytePairEncoder(Encoder):
    """Encodes with compiled loops over Arrow's bytes; safe to use from several threads, each has scratch of its own.

    Memory: the ids, 4 MiB of cache and 3 MiB for the longest run that no piece's border interrupts, of any length; only
    where no sound cut is found in one, 44 bytes for each of its bytes.
    """

    def __init__(self, reference: SentencePieceEncoder) -> None:
        super().__init__(files=reference.files, special=reference.special, spellings=reference.spellings)
        self.vocabulary = reference.vocabulary
        self._tables = _tables(reference.vocabulary)
        self._local = threading.local()

    def encode(self, texts: pa.Array | pa.ChunkedArray) -> Encoded:
        data, offsets = text_buffers(texts)
        ends = np.empty(len(offsets) - 1, np.int64)
        state = np.array([0, offsets[0], 0, 0], np.int64)
        written: list[npt.NDArray[Any]] = []
        cuts = np.empty(0, np.int64)
        scratch: Scratch = getattr(self._local, "scratch", None) or _scratch(CACHE_ENTRIES)
        while state[0] < len(ends):
            count = encode_units(data, offsets, self._tables, scratch, cuts, ends, state)
            written.append(scratch.out[:count].astype(self.dtype))
            length = int(state[3])
            if length > WINDOW:
                scratch, start = _with_room(scratch, WINDOW), int(state[1])
                cuts = cuts_of(data, start, start + length, self._tables, scratch, _scratch(0))
                length = WINDOW if len(cuts) else length
            scratch = _with_room(scratch, length)
        self._local.scratch = scratch
        ids = written[0] if len(written) == 1 else np.concatenate([np.empty(0, self.dtype), *written])
        return Encoded(ids, np.concatenate([[0], ends]))


def _scratch(entries: int, characters: int = SCRATCH) -> Scratch:
    return Scratch(
        cache=np.zeros(entries * ENTRY, np.uint64),
        unit=np.empty((5, characters), np.int32),
        heap=np.empty(3 * characters, np.int64),
        out=np.empty(max(OUT, 2 * characters), np.int32),
    )


def _with_room(scratch: Scratch, length: int) -> Scratch:
    """Room for a unit of so many bytes, and no more than at first where it isn't needed any longer."""
    room = scratch.unit.shape[1]
    if room <= length or (length == 0 and room > SCRATCH):
        return _scratch(0, max(SCRATCH, length + 1))._replace(cache=scratch.cache)
    return scratch


def _tables(vocabulary: Vocabulary) -> Tables:
    normal = vocabulary.ids_of(Kind.NORMAL)
    ranked = sorted(normal, key=lambda number: (-vocabulary.scores[number], number))
    rank_of = {vocabulary.pieces[number].replace(SPACE, " "): rank for rank, number in enumerate(ranked)}
    byte_ids = np.zeros(256, np.int32)
    for number in vocabulary.ids_of(Kind.BYTE):
        byte_ids[vocabulary.spellings[number][0]] = number
    characters = np.full(LAST_CODE_POINT + 1, -1, np.int32)
    pairs: dict[int, int] = {}
    neighbours: set[tuple[int, int]] = set()
    for piece, rank in rank_of.items():
        if len(piece) == 1:
            characters[ord(piece)] = rank
        neighbours.update(zip(map(ord, piece), map(ord, piece[1:]), strict=False))
        for cut in range(1, len(piece)):
            left, right = rank_of.get(piece[:cut]), rank_of.get(piece[cut:])
            if left is not None and right is not None:
                pairs[left << RANK_BITS | right] = rank
    ids = np.array(ranked, np.int32)
    ascii_neighbours = np.zeros(128 * 128, np.uint8)
    ascii_neighbours[[left << 7 | right for left, right in neighbours if left < 128 and right < 128]] = 1
    ascii_ids = np.where(characters[:128] >= 0, ids[characters[:128]], byte_ids[:128]).astype(np.int32)
    keys = np.fromiter(pairs, np.uint64, len(pairs))
    wide = np.array([left << 21 | right for left, right in neighbours if left >= 128 or right >= 128], np.uint64)
    return Tables(
        ascii_neighbours=ascii_neighbours,
        neighbours=_table(wide, np.zeros(len(wide), np.uint64), 0),
        ascii_ids=ascii_ids,
        characters=characters,
        merges=_table(keys, np.fromiter(pairs.values(), np.uint64, len(pairs)), RANK_BITS),
        ids=ids,
        byte_ids=byte_ids,
    )


def _table(keys: Words, values: Words, bits: int) -> Words:
    """A hash table a quarter full."""
    table = np.zeros(1 << (4 * len(keys) + 16).bit_length(), np.uint64)
    insert(keys, values, bits, table)
    return table
