"""A real cross-lingual embedder, small enough to be learned here: latent semantic indexing of aligned texts."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import scipy.sparse as sparse
import zstandard
from orjson import loads

from winnow.formats.translations.checks import misfit

TextPair = tuple[str, str]
DIMENSIONS = 100
HELD_OUT = 8  # of the files, every eighth


class LatentIndex:
    """Dumais, Landauer and Littman 1996: TF-IDF of texts laid together with their translations, its first dimensions.

    A text of one language is folded in by its own words; the dimensions were found where the words of both occur.
    """

    def __init__(self, pairs: Sequence[TextPair]) -> None:
        together = [terms(f"{source} {target}") for source, target in pairs]
        frequency = Counter(term for text in together for term in set(text))
        self.place = {term: at for at, term in enumerate(sorted(term for term in frequency if frequency[term] > 3))}
        self.rarity = np.array([np.log(len(pairs) / frequency[term]) for term in self.place])
        weights = self.weigh(together)
        basis = np.random.Generator(np.random.PCG64(0)).normal(size=(weights.shape[1], DIMENSIONS + 10))
        for _ in range(3):  # subspace iteration: the first right singular vectors
            basis, _ = np.linalg.qr(weights.T @ (weights @ basis))
        self.dimensions = basis @ np.linalg.svd(weights @ basis, full_matrices=False)[2].T[:, :DIMENSIONS]

    def weigh(self, texts: Sequence[Sequence[str]]) -> Any:
        """A row of unit length for each text: logarithmic counts times rarity."""
        cells = [
            (row, self.place[term], 1 + np.log(count))
            for row, text in enumerate(texts)
            for term, count in Counter(text).items()
            if term in self.place
        ]
        rows, columns, counts = map(np.array, zip(*cells, strict=True)) if cells else ([], np.array([], int), [])
        weights = sparse.csr_matrix((counts * self.rarity[columns], (rows, columns)), (len(texts), len(self.place)))
        length = np.sqrt(np.asarray(weights.multiply(weights).sum(axis=1))).ravel()
        return sparse.diags(1 / np.maximum(length, 1e-9)) @ weights

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        return np.asarray(self.weigh([terms(text) for text in texts]) @ self.dimensions)


def terms(text: str) -> list[str]:
    """Latin words, and Chinese characters two by two."""
    chinese = re.findall(r"[\u3400-\u9fff]+", text)
    return re.findall(r"[a-z]+", text.lower()) + [run[at : at + 2] for run in chinese for at in range(len(run) - 1)]


@pytest.fixture(scope="session")
def documentation(corpora: Path) -> list[list[TextPair]]:
    """The sound entries of each file of Python's documentation in Chinese, English beside it, 40 characters or more."""
    files = []
    with zstandard.open(corpora / "zh_en" / "python_docs_po.jsonl.zst", "rt", encoding="utf-8") as rows:
        for row in map(loads, rows):
            entries = [(entry["en"], entry["zh"]) for entry in row["entries"] if entry["zh"] and not entry["fuzzy"]]
            flat = [(" ".join(en.split()), " ".join(zh.split())) for en, zh in entries if len(en) >= 40]
            files.append([pair for pair in flat if misfit(*pair, ("en", "zh"), (0.4, 3.0), True) is None])
    return files


@pytest.fixture(scope="session")
def held_out(documentation: list[list[TextPair]]) -> list[TextPair]:
    """Pairs of files that the embedder didn't learn from."""
    return [pair for file in documentation[::HELD_OUT] for pair in file]


@pytest.fixture(scope="session")
def latent_model(documentation: list[list[TextPair]]) -> Iterator[str]:
    """The name of an embedder that learned from the other files."""
    learned = [pair for at, file in enumerate(documentation) if at % HELD_OUT for pair in file][::3]
    module = ModuleType("latent_index")
    index = LatentIndex(learned)
    asked: list[int] = []

    def embed(texts: Sequence[str]) -> npt.NDArray[np.float64]:
        asked.append(len(texts))
        return index.embed(texts)

    module.embed, module.asked = embed, asked  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    yield f"{module.__name__}:embed"
    del sys.modules[module.__name__]
