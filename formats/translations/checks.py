"""Checks on pairs of texts in two languages: are both there, in these languages, of like length, of one meaning?"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from winnow.formats.translations.catalogues import Pair

BATCH = 64
"""Pairs whose texts are embedded at a time."""
HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]+")
KANA_HANGUL = re.compile(r"[\u3040-\u30ff\uac00-\ud7af]+")
WIDE = re.compile(r"[\u2e80-\ud7ff\uf900-\uffef\U00020000-\U0003ffff]+")
LETTERS = re.compile(r"[^\W\d_]+")
NOT_PROSE = re.compile(
    r"```.*?```|(?::[\w:]{1,80}:)?(?:``[^`]*``|`[^`]*`)|%\([\w]+\)s|\{[\w.]*\}|<[^<>]+>|https?://\S+", re.DOTALL
)
NOT_PROSE_BEGINS = ("`", "%(", "{", "<", "://")
SHORT = 24
CHINESE_SHARE = 0.1  # technical Chinese is full of Latin names
QUOTED_SHARE = 0.2  # another language may quote some Chinese
FOREIGN_SHARE = 0.1  # a Chinese page may name things in kana; a Japanese one is half kana

P = TypeVar("P", bound=Pair)
Cosines = Callable[[Sequence[Pair]], Sequence[float]]


@dataclass(frozen=True)
class Misfit:
    """Why two texts are no pair: the rule, what was measured, what was asked."""

    rule: str
    value: str
    threshold: str


def han_share(text: str) -> float:
    """Han characters among all letters, code and placeholders left out; 0 for a text without letters."""
    return _han_share(_prose(text)) or 0.0


def weight(text: str) -> int:
    """How much a text says: its characters, those of East Asian scripts three times, about what it takes in English."""
    return len(text) + 2 * _count(WIDE, text)


def misfit(
    source: str, target: str, languages: tuple[str, str], ratio: tuple[float, float], check_language: bool
) -> Misfit | None:
    """The first check that the pair fails: empty, untranslated, broken letters, language, length ratio.

    Short pairs skip the ratio.
    """
    if not source.strip() or not target.strip():
        return Misfit("empty", "", "both texts")
    if source.strip() == target.strip():
        return Misfit("untranslated", target[:80], "a translation")
    for text in (source, target):
        if (at := text.find("\ufffd")) >= 0:
            return Misfit("encoding", text[max(at - 40, 0) : at + 40], "no byte that its charset lacks")
    if check_language:
        for text, language in zip((source, target), languages, strict=True):
            share = _han_share(_prose(text))
            if share is not None and not _speaks(text, share, language):
                return Misfit("language", f"han share {share:.2f}", language)
    weights = weight(source), weight(target)
    measured = weights[0] / max(weights[1], 1)  # near 1 for a faithful pair in any script
    if max(weights) >= SHORT and not ratio[0] <= measured <= ratio[1]:
        return Misfit("length_ratio", f"{measured:.2f}", f"{ratio[0]:g} … {ratio[1]:g}")
    return None


def _prose(text: str) -> str:
    return NOT_PROSE.sub(" ", text) if any(sign in text for sign in NOT_PROSE_BEGINS) else text


def _han_share(prose: str) -> float | None:
    letters = _count(LETTERS, prose)
    return _count(HAN, prose) / letters if letters else None


def _speaks(text: str, share: float, language: str) -> bool:
    """Whether a text may be in the language, by script: Chinese has Han and hardly kana, others hardly Han."""
    if language.startswith("zh"):
        return share >= CHINESE_SHARE and _count(KANA_HANGUL, text) < FOREIGN_SHARE * _count(HAN, text)
    return share <= QUOTED_SHARE


def _count(runs: re.Pattern[str], text: str) -> int:
    """Characters of a class: its runs are fewer than its characters, which takes a third of the time."""
    return sum(map(len, runs.findall(text)))


@dataclass(frozen=True)
class Checks:
    """The checks of one source. `cosines` measures how alike the texts of some pairs are; `least` is asked of it."""

    languages: tuple[str, str]
    length_ratio: tuple[float, float]
    check_language: bool
    cosines: Cosines | None = None
    least: float = -1.0

    def judged(self, pairs: Iterable[P]) -> Iterator[tuple[P, Misfit | None]]:
        """Every pair, in order, with the first check that it fails. Only what passes the cheap ones is embedded."""
        if self.cosines is None:
            yield from ((pair, self._cheap(pair)) for pair in pairs)
            return
        remaining = iter(pairs)
        while batch := list(islice(remaining, BATCH)):
            found = [self._cheap(pair) for pair in batch]
            fitting = [at for at, wrong in enumerate(found) if wrong is None]
            for at, cosine in zip(fitting, self.cosines([batch[at] for at in fitting]), strict=True):
                if not cosine >= self.least:
                    found[at] = Misfit("similarity", f"{cosine:.3f}", f"≥ {self.least:g}")
            yield from zip(batch, found, strict=True)

    def _cheap(self, pair: Pair) -> Misfit | None:
        return misfit(pair.source, pair.target, self.languages, self.length_ratio, self.check_language)
