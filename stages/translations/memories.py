"""Translation memories: TMX files of any size as pairs, whole or by a range of bytes, in the memory of one unit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BufferedReader
from typing import Any, Protocol

from stages.translations.catalogues import Pair
from stages.translations.lines import BLOCK, HEAD_BYTES, Text, counted_once
from stages.translations.names import Languages

ENTITIES = re.compile(rb"<!(?:ENTITY|DOCTYPE[^>]*\[)", re.IGNORECASE)
UNIT = re.compile(rb"<tu[\s>]")
UNIT_REACH = 3  # bytes of it behind the first
END = b"</body></tmx>"
IDENTITY = b" xml:id="
READ_BYTES = 1 << 18
NATIVE_CODES = ("bpt", "ept", "it", "ph", "ut")
"""Elements of a segment that hold the mark-up of the translated file, not its text."""


class Stream(Protocol):
    def read1(self, size: int, /) -> bytes: ...


def memory_pairs(text: Text, languages: Languages, start: int = 0, stop: int = -1) -> Iterator[Pair]:
    """The pairs of the units that begin in bytes `[start, stop)` of a memory; their places are the units' numbers.

    The range is read as a memory by itself, under the head of the whole. What is compressed, or has no unit in its first
    MiB (UTF-16, or elements with a prefix), is one range, that which begins at 0. Raises what `read_tmx` does.
    """
    with text.open() as stream:
        head = b"" if stream.compressed else stream.read(HEAD_BYTES)
    found = UNIT.search(head)
    if found is None:
        if start == 0:
            with text.open() as stream:
                yield from read_tmx(BufferedReader(stream, READ_BYTES), *languages)
        return
    begin = found.start() if start <= found.start() else _next_unit(text, start)
    end = -1 if stop < 0 else _next_unit(text, stop)
    if begin >= 0 and begin != end:
        number = _units_before(text, start) if begin > found.start() else 0
        yield from read_tmx(_Range(_range(text, head[: found.start()], begin, end)), *languages, number)


def read_tmx(stream: Stream, source: str, target: str, number: int = 0) -> Iterator[Pair]:
    """The units of a TMX file that have both languages (`en` also finds `en-US`), in the memory of one unit.

    Their places count from `number`. A segment is one line, without the codes of its file's own mark-up. Raises
    `ValueError` for a file that declares entities, which no memory needs and bombs do, and for one that isn't XML, after
    the units before the damage.
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
        raise ValueError(f"not XML: {error}") from error


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


def _next_unit(text: Text, offset: int) -> int:
    """Where the first unit at or after a byte begins; -1 for nowhere."""
    kept = b""
    with text.open() as stream:
        stream.seek(offset)
        while block := stream.read(READ_BYTES):
            block = kept + block
            if found := UNIT.search(block):
                return offset + found.start()
            kept = block[-UNIT_REACH:]
            offset += len(block) - len(kept)
    return -1


def _units_before(text: Text, offset: int) -> int:
    """How many units begin before a byte. The file is counted once in a process, as lines are."""
    blocks = counted_once(_units, text)
    with text.open() as stream:
        stream.seek(offset // BLOCK * BLOCK)
        rest = offset % BLOCK
        return sum(blocks[: offset // BLOCK]) + _count(stream.read(rest + UNIT_REACH), rest)


def _units(text: Text) -> tuple[int, ...]:
    """The units that begin in each block."""
    found = []
    with text.open() as stream:
        block = stream.read(BLOCK)
        while block:
            following = stream.read(BLOCK)
            found.append(_count(block + following[:UNIT_REACH], len(block)))
            block = following
    return tuple(found)


def _count(content: bytes, length: int) -> int:
    """Elements `tu`, not `tuv`, that begin in the first `length` bytes."""
    return content.count(b"<tu", 0, length + 2) - content.count(b"<tuv", 0, length + 3)


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
