"""Pages to text: content kept, boilerplate dropped, structure preserved, any bytes taken."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.formats.html.blocks import cut
from winnow.formats.html.classify import chances, content, doubt, model
from winnow.formats.html.extraction import Engine, extract
from winnow.formats.html.head import read_head
from winnow.formats.html.markdown_writer import render

PARAGRAPH = "The river was low that summer, and the mill stood still for weeks, so the baker bought flour in town. "
PAGE = f"""<!doctype html><html lang=en-GB><head><title>The mill &amp; the river</title>
<link rel="license" href="https://creativecommons.org/licenses/by-sa/4.0/">
<meta property="article:published_time" content="2024-05-01T10:00:00Z"></head><body>
<nav><ul><li><a href="/">Home</a><li><a href="/about">About us</a></ul></nav>
<article><h1>The mill</h1>{f"<p>{PARAGRAPH * 3}</p>" * 4}</article>
<footer><a href="/privacy">Privacy policy</a> Copyright 2024</footer></body></html>"""


def everything(page: str, *, links: bool = False) -> str:
    blocks = cut(page.encode())
    return render(blocks, [True] * len(blocks), links=links)


@pytest.mark.parametrize("engine", list(Engine))
def test_each_engine_keeps_the_article_and_says_the_same_twice(engine: Engine) -> None:
    first, second = extract(PAGE, engine=engine), extract(PAGE.encode(), engine=engine)
    assert first == second
    assert PARAGRAPH.strip() in first.text
    assert "Privacy policy" not in first.text
    assert (first.title, first.date, first.license, first.language) == (
        "The mill & the river",
        "2024-05-01",
        "CC-BY-SA-4.0",
        "en",
    )


def test_listings_keep_every_blank_and_line() -> None:
    page = "<p>so</p><pre>\n  def f():\n\n\treturn 1 &lt; 2  # x\n</pre><p>end</p>"
    assert everything(page) == "so\n\n```\n  def f():\n\n\treturn 1 < 2  # x\n```\n\nend"


def test_lists_tables_headings_and_quotations_are_markdown() -> None:
    assert everything("<h2>A</h2><ul><li>one<ol><li>x<li>y</ol><li>two</ul>") == "## A\n\n- one\n  1. x\n  2. y\n- two"
    table = "<table><tr><th>a<th>b<tr><td>1<td>2|3</table>"
    assert everything(table) == "| a | b |\n| --- | --- |\n| 1 | 2\\|3 |"
    assert everything("<blockquote>said<br>so</blockquote>") == "> said\n> so"
    assert everything('see <a href="http://e.x/">this</a>.', links=True) == "see [this](http://e.x/)."


def test_chinese_gets_no_spaces_and_ruby_no_reading() -> None:
    assert (
        everything("<p>中文\n中文<b>粗</b>\n体 A\nB，<ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp></ruby>字")
        == "中文中文粗体 A B，漢字"
    )


def test_character_references_are_read_as_browsers_do() -> None:
    assert everything("<p>&lt;b&gt; &#147;x&#148; &eacute &nosuch; &#x4e2d; a&nbsp;b") == "<b> “x” é &nosuch; 中 a b"


@settings(max_examples=200)
@given(page=st.text(alphabet=st.sampled_from(list("<>/!-=\"'&;#x abp中\n")) | st.characters(), max_size=300))
def test_any_text_is_a_page(page: str) -> None:
    assert isinstance(extract(page).text, str)
    assert isinstance(everything("<div><table><pre><li>" + page.encode("utf-8", "replace").decode()), str)


@pytest.mark.parametrize(
    "unit", ["<div>", "<p>", "<table><tr><td>", "<li><ul>", "<a href=x>y", "<!--", "<svg>", "&amp", "<b"]
)
def test_deep_and_endless_markup_is_read_to_its_end(unit: str) -> None:
    assert isinstance(extract(f"<p>start</p>{unit * 100_000}end").text, str)


STORY = """The crew of the house-call service reported this morning that two of its five vans had been broken into. The
batteries were gone and the doors were damaged. A report was filed and the police came to look at what is left of them."""


def test_a_page_nothing_of_which_is_likely_enough_is_judged_by_its_best_and_a_menu_stays_empty() -> None:
    links = "".join(f"<li><a href=/c{number}>Department number {number}</a>" for number in range(30))
    menu = f"<body><ul>{links}</ul>{{}}<ul>{links}</ul>"
    story = menu.format(f"<div class=footer><td>{STORY}</td><p>05/10/2018 - Published by: Ann - Category: Health</div>")
    assert chances(cut(story.encode())).max() < model().threshold
    assert extract(story).text.split() == STORY.split()
    assert extract(menu.format("")).text == ""


def test_a_page_of_menus_alone_stays_empty() -> None:
    menus = "".join(
        f"<li><a href='/{number}'>Department number {number} of our house</a></li>" for number in range(200)
    )
    assert extract(f"<html><body><nav><ul>{menus}</ul></nav><p>All rights reserved.</p></body></html>").text == ""


@pytest.mark.parametrize("card", ["div class='card'", "div class='item recent'", "div class='promo'"])
def test_cards_are_text_where_the_page_has_no_other(card: str) -> None:
    cards = "".join(
        f"<{card}><a href='/{number}'>Mill {number}</a><p>From {1700 + number}, with two pairs of stones</p></div>"
        for number in range(60)
    )
    text = extract(f"<html><body><nav><a href='/'>Home</a></nav><main>{cards}</main></body></html>").text
    assert all(f"From {1700 + number}, with two" in text for number in range(60)) and "Home" not in text


def cards(saying: str = "") -> str:
    """A list of offers: text beside links, as teasers are written."""
    kinds = "".join(
        f"<div class=teaser><h3><a href=/{n}>Mill {n} on the river</a></h3><p>Two pairs of stones, built {1700 + n}</p></div>"
        for n in range(40)
    )
    return f"<html><head>{saying}</head><body><h1>Mills</h1><main><div class=grid>{kinds}</div></main></body></html>"


def test_less_certainty_is_asked_where_much_of_a_page_is_in_doubt_unless_it_calls_itself_one_work() -> None:
    page = cut(cards().encode())
    chance, threshold = chances(page), model().threshold
    sizes = [len(page.string(block).encode()) for block in range(len(page))]
    possible = sum(size for size, likely in zip(sizes, chance, strict=True) if likely >= 0.1)
    certain = sum(size for size, likely in zip(sizes, chance, strict=True) if likely >= threshold)
    assert doubt(page, chance, threshold) == pytest.approx(1 - certain / possible) and certain < possible / 2
    assert content(page).sum() > content(page, one_work=True).sum()


@pytest.mark.parametrize(
    ("saying", "one"),
    [
        ("", False),
        ('<meta property="og:type" content="article">', False),  # what every page of a blog says
        ('<meta property="og:type" content="Article"><meta property="article:published_time" content="2024">', True),
        ('<meta property="og:type" content="product.item">', True),
        ('<meta property="og:type" content="product.group">', False),
        ('<script type="application/ld+json">{"@type": ["Product", "Car"]}</script>', True),
        ('<script type="application/ld+json">{"@graph": [{"@type":"NewsArticle"}]}</script>', True),
        ('<script type="application/ld+json">{"@type":"ItemList","of":[{"@type":"Product"}]}</script>', False),
        ('<script type="application/ld+json">{"@type":"WebPage","name":"Product"}</script>', False),
        ('<body itemscope itemtype="https://schema.org/NewsArticle">', True),
        ("<article itemscope itemtype=http://schema.org/BlogPosting>", True),
        ('<div itemtype="https://schema.org/Article"></div><div itemtype="https://schema.org/Article"></div>', False),
        ('<div itemtype="https://schema.org/ArticleSeries"></div>', False),
    ],
)
def test_what_calls_itself_one_work(saying: str, one: bool) -> None:
    assert read_head(cards(saying)).one_work is one


@pytest.mark.parametrize("data", ['{"layout": 2, "of": {"hue": 213}}', '[ {"price":15.49,"currency":"EUR"} ]'])
def test_data_for_the_programs_of_a_page_is_no_text_and_a_listing_of_it_is(data: str) -> None:
    page = f"<body><article><p>{STORY}</p><div>{data}</div><p>{STORY} {data} says the page.</p>%s</article></body>"
    assert data not in extract(page % "").text.replace(f"{data} says the page", "")
    assert f"{data} says the page" in extract(page % "").text
    assert extract(page % f"<pre><code>{data}</code></pre>").text.count(data) == 2
