"""The embedder: what turns texts into vectors of their meaning, by a model that the user names."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
Embedder = Callable[[Sequence[str]], Vectors]

SENTENCE_TRANSFORMERS = "sentence-transformers:"
BATCH = 64
"""Texts that are embedded at a time."""


def embedder(model: str) -> Embedder:
    """What turns texts into vectors: `sentence-transformers:<name or folder>`, or the user's `package.module:function`.

    Texts longer than the model reads (256 tokens for all-MiniLM-L6-v2) are compared by their beginnings. Raises
    `LookupError` when it can't be imported or loaded, saying what to install.
    """
    if model.startswith(SENTENCE_TRANSFORMERS):
        try:
            library: Any = importlib.import_module("sentence_transformers")
        except ModuleNotFoundError as error:
            raise LookupError(
                f"{model} needs the package sentence-transformers: pip install winnow[semantic]"
            ) from error
        try:
            weights = {"use_safetensors": True}  # a pickle could run what it names
            encoder = library.SentenceTransformer(
                model.removeprefix(SENTENCE_TRANSFORMERS), device="cpu", model_kwargs=weights
            )
        except (OSError, ValueError) as error:
            raise LookupError(f"{model}: no such folder, or no model of sentence-transformers: {error}") from error
        return lambda texts: encoder.encode(list(texts), batch_size=BATCH, show_progress_bar=False)
    module, separator, name = model.partition(":")
    try:
        function = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise LookupError(f"no embedding function {model!r}: expected package.module:function ({error})") from error
    if not separator or not callable(function):
        raise LookupError(f"no embedding function {model!r}: expected package.module:function")
    return function  # type: ignore[no-any-return]


def unit_length(vectors: Vectors) -> Vectors:
    """Each row divided by its length, so that products are cosines; a zero vector stays zero."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vectors = np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0)
    return unit
