"""Any Hugging Face `tokenizer.json` as an encoder, to continue from a model that exists."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import tokenizers

from winnow.tokenizer.encoder import Encoded, Encoder, EncoderError, digest_of, gather, strings


class HuggingFaceEncoder(Encoder):
    """Encodes with the `tokenizers` library, as the file says, but that text never yields a special token.

    The library finds added tokens in the text itself; so those that are markup are taken out before text is encoded.
    Added tokens that are nothing but white space (GPT-NeoX has runs of spaces) are part of the text and stay.
    """

    def __init__(self, path: str, content: bytes) -> None:
        try:
            fields = json.loads(content)
            added = {token["content"]: token["id"] for token in fields.get("added_tokens", ())}
            whole = tokenizers.Tokenizer.from_str(json.dumps(fields))
            fields["added_tokens"] = [t for t in fields.get("added_tokens", ()) if not t["content"].strip()]
            self._text = tokenizers.Tokenizer.from_str(json.dumps({**fields, "post_processor": None}))
        except Exception as error:  # the library raises plain Exception for whatever it can't read
            raise EncoderError(f"{path} is not a tokenizer.json: {error}") from error
        self._text.no_truncation()
        self._text.no_padding()
        special = {name: number for name, number in added.items() if name.strip()}
        super().__init__(path=path, digest=digest_of(content), special=special, spellings=_spellings(whole, special))

    def encode(self, texts: pa.Array | pa.ChunkedArray) -> Encoded:
        return gather(
            (
                encoding.ids
                for batch in strings(texts)
                for encoding in self._text.encode_batch_fast(batch, add_special_tokens=False)
            ),
            self.dtype,
        )


def _spellings(whole: tokenizers.Tokenizer, special: dict[str, int]) -> list[bytes]:
    """The bytes of every id: byte-level pieces by GPT-2's table, others as they are written."""
    pieces = whole.get_vocab(with_added_tokens=True)
    spellings = [b""] * (max(pieces.values()) + 1)
    decoder = json.loads(whole.to_str()).get("decoder") or {}
    byte_level = "ByteLevel" in json.dumps(decoder)
    signs = _byte_level_signs() if byte_level else {}
    replaced = _replacement(decoder)
    for piece, number in pieces.items():
        if piece in special:
            spellings[number] = piece.encode()
        elif byte_level and all(sign in signs for sign in piece):
            spellings[number] = bytes(signs[sign] for sign in piece)
        elif len(piece) == 6 and piece.startswith("<0x") and piece.endswith(">"):
            spellings[number] = bytes([int(piece[3:5], 16)])
        else:
            spellings[number] = piece.replace(replaced, " ").encode() if replaced else piece.encode()
    return spellings


def _replacement(decoder: dict[str, Any]) -> str:
    """The sign that the decoder turns into a space, or nothing."""
    for step in decoder.get("decoders", [decoder]):
        if step.get("type") == "Metaspace":
            return str(step["replacement"])
        if step.get("type") == "Replace" and step.get("content") == " ":
            return str(step["pattern"]["String"])
    return ""


def _byte_level_signs() -> dict[str, int]:
    """GPT-2's printable sign of each byte: itself where it is printable, else the next one from U+0100 on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(0x100 + place): byte for place, byte in enumerate(others)}
