"""JSON values as records hold them: read where they are text, and checked to be what every reader of JSON can read."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from winnow.formats.containers.json_text import read_json

LISTS = (list, tuple)
OBJECTS = (dict, Mapping)  # the usual one first: to ask an abstract class takes several times as long
DEPTH = 100
"""How deep a value may be nested. Rendering and editing it take some three calls a level; Python allows a thousand."""


class Misfit(Exception):
    """A record that is no conversation: the path of the field, and what is wrong with it."""

    def __init__(self, field: str, found: str) -> None:
        super().__init__(f"{field}: {found}")


def parsed(value: Any, here: str) -> Any:
    """The value, or what its JSON text says, None when blank: data sets store lists and objects either way.

    Raises `Misfit` for text that isn't JSON, and for an object that names one key twice: which is meant?
    """
    if not isinstance(value, str):
        return value
    if not value.strip():
        return None
    try:
        return read_json(value)
    except ValueError as error:
        raise Misfit(here, f"not JSON: {error}") from error


def sound(value: Any, here: str, depth: int = DEPTH) -> Any:
    """The value in lists and dictionaries of its own.

    Raises `Misfit` for what JSON can't say (NaN, half of a surrogate pair, a date) or hardly anyone reads (nested
    deeper than `DEPTH`).
    """
    if depth < 0:
        raise Misfit(here, f"nested deeper than {DEPTH}")
    if isinstance(value, str):
        return unicode_text(value, here)
    if isinstance(value, OBJECTS):
        return {unicode_text(key, here): sound(inner, here, depth - 1) for key, inner in value.items()}
    if isinstance(value, LISTS):
        return [sound(inner, here, depth - 1) for inner in value]
    if value is None or isinstance(value, int):
        return value
    if not isinstance(value, float):
        raise Misfit(here, f"{type(value).__name__}, which JSON can't say")
    if not math.isfinite(value):
        raise Misfit(here, f"{value}, which JSON can't say")
    return value


def unicode_text(value: Any, here: str) -> str:
    """The string, if it is one and can be encoded."""
    if not isinstance(value, str):
        raise Misfit(here, f"{type(value).__name__}, not a string")
    try:
        value.isascii() or value.encode()
    except UnicodeEncodeError:
        raise Misfit(here, "invalid Unicode") from None
    return value


def sequence(value: Any, here: str) -> Sequence[Any]:
    """The list, read from JSON text where it is text; empty for null."""
    if isinstance(value, str):
        value = parsed(value, here)
    if value is None:
        return ()
    if not isinstance(value, LISTS):
        raise Misfit(here, f"{type(value).__name__}, not a list")
    return value


def named(value: Mapping[str, Any], names: Sequence[str]) -> str:
    """Which of its names something has in an object; the first of them where it isn't there."""
    for name in names:
        if value.get(name) is not None:
            return name
    return names[0]


def without_nulls(value: Any) -> Any:
    """The value without the null fields of its objects, with which columnar files fill up what one record lacks."""
    if isinstance(value, Mapping):
        return {key: without_nulls(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [without_nulls(inner) for inner in value]
    return value
