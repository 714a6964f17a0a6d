"""Translation catalogues and memories: gettext's PO and TMX, as pairs of source and target text."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from io import BufferedIOBase
from typing import Any

from stages.extract.charset import known
from stages.markup.roles import to_markdown_inline

STRING = re.compile(r'^(msgctxt|msgid_plural|msgid|msgstr(?:\[\d+\])?)?\s*("(?:[^"\\]|\\.)*")\s*$')
MARKED = re.compile(r":[a-zA-Z][\w+.:-]{0,60}:`[^`]|``[^`]|[^`\s]`__?(?!\w)")
ENTITIES = re.compile(rb"<!(?:ENTITY|DOCTYPE[^>]*\[)", re.IGNORECASE)
CHARSET = re.compile(rb'"Content-Type:[^"\n]*charset=([\w.:+-]{2,40})', re.IGNORECASE)
HEADER_BYTES = 1 << 16
IDENTITY = b" xml:id="
MEMORY_BYTES = 1 << 18
NATIVE_CODES = ("bpt", "ept", "it", "ph", "ut")
"""Elements of a TMX segment that hold the mark-up of the translated file, not its text."""


@dataclass(frozen=True)
class Pair:
    """One unit of translation; `place` is its line or number in the file."""

    source: str
    target: str
    place: str
    context: str = ""


def decode_po(content: bytes) -> str:
    """The text of a PO file: UTF-8, or what its header says (`Content-Type: text/plain; charset=GB18030`).

    Raises `UnicodeDecodeError` for a file that is neither.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        declared = CHARSET.search(content[:HEADER_BYTES])
        charset = known(declared[1].decode("ascii")) if declared else None
        if charset is None:
            raise
        return content.decode(charset)


def read_po(text: str) -> Iterator[Pair]:
    """The translated entries of a PO file: the header, fuzzy, obsolete and empty ones are left out.

    Of plural forms the first translation is taken with the plural source, which is how they correspond in Chinese.
    """
    fields: dict[str, list[str]] = {}
    current = ""
    fuzzy = False
    start = 0
    for number, line in enumerate([*text.replace("\r\n", "\n").split("\n"), ""], 1):
        stripped = line.strip()
        match = STRING.match(stripped)
        if match is not None and match[1] in ("msgctxt", "msgid") and any(name.startswith("msgstr") for name in fields):
            yield from _pair(fields, fuzzy, start)
            fields, fuzzy = {}, False
        if match is not None:
            current = match[1] or current
            start = number if match[1] == "msgid" else start
            fields.setdefault(current, []).append(_unquoted(match[2]))
        elif not stripped or stripped.startswith("#"):
            if "msgid" in fields:
                yield from _pair(fields, fuzzy, start)
                fields, fuzzy = {}, False
            if stripped.startswith("#,") and "fuzzy" in stripped:
                fuzzy = True
    yield from _pair(fields, fuzzy, start)


def unmarked(pairs: Iterable[Pair]) -> Iterator[Pair]:
    """Units of reStructuredText, as the catalogues of Sphinx hold them, as Markdown; what has none of its marks as it is."""
    for pair in pairs:
        if MARKED.search(pair.source):
            source, target = (to_markdown_inline(text, {}) for text in (pair.source, pair.target))
            pair = replace(pair, source=source, target=target)
        yield pair


def _pair(parts: Mapping[str, list[str]], fuzzy: bool, line: int) -> Iterator[Pair]:
    fields = {name: "".join(strings) for name, strings in parts.items()}
    source = fields.get("msgid_plural") or fields.get("msgid", "")
    target = fields.get("msgstr") or fields.get("msgstr[0]", "")
    if fields.get("msgid") and target.strip() and not fuzzy:
        yield Pair(source, target, str(line), fields.get("msgctxt", ""))


def _unquoted(literal: str) -> str:
    try:
        return str(ast.literal_eval(literal))
    except (ValueError, SyntaxError):
        return literal[1:-1]


def read_tmx(stream: BufferedIOBase, source: str, target: str) -> Iterator[Pair]:
    """The units of a TMX file that have both languages (`en` also finds `en-US`), in the memory of one unit.

    A segment is one line, without the codes of its file's own mark-up. Raises `ValueError` for a file that declares
    entities, which no memory needs and bombs do, and for one that isn't XML, after the units before the damage.
    """
    from lxml import etree

    memory = _Memory(stream)
    try:
        walk = etree.iterparse(
            memory,
            tag="{*}tu",
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
        )
        for number, (_, unit) in enumerate(walk):
            texts: dict[str, str] = {}
            for variant in unit.iter("{*}tuv"):
                language = variant.get("{http://www.w3.org/XML/1998/namespace}lang") or variant.get("lang") or ""
                segment = variant.find("{*}seg")
                if segment is not None:
                    texts.setdefault(language.lower(), " ".join("".join(_said(segment)).split()))
            first, second = _of(texts, source), _of(texts, target)
            if first and second:
                yield Pair(first, second, str(number))
            unit.clear()
            while unit.getprevious() is not None:
                del unit.getparent()[0]
    except etree.XMLSyntaxError as error:
        raise ValueError(f"not XML: {error}") from error


class _Memory:
    """A memory's bytes, its `xml:id`s as plain attributes: some memories give one twice, which no XML may.

    Raises `ValueError` when the first block declares an entity.
    """

    def __init__(self, stream: BufferedIOBase) -> None:
        self._stream = stream
        self._first = True

    def read(self, size: int) -> bytes:
        block = self._stream.read1(max(size, MEMORY_BYTES))
        while any(block.endswith(IDENTITY[:length]) for length in range(1, len(IDENTITY))):
            if not (more := self._stream.read1(len(IDENTITY))):
                break
            block += more
        if self._first and ENTITIES.search(block[:4096]) and b"<!ENTITY" in block:
            raise ValueError("declares entities")
        self._first = False
        return block.replace(IDENTITY, b" id=")


def _said(segment: Any) -> Iterator[str]:
    yield segment.text or ""
    for part in segment:
        if isinstance(part.tag, str) and part.tag.rpartition("}")[2] not in NATIVE_CODES:
            yield from _said(part)
        yield part.tail or ""


def _of(texts: dict[str, str], language: str) -> str:
    wanted = language.lower()
    for found, text in texts.items():
        if found == wanted or re.split(r"[-_]", found)[0] == wanted:
            return text
    return ""
