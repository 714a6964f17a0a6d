"""HTML to text: one function, three engines, the same answer for the same bytes on every machine.

    extracted = extract(content, url="https://example.org/page", charset_hint="gbk")

The charset is settled first (`charset`), then formulas are replaced by their LaTeX (`mathematics`), where the markup shows
that there are any, then an engine keeps what is content and writes it as Markdown. Ours takes threads of forums by their
posts (`forums`) and every other page by what its blocks look like (`classify`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from winnow.formats.charset.pages import decode
from winnow.formats.html.formulas import has_mathematics, replace_formulas
from winnow.formats.html.head import Head, read_head

LEAST_KEPT = (
    0.2  # of a page's unlinked text; where the classifier keeps less (lists, shop windows), rules are asked too
)
LEAST_UNLINKED = 200  # bytes; a page of menus alone stays empty, and so does one that only says where it went


class Engine(StrEnum):
    """How content is told from boilerplate, and at what cost."""

    BLOCKS = "blocks"  # a classifier of text blocks, learned from pages of many sites; no DOM
    RESILIPARSE = "resiliparse"  # rules over a DOM in C++: fastest of the peers, keeps much boilerplate
    TRAFILATURA = "trafilatura"  # rules over a DOM in Python: the best of the peers, and slow


@dataclass(frozen=True, slots=True)
class Extracted:
    """What became of a page. `text` is empty where nothing in it is content."""

    text: str
    title: str | None = None
    date: str | None = None
    license: str | None = None
    language: str | None = None
    charset: str = "utf-8"
    mathematics: bool = False


def extract(
    html: bytes | str,
    *,
    url: str | None = None,
    engine: Engine = Engine.BLOCKS,
    charset_hint: str | None = None,
    links: bool = False,
    mathematics: bool = True,
) -> Extracted:
    """The content of a page as Markdown, and what the page says about itself.

    `links` keeps `[text](address)`; `mathematics` keeps formulas as `$…$` and `$$…$$`. Any bytes give an answer: broken
    markup is read as browsers read it, and a page without content gives empty text.
    """
    page, charset = (html, "utf-8") if isinstance(html, str) else decode(html, charset_hint)
    formulas = mathematics and has_mathematics(page)
    head = read_head(page)
    text = _ENGINES[engine](replace_formulas(page) if formulas else page, url, links, head)
    return Extracted(
        text=text,
        title=head.title,
        date=head.date,
        license=head.license,
        language=head.language,
        charset=charset,
        mathematics=formulas,
    )


def _blocks(page: str, url: str | None, links: bool, head: Head) -> str:
    from winnow.formats.html.forums import unscripted, with_named_bodies

    opened, held = unscripted(page)
    text = _read(with_named_bodies(page), url, links, head)
    if len(text) >= held:
        return text
    return max(text, _read(with_named_bodies(opened, len(opened)), url, links, head), key=len)


def _read(page: str, url: str | None, links: bool, head: Head) -> str:
    from winnow.formats.html.blocks import cut
    from winnow.formats.html.classify import content
    from winnow.formats.html.elements import END, LINKED, START
    from winnow.formats.html.forums import posts
    from winnow.formats.html.markdown_writer import render

    blocks = cut(page.encode("utf-8", "replace"))
    kept = posts(blocks)
    if kept is not None:
        return render(blocks, kept, links=links, url=url)
    text = render(blocks, content(blocks, head.title or "", one_work=head.one_work), links=links, url=url)
    unlinked = int((blocks.blocks[:, END] - blocks.blocks[:, START] - blocks.blocks[:, LINKED]).sum())
    if unlinked < LEAST_UNLINKED or len(text.encode("utf-8", "replace")) >= LEAST_KEPT * unlinked:
        return text
    return max(text, _resiliparse(page, url, links, head), key=len)


def _resiliparse(page: str, url: str | None, links: bool, head: Head) -> str:
    from resiliparse.extract.html2text import extract_plain_text

    return str(extract_plain_text(page, preserve_formatting=True, main_content=True, links=links, comments=False))


def _trafilatura(page: str, url: str | None, links: bool, head: Head) -> str:
    import trafilatura

    text = trafilatura.extract(
        page,
        url=url,
        output_format="markdown",
        include_comments=False,
        include_tables=True,
        include_formatting=True,
        include_links=links,
        deduplicate=False,  # it would compare with the pages that this process saw before
        with_metadata=False,
    )
    return text or ""


_ENGINES = {Engine.BLOCKS: _blocks, Engine.RESILIPARSE: _resiliparse, Engine.TRAFILATURA: _trafilatura}
