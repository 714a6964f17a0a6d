"""Classifiers of quality or topic: a model from labelled documents, its scores, and buckets of scores.

`train` splits the labelled documents by a hash of their text, fits fastText, or a head over static embeddings
(`winnow.filters.static_head`), on one side and tells on the other how
good the model is: precision, recall and F1 of each label, and how far its probabilities can be believed. Beside the
model it writes `<model>.json`: that evaluation, the temperature that makes the probabilities honest (Guo et al. 2017,
arXiv 1706.04599) and the quantiles of the scores, from which buckets of equal size are cut. Scoring reads Arrow text
with the project's own kernels; fastText itself is needed for training alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from winnow.filters.kernels.bytes import text_buffers
from winnow.filters.kernels.fasttext import probabilities
from winnow.filters.kernels.fasttext_model import load_model
from winnow.filters.kernels.versions import version
from winnow.filters.kernels.word_lists import UNSPACED
from winnow.filters.recipes import Recipe
from winnow.filters.static_head import head_scores, is_head

Floats = npt.NDArray[np.float64]


def score(texts: pa.Array | pa.ChunkedArray, model: str, label: str, *, temperature: float = 1.0) -> Floats:
    """The probability of `label` for each text by a fastText model, float64 in [0, 1]; 0 for an empty text.

    Raises `ValueError` when the model has no such label, `FileNotFoundError` when there is no such file.
    """
    return _column(all_scores(texts, model, temperature=temperature), label, model)


def all_scores(
    texts: pa.Array | pa.ChunkedArray, model: str, *, temperature: float = 1.0, by_character: bool | None = None
) -> dict[str, Floats]:
    """The probability of every label of a model, fastText's or a head; a temperature above 1 makes them less sure.

    `by_character` says whether each Chinese character is a word of the model; None asks its training's report.
    """
    if is_head(model):
        raw, names = head_scores(texts, model)
        found = tempered(raw, temperature)
        return {label: found[:, column] for column, label in enumerate(names)}
    loaded = load_model(model)
    if knows_characters(model) if by_character is None else by_character:
        texts = spaced(texts)
    data, offsets = text_buffers(texts)
    found = np.clip(probabilities(loaded, data, offsets).astype(np.float64), 0.0, 1.0)
    found = tempered(found, temperature)
    return {label: found[:, column] for column, label in enumerate(loaded.labels)}


def spaced(texts: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Spaces around each character of a script that is written without: fastText finds no other word in it."""
    return pc.replace_substring_regex(texts, f"([{UNSPACED}])", r" \1 ")


def knows_characters(model: str) -> bool:
    """Whether the model was trained here on spaced texts; one from elsewhere was not."""
    return bool((training_report(model) or {}).get("by_character"))


def tempered(found: Floats, temperature: float) -> Floats:
    """Probabilities p of shape (n, labels) as p^(1/temperature), brought back to a sum of 1; rows of zeros stay."""
    if temperature == 1.0:
        return found
    raised = found ** (1.0 / temperature)
    return np.where(
        found.sum(axis=1, keepdims=True) > 0, raised / np.maximum(raised.sum(axis=1, keepdims=True), 1e-12), 0.0
    )


def _column(scores: Mapping[str, Floats], label: str, model: str) -> Floats:
    if label not in scores:
        raise ValueError(f"{model} has no label {label!r}; there are {', '.join(scores)}")
    return scores[label]


def bucket_edges(scores: Floats, buckets: int) -> tuple[float, ...]:
    """The scores that part documents into `buckets` of equal size: `buckets` - 1 rising numbers."""
    return tuple(float(edge) for edge in np.quantile(scores, np.arange(1, buckets) / buckets))


def into_buckets(scores: Floats, edges: Sequence[float]) -> npt.NDArray[np.int64]:
    """The bucket of each score, 0 for what lies below the first edge, len(edges) for the last edge and above.

    Raises `ValueError` when the edges don't rise.
    """
    if any(left > right for left, right in pairwise(edges)):
        raise ValueError(f"edges of buckets must rise, got {list(edges)}")
    return np.searchsorted(np.asarray(edges, np.float64), scores, side="right").astype(np.int64)


def measure(
    documents: pa.Table,
    *,
    model: str,
    label: str | None = None,
    edges: Sequence[float] | None = None,
    buckets: int = 5,
    calibrated: bool = False,
) -> pa.Table:
    """The scores of a classifier, n rows:

    - `classifier.<label>` float64: the probability of each label; `classifier.label` string: the likeliest
    - `classifier.score` float64: that of `label` (by default the label whose name comes last in the alphabet)
    - `classifier.bucket` int64: the bucket of the score, cut at `edges`, or, without them, into `buckets` of equal size
      on the validation documents of the training

    `calibrated` applies the temperature found in training. Raises `ValueError` when the model has no such label, or
    when neither `edges` nor the training's report `<model>.json` is there; `FileNotFoundError` when there is no such
    model.
    """
    report = training_report(model)
    scores = all_scores(documents["text"], model, temperature=report["temperature"] if calibrated and report else 1.0)
    names = np.array(list(scores), object)
    asked = label if label is not None else max(scores)
    values = _column(scores, asked, model)
    if edges is None:
        if report is None:
            raise ValueError(f"{model}.json is missing: give `edges` for the buckets of a model trained elsewhere")
        quantiles = report["quantiles"][asked]
        edges = bucket_edges(np.asarray(quantiles), buckets)
    matrix = np.stack(list(scores.values()), axis=1)
    best = np.where(matrix.sum(axis=1) > 0, names[matrix.argmax(axis=1)], None)
    columns: dict[str, Any] = {f"classifier.{name}": pa.array(column) for name, column in scores.items()}
    columns["classifier.label"] = pa.array(best, pa.string())
    columns["classifier.score"] = pa.array(values)
    columns["classifier.bucket"] = pa.array(into_buckets(values, edges))
    return pa.table(columns)


def training_report(model: str) -> Mapping[str, Any] | None:
    """What `train` wrote beside a model, None where there is nothing."""
    path = f"{model}.json"
    return _read_report(path, *version(path)) if Path(path).is_file() else None


@lru_cache(maxsize=16)
def _read_report(path: str, *version: int) -> Mapping[str, Any]:
    report: Mapping[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    return report


RECIPES = (
    Recipe(
        name="classifier",
        summary="Scores and buckets of a model of quality or topic, fastText's or a head over static embeddings",
        source="Joulin et al. 2016, arXiv 1607.01759; the use for quality after DCLM, arXiv 2406.11794, section 4.4",
        measure=measure,
        family="classifier",
        cost=3,
    ),
)
