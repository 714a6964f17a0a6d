"""The kernels' labels and probabilities are fastText's own: for its language model and for classifiers of every loss."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from winnow.filters.kernels.bytes import text_buffers
from winnow.filters.kernels.fasttext import classify_pieces, probabilities
from winnow.filters.kernels.fasttext_model import load_model

fasttext = pytest.importorskip("fasttext")

TRAINING = [
    ("sport", "the team won the match after a long game"),
    ("sport", "a goal in the last minute of the game"),
    ("food", "cook the rice with salt and a little oil"),
    ("food", "a soup of tofu and rice 豆腐 米饭"),
    ("law", "the court held that the contract was void"),
    ("law", "a judge of the court signed the order 法院"),
]
# Its matrix must be larger than 32 MiB: fastText 0.9.3 begins small ones from uninitialised memory and fails.
SETTINGS = {"dim": 8, "epoch": 5, "bucket": 1 << 20, "thread": 1, "verbose": 0}
TEXTS = [
    "the team cooked rice",
    "court",
    "",
    "unknown wörds 法院的判决 and __label__food here",
    "a  b\tc\nd\r\ne " * 50,
    "x" * 300,
    "🎉 🎉 tofu",
]


def oracle(model: Any, text: str) -> dict[str, float]:
    """fastText's own answer: the probability of each label."""
    line = text.replace("\n", " ").replace("\r", " ")
    found = model.f.predict(line + "\n", -1, 0.0, "strict")
    return {label.removeprefix("__label__"): min(probability, 1.0) for probability, label in found}


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fasttext") / "training.txt"
    path.write_text("".join(f"__label__{label} {text}\n" for label, text in TRAINING * 20), encoding="utf-8")
    return path


@pytest.mark.parametrize(("loss", "grams", "longest"), [("softmax", 3, 0), ("hs", 1, 4), ("ova", 2, 3)])
def test_probabilities_are_fasttexts_for_each_loss_and_kind_of_ngram(
    training: Path, tmp_path: Path, loss: str, grams: int, longest: int
) -> None:
    model = fasttext.train_supervised(
        str(training), loss=loss, wordNgrams=grams, minn=2 if longest else 0, maxn=longest, **SETTINGS
    )
    path = str(tmp_path / "model.bin")
    model.save_model(path)
    loaded = load_model(path)
    data, offsets = text_buffers(pa.array(TEXTS))
    found = probabilities(loaded, data, offsets)
    for row, text in enumerate(TEXTS):
        expected = oracle(model, text)
        for column, label in enumerate(loaded.labels):
            assert min(found[row, column], 1.0) == pytest.approx(expected.get(label, 0.0), abs=2e-5), (text, label)


def test_quantised_and_pruned_models_are_read_alike(training: Path, tmp_path: Path) -> None:
    model = fasttext.train_supervised(str(training), wordNgrams=2, minn=2, maxn=3, **SETTINGS)
    model.quantize(str(training), cutoff=300, qnorm=True)
    path = str(tmp_path / "model.ftz")
    model.save_model(path)
    loaded = load_model(path)
    data, offsets = text_buffers(pa.array(TEXTS))
    found = probabilities(loaded, data, offsets)
    for row, text in enumerate(TEXTS):
        expected = oracle(model, text)
        assert {label: min(found[row, column], 1.0) for column, label in enumerate(loaded.labels)} == pytest.approx(
            {label: expected.get(label, 0.0) for label in loaded.labels}, abs=2e-5
        )


def test_language_labels_are_fasttexts_own_on_every_gold_document(language_model: str, gold_texts: list[str]) -> None:
    model = fasttext.load_model(language_model)
    loaded = load_model(language_model)
    data, offsets = text_buffers(pa.array(gold_texts, pa.large_string()))
    _, _, labels, scores = classify_pieces(loaded, data, offsets[:-1], offsets[1:], np.arange(offsets.size))
    differing = []
    for text, label, score in zip(gold_texts, labels.tolist(), scores.tolist(), strict=True):
        expected = model.f.predict(text.replace("\n", " ").replace("\r", " ") + "\n", 1, 0.0, "strict")
        if not expected:
            assert label == -1
        elif expected[0][1] != f"__label__{loaded.labels[label]}" or abs(expected[0][0] - score) > 1e-4:
            differing.append(text[:60])
    assert differing == []


def test_answers_stay_when_texts_are_permuted_sliced_and_cut_in_chunks(
    language_model: str, gold_texts: list[str]
) -> None:
    loaded = load_model(language_model)
    texts = gold_texts[:300]

    def labels(array: pa.Array | pa.ChunkedArray) -> list[tuple[int, float]]:
        data, offsets = text_buffers(array)
        _, _, found, scores = classify_pieces(loaded, data, offsets[:-1], offsets[1:], np.arange(offsets.size))
        return list(zip(found.tolist(), scores.tolist(), strict=True))

    whole = labels(pa.array(texts))
    order = np.random.default_rng(5).permutation(len(texts))
    assert labels(pa.array([texts[place] for place in order])) == [whole[place] for place in order]
    assert labels(pa.array(texts).slice(100, 50)) == whole[100:150]
    assert labels(pa.chunked_array([texts[:7], texts[7:100], texts[100:]])) == whole


def test_the_memory_of_words_overflows_without_changing_an_answer(
    language_model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = load_model(language_model)
    words = " ".join(f"word{number}" for number in range(140_000))
    array = pa.array([words, "plain words " + words[:2000], words[:2000]])
    data, offsets = text_buffers(array)
    _, _, together, scores = classify_pieces(loaded, data, offsets[:-1], offsets[1:], np.arange(offsets.size))
    for row in range(3):
        data, offsets = text_buffers(array.slice(row, 1))
        _, _, alone, score = classify_pieces(loaded, data, offsets[:-1], offsets[1:], np.arange(2))
        assert (alone[0], score[0]) == (together[row], scores[row])


@pytest.mark.parametrize("content", [b"", b"not a model at all", b"\xba\x16\x4f\x2f\x0c\x00\x00\x00short"])
def test_a_file_that_is_no_model_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.bin"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"broken\.bin"):
        load_model(str(path))
