"""Real documents for benchmarks, read from the folder of gold sets (`WINNOW_CORPORA`, by default ../shared/corpora)."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import zstandard

CORPORA = Path(os.environ.get("WINNOW_CORPORA", Path(__file__).parents[2] / "shared" / "corpora"))
PROSE = {
    "en": (
        "long/rust_rfcs_en",
        "long/en_books_gutenberg_editions",
        "long/en_books_standardebooks",
        "web/peps_html_rst",
        "neardup/version_docs",
    ),
    "zh": (
        "zh_en/tidb_docs_cn",
        "long/zh_laws",
        "long/zh_classics",
        "web/oiwiki_zh_math_html_md",
        "neardup/version_docs",
    ),
}
OTHER_LANGUAGES = (
    "langid/tldr_pages",
    "langid/udhr_firsthalf",
    "langid/wortschatz_sentences_79langs",
    "long/de_laws_long",
    "zh_en/fastapi_docs_multilang",
)
SHORTEST, PAGE = 400, 6000
"""Characters: texts below the first are left out, longer ones are cut at line ends into pages of the second."""
CHINESE_SHARE = 0.2
"""A page is Chinese from this share of Han characters on."""
_HAN = re.compile(r"[\u4e00-\u9fff]")


def rows(name: str) -> list[dict[str, Any]]:
    """The rows of one gold set, `neardup/version_docs`."""
    with zstandard.open(CORPORA / f"{name}.jsonl.zst", "rt", encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


def pages(language: str, more: Sequence[str] = ()) -> list[str]:
    """Pages of real prose in `en` or `zh`, without exact repeats, in a fixed order; then those of `more` gold sets."""
    found: dict[str, None] = {}
    for name in (*PROSE[language], *more):
        for row in rows(name):
            if name not in more and row.get("lang", language) != language:
                continue
            for text in _texts({key: value for key, value in row.items() if key != "html"}):
                found.update(dict.fromkeys(_cut(text)))
    return list(found)


def all_pages(language: str) -> list[str]:
    """Pages of every gold set in `en` or `zh`, without exact repeats, in a fixed order: 102 and 37 MB.

    Formulas, licences, dialogues and lists of words are among them. Not English is what has another `lang` or stands in
    a set of `OTHER_LANGUAGES`.
    """
    found: dict[str, None] = {}
    for path in sorted(CORPORA.rglob("*.jsonl.zst")):
        name = path.relative_to(CORPORA).as_posix().removesuffix(".jsonl.zst")
        for row in rows(name):
            other = name in OTHER_LANGUAGES or row.get("lang", "en") not in ("en", "zh")
            for text in _texts({key: value for key, value in row.items() if key != "html"}):
                for page in _cut(text):
                    chinese = len(_HAN.findall(page)) >= CHINESE_SHARE * len(page)
                    if chinese if language == "zh" else not (chinese or other):
                        found[page] = None
    return list(found)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str) and len(value) >= SHORTEST:
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        if value and all(isinstance(inner, str) for inner in value):
            yield from _texts("\n".join(value))
        else:
            for inner in value:
                yield from _texts(inner)


def _cut(text: str) -> Iterator[str]:
    page: list[str] = []
    size = 0
    for line in text.splitlines(keepends=True):
        page.append(line)
        size += len(line)
        if size >= PAGE:
            yield "".join(page)
            page, size = [], 0
    if size >= SHORTEST:
        yield "".join(page)
