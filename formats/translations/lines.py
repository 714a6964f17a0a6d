"""Lines of a text of any size, each with its number: from any byte, or from any number, in the memory of one block.

A number can't be told from a place in the file without counting the newlines before it. A file is counted once in a
process, at about 1 GB/s, whatever number of pieces it is then read in; what is kept is one number for each 16 MiB.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import IO, Any, NamedTuple, TypeVar, cast

import numpy as np

from winnow.formats.addresses import filesystem_of, opened
from winnow.formats.charset.streams import charset_of
from winnow.formats.containers.archives import PACKED_SUFFIX
from winnow.formats.containers.bounds import RECORD_BYTES, skip_line
from winnow.formats.containers.columnar import LIMITS
from winnow.formats.containers.inflate import Broken, Inflated
from winnow.formats.containers.line_ends import WithNewlines, with_newlines

BLOCK = 16 << 20
HEAD_BYTES = 1 << 20
BUFFER = 1 << 18
NEWLINE = 10

T = TypeVar("T")


class Line(NamedTuple):
    """`number` counts from 1, `offset` is the byte at which it begins; of a line too long only the beginning is given."""

    number: int
    offset: int
    content: bytes

    @property
    def too_long(self) -> bool:
        return len(self.content) >= RECORD_BYTES


@dataclass(frozen=True)
class Newlines:
    """How many newlines each block of a text has; `lines` leaves out empty lines at the text's end."""

    blocks: tuple[int, ...]
    lines: int


@dataclass(frozen=True)
class Text:
    """A file, or a member of an archive that is in memory. A compressed one can only be read from its beginning.

    `told` is the charset that the user names.
    """

    path: str
    content: bytes | None = field(default=None, repr=False)
    told: str | None = None

    @property
    def packed(self) -> bool:
        """Whether its name says that it is compressed."""
        return PACKED_SUFFIX.search(self.path) is not None

    @property
    def compressed(self) -> bool:
        """Whether it is, whatever its name says."""
        with self.open() as stream:
            return stream.compressed

    @contextmanager
    def open(self) -> Iterator[Inflated | WithNewlines]:
        """Its bytes, unpacked, lines ended by line feeds. Reading them raises `Broken` where a compressed file is damaged."""
        if self.content is not None:
            yield with_newlines(Inflated(io.BytesIO(self.content), LIMITS))
            return
        with opened(self.path) as stream:
            yield with_newlines(Inflated(stream, LIMITS))

    def head(self) -> bytes:
        """Its first MiB, without the line that is cut there; less where a compressed file is damaged."""
        head = b""
        with self.open() as stream, suppress(Broken):
            buffered = io.BufferedReader(stream, BUFFER)
            while len(head) < HEAD_BYTES and (piece := buffered.read1(HEAD_BYTES - len(head))):
                head += piece
        return head if len(head) < HEAD_BYTES else head[: head.rfind(b"\n") + 1]

    def charset(self) -> str:
        """What it is written in, by its first MiB: a charset in which line ends are those of ASCII.

        Raises `ValueError` for a text that isn't: UTF-16, or one whose charset can't be told.
        """
        return counted_once(_charset, self)

    def newlines(self) -> Newlines:
        return counted_once(_newlines, self)

    def runs(self, start: int, stop: int, length: int) -> Iterator[Line]:
        """The lines of the runs that begin in bytes `[start, stop)`; a run is `length` lines, from a multiple of it on.

        So each line is in one piece, wherever a file is cut. `stop` -1 is the end.
        """
        with self.open() as stream:
            begun = False
            for line in self._lines_after(stream, start):
                if (line.number - 1) % length == 0:
                    begun = True
                    if 0 <= stop <= line.offset:
                        return
                if begun:
                    yield line

    def lines_from(self, number: int) -> Iterator[Line]:
        """The lines from one on, which is found by the counts of the blocks before it; there must be such a line."""
        offset = 0 if number == 1 else self._offset(number)
        with self.open() as stream:
            stream.seek(offset)
            yield from _lines(_buffered(stream), number, offset)

    def _offset(self, number: int) -> int:
        missing, block = number - 1, 0
        for newlines in self.newlines().blocks:
            if newlines >= missing:
                break
            missing, block = missing - newlines, block + 1
        with self.open() as stream:
            stream.seek(block * BLOCK)
            ends = np.flatnonzero(np.frombuffer(stream.read(BLOCK), np.uint8) == NEWLINE)
        return block * BLOCK + int(ends[missing - 1]) + 1

    def _lines_after(self, stream: Inflated | WithNewlines, start: int) -> Iterator[Line]:
        """The lines that begin at byte `start` or after it."""
        if start == 0:
            return _lines(_buffered(stream), 1, 0)
        block, rest = divmod(start - 1, BLOCK)
        stream.seek(block * BLOCK)
        before = sum(self.newlines().blocks[:block]) + (_count(stream.read(rest)) if rest else 0)
        buffered = _buffered(stream)
        return _lines(buffered, before + 2, start - 1 + skip_line(buffered))


def _lines(buffered: IO[bytes], number: int, offset: int) -> Iterator[Line]:
    """The lines of a stream that stands at the beginning of one."""
    while content := buffered.readline(RECORD_BYTES):
        yield Line(number, offset, content)
        offset += len(content)
        if len(content) == RECORD_BYTES and not content.endswith(b"\n"):
            offset += skip_line(buffered)
        number += 1


def _buffered(stream: Inflated | WithNewlines) -> IO[bytes]:
    return cast(IO[bytes], io.BufferedReader(stream, BUFFER))


def counted_once(count: Callable[[Text], T], text: Text) -> T:
    """What a function counts in a text; of a file it is kept, until the file changes."""
    if text.content is not None:
        return count(text)
    filesystem, name = filesystem_of(text.path)
    return cast(T, _counted(count, text, str(filesystem.ukey(name))))


@lru_cache(maxsize=256)
def _counted(count: Callable[[Text], Any], text: Text, mark: str) -> Any:
    return count(text)


def _charset(text: Text) -> str:
    head = text.head()
    if b"\0" in head:
        raise ValueError("a zero byte")
    return charset_of(head, text.told)


def _newlines(text: Text) -> Newlines:
    blocks: list[int] = []
    lines = before = 0
    with text.open() as stream:
        while block := stream.read(BLOCK):
            blocks.append(_count(block))
            if said := block.rstrip(b"\n"):
                lines = before + blocks[-1] - (len(block) - len(said)) + 1
            before += blocks[-1]
    return Newlines(tuple(blocks), lines)


def _count(block: bytes) -> int:
    return int(np.count_nonzero(np.frombuffer(block, np.uint8) == NEWLINE))
