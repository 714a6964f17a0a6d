"""EPUB books: the chapters in the order of the spine, and what the package file says of the book.

Source: EPUB 3.3, sections 4 (container) and 5 (package document).
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from io import BytesIO
from typing import IO, Any
from urllib.parse import unquote

from lxml import etree

from winnow.formats.containers.archives import Reject, unpack
from winnow.formats.containers.bounds import TooLarge, check_markup
from winnow.formats.markup.xhtml import to_markdown

CONTAINER = "META-INF/container.xml"
CHAPTER_TYPES = ("application/xhtml+xml", "text/html", "application/xml")
FRONT = re.compile(
    r"(titlepage|imprint|colophon|uncopyright|copyright|toc|nav|cover|loi|dedication-page)\.x?html?$", re.I
)


@dataclass(frozen=True)
class Book:
    """A book's chapters as Markdown, in order, and its metadata where given."""

    chapters: list[str]
    title: str | None
    language: str | None
    date: str | None
    rights: str | None


def read_epub(stream: IO[bytes], name: str, reject: Reject) -> Book | None:
    """The book, or None (told to `reject`) when it has no readable package file or spine. Front matter is left out."""
    files = {member.name: member.read() for member in unpack(stream, name, reject=reject)}
    package_path = _package_path(files.get(CONTAINER, b""))
    package = _parse(files.get(package_path or "", b""))
    if package_path is None or package is None:
        reject(name, "epub", "no package file")
        return None
    folder = posixpath.dirname(package_path)
    items = {
        item.get("id"): posixpath.normpath(posixpath.join(folder, unquote(item.get("href") or "")))
        for item in package.iter("{*}item")
        if item.get("media-type") in CHAPTER_TYPES
    }
    spine = [
        items[reference.get("idref")] for reference in package.iter("{*}itemref") if reference.get("idref") in items
    ]
    for path in dict.fromkeys(path for path in spine if path not in files and not FRONT.search(path)):
        reject(f"{name}!{path}", "missing", "a chapter that the spine names")
    chapters = []
    for path in (path for path in spine if path in files and not FRONT.search(path)):
        try:
            check_markup(files[path])
        except TooLarge as error:
            reject(f"{name}!{path}", "size", error)
            continue
        chapters.append(to_markdown(files[path]))
    chapters = [chapter for chapter in chapters if chapter.strip()]
    if not chapters:
        reject(name, "epub", "no chapter in its spine")
        return None
    return Book(chapters, *(_said(package, field) for field in ("title", "language", "date", "rights")))


def _package_path(container: bytes) -> str | None:
    root = _parse(container)
    if root is None:
        return None
    return next((file.get("full-path") for file in root.iter("{*}rootfile") if file.get("full-path")), None)


def _parse(content: bytes) -> Any:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=True)
    try:
        return etree.parse(BytesIO(content), parser).getroot()
    except (etree.XMLSyntaxError, ValueError):
        return None


def _said(package: Any, field: str) -> str | None:
    element = next(iter(package.iter(f"{{http://purl.org/dc/elements/1.1/}}{field}")), None)
    text = "".join(element.itertext()).strip() if element is not None else ""
    return text or None
