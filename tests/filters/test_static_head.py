"""A head over static embeddings: it tells what it was taught, scores are those of logistic regression, files are equal."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from safetensors.numpy import save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from winnow.filters.classifier import all_scores, measure, training_report
from winnow.filters.static_head import PENALTY, head_scores, is_head, read_embedding
from winnow.filters.training import Training, train

WORDS, SIZE = 400, 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    place = tmp_path_factory.mktemp("embedding")
    tokenizer = Tokenizer(WordLevel({f"w{at}": at for at in range(WORDS)} | {"[UNK]": WORDS}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(place / "tokenizer.json"))
    vectors = np.random.default_rng(3).normal(0, 1, (WORDS + 1, SIZE)).astype(np.float32)
    vectors[: WORDS // 2, 0] += 2.0  # what the two vocabularies differ in
    save_file({"embeddings": vectors}, place / "model.safetensors")
    return str(place)


def labelled(count: int) -> pa.Table:
    generator = np.random.default_rng(7)
    rows = []
    for at in range(count):
        poor = bool(at % 2)
        words = generator.integers(0, 300, 25) + (100 if poor else 0)
        rows.append({"text": " ".join(f"w{word}" for word in words) + f" n{at}", "label": "poor" if poor else "good"})
    return pa.Table.from_pylist(rows)


@pytest.fixture(scope="module")
def model(folder: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = str(tmp_path_factory.mktemp("head") / "quality.head")
    train(labelled(400), path, validation=0.2, settings=Training(embeddings=folder))
    return path


def logistic_regression(features: np.ndarray, truth: np.ndarray, penalty: float) -> np.ndarray:
    """Coefficients and intercept by Newton's steps; `penalty` of the squared coefficients, per document."""
    given = np.column_stack([features, np.ones(len(features))])
    ridge = 2 * penalty * len(given) * np.diag([*np.ones(features.shape[1]), 0.0])
    found = np.zeros(given.shape[1])
    for _ in range(30):
        chances = 1 / (1 + np.exp(-given @ found))
        curvature = (given.T * (chances * (1 - chances))) @ given + ridge
        found -= np.linalg.solve(curvature, given.T @ (chances - truth) + ridge @ found)
    return found


def test_the_scores_are_those_of_logistic_regression_on_the_means(folder: str, model: str) -> None:
    embedding = read_embedding(folder)
    held = labelled(400)

    def means(texts: list[str]) -> np.ndarray:
        return np.array(
            [
                np.mean(
                    [embedding.vectors[int(word[1:]) if word[0] == "w" else WORDS] for word in text.split()], axis=0
                )
                for text in texts
            ]
        )

    from winnow.filters.training import _chance

    shown = [at for at, text in enumerate(held["text"].to_pylist()) if _chance(text, 0) >= 0.2]
    features = means(held["text"].to_pylist())
    centre, scale = features[shown].mean(axis=0), features[shown].std(axis=0)
    truth = np.array(held["label"].to_pylist())
    # Two columns of opposite sign share a coefficient: half the square is penalised.
    fitted = logistic_regression((features[shown] - centre) / scale, truth[shown] == "poor", PENALTY / 2)
    expected = 1 / (1 + np.exp(-((features - centre) / scale @ fitted[:-1] + fitted[-1])))
    found, labels = head_scores(held["text"], model)
    assert labels == ("good", "poor")
    assert np.abs(found[:, 1] - expected).max() < 2e-3
    assert ((found[:, 1] > 0.5) == (truth == "poor")).mean() > 0.8


def test_a_head_is_a_model_like_another(model: str) -> None:
    few, other = (" ".join(f"w{word}" for word in range(first, first + 80)) for first in (0, 320))
    texts = pa.array([few, "", other, "   "])
    scores = all_scores(texts, model)
    assert is_head(model) and list(scores) == ["good", "poor"]
    assert scores["good"][0] > 0.5 > scores["good"][2]
    assert scores["good"][1] == scores["poor"][1] == scores["poor"][3] == 0
    table = measure(pa.table({"text": texts}), model=model, label="good", buckets=2)
    assert table["classifier.label"].to_pylist() == ["good", None, "poor", None]
    assert table["classifier.bucket"].to_pylist()[0] > table["classifier.bucket"].to_pylist()[2]
    assert training_report(model)["accuracy"] > 0.8


def test_equal_documents_give_an_equal_head(folder: str, model: str, tmp_path: Path) -> None:
    again = tmp_path / "again.head"
    train(labelled(400), str(again), validation=0.2, settings=Training(embeddings=folder))
    assert again.read_bytes() == Path(model).read_bytes()


def test_what_is_no_embedding_or_no_head_is_named(folder: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"model\.safetensors is missing"):
        train(labelled(40), str(tmp_path / "m"), settings=Training(embeddings=str(tmp_path)))
    (tmp_path / "tokenizer.json").write_text((Path(folder) / "tokenizer.json").read_text())
    save_file({"other": np.zeros((2, 2), np.float32)}, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match=r"holds other \(2, 2\); expected a matrix embeddings"):
        train(labelled(40), str(tmp_path / "m"), settings=Training(embeddings=str(tmp_path)))
    damaged = tmp_path / "damaged.head"
    damaged.write_bytes(b"PK\x03\x04" + b"nothing")
    with pytest.raises(ValueError, match="is no head"):
        all_scores(pa.array(["a"]), str(damaged))
