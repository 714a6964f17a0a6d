"""What is fuzzed: every kind of file through the reader of its kind, and texts through every measure, edit and encoder.

A target takes bytes and raises where something is wrong with what we do of them.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from tests.fuzz.reading import read
from tests.fuzz.sound import MARKDOWN, MARKUP_PAGE, PAPER, PARAGRAPH, SOUND, SOURCES, ZH
from winnow.filters.recipes import recipes
from winnow.frames import measure
from winnow.tokenizer.encoder import Encoder
from winnow.tokenizer.load import load
from winnow.tokenizer.train import train

TEXTS = tuple(text.encode() for text in (MARKDOWN, MARKUP_PAGE, PAPER, PARAGRAPH * 9, ZH * 9, *SOURCES.values()))
MEMORY = Path("/dev/shm")


@dataclass(frozen=True)
class Target:
    """A name, small sound inputs, and what is done with one."""

    name: str
    sound: tuple[bytes, ...]
    look: Callable[[bytes], None]


def _file(name: str, kind: str) -> Callable[[bytes], None]:
    @cache
    def folder() -> Path:
        return Path(tempfile.mkdtemp(prefix="fuzz-", dir=MEMORY if MEMORY.is_dir() else None))

    def look(content: bytes) -> None:
        path = folder() / name
        path.write_bytes(content)
        read(path, kind)

    return look


@cache
def _measurable() -> tuple[str, ...]:
    """Recipes that ask for no model of the user's."""
    found = []
    for name in recipes():
        try:
            measure(_frame("one", "two"), name)
        except LookupError:
            continue
        found.append(name)
    return tuple(found)


def _frame(*texts: str) -> pl.DataFrame:
    rows = len(texts)
    return pl.DataFrame({"text": texts, "language": ["zh", "en"][:rows], "url": ["http://a.ex/%zz"] * rows})


def _measures(content: bytes) -> None:
    """What a text measures doesn't depend on what stands beside it."""
    text = content.decode("utf-8", "replace")
    names = _measurable()
    name = names[hashlib.blake2b(content, digest_size=4).digest()[0] % len(names)]
    alone = measure(_frame(text), name)
    beside = measure(_frame(text, f"{ZH}\n{text}"), name)[:1]
    assert alone.equals(beside), (name, alone.to_dicts(), beside.to_dicts())


@cache
def _encoder() -> Encoder:
    with tempfile.TemporaryDirectory() as folder:
        train([text.decode() * 9 for text in TEXTS], 1200, 7, folder)
        return load(folder)


def _tokens(content: bytes) -> None:
    text = content.decode("utf-8", "replace")
    encoder = _encoder()
    found = encoder.encode(pa.array([text, PARAGRAPH, text], pa.large_string()))
    one, _, other = (found.ids[first:last] for first, last in zip(found.offsets[:-1], found.offsets[1:], strict=True))
    assert np.array_equal(one, other)
    assert encoder.decode(one) == text


def _targets() -> Mapping[str, Target]:
    found = [Target(name, (content,), _file(name, kind)) for name, (kind, content) in SOUND.items()]
    found += [Target("measures", TEXTS, _measures), Target("tokens", TEXTS, _tokens)]
    return {target.name: target for target in found}


TARGETS = _targets()
