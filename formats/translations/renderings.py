"""The ways of writing a pair of texts in two languages down as one document."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from enum import StrEnum

from winnow.formats.markup.markdown import Section, render, sections
from winnow.formats.translations.catalogues import Pair


class Rendering(StrEnum):
    """Source, then target; or paragraph by paragraph, each followed by its translation."""

    SOURCE_THEN_TARGET = "source_then_target"
    INTERLEAVED = "interleaved"


class Direction(StrEnum):
    """Which language comes first: as given, the other way round, or either by a hash of the document's place."""

    FORWARD = "forward"
    BACKWARD = "backward"
    HASH = "hash"


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
