"""Checks on pairs of texts in two languages: are both there, in these languages, of like length, of one meaning?"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from stages.translations.catalogues import Pair

BATCH = 64
"""Pairs whose texts are embedded at a time."""
HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
KANA_HANGUL = re.compile(r"[\u3040-\u30ff\uac00-\ud7af]")
WIDE = re.compile(r"[\u2e80-\ud7ff\uf900-\uffef\U00020000-\U0003ffff]+")
LETTER = re.compile(r"[^\W\d_]")
NOT_PROSE = re.compile(
    r"```.*?```|(?::[\w:]+:)?(?:``[^`]*``|`[^`]*`)|%\([\w]+\)s|\{[\w.]*\}|<[^<>]+>|https?://\S+", re.DOTALL
)
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
    prose = NOT_PROSE.sub(" ", text)
    letters = len(LETTER.findall(prose))
    return len(HAN.findall(prose)) / letters if letters else 0.0


def speaks(text: str, language: str) -> bool:
    """Whether a text may be in the language, by script: Chinese has Han and hardly kana, others hardly Han."""
    share = han_share(text)
    if language.startswith("zh"):
        return share >= CHINESE_SHARE and len(KANA_HANGUL.findall(text)) < FOREIGN_SHARE * len(HAN.findall(text))
    return share <= QUOTED_SHARE


def weight(text: str) -> int:
    """How much a text says: its characters, those of East Asian scripts three times, about what it takes in English."""
    return len(text) + 2 * sum(map(len, WIDE.findall(text)))


def length_ratio(source: str, target: str) -> float:
    """The weight of the source for each of the target, so that a faithful pair is near 1 in any script."""
    return weight(source) / max(weight(target), 1)


def misfit(
    source: str, target: str, languages: tuple[str, str], ratio: tuple[float, float], check_language: bool
) -> Misfit | None:
    """The first check that the pair fails: empty, untranslated, language, length ratio. Short pairs skip the ratio."""
    if not source.strip() or not target.strip():
        return Misfit("empty", "", "both texts")
    if source.strip() == target.strip():
        return Misfit("untranslated", target[:80], "a translation")
    if check_language:
        for text, language in zip((source, target), languages, strict=True):
            if LETTER.search(NOT_PROSE.sub(" ", text)) and not speaks(text, language):
                return Misfit("language", f"han share {han_share(text):.2f}", language)
    measured = length_ratio(source, target)
    short = max(weight(source), weight(target)) < SHORT
    if not short and not ratio[0] <= measured <= ratio[1]:
        return Misfit("length_ratio", f"{measured:.2f}", f"{ratio[0]:g} … {ratio[1]:g}")
    return None


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
