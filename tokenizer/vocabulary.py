"""A sentencepiece model file read as what it is: pieces with scores and kinds, and how text is prepared for them.

The file is a protocol buffer (`sentencepiece_model.proto`, sentencepiece's repository). The dozen fields needed here
are read directly, so nothing depends on the protobuf runtime.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

import numpy as np
import numpy.typing as npt

SPACE = "▁"  # U+2581, how pieces spell a space
_BPE = 2  # TrainerSpec.ModelType


class Kind(IntEnum):
    """What a piece is (`SentencePiece.Type`)."""

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    USER_DEFINED = 4
    UNUSED = 5
    BYTE = 6


# Looked up once: Python finds a member of an enumeration far slower than a number.
_BYTE, _CONTROL, _NORMAL = int(Kind.BYTE), int(Kind.CONTROL), int(Kind.NORMAL)
_BY_NAME = frozenset({_BYTE, _CONTROL, int(Kind.UNKNOWN)})


class VocabularyError(ValueError):
    """A file that isn't a sentencepiece model."""


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """The pieces of a model by id, and the preparation of text that it asks for."""

    pieces: tuple[str, ...]
    scores: npt.NDArray[np.float32]
    kinds: npt.NDArray[np.int8]
    is_bpe: bool
    byte_fallback: bool
    identity: bool  # text is not normalised
    dummy_prefix: bool  # a space is put before text
    trims_spaces: bool  # runs of spaces are squeezed

    @cached_property
    def is_lossless(self) -> bool:
        """A BPE with byte fallback that changes nothing: every UTF-8 string comes back from its ids."""
        return self.is_bpe and self.byte_fallback and self.identity and not (self.dummy_prefix or self.trims_spaces)

    def ids_of(self, kind: Kind) -> list[int]:
        return [int(position) for position in np.flatnonzero(self.kinds == kind)]

    @cached_property
    def spellings(self) -> tuple[bytes, ...]:
        """The bytes that each id stands for; control pieces stand for their own name."""
        return tuple(self._spelling(piece, kind) for piece, kind in zip(self.pieces, self.kinds.tolist(), strict=True))

    @cached_property
    def plain(self) -> list[str]:
        """The pieces with spaces as spaces; bytes, control pieces and the unknown by their names."""
        named = zip(self.pieces, self.kinds.tolist(), strict=True)
        return [piece if kind in _BY_NAME else piece.replace(SPACE, " ") for piece, kind in named]

    @staticmethod
    def _spelling(piece: str, kind: int) -> bytes:
        if kind == _BYTE:
            return bytes([int(piece[3:5], 16)])  # <0x41>
        return piece.replace(SPACE, " ").encode() if kind != _CONTROL else piece.encode()


def read_vocabulary(model: bytes, name: str = "the model") -> Vocabulary:
    """Raises `VocabularyError`, naming the file, when the bytes are no sentencepiece model."""
    pieces: list[str] = []
    scores: list[float] = []
    kinds: list[int] = []
    trainer: dict[int, int | bytes] = {}
    normalizer: dict[int, int | bytes] = {}
    try:
        for field, value in _fields(model):
            if field == 1:
                piece = dict(_fields(_message(value)))
                pieces.append(_message(piece[1]).decode())
                scores.append(struct.unpack("<f", _message(piece.get(2, b"\0\0\0\0")))[0])
                kinds.append(int(piece.get(3, _NORMAL)))
            elif field == 2:
                trainer = dict(_fields(_message(value)))
            elif field == 3:
                normalizer = dict(_fields(_message(value)))
    except (IndexError, KeyError, TypeError, ValueError, struct.error) as error:
        raise VocabularyError(f"{name} is not a sentencepiece model: {error}") from error
    if not pieces:
        raise VocabularyError(f"{name} is not a sentencepiece model: it has no pieces")
    if not trainer:
        raise VocabularyError(f"{name} is cut off: it ends with a piece, and no settings of its training follow")
    return Vocabulary(
        pieces=tuple(pieces),
        scores=np.array(scores, np.float32),
        kinds=np.array(kinds, np.int8),
        is_bpe=trainer.get(3, 1) == _BPE,
        byte_fallback=bool(trainer.get(35, 0)),
        identity=not normalizer.get(2) and bool(normalizer.get(5, 1)) and not trainer.get(24, 0),
        dummy_prefix=bool(normalizer.get(3, 1)),
        trims_spaces=bool(normalizer.get(4, 1)),
    )


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The (number, value) pairs of a protocol buffer: integers of varints, bytes of everything else."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        wire = key & 7
        if wire == 0:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        if wire == 2:
            size, at = _varint(message, at)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise ValueError(f"wire type {wire} at byte {at}")
        if at + size > len(message):
            raise ValueError(f"the file ends inside a field at byte {at}")
        yield key >> 3, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7


def _message(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise TypeError("a number where a message should be")
    return value
