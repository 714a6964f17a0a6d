"""Which columns of a table of pairs are the texts, in the layouts that corpora are published in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from winnow.formats.translations.catalogues import language_of_po
from winnow.formats.translations.columns import prose_columns
from winnow.formats.translations.file_names import is_catalogue_of

PAIRS = [
    ("The river is high.", "今天河水很高。"),
    ("Bring the boat.", "请把船划过来。"),
    ("We wait here.", "我们在这里等。"),
]
PAIRS += [
    ("Nobody has crossed the ford since yesterday.", "从昨天起没有人渡过浅滩。"),
    ("It costs two coins.", "收两枚硬币。"),
]
LAYOUTS = {
    "texts alone": "{en}\t{zh}",
    "ParaCrawl": "http://a.ex/{n}\thttps://b.ex/zh/{n}\t{en}\t{zh}\t0.9",
    "Tatoeba, with attribution": "{en}\t{zh}\tCC-BY 2.0 (France) Attribution: tatoeba.org",
    "Tatoeba, with numbers": "{n}\t{en}\t1{n}\t{zh}",
    "score first": "0.{n}\t{en}\t{zh}",
    "codes of languages": "en\tzh\t{en}\t{zh}",
    "identifiers behind": "{en}\t{zh}\t{n}\t2024-01-0{n}",
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_pairs_of_every_layout_are_the_same(tmp_path: Path, ingest: Any, layout: str) -> None:
    lines = [LAYOUTS[layout].format(n=n, en=en, zh=zh) for n, (en, zh) in enumerate(PAIRS)]
    assert [(row.split("\t")[at], row.split("\t")[to]) for row in lines for at, to in [prose_columns("\n".join(lines).encode())]] == PAIRS  # fmt: skip
    for ends in ("\n", "\r\n", "\r"):
        path = tmp_path / "pairs.tsv"
        path.write_bytes("".join(line + ends for line in lines).encode())
        ((document,), rejections) = ingest("bilingual", path)
        assert not rejections
        assert all(text in document["text"] for pair in PAIRS for text in pair)
        assert "\r" not in document["text"] and "http" not in document["text"]


@pytest.mark.parametrize(
    ("declared", "found"), [("zh_CN", True), ("zh", True), ("zh-Hans", True), ("de", False), ("en", False)]
)
def test_a_catalogue_is_of_the_language_that_its_header_names(declared: str, found: bool) -> None:
    header = f'msgid ""\nmsgstr ""\n"Project-Id-Version: x\\n"\n"Language: {declared}\\n"\n'
    assert is_catalogue_of("c-api/x.po", "zh", language_of_po(header)) is found
    assert language_of_po('msgid "a"\nmsgstr "b"\n') is None
