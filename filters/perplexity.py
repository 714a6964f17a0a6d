"""Perplexity: how well a causal language model foretells a document, as a measure that rules and quality buckets stand on.

The model is a folder in the layout of Hugging Face: a proxy that `winnow-train` exported, or any other that transformers
loads. What it finds hard may be noise and may be worth learning: the measure says how surprising a text is, the manifest what
follows of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import pyarrow as pa

from winnow.filters.kernels.versions import version
from winnow.filters.recipes import Recipe

LOGITS = 1 << 27  # numbers of a batch, tokens × vocabulary: half a gigabyte in fp32
DIGITS = 5
"""Significant ones that are kept: sums of another order differ behind them, and equal runs are to give equal files."""


class Foretold(NamedTuple):
    """Of one text: nats of the tokens that were read, their number, and the bytes that they stand for."""

    nats: float
    tokens: int
    bytes: int


def measure(documents: pa.Table, *, model: str, name: str = "model", tokens: int = 512) -> pa.Table:
    """How well `model` foretells the first `tokens` tokens of each text, n rows:

    - `perplexity.<name>` float64: e to the mean of nats per token
    - `perplexity.<name>_bits` float64: bits per byte of the text, which models of other tokenizers can be compared by

    Null where a text has no token. The document begins behind the tokenizer's token of a beginning, or of an end, as in
    training; without either its first token isn't counted. Raises `ValueError` for a folder that holds no such model,
    `LookupError` without torch and transformers.
    """
    if tokens < 2:
        raise ValueError(f"tokens is {tokens}, must be at least 2")
    if not (Path(model) / "config.json").is_file():
        raise ValueError(
            f"{model} is no folder of a language model in the layout of Hugging Face: it holds no config.json"
        )
    reader = _load(model, tuple(version(str(file)) for file in sorted(Path(model).iterdir())))
    found = reader.read([text or "" for text in documents["text"].to_pylist()], tokens)
    perplexity = [_rounded(math.exp(min(one.nats / one.tokens, 700.0))) if one.tokens else None for one in found]
    bits = [_rounded(one.nats / math.log(2) / one.bytes) if one.tokens and one.bytes else None for one in found]
    return pa.table(
        {
            f"perplexity.{name}": pa.array(perplexity, pa.float64()),
            f"perplexity.{name}_bits": pa.array(bits, pa.float64()),
        }
    )


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


class Reader:
    """A causal language model with its tokenizer, on the CPU in fp32."""

    def __init__(self, folder: str) -> None:
        try:
            import torch
            from transformers import AutoModelForCausalLM, AutoTokenizer
        except ImportError as error:
            raise LookupError(f"the recipe perplexity needs {error.name}: `pip install winnow[train]`") from None
        try:
            self.tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            loaded = AutoModelForCausalLM.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, dtype=torch.float32
            )
        except (OSError, ValueError, KeyError) as error:
            raise ValueError(f"{folder} holds no causal language model that transformers loads: {error}") from None
        if not self.tokenizer.is_fast:
            raise ValueError(
                f"{folder}: its tokenizer doesn't tell where tokens lie in the text; it needs a tokenizer.json"
            )
        self.model = cast(Any, loaded)
        self.model.eval()
        self.torch = torch
        begin = self.tokenizer.bos_token_id
        self.begin: int | None = self.tokenizer.eos_token_id if begin is None else begin
        self.vocabulary = int(self.model.get_output_embeddings().weight.shape[0])

    def read(self, texts: Sequence[str], tokens: int) -> list[Foretold]:
        """What each text is foretold with. Texts of like length are read together; one thread, since workers are many."""
        if not texts:
            return []
        encoded = self.tokenizer(
            list(texts), add_special_tokens=False, truncation=True, max_length=tokens, return_offsets_mapping=True
        )
        ids: list[list[int]] = encoded["input_ids"]
        ends = [offsets[-1][1] if offsets else 0 for offsets in encoded["offset_mapping"]]
        found = [Foretold(0.0, 0, 0)] * len(texts)
        threads = self.torch.get_num_threads()
        self.torch.set_num_threads(1)
        try:
            for rows in self._batches([len(one) for one in ids]):
                nats = self._nats([ids[row] for row in rows])
                for row, whole in zip(rows, nats, strict=True):
                    counted = len(ids[row]) - (self.begin is None)
                    first = encoded["offset_mapping"][row][0][1] if self.begin is None else 0
                    if counted:
                        found[row] = Foretold(whole, counted, len(texts[row][first : ends[row]].encode()))
        finally:
            self.torch.set_num_threads(threads)
        return found

    def _batches(self, lengths: Sequence[int]) -> Iterator[list[int]]:
        """Rows of some tokens, by length, as many together as `LOGITS` allows."""
        most = max(1, LOGITS // self.vocabulary)
        batch: list[int] = []
        for row in sorted((row for row, length in enumerate(lengths) if length), key=lambda row: (lengths[row], row)):
            if batch and (len(batch) + 1) * (lengths[row] + 1) > most:
                yield batch
                batch = []
            batch.append(row)
        if batch:
            yield batch

    def _nats(self, ids: Sequence[Sequence[int]]) -> list[float]:
        """The sum of −log p over the tokens of each row; of the first too, where a token stands before it."""
        torch = self.torch
        rows = [[*([] if self.begin is None else [self.begin]), *one] for one in ids]
        longest = max(map(len, rows))
        padded = torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows])
        there = torch.arange(longest) < torch.tensor([len(row) for row in rows])[:, None]
        with torch.inference_mode():
            logits = self.model(input_ids=padded, attention_mask=there.long(), use_cache=False).logits[:, :-1].float()
            losses = torch.nn.functional.cross_entropy(logits.transpose(1, 2), padded[:, 1:], reduction="none")
        sums: np.ndarray = (losses.double() * there[:, 1:]).sum(dim=1).numpy()
        return [float(one) for one in sums]


@lru_cache(maxsize=2)
def _load(folder: str, versions: tuple[tuple[int, int], ...]) -> Reader:
    """Once in a process, until a file of it changes."""
    return Reader(folder)


RECIPES = (
    Recipe(
        name="perplexity",
        summary="How well a causal language model foretells the text: perplexity, and bits per byte",
        source="Wenzek et al. 2020, arXiv 1911.00359 (CCNet), by an n-gram model; by small transformers Ankner et al. 2024, "
        "arXiv 2405.20541",
        measure=measure,
        family="perplexity",
        cost=100,
    ),
)
