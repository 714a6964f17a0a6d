"""The reference encoder: sentencepiece itself, for any of its models."""

from __future__ import annotations

import pyarrow as pa
import sentencepiece

from winnow.tokenizer.encoder import Encoded, Encoder, EncoderError, gather, strings
from winnow.tokenizer.files import Files
from winnow.tokenizer.vocabulary import SPACE, Kind, VocabularyError, read_vocabulary


class SentencePieceEncoder(Encoder):
    """Sentencepiece's own encoder, but for one character.

    Sentencepiece spells a space as U+2581 and so can't tell a real U+2581 from a space. Where the model has byte
    fallback that character is encoded by its three bytes, which makes a lossless model lossless for every string.
    """

    def __init__(self, files: Files) -> None:
        try:
            self.vocabulary = read_vocabulary(files.content, files.path)
        except VocabularyError as error:
            raise EncoderError(str(error)) from error
        self._processor = sentencepiece.SentencePieceProcessor(model_proto=files.content)
        pieces = self.vocabulary.pieces
        super().__init__(
            files=files,
            special={pieces[control]: control for control in self.vocabulary.ids_of(Kind.CONTROL)},
            spellings=self.vocabulary.spellings,
        )
        bytes_of = {self.vocabulary.spellings[byte][0]: byte for byte in self.vocabulary.ids_of(Kind.BYTE)}
        self._space_sign = [bytes_of[byte] for byte in SPACE.encode()] if self.vocabulary.byte_fallback else None

    def encode(self, texts: pa.Array | pa.ChunkedArray) -> Encoded:
        return gather((ids for batch in strings(texts) for ids in self.encode_strings(batch)), self.dtype)

    def encode_strings(self, texts: list[str]) -> list[list[int]]:
        """The ids of each string, in one call of sentencepiece where no string holds U+2581."""
        if self._space_sign is None or not any(SPACE in text for text in texts):
            return self._processor.encode(texts, num_threads=1)  # type: ignore[no-any-return]
        return [self._encode_with_sign(text, self._space_sign) for text in texts]

    def _encode_with_sign(self, text: str, sign: list[int]) -> list[int]:
        first, *rest = self._processor.encode(text.split(SPACE), num_threads=1)
        ids: list[int] = list(first)
        for part in rest:
            ids += sign
            ids += part
        return ids
