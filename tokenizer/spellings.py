"""Spellings: the bytes of text that each id of a `tokenizer.json` stands for.

The decoder says how pieces are written: byte-level (GPT-2's printable signs of bytes), with a sign for a space
(sentencepiece's U+2581), with a mark on pieces that continue a word (WordPiece's `##`) or end one (`</w>`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import tokenizers


def spellings_of(tokenizer: tokenizers.Tokenizer, fields: Mapping[str, Any], names: Mapping[str, str]) -> list[bytes]:
    """The bytes of every id of `tokenizer`, whose file holds `fields`; empty for numbers that no piece has.

    `names`: the real names of tokens that it holds under an alias.

    Special tokens are spelled by their names. A piece that begins a word of WordPiece stands for a space and itself.
    """
    pieces = tokenizer.get_vocab(with_added_tokens=True)
    added = tokenizer.get_added_tokens_decoder()
    own = tokenizer.get_vocab(with_added_tokens=False)
    writing = _Writing(fields)
    spellings = [b""] * (max(pieces.values(), default=-1) + 1)
    for piece, number in pieces.items():
        token = added.get(number)
        if token is None or (piece in own and not token.special):
            spellings[number] = writing.spell(piece)
        elif token.special or not token.normalized:
            spellings[number] = names.get(piece, piece).encode()
        else:
            spellings[number] = writing.spaced(piece).encode()
    return spellings


class _Writing:
    """How the pieces of one file are written."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        model = fields["model"]
        decoding = list(_steps(fields.get("decoder")))
        writing = decoding or [*_steps(fields.get("normalizer")), *_steps(fields.get("pre_tokenizer"))]
        kinds = {step["type"] for step in decoding}
        self.signs = byte_level_signs() if any(step["type"] == "ByteLevel" for step in writing) else {}
        self.byte_fallback = bool(model.get("byte_fallback")) or "ByteFallback" in kinds
        self.replaced = [pair for step in writing if (pair := _replacement(step, decoding=bool(decoding)))]
        pieced = "WordPiece" in kinds or model.get("type") == "WordPiece"
        given = next((step["prefix"] for step in decoding if step["type"] == "WordPiece"), None)
        self.continuing = (given or model.get("continuing_subword_prefix") or "##") if pieced else None
        ending = next((step["suffix"] for step in decoding if step["type"] == "BPEDecoder"), None)
        self.ending = ending or model.get("end_of_word_suffix") or ""
        self.prefix = "" if pieced else model.get("continuing_subword_prefix") or ""

    def spell(self, piece: str) -> bytes:
        if self.byte_fallback and len(piece) == 6 and piece.startswith("<0x") and piece.endswith(">"):
            return bytes([int(piece[3:5], 16)])
        if self.ending:
            whole = piece.removesuffix(self.ending)
            return self._signed(whole) + (b" " if whole != piece else b"")
        if self.continuing is not None:
            return piece.removeprefix(self.continuing).encode() if piece.startswith(self.continuing) else _word(piece)
        return self._signed(piece.removeprefix(self.prefix))

    def spaced(self, piece: str) -> str:
        """The piece with spaces where their sign stands."""
        for sign, space in self.replaced:
            piece = piece.replace(sign, space)
        return piece

    def _signed(self, piece: str) -> bytes:
        if self.signs and all(sign in self.signs for sign in piece):
            return bytes(self.signs[sign] for sign in piece)
        return self.spaced(piece).encode()


def _word(piece: str) -> bytes:
    """A piece that begins a word, with the space before it; punctuation stands close."""
    return f" {piece}".encode() if piece[:1].isalnum() else piece.encode()


def _steps(step: Mapping[str, Any] | None) -> Iterator[Mapping[str, Any]]:
    """The steps of a decoder, normalizer or pre-tokenizer, sequences of sequences unfolded."""
    if step is None:
        return
    inner = next((step[name] for name in ("decoders", "normalizers", "pretokenizers") if name in step), None)
    if inner is None:
        yield step
        return
    for each in inner:
        yield from _steps(each)


def _replacement(step: Mapping[str, Any], *, decoding: bool) -> tuple[str, str] | None:
    """What a decoding step writes for which sign; of a file without a decoder, what undoes its preparation of text."""
    if step["type"] == "Metaspace":
        return str(step["replacement"]), " "
    if step["type"] == "Replace" and (pattern := step["pattern"].get("String")):
        pair = str(pattern), str(step["content"])
        if decoding:
            return pair
        return (pair[1], " ") if pair[0] == " " and pair[1] else None
    return None


def byte_level_signs() -> dict[str, int]:
    """GPT-2's printable sign of each byte: itself where it is printable, else the next one from U+0100 on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(0x100 + place): byte for place, byte in enumerate(others)}
