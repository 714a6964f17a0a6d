"""Scorers of a user's own: any Python callable that scores a batch of texts, named by its dotted path in the manifest.

A scorer is a class whose instances turn a list of texts into one number each, or into several named ones
(`{"quality": [...]}`); or a plain function that does. Two are ready: a sequence classifier from Hugging Face
transformers and an ONNX model. In a manifest, with a bound on what it answers:

    - recipe: scorer
      options: {scorer: "winnow.filters.scorers:OnnxScorer", arguments: {model: quality.onnx, tokenizer: tokenizer.json}}
      thresholds: {score: {minimum: 0.5}}
"""

from __future__ import annotations

import importlib
import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np
import pyarrow as pa

from winnow.filters.recipes import Recipe

ONNX_INPUTS = {"input_ids": "ids", "attention_mask": "attention_mask", "token_type_ids": "type_ids"}
"""Inputs of a model and where a tokenizer's encoding holds them."""

Scores = Mapping[str, Sequence[float]] | Sequence[float]
Scorer = Callable[[list[str]], Scores]


def measure(
    documents: pa.Table, *, scorer: str, arguments: Mapping[str, Any] | None = None, batch: int = 64
) -> pa.Table:
    """The scores of `scorer` (`package.module:Name`), n rows: `scorer.score` float64, or `scorer.<name>` for each name.

    A class is made with `arguments` once per process, a function gets them with every batch of `batch` texts; of no
    texts it is asked about an empty one, for the names. A null text is an empty one. Raises `LookupError` when there is
    no such callable, `ValueError` when it doesn't answer with one number per text, under the same names each time.
    """
    score = load_scorer(scorer, json.dumps(arguments or {}, sort_keys=True))
    batches = (documents["text"].slice(start, batch) for start in range(0, documents.num_rows, batch))
    answers = [_named(score, [text or "" for text in texts.to_pylist()], scorer) for texts in batches]
    names = list(answers[0] if answers else _named(score, [""], scorer))
    for answer in answers:
        if answer.keys() != set(names):
            raise ValueError(f"{scorer} gave the scores {', '.join(names)} first, then {', '.join(answer)}")
    return pa.table(
        {
            f"scorer.{name}": pa.array([value for answer in answers for value in answer[name]], pa.float64())
            for name in names
        }
    )


def _named(score: Scorer, texts: list[str], scorer: str) -> dict[str, list[float]]:
    """The scores of some texts by name."""
    answer = score(texts)
    found: dict[str, list[float]] = {}
    for name, values in answer.items() if isinstance(answer, Mapping) else [("score", answer)]:
        if not hasattr(values, "__len__") or isinstance(values, str):
            raise ValueError(
                f"{scorer} gave {type(values).__name__} for {len(texts)} texts, expected a number for each"
            )
        if len(values) != len(texts):
            raise ValueError(f"{scorer} gave {len(values)} scores {name!r} for {len(texts)} texts")
        found[name] = [float(value) for value in values]
    return found


@lru_cache(maxsize=8)
def load_scorer(path: str, arguments: str) -> Scorer:
    """The callable at `package.module:Name`, made with the JSON object `arguments`."""
    module, _, name = path.partition(":")
    try:
        found: Any = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise LookupError(f"no scorer at {path!r} ({error}); expected package.module:Name") from error
    given = json.loads(arguments)
    made: Any = found(**given) if inspect.isclass(found) else partial(found, **given)
    scorer: Scorer = made
    return scorer


class TransformersScorer:
    """The probability of one class of a Hugging Face sequence classifier (needs torch and transformers).

    `model`: a folder or a name on the hub; `label`: number of the class; of one output, its value as it is
    (regression). Weights are read from safetensors alone: a pickle could run what it names.
    """

    def __init__(self, model: str, label: int = -1, tokens: int = 512, device: str = "cpu") -> None:
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        self.torch = torch
        self.tokenizer = AutoTokenizer.from_pretrained(model)
        self.model = AutoModelForSequenceClassification.from_pretrained(model, use_safetensors=True).eval().to(device)
        self.label, self.tokens, self.device = label, tokens, device

    def __call__(self, texts: list[str]) -> list[float]:
        with self.torch.inference_mode():
            encoded = self.tokenizer(texts, truncation=True, max_length=self.tokens, padding=True, return_tensors="pt")
            logits = self.model(**encoded.to(self.device)).logits.float()
            if logits.shape[1] == 1:
                return [float(value) for value in logits[:, 0]]
            return [float(value) for value in logits.softmax(dim=1)[:, self.label]]


class OnnxScorer:
    """The probability of one class of an ONNX sequence classifier (needs onnxruntime), tokenized by a
    `tokenizer.json`.
    """

    def __init__(self, model: str, tokenizer: str, label: int = -1, tokens: int = 512) -> None:
        import onnxruntime
        from tokenizers import Tokenizer

        self.session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        self.inputs = [entry.name for entry in self.session.get_inputs()]
        if unknown := sorted(set(self.inputs) - set(ONNX_INPUTS)):
            raise ValueError(f"{model} asks for {unknown[0]!r}; what is given to a model is {', '.join(ONNX_INPUTS)}")
        self.tokenizer = Tokenizer.from_file(tokenizer)
        self.tokenizer.enable_truncation(tokens)
        self.tokenizer.enable_padding()
        self.label = label

    def __call__(self, texts: list[str]) -> list[float]:
        encoded = self.tokenizer.encode_batch(texts)
        given = {
            name: np.array([getattr(each, ONNX_INPUTS[name]) for each in encoded], np.int64) for name in self.inputs
        }
        logits = self.session.run(None, given)[0].astype(np.float64)
        if logits.shape[1] == 1:
            return [float(value) for value in logits[:, 0]]
        raised = np.exp(logits - logits.max(axis=1, keepdims=True))
        return [float(value) for value in (raised / raised.sum(axis=1, keepdims=True))[:, self.label]]


RECIPES = (
    Recipe(
        name="scorer",
        summary="Scores of a user's own model, called in batches by its dotted path",
        source="the user's manifest",
        measure=measure,
        family="scorer",
        cost=50,
    ),
)
