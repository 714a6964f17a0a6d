"""News articles whose paragraphs a parser written for that one newspaper finds, from the tests of `flairNLP/fundus`.

The tests hold some 250 pages of 180 newspapers in twenty languages, each beside what it must be read as: summary, headings
and paragraphs, without headline, byline, captions and what is offered to read next. The parsers leave out some lists and
tables, so a block that they don't name counts as boilerplate only as far as no vote is for it.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

FUNDUS, FUNDUS_COMMIT = "flairNLP/fundus", "18da6e53592f99cf0ac5770dc63d6ba99ba63ae8"
FOLDER = "tests/resources/parser/test_data/"
FOUND = 0.9  # of an article's bytes that must stand in a page for it to be that article
SHORTEST_PART = 12  # characters of a block that may be part of a paragraph, or a paragraph of a block


def articles(files: Mapping[str, bytes]) -> Iterator[tuple[str, bytes, list[list[str]]]]:
    """The address and bytes of each page with what its newspaper's articles may be read as, by version of the parser."""
    for path, content in sorted(files.items()):
        if not path.endswith(".html.gz"):
            continue
        folder, name = PurePosixPath(path).parent, PurePosixPath(path).name
        told = json.loads(files.get(f"{folder}/meta.info", b"{}")).get(name, {})
        versions = json.loads(files.get(f"{folder}/{name.split('_')[0]}.json", b"{}"))
        bodies = [_strings(version["body"]) for version in versions.values() if version.get("body")]
        if told.get("url") and bodies:
            yield told["url"], gzip.decompress(content), bodies


def _strings(body: Mapping[str, Any]) -> list[str]:
    parts = [*body["summary"]]
    for section in body["sections"]:
        parts += [*section["headline"], *section["paragraphs"]]
    return [flat for part in parts if (flat := " ".join(part.split()))]


def belonging(strings: Sequence[str], bodies: Sequence[Sequence[str]]) -> list[bool] | None:
    """Which of a page's blocks are paragraphs of the article on it; None where no article of the newspaper is."""
    best: list[bool] | None = None
    most = FOUND
    for body in bodies:
        whole = set(body)
        long = [part for part in body if len(part) > SHORTEST_PART]
        text = "\n".join(body)
        hits = [
            string in whole
            or (len(string) > SHORTEST_PART and (string in text or any(part in string for part in long)))
            for string in strings
        ]
        joined = "\n".join(string for string, hit in zip(strings, hits, strict=True) if hit)
        met = sum(len(part) for part in body if part in joined or any(piece in part for piece in joined.split("\n")))
        share = met / len("".join(body))
        if share >= most and any(hits):
            best, most = hits, share
    return best
