"""Markup of real kinds of pages as the Markdown that a person would write: every block kept, so that form alone counts."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.formats.html.blocks import cut
from winnow.formats.html.markdown_writer import render


def everything(page: str, *, links: bool = False, url: str | None = None) -> str:
    blocks = cut(page.encode())
    return render(blocks, [True] * len(blocks), links=links, url=url)


def lines(text: str) -> str:
    """A text written with its lines indented, as this file shows it."""
    return "\n".join(line[4:] for line in text.strip("\n").split("\n")).rstrip()


TABLES = {
    "cells over rows and columns": (
        "<table><tr><th rowspan=2>Name<th colspan='2'>Size<tr><th>w<th>h<tr><td rowspan=2>A<td>1<td>2<tr><td>3<td>4</table>",
        """
    | Name | Size |  |
    | --- | --- | --- |
    |  | w | h |
    | A | 1 | 2 |
    |  | 3 | 4 |
    """,
    ),
    "a caption, empty cells, rows of different length": (
        "<table><caption>Sizes</caption><thead><tr><th>a<th>b</thead><tbody><tr><td>1<td><tr><td><td>4<td>x</tbody></table>",
        """
    Sizes

    | a | b |  |
    | --- | --- | --- |
    | 1 |  |  |
    |  | 4 | x |
    """,
    ),
    "lists and line breaks in cells": (
        "<table><tr><td><ul><li>x<li>y</ul><td>a<br>b<tr><td><p>c<p>d<td>e</table>",
        """
    | x y | a b |
    | --- | --- |
    | c d | e |
    """,
    ),
    "a table of layout around one of data": (
        "<table><tr><td>menu<td><table><tr><td>1<td>2<tr><td>3<td>4</table></table>",
        """
    menu

    | 1 | 2 |
    | --- | --- |
    | 3 | 4 |
    """,
    ),
    "a forum: headings, but cells of several paragraphs": (
        f"<table><tr><th>Author<th>Message<tr><td>ann<td>{'says more ' * 50}<br><br>and more</table>",
        f"""
    Author

    Message

    ann

    {("says more " * 50).strip()}

    and more
    """,
    ),
    "a headed table whose cells are long": (
        f"<table><tr><th>option<th>meaning<tr><td>-v<td>{'says more ' * 50}</table>",
        f"""
    | option | meaning |
    | --- | --- |
    | -v | {("says more " * 50).strip()} |
    """,
    ),
    "columns that nothing kept stands in": (
        "<table><tr><td colspan=9>a<td>b<tr><td colspan=9>c<td>d</table>",
        """
    | a | b |
    | --- | --- |
    | c | d |
    """,
    ),
    "in a quotation": (
        "<blockquote><p>said<table><tr><td>1<td>2<tr><td>3<td>4</table></blockquote>",
        """
    > said
    >
    > | 1 | 2 |
    > | --- | --- |
    > | 3 | 4 |
    """,
    ),
    "a numbered equation as LaTeXML sets it": (
        "<table><tr><td><td><p>$$x=1$$</p><td><td><span>(1.2a)</span></table>",
        r"""
    $$x=1 \tag{1.2a}$$
    """,
    ),
}
LISTS = {
    "under numbers of two digits": (
        "<ol start=9><li>a<ul><li>x</ul><li>b<ul><li>y<p>more</ul></ol>",
        """
    9. a
       - x
    10. b
        - y

          more
    """,
    ),
    "numbers that the page sets": (
        "<ol><li value=3>a<li>b<ul><li>x</ul><ol><li>y</ol><li>c</ol>",
        "\n    3. a\n    4. b\n       - x\n       1. y\n    5. c\n",
    ),
    "lists straight in lists": ("<ul><li>a</li><ul><li>b</ul><li>c</ul>", "\n    - a\n      - b\n    - c\n"),
    "bullets that the author typed": ("<ul><li>• a<li>– b</ul>", "\n    - a\n    - – b\n"),
    "cards with headings of their own": (
        "<ul><li><h3>One</h3><p>text</p><ul><li>x</ul><li><h3>Two</h3><p>more</ul>",
        """
    ### One

    text

    - x

    ### Two

    more
    """,
    ),
    "definitions": (
        "<dl><dt>Alpha<dd>first<dt>Beta<dt>Veta<dd><p>second<p>more</dl><p>end",
        """
    Alpha
    : first

    Beta
    Veta
    : second

      more

    end
    """,
    ),
    "definitions used as indentation, as MediaWiki does": (
        "<p>so<dl><dd>$$x$$</dl><p>end",
        "\n    so\n\n    $$x$$\n\n    end\n",
    ),
    "listings and quotations in items": (
        "<ul><li>Run:<pre>a\n\n  b</pre><blockquote>said</blockquote><li><blockquote>so</blockquote></ul>",
        """
    - Run:

      ```
      a

        b
      ```

      > said
    - > so
    """,
    ),
    "what an item says after a list within it": (
        "<ul><li>a<ul><li>b</ul>more<li>c</ul>",
        """
    - a
      - b

      more
    - c
    """,
    ),
    "an item that begins with a list": ("<ul><li><ol><li>a<li>b</ol><li>c</ul>", "\n    - 1. a\n      2. b\n    - c\n"),
    "an interface as Sphinx documents it": (
        "<dl><dt><code>f</code>(<em>x</em>)<a href=#f>¶</a><dd><p>Mills x.<dl><dt>Parameters:<dd><ul><li>x – what<li>y – how</ul>"
        "<dt>Returns:<dd>flour</dl><pre>f(1)</pre></dl><p>end",
        """
    `f`(x)
    : Mills x.

      Parameters:
      : - x – what
        - y – how

      Returns:
      : flour

      ```
      f(1)
      ```

    end
    """,
    ),
    "quotations in quotations": (
        "<blockquote><p>a<blockquote>b</blockquote><ul><li>c<li>d</ul></blockquote><blockquote>e</blockquote>",
        """
    > a
    >
    > > b
    >
    > - c
    > - d

    > e
    """,
    ),
}


@pytest.mark.parametrize("case", TABLES)
def test_tables(case: str) -> None:
    page, expected = TABLES[case]
    assert everything(page) == lines(expected)


@pytest.mark.parametrize("case", LISTS)
def test_lists_and_quotations(case: str) -> None:
    page, expected = LISTS[case]
    assert everything(page) == lines(expected)


LISTINGS = {
    "Pygments": (
        '<div class="highlight-python3 notranslate"><div class="highlight"><pre><span></span><span class="k">def</span> f():\n'
        '    <span class="k">return</span> 1\n</pre></div></div>',
        "```python3\ndef f():\n    return 1\n```",
    ),
    "highlight.js": (
        '<pre class="lang-py"><code class="hljs language-python">x = 1\n</code></pre>',
        "```py\nx = 1\n```",
    ),
    "mdBook": ('<pre><code class="language-rust ignore">fn f() {}\n</code></pre>', "```rust\nfn f() {}\n```"),
    "pandoc": ('<div class="sourceCode"><pre class="sourceCode r"><code>x</code></pre></div>', "```r\nx\n```"),
    "GitHub": ('<div class="highlight highlight-source-shell"><pre>ls</pre></div>', "```shell\nls\n```"),
    "no language, a page in English": (
        '<div class="lang-en"><pre class="highlight-text">ls</pre></div>',
        "```\nls\n```",
    ),
    "lines as elements": (
        "<pre><div class=l>a</div><div class=l>  b</div>c<div>d</div></pre>",
        "```\na\n  b\nc\nd\n```",
    ),
    "numbers before the lines": (
        '<pre><span class="linenos">1 </span>a\n<span class="lineno">2</span>  b</pre>',
        "```\na\n  b\n```",
    ),
    "numbers in a column": (
        "<table><tr><td class=gutter><pre>1\n2\n3</pre><td><pre>a\n\n  b</pre></table>",
        "```\na\n\n  b\n```",
    ),
    "a listing of numbers": ("<pre>1\n2\n3</pre>", "```\n1\n2\n3\n```"),
    "Windows' line ends": ("<pre>\r\n  a\r\n\tb\r\n</pre>", "```\n  a\n\tb\n```"),
    "full-width blanks and no-break spaces": ("<pre>a　b\u00a0&nbsp;c</pre>", "```\na　b  c\n```"),
    "links stay out of it": ('<pre><a href="/x">f</a>(1)</pre>', "```\nf(1)\n```"),
}


@pytest.mark.parametrize("case", LISTINGS)
def test_listings_are_exact_and_name_their_language(case: str) -> None:
    page, expected = LISTINGS[case]
    assert everything(page, links=True) == expected


INLINE = {
    "<p><code>a<code>b</code>c</code> d": "`abc` d",
    "<p><code>f(x)<p>after": "`f(x)`\n\nafter",
    "<p>x <code></code>y": "x y",
    "<p>He said <q>so</q>.": 'He said "so".',
    "<p>a<![CDATA[ b ]]> c ]]> d": "a b c ]]> d",
    "<p>&copy2024 &nbsp;a&ampb &notanentity; &ltx": "©2024 a&b ¬anentity; <x",
    "<h2>Sec<a class=headerlink href='#sec'>¶</a></h2>": "## Sec",
    "<h2><a href=#sec>#</a> C#</h2>": "## C#",
    "<h2>Old<span class='mw-editsection'><span>[</span><a href=/e>edit</a><span>]</span></span></h2>": "## Old",
    "<ol><li><span class=mw-cite-backlink>^ <sup><a href=#r1>a</a></sup></span> Smith": "1. Smith",
    "<p>a<span class=editsection>never closed": "anever closed",
    "<p>as said.<sup><a href=#n1>1</a></sup> <a href=#n2>*</a>": "as said.1 *",
    "<li>Smith, p. 4 [<a href=#r1>↩</a>]": "- Smith, p. 4",
    "<p>می‌خواهم <span dir=ltr>abc</span>": "می‌خواهم abc",
}


@pytest.mark.parametrize("page", INLINE)
def test_text_within_a_line(page: str) -> None:
    assert everything(page) == INLINE[page]


def test_links_are_whole_addresses() -> None:
    page = '<p><a href="/a?x=1&amp;y=2">one</a>, <a href="b (1).html">two</a>, <a href="#c">three</a>, <code><a href=d>f</a></code>'
    assert everything(page, links=True, url="https://e.example/docs/") == (
        "[one](https://e.example/a?x=1&y=2), [two](https://e.example/docs/b%20%281%29.html), three, `f`"
    )
    assert everything('<p><a href="http://[x">a</a>', links=True, url="https://e.example/") == "a"


TAGS = [
    "p",
    "ul",
    "ol",
    "li",
    "dl",
    "dt",
    "dd",
    "table",
    "tr",
    "td",
    "th",
    "pre",
    "code",
    "blockquote",
    "h2",
    "a href=#x",
    "q",
    "br",
]


@settings(max_examples=300)
@given(parts=st.lists(st.sampled_from([*TAGS, *(f"/{tag}" for tag in TAGS), "x", " y\n", "|", "`"]), max_size=40))
def test_any_nesting_keeps_its_words_and_gives_tables_of_one_width(parts: list[str]) -> None:
    page = "".join(part if part in ("x", " y\n", "|", "`") else f"<{part}>" for part in parts)
    text = everything(page)
    assert text.count("x") == page.replace("#x", "").count("x")
    for table in re.findall(r"(?:^[> ]*\|.*\|\n[> ]*\| --- .*(?:\n[> ]*\|.*\|$)*)", text, re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table.split("\n")}) == 1, text
