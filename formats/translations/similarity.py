"""Are the two texts of a pair of one meaning? The cosine of their embeddings, by a model that reads both languages."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from winnow.filters.embedder import Embedder, Vectors, embedder, unit_length
from winnow.formats.translations.catalogues import Pair
from winnow.formats.translations.checks import Cosines


def cosines(model: str) -> Cosines:
    """What measures pairs by a model, which is named as semantic de-duplication's is and loaded here.

    A text without a vector (all zeros) is like no other: 0. Raises `LookupError` when there is no such model.
    """
    embed = embedder(model)

    def measure(pairs: Sequence[Pair]) -> list[float]:
        if not pairs:
            return []
        sources = _vectors(embed, model, [pair.source for pair in pairs])
        targets = _vectors(embed, model, [pair.target for pair in pairs])
        return [float(cosine) for cosine in np.einsum("ij,ij->i", sources, targets)]

    return measure


def _vectors(embed: Embedder, model: str, texts: list[str]) -> Vectors:
    vectors = np.asarray(embed(texts), np.float32)
    if vectors.ndim != 2 or len(vectors) != len(texts):
        raise ValueError(f"{model}: expected a vector for each of {len(texts)} texts, found shape {vectors.shape}")
    return unit_length(vectors)
