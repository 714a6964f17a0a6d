"""Trains a classifier from labelled documents, fastText's or a head over static embeddings, and tells how good it is.

With `within`, a source and a language say, labels are learnt within these alone, and the report says what such a model is
worth on sources that it wasn't shown (`winnow.filters.strata`).
"""

from __future__ import annotations

import io
import json
import lzma
import tempfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import fsspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from winnow.filters.classifier import Floats, all_scores, knows_characters, spaced, tempered
from winnow.filters.fitting import fit
from winnow.filters.static_head import fit_head, read_embedding
from winnow.filters.strata import Unseen, balanced, draw, unseen_sources

QUANTILES = 100
CALIBRATION_BINS = 10
TEMPERATURES = np.geomspace(0.25, 8.0, 141)


@dataclass(frozen=True, kw_only=True)
class LabelQuality:
    """How well one label is found among the validation documents."""

    precision: float
    recall: float
    f1: float
    documents: int


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What validation says of a model. `by_character`: each Chinese character is a word of it. `calibration`: for ten
    bands of the likeliest label's probability, the mean probability, the share that was right, and how many documents;
    `calibration_error`: their mean distance, before and after the probabilities are tempered.
    """

    training_documents: int
    validation_documents: int
    accuracy: float
    labels: Mapping[str, LabelQuality]
    temperature: float
    calibration: Sequence[tuple[float, float, int]]
    calibration_error: float
    tempered_calibration_error: float
    quantiles: Mapping[str, Sequence[float]]  # of each label's probability, 0 to 100 %
    by_character: bool
    within: Sequence[str] = ()  # what labels were learnt within
    unseen: Sequence[Unseen] = ()  # what models fitted without a source are worth on it


@dataclass(frozen=True, kw_only=True)
class Training:
    """How a model is fitted. One thread, so that equal inputs give an equal model. Raises `ValueError` below bigrams."""

    dimension: int = 64
    epochs: int = 10
    rate: float = 0.2
    word_grams: int = 2
    buckets: int = 1 << 18
    fewest: int = 1  # how often a word must occur to be known by itself
    by_character: bool = True  # each character of Chinese, Japanese or Thai is a word; else what stands between spaces
    quantised: bool = False  # a tenth of the size, a little less accurate
    embeddings: str | None = None  # folder of static embeddings: a head over them instead of fastText, by its defaults

    def __post_init__(self) -> None:
        if self.word_grams < 2:
            raise ValueError("word_grams must be 2 or more: without n-grams fastText begins from uninitialised memory")

    @property
    def cleared_buckets(self) -> int:
        """Buckets enough for a matrix above 32 MiB, which every allocator takes from the system, as zeros."""
        return max(self.buckets, -(-(33 << 20) // (4 * self.dimension)))


def read_labelled(
    paths: Sequence[str], *, text: str = "text", label: str = "label", within: Sequence[str] = ()
) -> pa.Table:
    """Texts and labels from Parquet or JSON Lines (also compressed, also remote): columns `text`, `label` and `within`.

    Raises `ValueError` naming the file, the line and the field that is missing or isn't text.
    """
    texts: list[str] = []
    labels: list[str] = []
    places: list[tuple[object, ...]] = []
    for path in paths:
        for place, (content, name, *others) in enumerate(_labelled_rows(path, (text, label, *within)), 1):
            if not isinstance(content, str) or name is None:
                raise ValueError(f"{path}, row {place}: expected text in {text!r} and a value in {label!r}")
            if None in others:
                raise ValueError(f"{path}, row {place}: expected a value in {within[others.index(None)]!r}")
            texts.append(content)
            labels.append(str(name))
            places.append(tuple(map(str, others)))
    return pa.table(
        {
            "text": pa.array(texts, pa.large_string()),
            "label": pa.array(labels, pa.string()),
            **{name: pa.array([place[at] for place in places], pa.string()) for at, name in enumerate(within)},
        }
    )


def _labelled_rows(path: str, columns: Sequence[str]) -> Iterator[tuple[object, ...]]:
    if path.endswith(".parquet"):
        with fsspec.open(path, "rb") as source:
            schema = pq.read_schema(source)
            if missing := sorted({*columns} - set(schema.names)):
                raise ValueError(f"{path} has no column {missing[0]!r}; there are {', '.join(schema.names)}")
            table = pq.read_table(source, columns=[*columns])
        yield from zip(*(table[name].to_pylist() for name in columns), strict=True)
        return
    for number, line in enumerate(_lines(path), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: not JSON ({error})") from error
        yield tuple(row.get(name) for name in columns)


def _lines(path: str) -> Iterator[str]:
    """The lines of a text, compressed or not. Raises `ValueError` naming a file that breaks off or is damaged.

    zstd is read by Arrow: zstandard's reader takes a stream that was cut for one that has ended.
    """
    packed = path.endswith(".zst")
    with fsspec.open(path, "rb", compression=None if packed else "infer") as source:
        stream = pa.CompressedInputStream(pa.PythonFile(source, mode="r"), "zstd") if packed else source
        try:
            yield from io.TextIOWrapper(stream, encoding="utf-8")
        except (EOFError, OSError, zlib.error, lzma.LZMAError, UnicodeDecodeError) as error:
            if isinstance(error, OSError) and error.errno is not None:  # the disk or the network, not the data
                raise
            raise ValueError(f"{path} can't be read to its end ({error}); fetch or write it again") from error


def train(
    labelled: pa.Table,
    output: str,
    *,
    validation: float = 0.1,
    seed: int = 0,
    settings: Training = Training(),
    within: Sequence[str] = (),
) -> Evaluation:
    """Fits a model on `labelled` (columns `text`, `label`), writes it to `output` and its evaluation to
    `<output>.json`.

    A document is for validation when a hash of its text and the seed falls below the share `validation`, so equal texts
    never stand on both sides. With columns to stay `within`, their values together have as many documents of each label,
    repeated where they are few, on both sides, and models fitted without some values of the first tell what this one is
    worth there.
    Raises `ValueError` when either side lacks documents or the labels are fewer than two.
    """
    given = labelled
    if within:
        labelled = balanced(given, within, seed)
    held_out = np.array([_chance(text, seed) < validation for text in labelled["text"].to_pylist()], bool)
    training, testing = labelled.filter(pa.array(~held_out)), labelled.filter(pa.array(held_out))
    labels = sorted(set(training["label"].to_pylist()))
    if len(labels) < 2:
        raise ValueError(f"a classifier needs two labels or more, the training documents have {labels}")
    if not testing.num_rows:
        raise ValueError(f"no document fell to validation ({labelled.num_rows} documents at a share of {validation})")
    fit_model(training, output, settings)
    evaluation = evaluate(testing, output, training.num_rows, by_character=settings.by_character)
    if within:
        unseen = unseen_sources(given, within, lambda shown, hidden: _without(shown, hidden, settings), seed=seed)
        evaluation = replace(evaluation, within=tuple(within), unseen=tuple(unseen))
    report = json.dumps(asdict(evaluation), indent=2, sort_keys=True, ensure_ascii=False)
    Path(f"{output}.json").write_text(report + "\n", encoding="utf-8")
    return evaluation


def _chance(text: str, seed: int) -> float:
    return draw(text, seed) / 2**64


def _without(shown: pa.Table, hidden: pa.Table, settings: Training) -> Mapping[str, Floats]:
    with tempfile.TemporaryDirectory() as folder:
        fit_model(shown, f"{folder}/model", settings)
        return all_scores(hidden["text"], f"{folder}/model", by_character=settings.by_character)


def fit_model(training: pa.Table, output: str, settings: Training) -> None:
    """Fits a model on labelled documents and writes it, without asking what it is worth."""
    if settings.embeddings is not None:
        embedding = read_embedding(settings.embeddings)
        fit_head(training["text"].to_pylist(), training["label"].to_pylist(), embedding, output)
        return
    texts = spaced(training["text"]) if settings.by_character else training["text"]
    with tempfile.TemporaryDirectory() as folder:
        lines = Path(folder) / "training.txt"
        with lines.open("w", encoding="utf-8") as file:
            for text, label in zip(texts.to_pylist(), training["label"].to_pylist(), strict=True):
                file.write(f"__label__{label.replace(' ', '_')} {' '.join(text.split())}\n")
        fit(
            str(lines),
            output,
            dim=settings.dimension,
            epoch=settings.epochs,
            lr=settings.rate,
            wordNgrams=settings.word_grams,
            bucket=settings.cleared_buckets,
            minCount=settings.fewest,
            quantised=settings.quantised,
        )


def evaluate(
    labelled: pa.Table, model: str, training_documents: int = 0, *, by_character: bool | None = None
) -> Evaluation:
    """How a model does on labelled documents it hasn't seen; `by_character` as in `all_scores`."""
    spaces = knows_characters(model) if by_character is None else by_character
    scores = all_scores(labelled["text"], model, by_character=spaces)
    names = list(scores)
    matrix = np.stack([scores[name] for name in names], axis=1)
    place = {name: column for column, name in enumerate(names)}
    truth = np.array([place.get(label.replace(" ", "_"), -1) for label in labelled["label"].to_pylist()])
    guess = matrix.argmax(axis=1)
    known = truth >= 0
    losses = [_loss(tempered(matrix[known], temperature), truth[known]) for temperature in TEMPERATURES]
    temperature = float(TEMPERATURES[int(np.argmin(losses))])
    calibration = _calibration(matrix, truth)
    after = _calibration(tempered(matrix, temperature), truth)
    return Evaluation(
        training_documents=training_documents,
        validation_documents=len(truth),
        accuracy=float((guess == truth).mean()),
        labels={name: _quality(guess == column, truth == column) for name, column in place.items()},
        temperature=temperature,
        calibration=calibration,
        calibration_error=_calibration_error(calibration),
        tempered_calibration_error=_calibration_error(after),
        quantiles={name: np.quantile(scores[name], np.linspace(0, 1, QUANTILES + 1)).tolist() for name in names},
        by_character=spaces,
    )


