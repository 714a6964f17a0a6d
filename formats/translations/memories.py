"""Translation memories: TMX files of any size as pairs, whole or by a range of bytes, in the memory of one unit."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import suppress
from io import BufferedReader
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

from winnow.formats.charset.coincidence import declared_instead
from winnow.formats.charset.declarations import XML
from winnow.formats.charset.streams import is_utf_8
from winnow.formats.containers.archives import Reject, ignore
from winnow.formats.containers.bounds import RECORD_BYTES
from winnow.formats.containers.inflate import Broken
from winnow.formats.translations.catalogues import Pair
from winnow.formats.translations.file_names import Languages
from winnow.formats.translations.lines import BLOCK, HEAD_BYTES, Text, counted_once

ENTITIES = re.compile(rb"<!(?:ENTITY|DOCTYPE[^>]*\[)", re.IGNORECASE)
TOKEN = re.compile(rb"<tu[\s>]|<!--|<!\[CDATA\[")
CLOSING = {b"<!--": b"-->", b"<![CDATA[": b"]]>"}
END = b"</body></tmx>"
IDENTITY = b" xml:id="
READ_BYTES = 1 << 18
NATIVE_CODES = ("bpt", "ept", "it", "ph", "ut")
"""Elements of a segment that hold the mark-up of the translated file, not its text."""


class Stream(Protocol):
    def read1(self, size: int, /) -> bytes: ...


def memory_pairs(
    text: Text, languages: Languages, start: int = 0, stop: int = -1, reject: Reject = ignore, name: str = ""
) -> Iterator[Pair]:
    """The pairs of the units that begin in bytes `[start, stop)` of a memory; their places are the units' numbers.

    The range is read as a memory by itself, under the head of the whole. What is compressed is one range, that which
    begins at 0. A unit that isn't XML (`R&D`, a control sign) costs itself alone: it is told to `reject` as `name#number`.
    A memory that has no unit in its first MiB (UTF-16, or elements with a prefix) ends where it is damaged. Raises what
    `read_tmx` does.
    """
    with text.open() as stream:
        compressed, head = stream.compressed, _beginning(stream)
    found, _ = _units(head, b"")
    cut = bool(found) and not compressed
    if start and not cut:
        return
    begin, number = _unit_from(text, start) if start else (found[0] if found else 0, 0)
    end = _unit_from(text, stop)[0] if cut and stop >= 0 else -1
    if begin < 0 or (cut and begin == end):
        return
    before = head[: found[0]] if found else b""
    charset = charset_instead(head)
    try:
        if cut:
            yield from read_tmx(_Range(_range(text, before, begin, end)), *languages, number, charset)
        else:
            with text.open() as stream:
                yield from read_tmx(BufferedReader(stream, READ_BYTES), *languages, 0, charset)
    except Damaged as damaged:
        if not found:
            raise
        yield from _one_by_one(text, before, begin, end, languages, number, damaged.number, reject, name, charset)


def _beginning(stream: Any) -> bytes:
    """The first MiB, less where a compressed file is damaged: that is told when it is read."""
    head = b""
    buffered = BufferedReader(stream, READ_BYTES)
    with suppress(Broken):
        while len(head) < HEAD_BYTES and (piece := buffered.read1(HEAD_BYTES - len(head))):
            head += piece
    return head


class Damaged(ValueError):
    """XML that can't be read from the unit of a `number` on."""

    def __init__(self, number: int, why: object) -> None:
        super().__init__(f"not XML: {why}")
        self.number = number


def _one_by_one(
    text: Text,
    head: bytes,
    begin: int,
    end: int,
    languages: Languages,
    number: int,
    first: int,
    reject: Reject,
    name: str,
    charset: str | None,
) -> Iterator[Pair]:
    """The pairs from the unit `first` on, each read as a memory by itself. `number` is that of the unit at `begin`."""
    for unit in _unit_bytes(text, begin, end):
        if number >= first:
            try:
                yield from read_tmx(_Range(iter((head, unit, END))), *languages, number, charset)
            except Damaged as damaged:
                reject(f"{name}#{number}", "tmx", damaged)
        number += 1


def _unit_bytes(text: Text, begin: int, end: int) -> Iterator[bytes]:
    """The units of a range one by one, each up to its closing tag, or to the next unit where that is missing."""
    kept = b""
    at = begin
    with text.open() as stream:
        stream.seek(begin)
        buffered = BufferedReader(stream, READ_BYTES)
        while True:
            block = buffered.read1(READ_BYTES if end < 0 else min(READ_BYTES, end - at))
            at += len(block)
            kept += block
            found, _ = _units(kept, b"")
            for here, following in pairwise(found):
                yield _closed(kept[here:following])
            kept = kept[found[-1] :] if found else kept
            if len(kept) > RECORD_BYTES:
                raise ValueError(f"a unit of > {RECORD_BYTES} bytes")
            if not block:
                if found:
                    yield _closed(kept)
                return


def _closed(unit: bytes) -> bytes:
    """A unit without what stands behind its closing tag."""
    end = unit.rfind(b"</tu>")
    return unit if end < 0 else unit[: end + 5]


