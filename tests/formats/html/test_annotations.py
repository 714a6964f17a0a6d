"""Labels of pages whose content a selector finds."""

from __future__ import annotations

import gzip
import json

import numpy as np

from winnow.formats.html.context import NAMES, context
from winnow.formats.html.learning.annotations import _aligned, _cut, _selection, registered
from winnow.formats.html.learning.newspapers import articles, belonging
from winnow.formats.html.learning.sites import Site

PAGE = """<body><nav><a href=#a>Installing</a> <p>Menu</nav><main><h1>Installing</h1><p>Run it.</p>
<form><p>Was this page of use?</form><p>Then read on.</main><footer><p>Made by hand</footer>"""


def test_blocks_that_a_selector_keeps_are_content_and_a_menu_that_repeats_a_heading_is_not() -> None:
    blocks = _cut(PAGE)
    labels = _aligned(blocks, _cut(_selection(PAGE, Site("a/b", "", "", "main", "form"))))
    told = [(blocks.string(block), bool(label)) for block, label in enumerate(labels)]
    assert told == [
        ("Installing", False),
        ("Menu", False),
        ("Installing", True),
        ("Run it.", True),
        ("Was this page of use?", False),
        ("Then read on.", True),
        ("Made by hand", False),
    ]


def test_sites_are_told_apart_by_the_domain_that_was_registered() -> None:
    assert registered("https://blog.example.org/a") == registered("http://example.org") == "example.org"
    assert registered("https://news.example.co.uk/") == "example.co.uk"


def test_context_is_the_mean_of_the_blocks_around_weighted_by_the_root_of_their_length() -> None:
    page = _cut("<body><div><p>aaaa<p>bbbbbbbbb</div><p>c")
    columns = context(page, np.array([1.0, 0.5, 0.0], np.float32))
    row = dict(zip(NAMES, columns[0].tolist(), strict=True))
    whole = (2 * 1.0 + 3 * 0.5 + 1 * 0.0) / 6
    assert [row["own"], row["before1"], row["after1"], row["after2"]] == [1.0, -1.0, 0.5, 0.0]
    assert np.allclose([row["page"], row["within4"], row["level1"], row["level2"]], [whole, whole, 1.0, 3.5 / 5])


def test_blocks_of_a_news_page_are_told_by_the_paragraphs_of_its_article() -> None:
    strings = ["Mills", "By Ann", "The mill stood still.", "A subheading", "And the baker left town.", "Read more"]
    other, told = ["Another article altogether."], ["The mill stood still. And the baker left town.", "A subheading"]
    assert belonging(strings, [other, told]) == [False, False, True, True, True, False]
    assert belonging(strings, [other]) is None


def test_articles_come_with_every_version_of_their_newspaper() -> None:
    body = {"summary": ["Lead"], "sections": [{"headline": ["Head"], "paragraphs": ["One \n two", " "]}]}
    files = {
        "us/Mill_2024_01_02.html.gz": gzip.compress(b"<p>page"),
        "us/Mill.json": json.dumps({"V1": {"body": body}, "V2": {"title": "no body"}}).encode(),
        "us/meta.info": json.dumps({"Mill_2024_01_02.html.gz": {"url": "https://mill.example/a"}}).encode(),
    }
    assert list(articles(files)) == [("https://mill.example/a", b"<p>page", [["Lead", "Head", "One two"]])]
