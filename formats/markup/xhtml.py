"""Chapters written in XHTML → Markdown: clean markup by people, unlike web pages, so nothing has to be guessed."""

from __future__ import annotations

import re
from typing import Any

from lxml import etree, html

from winnow.formats.charset.pages import decode
from winnow.formats.html.formulas import has_mathematics, replace_formulas

DEPTH = 200
DROPPED = {"script", "style", "head", "nav", "svg", "template", "iframe", "object", "audio", "video", "noscript"}
HEADINGS = {f"h{level}": level for level in range(1, 7)}
BLOCKS = {
    "p",
    "div",
    "section",
    "article",
    "header",
    "footer",
    "figure",
    "figcaption",
    "body",
    "main",
    "aside",
    "dl",
    "dd",
}
BLOCKS |= {"dt", "blockquote", "ul", "ol", "li", "table", "tr", "pre", "hr", "hgroup", *HEADINGS}
MARKS = {"em": "*", "i": "*", "cite": "*", "strong": "**", "b": "**", "code": "`", "tt": "`", "kbd": "`"}
EPUB_TYPE = "{http://www.idpf.org/2007/ops}type"
PROLOGUE = re.compile(r"\A\s*(?:<\?xml[^>]*\?>\s*)?(?:<!DOCTYPE[^>\[]*\[[^\]]*\]\s*>)?", re.IGNORECASE)
HIDDEN = re.compile(r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*hidden)\b", re.IGNORECASE)
NOTE_TYPES = {"noteref", "pagebreak", "toc", "landmarks", "page-list"}


def to_markdown(content: bytes) -> str:
    """The chapter's text. Broken markup is repaired; external entities are never fetched; nothing is raised for it."""
    page = PROLOGUE.sub("", decode(content)[0])
    if has_mathematics(page):
        page = replace_formulas(page)
    parser = html.HTMLParser(
        recover=True, no_network=True, remove_comments=True, remove_pis=True, huge_tree=False, encoding="utf-8"
    )
    try:
        root = html.document_fromstring(page.encode("utf-8", "replace"), parser=parser)
    except (etree.LxmlError, ValueError):
        return ""
    out: list[str] = []
    _block(root, out, 0)
    return re.sub(r"\n{3,}", "\n\n", "".join(out)).strip() + "\n"


def _is_left_out(node: Any, tag: str) -> bool:
    """Whether an element isn't the chapter's text: code, a contents list, a page number, or what no reader sees."""
    if tag in DROPPED or node.get(EPUB_TYPE) in NOTE_TYPES or node.get("epub:type") in NOTE_TYPES:
        return True
    return node.get("hidden") is not None or HIDDEN.search(node.get("style") or "") is not None


def _block(node: Any, out: list[str], depth: int) -> None:
    """Writes a block element and what is in it."""
    tag = node.tag if isinstance(node.tag, str) else ""
    if depth > DEPTH or _is_left_out(node, tag):
        return
    if tag == "pre":
        body = "".join(node.itertext()).strip("\n")
        out.append(f"\n\n```\n{body}\n```\n\n")
    elif tag == "hr":
        out.append("\n\n---\n\n")
    elif tag == "table":
        out.append("\n\n" + "\n".join(_rows(node)) + "\n\n")
    elif tag in ("ul", "ol"):
        for number, item in enumerate((child for child in node if child.tag == "li"), 1):
            body = _within(item, depth)
            out.append(f"\n{'-' if tag == 'ul' else f'{number}.'} " + body.replace("\n", "\n  "))
        out.append("\n\n")
    elif tag == "blockquote":
        out.append("\n\n" + re.sub(r"^", "> ", _within(node, depth), flags=re.MULTILINE) + "\n\n")
    elif any(isinstance(child.tag, str) and child.tag in BLOCKS for child in node):
        _mixed(node, out, depth)
    else:
        text = _tidy(_inline(node, 0))
        if text:
            out.append(f"\n\n{'#' * HEADINGS[tag] + ' ' if tag in HEADINGS else ''}{_one_line(text, tag)}\n\n")


def _mixed(node: Any, out: list[str], depth: int) -> None:
    """Children of both kinds: runs of text between blocks are paragraphs of their own."""
    pending = node.text or ""
    heading = "#" * HEADINGS[node.tag] + " " if node.tag in HEADINGS else ""
    for child in node:
        if isinstance(child.tag, str) and child.tag in BLOCKS:
            if text := _tidy(pending):
                out.append(f"\n\n{heading}{text}\n\n")
            pending = ""
            _block(child, out, depth + 1)
        else:
            pending += _inline_element(child, 0)
        pending += child.tail or ""
    if text := _tidy(pending):
        out.append(f"\n\n{heading}{text}\n\n")


def _within(node: Any, depth: int) -> str:
    inner: list[str] = []
    if any(isinstance(child.tag, str) and child.tag in BLOCKS for child in node):
        _mixed(node, inner, depth + 1)
    else:
        inner.append(_tidy(_inline(node, 0)))
    return re.sub(r"\n{3,}", "\n\n", "".join(inner)).strip()


def _inline(node: Any, depth: int) -> str:
    if depth > DEPTH:
        return ""
    parts = [node.text or ""]
    for child in node:
        parts += [_inline_element(child, depth + 1), child.tail or ""]
    return "".join(parts)


def _inline_element(node: Any, depth: int) -> str:
    tag = node.tag if isinstance(node.tag, str) else ""
    if _is_left_out(node, tag):
        return ""
    if tag == "br":
        return "\ue000"  # a line break that survives the tidying of white space
    text = _inline(node, depth)
    if tag in BLOCKS:  # in a cell of a table: its words don't touch the next block's
        return f" {text} "
    mark = MARKS.get(tag)
    if mark and text.strip():
        core = text.strip()
        lead, _, trail = text.partition(core)
        return f"{lead}{mark}{core}{mark}{trail}"
    return text


def _tidy(text: str) -> str:
    return re.sub(r"(?:(?<! ) ++)?+\ue000 *+", "\n", re.sub(r"[ \t\r\n\u200b\u2060\ufeff]+", " ", text)).strip()


def _one_line(text: str, tag: str) -> str:
    return text.replace("\n", " ") if tag in HEADINGS else text


def _rows(table: Any) -> list[str]:
    rows = [
        [_tidy(_inline(cell, 0)).replace("\n", " ") for cell in row if cell.tag in ("td", "th")]
        for row in table.iter("tr")
    ]
    rows = [row for row in rows if row]
    shown = [f"| {' | '.join(row)} |" for row in rows]
    if shown:
        shown.insert(1, "|" + " --- |" * len(rows[0]))
    return shown
