"""Evaluation of a tokenizer: how short it makes each kind of text, what it has no pieces for, what it loses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from winnow.tokenizer.encoder import Encoder

BATCH = 256  # texts encoded together
UNKNOWN = (b"<unk>", b"[UNK]")

Sample = tuple[Sequence[str], Sequence[str]]
"""The groups that some texts belong to (their language, their domain), and the texts."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """One tokenizer on one group of texts (a language, a domain)."""

    tokenizer: str
    group: str
    texts: int
    bytes: int
    characters: int
    tokens: int
    fallback: int  # tokens that spell no whole character: bytes of one, or that it is unknown
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


def evaluate(
    encoders: Mapping[str, Encoder], samples: Iterable[Sample], *, sample_bytes: int | None = None
) -> list[Evaluation]:
    """Every encoder, by its name, on every group of texts; the peers of a group stand beside each other.

    Texts are read once and may belong to several groups, which come in the order they are first named. Of a group no
    more are encoded once `sample_bytes` of it have been.
    """
    judges = {name: _Judge(encoder) for name, encoder in encoders.items()}
    counts: dict[str, dict[str, _Count]] = {}
    read: Counter[str] = Counter()
    for groups, texts in samples:
        for start in range(0, len(texts), BATCH):
            batch = texts[start : start + BATCH]
            wanted = [group for group in groups if sample_bytes is None or read[group] < sample_bytes]
            for name, judge in judges.items() if wanted else ():
                found = judge.count(batch)
                for group in wanted:
                    counts.setdefault(group, {}).setdefault(name, _Count.of(judge.encoder)).add(found)
            read.update(dict.fromkeys(wanted, sum(len(text.encode()) for text in batch)))
    return [count.evaluation(name, group) for group, beside in counts.items() for name, count in beside.items()]


@dataclass
class _Count:
    used: npt.NDArray[np.bool_]
    texts: int = 0
    bytes: int = 0
    characters: int = 0
    tokens: int = 0
    fallback: int = 0
    lost: int = 0

    @classmethod
    def of(cls, encoder: Encoder) -> _Count:
        return cls(np.zeros(encoder.vocabulary_size, bool))

    def add(self, other: _Count) -> None:
        self.used |= other.used
        for name in ("texts", "bytes", "characters", "tokens", "fallback", "lost"):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def evaluation(self, tokenizer: str, group: str) -> Evaluation:
        return Evaluation(tokenizer=tokenizer, group=group, **{**vars(self), "used": int(self.used.sum())})


@dataclass
class _Judge:
    encoder: Encoder
    no_character: npt.NDArray[np.bool_] = field(init=False)  # for every id whether it is no whole character
    prefix: str = field(init=False)  # what the tokenizer puts before every text: in Llama 2's a space

    def __post_init__(self) -> None:
        self.no_character = np.array([_spells_no_character(spelling) for spelling in self.encoder.spellings])
        self.prefix = self.encoder.decode(self.encoder.encode(pa.array(["a"])).ids).partition("a")[0]

    def count(self, texts: Sequence[str]) -> _Count:
        encoded = self.encoder.encode(pa.array(texts, pa.large_string()))
        parts = np.split(encoded.ids, encoded.offsets[1:-1])
        count = _Count.of(self.encoder)
        count.used[encoded.ids] = True
        count.texts = len(texts)
        count.bytes = sum(len(text.encode()) for text in texts)
        count.characters = sum(map(len, texts))
        count.tokens = len(encoded.ids)
        count.fallback = int(self.no_character[encoded.ids].sum())
        count.lost = sum(
            self.encoder.decode(part).removeprefix(self.prefix) != text for part, text in zip(parts, texts, strict=True)
        )
        return count


def _spells_no_character(spelling: bytes) -> bool:
    try:
        spelling.decode()
    except UnicodeDecodeError:
        return True
    return spelling in UNKNOWN
