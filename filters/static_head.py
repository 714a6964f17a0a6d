"""A linear head over static embeddings: a classifier of quality that is learnt from few documents and read by table.

Static embeddings give each token of a tokenizer one vector, and a text the mean of its tokens' (model2vec's form: a folder
with `model.safetensors` and `tokenizer.json`; Winnow ships none). The head is multinomial logistic regression on those means.
Since both are linear, what a token adds to each label is one number: the file that `fit_head` writes holds these numbers and
the tokenizer, 4 bytes × tokens × labels, and needs no embeddings when it scores.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from winnow.filters.kernels.versions import version

Floats = npt.NDArray[np.float64]

TENSORS = ("embeddings", "embedding.weight")
"""Names of the matrix of vectors: model2vec's, WordLlama's."""
BATCH = 256
"""Texts that are cut into tokens at a time."""
PENALTY = 1e-3
"""Of the squared coefficients of standardised features, per document; not tuned."""
_EARLIEST = (1980, 1, 1, 0, 0, 0)  # the time that a zip file gives its members: equal documents, equal file


class StaticEmbedding(NamedTuple):
    """Vectors of tokens, float32 tokens × dimensions, and the tokenizer as JSON."""

    vectors: npt.NDArray[np.float32]
    tokenizer: str


class Head(NamedTuple):
    """What each token adds to each label, float32 tokens × labels; where labels begin; their names; the tokenizer."""

    tokens: npt.NDArray[np.float32]
    intercept: Floats
    labels: tuple[str, ...]
    tokenizer: Any


def read_embedding(folder: str) -> StaticEmbedding:
    """Static embeddings of a folder. Raises `ValueError` naming what it lacks, `LookupError` without `safetensors`."""
    try:
        from safetensors.numpy import load_file
    except ModuleNotFoundError as error:
        raise LookupError(f"{folder}: static embeddings are read by safetensors: pip install safetensors") from error
    weights, tokenizer = Path(folder) / "model.safetensors", Path(folder) / "tokenizer.json"
    for path in (weights, tokenizer):
        if not path.is_file():
            raise ValueError(
                f"{path} is missing: static embeddings are a folder of model.safetensors and tokenizer.json"
            )
    tensors = load_file(weights)
    name = next((name for name in TENSORS if name in tensors), None)
    if name is None or tensors[name].ndim != 2:
        held = ", ".join(f"{key} {value.shape}" for key, value in tensors.items())
        raise ValueError(f"{weights} holds {held}; expected a matrix {' or '.join(TENSORS)}")
    vectors = tensors[name].astype(np.float32)
    if "mapping" in tensors:  # model2vec's quantised vocabularies: tokens that share a vector
        vectors = vectors[tensors["mapping"]]
    if "weights" in tensors:  # and what each token counts for
        vectors = vectors * tensors["weights"].astype(np.float32)[:, None]
    return StaticEmbedding(vectors, tokenizer.read_text(encoding="utf-8"))


def fit_head(texts: Sequence[str], labels: Sequence[str], embedding: StaticEmbedding, output: str) -> None:
    """Learns a head from labelled texts and writes it to `output`; on one machine, equal documents give an equal file."""
    from scipy.optimize import minimize

    names = sorted({label.replace(" ", "_") for label in labels})
    truth = np.array([names.index(label.replace(" ", "_")) for label in labels])
    tokenizer = _tokenizer(embedding.tokenizer)
    means = np.concatenate(list(_means(texts, embedding.vectors, tokenizer)))
    centre, scale = means.mean(axis=0), np.maximum(means.std(axis=0), 1e-6)
    features = (means - centre) / scale
    wanted = np.eye(len(names))[truth]

    def loss(flat: Floats) -> tuple[float, Floats]:
        matrix = flat.reshape(len(names), -1)
        logits = features @ matrix[:, :-1].T + matrix[:, -1]
        logits -= logits.max(axis=1, keepdims=True)
        chances = np.exp(logits)
        chances /= chances.sum(axis=1, keepdims=True)
        wrong = (chances - wanted) / len(truth)
        slope = np.concatenate([wrong.T @ features + 2 * PENALTY * matrix[:, :-1], wrong.sum(axis=0)[:, None]], axis=1)
        surprise = -np.log(np.maximum(chances[np.arange(len(truth)), truth], 1e-12)).mean()
        return float(surprise + PENALTY * (matrix[:, :-1] ** 2).sum()), slope.ravel()

    begin = np.zeros(len(names) * (features.shape[1] + 1))
    matrix = minimize(loss, begin, jac=True, method="L-BFGS-B").x.reshape(len(names), -1)
    slopes = matrix[:, :-1] / scale
    arrays = {
        "tokens": (embedding.vectors @ slopes.T).astype(np.float32),
        "intercept": matrix[:, -1] - slopes @ centre,
    }
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as file:
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.save(buffer, array, allow_pickle=False)
            file.writestr(zipfile.ZipInfo(f"{name}.npy", _EARLIEST), buffer.getvalue())
        file.writestr(zipfile.ZipInfo("labels.json", _EARLIEST), json.dumps(names))
        file.writestr(zipfile.ZipInfo("tokenizer.json", _EARLIEST), embedding.tokenizer)


def is_head(model: str) -> bool:
    """Whether a file is a head; else it is a fastText model. Raises `FileNotFoundError` where there is none."""
    with open(model, "rb") as file:
        return file.read(4) == b"PK\x03\x04"


def head_scores(texts: pa.Array | pa.ChunkedArray, model: str) -> tuple[Floats, tuple[str, ...]]:
    """The probability of each label for n texts, float64 n × labels, and the labels; zeros for an empty text."""
    head = _read_head(model, *version(model))
    given = texts.to_pylist()
    found = np.concatenate([np.zeros((0, len(head.labels))), *_means(given, head.tokens, head.tokenizer)])
    logits = found + head.intercept
    chances = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf))
    chances /= chances.sum(axis=1, keepdims=True)
    chances[[not text.strip() for text in given]] = 0.0
    return chances, head.labels


@lru_cache(maxsize=4)
def _read_head(model: str, *version: int) -> Head:
    try:
        with zipfile.ZipFile(model) as file:
            tokens, intercept = (
                np.load(io.BytesIO(file.read(f"{name}.npy")), allow_pickle=False) for name in ("tokens", "intercept")
            )
            labels, tokenizer = json.loads(file.read("labels.json")), file.read("tokenizer.json").decode("utf-8")
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise ValueError(f"{model} is no head of `winnow classifier train`, or is damaged: {error}") from error
    return Head(tokens, intercept, tuple(labels), _tokenizer(tokenizer))


def _tokenizer(told: str) -> Any:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(told)
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def _means(texts: Sequence[str], rows: npt.NDArray[np.float32], tokenizer: Any) -> Iterator[Floats]:
    """The mean of each text's rows, batch by batch; zeros of a text without a token."""
    for start in range(0, len(texts), BATCH):
        encoded = tokenizer.encode_batch(list(texts[start : start + BATCH]), add_special_tokens=False)
        means = np.zeros((len(encoded), rows.shape[1]))
        for at, one in enumerate(encoded):
            if one.ids:
                counts = np.bincount(one.ids)
                known = np.flatnonzero(counts)
                means[at] = counts[known] @ rows[known].astype(np.float64) / len(one.ids)
        yield means