def charset_instead(head: bytes) -> str | None:
    """`utf-8` where the beginning of XML is that, and declares another charset; None where what it declares holds."""
    declared = XML.search(head)
    if declared is None or head.isascii() or not is_utf_8(head):
        return None
    label = declared[1].decode("ascii")
    known_wide = label.lower().startswith(("utf", "ucs", "iso-10646"))
    text = head.decode("utf-8", "ignore")
    return None if known_wide or declared_instead(text.encode(), text, (label,)) else "utf-8"


def read_tmx(stream: Stream, source: str, target: str, number: int = 0, charset: str | None = None) -> Iterator[Pair]:
    """The units of a TMX file that have both languages (`en` also finds `en-US`), in the memory of one unit.

    Their places count from `number`. A `charset` is read in place of the one that the file declares. A segment is one line,
    without the codes of its file's own mark-up. Raises `ValueError` for a file that declares entities, which no memory needs
    and bombs do, and `Damaged` for one that isn't XML, after the units before the damage.
    """
    from lxml import etree

    memory = _Memory(stream)
    place = number - 1
    try:
        walk = etree.iterparse(
            memory,
            tag="{*}tu",
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            encoding=charset,
        )
        for place, (_, unit) in enumerate(walk, number):
            texts: dict[str, str] = {}
            for variant in unit.iter("{*}tuv"):
                language = variant.get("{http://www.w3.org/XML/1998/namespace}lang") or variant.get("lang") or ""
                segment = variant.find("{*}seg")
                if segment is not None:
                    texts.setdefault(language.lower(), " ".join("".join(_said(segment)).split()))
            first, second = _of(texts, source), _of(texts, target)
            if first and second:
                yield Pair(first, second, str(place))
            unit.clear()
            while unit.getprevious() is not None:
                del unit.getparent()[0]
    except etree.XMLSyntaxError as error:
        raise Damaged(place + 1, error) from error


class _Range:
    """Blocks of bytes as a stream."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks

    def read1(self, size: int, /) -> bytes:
        return next(self._blocks, b"")


def _range(text: Text, head: bytes, begin: int, end: int) -> Iterator[bytes]:
    """The head, the bytes `[begin, end)`, and what closes a memory; to the file's own end where `end` is -1."""
    yield head
    with text.open() as stream:
        stream.seek(begin)
        while end < 0 or begin < end:
            block = stream.read(READ_BYTES if end < 0 else min(READ_BYTES, end - begin))
            if not block:
                return
            begin += len(block)
            yield block
    yield END


class Checkpoint(NamedTuple):
    """A place in a memory behind a `>`, the units before it, and what closes the comment that it lies in, if any."""

    offset: int
    units: int
    closing: bytes


def _unit_from(text: Text, offset: int) -> tuple[int, int]:
    """Where the first unit at or after a byte begins, and its number; -1 for nowhere.

    Units in comments don't count, as real memories have them. To know what is one, a file is read once in a process.
    """
    checkpoints = counted_once(_checkpoints, text)
    _, units, closing = at = checkpoints[bisect_right(checkpoints, offset, key=lambda point: point.offset) - 1]
    for place, block in _blocks(text, at.offset):
        found, closing = _units(block, closing)
        if found and place + found[-1] >= offset:
            first = next(index for index, unit in enumerate(found) if place + unit >= offset)
            return place + found[first], units + first
        units += len(found)
    return -1, units


def _checkpoints(text: Text) -> tuple[Checkpoint, ...]:
    points = [Checkpoint(0, 0, b"")]
    for place, block in _blocks(text, 0):
        _, units, closing = points[-1]
        if closing or b"<!" in block:
            found, closing = _units(block, closing)
            units += len(found)
        else:
            units += block.count(b"<tu") - block.count(b"<tuv")
        points.append(Checkpoint(place + len(block), units, closing))
    return tuple(points)


def _blocks(text: Text, offset: int) -> Iterator[tuple[int, bytes]]:
    """The text from a byte on, cut behind a `>`, so that no tag is cut, nor what opens or closes a comment."""
    kept = b""
    with text.open() as stream:
        stream.seek(offset)
        while block := stream.read(BLOCK):
            block = kept + block
            cut = block.rfind(b">") + 1 or len(block)
            yield offset, block[:cut]
            offset, kept = offset + cut, block[cut:]
    if kept:
        yield offset, kept


def _units(block: bytes, closing: bytes) -> tuple[list[int], bytes]:
    """Where units begin in a block that begins in what `closing` closes, and what is still to be closed at its end."""
    found: list[int] = []
    at = 0
    while True:
        if closing:
            at = block.find(closing, at)
            if at < 0:
                return found, closing
            at, closing = at + len(closing), b""
        token = TOKEN.search(block, at)
        if token is None:
            return found, b""
        at, closing = token.end(), CLOSING.get(token[0], b"")
        if not closing:
            found.append(token.start())


class _Memory:
    """A memory's bytes, its `xml:id`s as plain attributes: some memories give one twice, which no XML may.

    Raises `ValueError` when the first block declares an entity.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._first = True

    def read(self, size: int) -> bytes:
        block = self._stream.read1(max(size, READ_BYTES))
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
