"""Pages of which it is known what belongs to their content, from clones of public repositories at pinned commits.

CLONES is a folder of git repositories, bare or not, `CLONES/owner/name`. Three kinds of knowledge are read:

- trafilatura's evaluation names for each of 990 pages a few strings that are content and a few that aren't. Blocks that
  hold one are labelled by it; of the others three extractors vote, and a vote counts less than an annotation.
- a documentation site's pages have all their content where one selector finds it (`sites`): every block is labelled.
- of news articles the paragraphs are known (`newspapers`): these are content, and what stands before the first and after
  the last isn't; between them a vote can make a block's label uncertain.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt
from resiliparse.parse.html import HTMLTree

from winnow.formats.charset.pages import decode
from winnow.formats.containers.git import Repository
from winnow.formats.html.blocks import Blocks, cut
from winnow.formats.html.features import Matrix, features
from winnow.formats.html.formulas import has_mathematics, replace_formulas
from winnow.formats.html.head import read_head
from winnow.formats.html.learning.newspapers import FOLDER, FUNDUS, FUNDUS_COMMIT, articles, belonging
from winnow.formats.html.learning.sites import SITES, Site

TRAFILATURA, TRAFILATURA_COMMIT = "adbar/trafilatura", "e90b0ef51ab026fdb905fb6c5b3c84dd3d784fd5"
VOTES = {"trafilatura": 0.5, "readability": 0.3, "resiliparse": 0.2}
UNNAMED = 0.49  # the label of a block within an article that votes are for and its paper's parser doesn't name
AGREES = 0.6  # of a block's trigrams in an extractor's text for its vote
SHORTEST_PAGE = 2000  # bytes; below are redirects and shells that scripts fill
SHORTEST_PART = 12  # characters of a block that may be part of an annotated string
TOKEN = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff]|[^\W\u2e80-\u9fff\uf900-\ufaff]+")


class Kind(StrEnum):
    """Where it is known from what belongs to a page."""

    ANNOTATED = "annotated"
    DOCUMENTATION = "documentation"
    NEWS = "news"


@dataclass(frozen=True)
class Page:
    """A page: its blocks, their features, and for each block a label 0 … 1 and whether that is certain."""

    kind: Kind
    site: str
    inside: Sequence[str]  # strings that are content, and that aren't: what cross-validation looks for
    outside: Sequence[str]
    blocks: Blocks
    matrix: Matrix
    labels: npt.NDArray[np.float64]
    certain: npt.NDArray[np.bool_]


def load(clones: Path) -> Iterator[Page]:
    """All pages; about fifteen a second, most of it the voting extractors' time."""
    yield from _annotated(Repository(str(clones / TRAFILATURA)))
    for site in SITES:
        yield from _selected(Repository(str(clones / site.repository)), site)
    yield from _printed(Repository(str(clones / FUNDUS)))


def _annotated(repository: Repository) -> Iterator[Page]:
    files = _files(repository, TRAFILATURA_COMMIT)
    annotations = json.loads(next(repository.required([files["tests/evaldata.json"]])))
    chosen = [
        next(files[path] for folder in ("cache", "eval") if (path := f"tests/{folder}/{annotation['file']}") in files)
        for annotation in annotations.values()
    ]
    for (url, annotation), content in zip(annotations.items(), repository.required(chosen), strict=True):
        page = decode(content)[0]
        blocks = _cut(page)
        strings = [blocks.string(block) for block in range(len(blocks))]
        labels = _votes(strings, page)
        certain = np.zeros(len(blocks), bool)
        flat = [_flat(string.replace("`", "")) for string in strings]
        for wanted, label in ((annotation["with"], 1.0), (annotation["without"], 0.0)):
            for segment in map(_flat, wanted):
                hit = [segment in text or (len(text) > SHORTEST_PART and text in segment) for text in flat]
                labels[hit], certain[hit] = label, True
        matrix = features(blocks, read_head(page).title or "")
        yield Page(
            Kind.ANNOTATED, registered(url), annotation["with"], annotation["without"], blocks, matrix, labels, certain
        )


def _selected(repository: Repository, site: Site) -> Iterator[Page]:
    wanted, unwanted = re.compile(site.pages), re.compile(site.but)
    found = {
        hashlib.md5(path.encode()).digest(): identity
        for path, identity in _files(repository, site.commit).items()
        if wanted.search(path) and not unwanted.search(path)
    }
    chosen = [identity for _, identity in sorted(found.items())][: site.most]
    for content in repository.required(chosen):
        if len(content) < SHORTEST_PAGE:
            continue
        page = decode(content)[0]
        blocks = _cut(page)
        kept = _cut(_selection(page, site))
        if len(kept):
            labels = _aligned(blocks, kept)
            matrix = features(blocks, read_head(page).title or "")
            yield Page(Kind.DOCUMENTATION, site.repository, (), (), blocks, matrix, labels, np.ones(len(blocks), bool))


