"""Checks on a pair of texts in two languages, and the ways of writing such a pair down."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from stages.markup.markdown import Section, render, sections
from stages.translations.catalogues import Pair

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


class Rendering(StrEnum):
    """Source, then target; or paragraph by paragraph, each followed by its translation."""

    SOURCE_THEN_TARGET = "source_then_target"
    INTERLEAVED = "interleaved"


class Direction(StrEnum):
    """Which language comes first: as given, the other way round, or either by a hash of the document's place."""

    FORWARD = "forward"
    BACKWARD = "backward"
    HASH = "hash"


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


def is_backward(direction: Direction, key: str) -> bool:
    if direction == Direction.HASH:
        return hashlib.blake2b(key.encode(), digest_size=1).digest()[0] % 2 == 1
    return direction == Direction.BACKWARD


def render_segments(pairs: Sequence[Pair], rendering: Rendering, backward: bool) -> str:
    """Segments of one file as one document."""
    ordered = [(pair.target, pair.source) if backward else (pair.source, pair.target) for pair in pairs]
    if rendering == Rendering.INTERLEAVED:
        return "\n\n".join(f"{first}\n{second}" for first, second in ordered)
    return "\n".join(first for first, _ in ordered) + "\n\n" + "\n".join(second for _, second in ordered)


def render_pages(source: str, target: str, rendering: Rendering, backward: bool) -> tuple[str, bool]:
    """Two pages as one document, and whether they could be interleaved: equal headings and blocks, one by one.

    Pages of unequal structure are written one after the other whatever was asked. Code that is the same on both sides
    is written once.
    """
    first, second = (target, source) if backward else (source, target)
    if rendering == Rendering.INTERLEAVED:
        left, right = sections(first), sections(second)
        if _aligned(left, right):
            return "\n\n".join(_interleaved(left, right)), True
    return f"{first.strip()}\n\n{second.strip()}\n", False


def _aligned(left: Sequence[Section], right: Sequence[Section]) -> bool:
    shapes = [
        [(section.level, [block.language is None for block in section.blocks]) for section in side]
        for side in (left, right)
    ]
    return bool(left) and shapes[0] == shapes[1]


def _interleaved(left: Sequence[Section], right: Sequence[Section]) -> list[str]:
    parts: list[str] = []
    for first, second in zip(left, right, strict=True):
        if first.title:
            parts += [f"{'#' * first.level} {first.title}", f"{'#' * second.level} {second.title}"]
        for one, other in zip(first.blocks, second.blocks, strict=True):
            if one.language is not None:
                parts += [render(one)] if one.text == other.text else [render(one), render(other)]
                continue
            ours, theirs = one.text.split("\n\n"), other.text.split("\n\n")
            if len(ours) == len(theirs):
                parts += [text for pair in zip(ours, theirs, strict=True) for text in pair if text.strip()]
            else:
                parts += [one.text, other.text]
    return parts
