"""From a tokenizer's file to its encoder: the same face for a sentencepiece model and a Hugging Face `tokenizer.json`.

Our own loops encode for lossless BPE models (`tokenizer/bpe.py`), sentencepiece for its other models, `tokenizers` for a
`tokenizer.json`.
"""

from __future__ import annotations

from functools import lru_cache

import fsspec

from winnow.tokenizer.encoder import Encoder

MODEL = "tokenizer.model"
JSON = "tokenizer.json"


def load(path: str) -> Encoder:
    """The encoder of a tokenizer.model or tokenizer.json, or of the folder that holds one (the model is preferred).

    The path may lie on an object store; a file that was loaded before is only read again. Raises `FileNotFoundError`
    where there is none, `EncoderError` where the file can't be used.
    """
    return _encoder(*read(path))


@lru_cache(maxsize=4)
def _encoder(file: str, content: bytes) -> Encoder:
    if file.endswith(".json"):
        from winnow.tokenizer.hugging_face import HuggingFaceEncoder

        return HuggingFaceEncoder(file, content)
    from winnow.tokenizer.bpe import BytePairEncoder, is_supported
    from winnow.tokenizer.pieces import SentencePieceEncoder

    reference = SentencePieceEncoder(file, content)
    return BytePairEncoder(reference) if is_supported(reference.vocabulary) else reference


def read(path: str) -> tuple[str, bytes]:
    """The tokenizer's own file at or below `path`, and its content. Raises `FileNotFoundError`."""
    filesystem, name = fsspec.core.url_to_fs(path)
    candidates = [f"{name.rstrip('/')}/{file}" for file in (MODEL, JSON)] if filesystem.isdir(name) else [name]
    for candidate in candidates:
        if filesystem.isfile(candidate):
            return candidate, filesystem.cat_file(candidate)
    raise FileNotFoundError(f"there is no tokenizer at {path}: expected {MODEL}, {JSON} or a folder with one of them")