def _printed(repository: Repository) -> Iterator[Page]:
    files = {path: name for path, name in _files(repository, FUNDUS_COMMIT).items() if path.startswith(FOLDER)}
    stored = dict(zip(files, repository.required(list(files.values())), strict=True))
    for url, content, bodies in articles(stored):
        page = decode(content)[0]
        blocks = _cut(page)
        strings = [_flat(blocks.string(block)) for block in range(len(blocks))]
        named = belonging(strings, bodies)
        if named is not None:
            hits = np.array(named)
            votes = np.zeros(len(blocks))
            first, last = np.flatnonzero(hits)[[0, -1]]
            votes[first:last] = _votes(strings, page)[first:last]
            labels = np.where(hits, 1.0, np.minimum(votes, UNNAMED))
            matrix = features(blocks, read_head(page).title or "")
            yield Page(Kind.NEWS, registered(url), (), (), blocks, matrix, labels, hits | (votes < UNNAMED))


def _votes(strings: Sequence[str], page: str) -> npt.NDArray[np.float64]:
    """For each block the weight of the extractors that keep it, 0 … 1."""
    weights = np.zeros(len(strings))
    for name, text in _opinions(page):
        weights += VOTES[name] * (_found(strings, text) > AGREES)
    return weights


def _files(repository: Repository, commit: str) -> dict[str, str]:
    """The object of each path of a commit."""
    return {entry.path: entry.object for entry in repository.entries(commit) if entry.path}


def _cut(page: str) -> Blocks:
    """As pages are cut when they are extracted."""
    return cut((replace_formulas(page) if has_mathematics(page) else page).encode("utf-8", "replace"))


def _selection(page: str, site: Site) -> str:
    """The HTML of what a site's selectors keep of a page."""
    document = HTMLTree.parse(page).document
    if document is None:
        return ""
    if site.drop:
        for node in document.query_selector_all(site.drop):
            node.decompose()
    return "\n".join(f"<div>{node.html}</div>" for node in document.query_selector_all(site.keep))


def _aligned(blocks: Blocks, kept: Blocks) -> npt.NDArray[np.float64]:
    """1 for each block of a page that stands, in order, among those kept: a menu's copy of a heading stays 0."""
    ours = [_flat(blocks.string(block)) for block in range(len(blocks))]
    theirs = [_flat(kept.string(block)) for block in range(len(kept))]
    labels = np.zeros(len(blocks))
    for start, _, size in SequenceMatcher(None, ours, theirs, autojunk=False).get_matching_blocks():
        labels[start : start + size] = 1.0
    return labels


def _opinions(page: str) -> Iterator[tuple[str, str]]:
    import trafilatura
    from readability import Document
    from resiliparse.extract.html2text import extract_plain_text

    yield "trafilatura", trafilatura.extract(page, include_comments=False, deduplicate=False) or ""
    yield "resiliparse", extract_plain_text(page, main_content=True, comments=False)
    try:
        summary = Document(page).summary()
    except (ValueError, TypeError, LookupError):
        summary = ""  # it refuses pages without a body
    yield "readability", extract_plain_text(summary, main_content=False)


def _found(strings: Sequence[str], text: str) -> npt.NDArray[np.float64]:
    """The share of each string's trigrams of words that `text` has; a string of one or two words as a whole."""
    words = TOKEN.findall(text.lower())
    trigrams = set(zip(words, words[1:], words[2:], strict=False))
    joined = f" {' '.join(words)} "
    shares = []
    for string in strings:
        own = TOKEN.findall(string.lower())
        if len(own) < 3:
            shares.append(float(bool(own) and f" {' '.join(own)} " in joined))
        else:
            grams = list(zip(own, own[1:], own[2:], strict=False))
            shares.append(sum(gram in trigrams for gram in grams) / len(grams))
    return np.array(shares)


def _flat(text: str) -> str:
    return " ".join(text.split())


def registered(url: str) -> str:
    """The domain that was registered: pages of one never stand on both sides of a fold."""
    labels = (urlsplit(url).hostname or url).split(".")
    long = len(labels) > 2 and len(labels[-1]) == 2 and len(labels[-2]) <= 3
    return ".".join(labels[-3:] if long else labels[-2:])
