"""Evaluation of a tokenizer: how short it makes each kind of text, what it falls back to bytes for, what it loses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pyarrow as pa

from tokenizer.encode import Encoder

BATCH = 256  # texts encoded together


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """One tokenizer on one group of texts (a language, a domain)."""

    tokenizer: str
    group: str
    texts: int
    bytes: int
    characters: int
    tokens: int
    fallback: int  # tokens that spell no whole character
    lost: int  # texts that don't come back from their ids
    used: int  # different ids

    @property
    def bytes_per_token(self) -> float:
        return self.bytes / max(self.tokens, 1)

    @property
    def characters_per_token(self) -> float:
        return self.characters / max(self.tokens, 1)

    @property
    def fallback_share(self) -> float:
        return self.fallback / max(self.tokens, 1)

    def row(self) -> dict[str, str | int | float]:
        """Every figure by its name."""
        ratios = ("bytes_per_token", "characters_per_token", "fallback_share")
        return {**asdict(self), **{name: getattr(self, name) for name in ratios}}


def evaluate(encoders: Mapping[str, Encoder], groups: Mapping[str, Iterable[str]]) -> list[Evaluation]:
    """Every encoder, by its name, on every group of texts; the peers of a group stand beside each other.

    Texts are read once, a batch at a time.
    """
    return [found for group, texts in groups.items() for found in _evaluate_group(encoders, group, texts)]


def _evaluate_group(encoders: Mapping[str, Encoder], group: str, texts: Iterable[str]) -> list[Evaluation]:
    partial = {name: _spells_no_character(encoder) for name, encoder in encoders.items()}
    used = {name: np.zeros(encoder.vocabulary_size, bool) for name, encoder in encoders.items()}
    counts = {
        name: dict.fromkeys(("texts", "bytes", "characters", "tokens", "fallback", "lost"), 0) for name in encoders
    }
    for batch in _batches(texts):
        array = pa.array(batch, pa.large_string())
        for name, encoder in encoders.items():
            encoded = encoder.encode(array)
            count = counts[name]
            count["texts"] += len(batch)
            count["bytes"] += sum(len(text.encode()) for text in batch)
            count["characters"] += sum(map(len, batch))
            count["tokens"] += len(encoded.ids)
            count["fallback"] += int(partial[name][encoded.ids].sum())
            parts = np.split(encoded.ids, encoded.offsets[1:-1])
            count["lost"] += sum(encoder.decode(part) != text for part, text in zip(parts, batch, strict=True))
            used[name][encoded.ids] = True
    return [Evaluation(tokenizer=name, group=group, used=int(used[name].sum()), **counts[name]) for name in encoders]


def _batches(texts: Iterable[str]) -> Iterator[Sequence[str]]:
    batch: list[str] = []
    for text in texts:
        batch.append(text)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _spells_no_character(encoder: Encoder) -> np.ndarray:
    """For every id whether its bytes are only part of a character."""

    def is_partial(spelling: bytes) -> bool:
        try:
            spelling.decode()
        except UnicodeDecodeError:
            return True
        return False

    return np.array([is_partial(spelling) for spelling in encoder.spellings])