def _quality(guessed: npt.NDArray[np.bool_], true: npt.NDArray[np.bool_]) -> LabelQuality:
    right = float((guessed & true).sum())
    precision, recall = right / max(guessed.sum(), 1), right / max(true.sum(), 1)
    f1 = 2 * precision * recall / max(precision + recall, 1e-12)
    return LabelQuality(precision=precision, recall=recall, f1=f1, documents=int(true.sum()))


def _loss(found: Floats, truth: npt.NDArray[np.int64]) -> float:
    """Mean negative logarithm of the true label's probability."""
    return float(-np.log(np.maximum(found[np.arange(len(truth)), truth], 1e-12)).mean())


def _calibration(found: Floats, truth: npt.NDArray[np.int64]) -> list[tuple[float, float, int]]:
    sure, right = found.max(axis=1), found.argmax(axis=1) == truth
    band = np.minimum((sure * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    return [
        (float(sure[band == bin].mean()), float(right[band == bin].mean()), int((band == bin).sum()))
        for bin in range(CALIBRATION_BINS)
        if (band == bin).any()
    ]


def _calibration_error(calibration: Sequence[tuple[float, float, int]]) -> float:
    total = sum(documents for _, _, documents in calibration)
    return sum(abs(sure - right) * documents for sure, right, documents in calibration) / max(total, 1)
