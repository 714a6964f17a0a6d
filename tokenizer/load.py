"""From a tokenizer's files to its encoder: the same face for a sentencepiece model and a Hugging Face `tokenizer.json`.

Our own loops encode for lossless BPE models (`tokenizer/bpe.py`), sentencepiece for its other models, `tokenizers` for a
`tokenizer.json`.
"""

from __future__ import annotations

from functools import lru_cache

from winnow.tokenizer.encoder import Encoder
from winnow.tokenizer.files import Files, read


def load(path: str) -> Encoder:
    """The encoder of a tokenizer.model or tokenizer.json, or of the folder that holds one (`tokenizer/files.py`).

    The path may lie on an object store; a file that was loaded before is only read again. Raises `FileNotFoundError`
    where there is none, `EncoderError` where the file can't be used.
    """
    return encoder_of(read(path))


@lru_cache(maxsize=4)
def encoder_of(files: Files) -> Encoder:
    """The encoder of a tokenizer's files. Raises `EncoderError`."""
    if files.path.endswith(".json"):
        from winnow.tokenizer.hugging_face import HuggingFaceEncoder

        return HuggingFaceEncoder(files)
    from winnow.tokenizer.bpe import BytePairEncoder, is_supported
    from winnow.tokenizer.pieces import SentencePieceEncoder

    reference = SentencePieceEncoder(files)
    return BytePairEncoder(reference) if is_supported(reference.vocabulary) else reference
