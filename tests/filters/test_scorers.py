"""Scorers of a user's own, by dotted path: plain functions, a Hugging Face classifier and an ONNX model, in batches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from winnow.filters.scorers import measure
from winnow.pipeline.configuration.manifest import Bounds, Filter
from winnow.stages.decide import decide
from winnow.stages.passes import recipe_of

WORDS = ["[PAD]", "[UNK]", "good", "bad", "page"]
TEXTS = ["good page", "bad bad page", "good", "", "page of unknown words", "bad"] * 4


def lengths(texts: list[str], factor: float = 1.0) -> dict[str, list[float]]:
    assert len(texts) <= 5
    return {"length": [len(text) * factor for text in texts], "words": [len(text.split()) for text in texts]}


def one_too_few(texts: list[str]) -> list[float]:
    return [0.0] * (len(texts) - 1)


@pytest.fixture
def tokenizer(tmp_path: Path) -> Path:
    tokenizers = pytest.importorskip("tokenizers")
    made = tokenizers.Tokenizer(
        tokenizers.models.WordLevel({word: place for place, word in enumerate(WORDS)}, unk_token="[UNK]")
    )
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.save(str(tmp_path / "tokenizer.json"))
    return tmp_path / "tokenizer.json"


def table(texts: list[str]) -> pa.Table:
    return pa.table({"text": pa.array(texts, pa.large_string())})


def test_a_function_of_ones_own_gets_batches_and_arguments() -> None:
    found = measure(table(TEXTS), scorer=f"{__name__}:lengths", arguments={"factor": 0.5}, batch=5)
    assert found["scorer.length"].to_pylist() == [len(text) / 2 for text in TEXTS]
    assert found["scorer.words"].to_pylist() == [len(text.split()) for text in TEXTS]


def a_bare_number(texts: list[str]) -> int:
    return len(texts)


def other_names_at_the_end(texts: list[str]) -> dict[str, list[float]]:
    return {"first" if len(texts) == 5 else "last": [0.0] * len(texts)}


def test_nulls_are_empty_texts_and_no_text_at_all_gives_the_same_columns() -> None:
    nulls = pa.table({"text": pa.array([None, "ab"], pa.large_string())})
    assert measure(nulls, scorer=f"{__name__}:lengths").to_pydict() == {
        "scorer.length": [0.0, 2.0],
        "scorer.words": [0.0, 1.0],
    }
    assert (
        measure(table([]), scorer=f"{__name__}:lengths").schema == measure(nulls, scorer=f"{__name__}:lengths").schema
    )


def test_a_manifest_decides_by_any_score_that_the_model_names() -> None:
    entry = Filter(
        recipe="scorer",
        options={"scorer": f"{__name__}:lengths", "batch": 5},
        thresholds={"words": Bounds(minimum=2)},
    )
    recipe = recipe_of(entry.measuring(), {})
    assert recipe.measure is not None
    found = recipe.measure(table(TEXTS), **recipe.options)
    drops = decide(found.append_column("id", pa.array(TEXTS)), [entry.application()])
    assert drops["row"].to_pylist() == [row for row, text in enumerate(TEXTS) if len(text.split()) < 2]
    assert set(drops["rule"].to_pylist()) == {"scorer.words"}


def test_a_wrong_number_of_scores_and_a_missing_scorer_are_named() -> None:
    with pytest.raises(ValueError, match="23 scores 'score' for 24 texts"):
        measure(table(TEXTS), scorer=f"{__name__}:one_too_few")
    with pytest.raises(ValueError, match="gave int for 24 texts"):
        measure(table(TEXTS), scorer=f"{__name__}:a_bare_number")
    with pytest.raises(ValueError, match="scores first first, then last"):
        measure(table(TEXTS), scorer=f"{__name__}:other_names_at_the_end", batch=5)
    with pytest.raises(LookupError, match=r"expected package\.module:Name"):
        measure(table(TEXTS), scorer=f"{__name__}:nobody")


def test_a_hugging_face_classifier_scores_in_batches_as_it_does_one_by_one(tokenizer: Path, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        initializer_range=1.0,
    )
    model = transformers.BertForSequenceClassification(config).eval()
    model.save_pretrained(tmp_path / "model")
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(tokenizer), pad_token="[PAD]", unk_token="[UNK]", model_max_length=32
    )
    fast.save_pretrained(tmp_path / "model")
    texts = [text or "page" for text in TEXTS]
    arguments = {"model": str(tmp_path / "model"), "label": 1}
    found = measure(table(texts), scorer="winnow.filters.scorers:TransformersScorer", arguments=arguments, batch=7)
    with torch.inference_mode():
        alone = [
            model(torch.tensor([[WORDS.index(word) if word in WORDS else 1 for word in text.split()]]))
            .logits.softmax(1)[0, 1]
            .item()
            for text in texts
        ]
    assert found["scorer.score"].to_pylist() == pytest.approx(alone, abs=1e-5)
    assert len({round(value, 4) for value in alone}) > 3


def test_an_onnx_model_scores_as_its_arithmetic_says(tokenizer: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    onnx = pytest.importorskip("onnx")
    weights = np.array([[0, 0], [0, 0], [-1, 2], [3, -1], [0.5, 0.5]], np.float32)
    helper, kind = onnx.helper, onnx.TensorProto
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["weights", "input_ids"], ["each"]),
            helper.make_node("ReduceSum", ["each", "axis"], ["logits"], keepdims=0),
        ],
        "sum of weights",
        [helper.make_tensor_value_info("input_ids", kind.INT64, ["batch", "length"])],
        [helper.make_tensor_value_info("logits", kind.FLOAT, ["batch", 2])],
        [onnx.numpy_helper.from_array(weights, "weights"), onnx.numpy_helper.from_array(np.array([1]), "axis")],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), tmp_path / "model.onnx")
    arguments = {"model": str(tmp_path / "model.onnx"), "tokenizer": str(tokenizer), "label": 1}
    found = measure(table(TEXTS), scorer="winnow.filters.scorers:OnnxScorer", arguments=arguments, batch=6)
    logits = np.array([sum((weights[WORDS.index(w)] for w in t.split() if w in WORDS), np.zeros(2)) for t in TEXTS])
    expected = np.exp(logits[:, 1]) / np.exp(logits).sum(axis=1)
    assert found["scorer.score"].to_pylist() == pytest.approx(expected, abs=1e-6)
