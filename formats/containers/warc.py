"""The records of a web archive, by byte range: WARC, WET and ARC, plain or compressed record by record.

A split takes every record that begins inside it, so any cut of a file into ranges gives each record once. What can't be
read is a `Fault`, one for each damaged stretch, and reading goes on at the next record that can be: as many records and
faults come out as there are beginnings of records in the file. ISO 28500 (WARC 1.1); the ARC format, Internet Archive 1996.
"""

from __future__ import annotations

import io
import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO

from fastwarc.warc import ArchiveIterator, WarcRecordType

from winnow.formats.containers.bounds import RECORD_BYTES
from winnow.formats.containers.frames import Frame, packing
from winnow.formats.containers.http import read_headers
from winnow.formats.containers.inflate import Broken
from winnow.formats.containers.window import Window

GZIP, WARC = b"\x1f\x8b", b"WARC/"
PIECE = 16 << 20  # bytes that are read at once
HEAD_BYTES = 1 << 16
ARC_ADDRESS = rb"[a-z][a-z0-9+.-]{1,20}:[^\r\n]{1,2048} [0-9a-fA-F.:]{2,45} \d{8,20} [^\r\n]{2,600}+(?<=\w)\r?\n"
ARC_HEAD = re.compile(ARC_ADDRESS, re.IGNORECASE)
ARC_START = re.compile(rb"(?<=\n)" + ARC_ADDRESS, re.IGNORECASE)
WARC_HEAD = re.compile(rb"WARC/\d\.\d+[ \t]*\r?\n")
WARC_START = re.compile(rb"(?:(?<=\n\r\n)|(?<=\n\n))" + WARC_HEAD.pattern)  # a blank line ends every record
START_REACH = 4096
BLANK_LINE = re.compile(rb"\r?\n\r?\n")
GAP_BYTES = 64
GAP = re.compile(rb"[\r\n]*")


@dataclass(frozen=True, slots=True)
class Record:
    """One record: where it begins, its type (`response`, `conversion` …), headers by lower-case name, content block."""

    place: str
    type: str
    headers: Mapping[str, str]
    content: bytes = field(repr=False)

    @property
    def url(self) -> str | None:
        return self.headers.get("warc-target-uri", "").strip("<> ") or None

    @property
    def date(self) -> str | None:
        """When it was captured, ISO 8601."""
        return self.headers.get("warc-date")


@dataclass(frozen=True, slots=True)
class Fault:
    """A stretch of the archive that gives no record: where it begins, the rule that says why, what was found."""

    place: str
    rule: str
    value: object = None


def records(
    stream: IO[bytes], start: int = 0, stop: int = -1, *, limit: int = RECORD_BYTES
) -> Iterator[Record | Fault]:
    """The records of an archive that begin in bytes `[start, stop)` of it, in order; `stop` -1 is the end.

    `limit` bounds one record, unpacked, in bytes: a larger one is a `Fault("size")`. Any bytes can be read without an
    error; `OSError` comes from the disk or the network alone.
    """
    window = Window(stream)
    stop = window.size if stop < 0 else min(stop, window.size)
    for first in range(start, stop, PIECE):
        last = min(first + PIECE, stop)
        begin = _begin(window, first, limit)
        if 0 <= begin < last:
            odd = yield from _swift(window, begin, last, limit)
            yield from _careful(window, odd, last, limit)


def _begin(window: Window, start: int, limit: int) -> int:
    """Where the first record at or after `start` begins in the file; -1 for nowhere."""
    packed = packing(window, limit)
    return packed.member_from(start) if packed else _Walk(window, limit).first(start)


def _swift(window: Window, begin: int, stop: int, limit: int) -> Generator[Record, None, int]:
    """FastWARC's records as long as nothing is odd, and where the first that may be odd begins.

    A record is handed on when the next begins where it should; so the last of a piece is never, nor one before damage.
    FastWARC doesn't tell where in a gzip member a record begins: a member must be as long as its one record.
    """
    magic = next((sign for sign in (GZIP, WARC) if window.view(begin, len(sign)) == sign), None)
    if magic is None:
        return begin
    block = window.view(begin, stop - begin)
    held, last, size = None, 0, 0
    try:
        for found in ArchiveIterator(io.BytesIO(block), parse_http=False, record_types=WarcRecordType.any_type):
            at = found.stream_pos
            if not block.startswith(magic, at) or (at <= last if held else at) or found.content_length > limit:
                break
            content = found.reader.read(found.content_length)
            if held:
                if magic == GZIP and size != int.from_bytes(block[at - 4 : at], "little"):
                    break  # the member holds more than this record, or not all of it
                yield held
            held, last = None, at
            if len(content) < found.content_length:
                break
            size = _written(found.headers.status_line, found.headers.astuples(), found.content_length)
            headers = {name.lower(): value for name, value in reversed(found.headers.astuples())}
            held = Record(str(begin + at), headers.get("warc-type", "").lower(), headers, content)
    except OSError:
        return begin + last  # the careful reader finds out what it was, and says so
    return begin + last


def _written(version: str | None, headers: Sequence[tuple[str, str]], length: int) -> int:
    """How many bytes a record has as everybody writes it, by which its gzip member is told to hold it and no other."""
    signs = len(version or "") + sum(
        len(name) + len(value.encode("utf-8", "surrogatepass")) + 4 for name, value in headers
    )
    return (signs + 2 + 2 + length + 4) & 0xFFFFFFFF


def _careful(window: Window, start: int, stop: int, limit: int) -> Iterator[Record | Fault]:
    """The records and faults from one that begins at `start`, by our own reading, which accounts for every byte."""
    packed = packing(window, limit)
    if packed is None:
        yield from _Walk(window, limit).between(start, stop)
        return
    for frame in packed.frames(start, stop, _breaks_off):
        yield from _framed(frame, limit)


def _breaks_off(first: bytes, last: bytes, size: int) -> bool:
    """Whether a compressed member ends inside a record: by the first one's length, and by how records end."""
    window = Window(io.BytesIO(first))
    try:
        headers, begin = _arc_head(window, 0) if ARC_HEAD.match(first) else _warc_head(window, 0)
        return last != b"\n" or begin + int(headers.get("content-length", "")) > size
    except (Broken, ValueError):
        return last != b"\n"


def _framed(frame: Frame, limit: int) -> Iterator[Record | Fault]:
    """The records in one compressed member, nearly always one. The last of a damaged member is a fault, never a record."""
    walk = _Walk(Window(io.BytesIO(frame.content)), limit, f"{frame.offset}")
    found = list(walk.between(walk.first(0), len(frame.content)))
    if frame.broken and (not found or isinstance(found[-1], Record)):
        place = found.pop().place if found else f"{frame.offset}"
        found.append(Fault(place, frame.broken.rule, frame.broken.value))
    yield from found


@dataclass
class _Walk:
    """A journey over plain records. Inside a compressed member, `member` is where that begins in the file."""

    window: Window
    limit: int
    member: str = ""

    def between(self, start: int, stop: int) -> Iterator[Record | Fault]:
        at = start
        while 0 <= at < stop:
            try:
                record, at = self._record(at)
                yield record
            except Broken as broken:
                yield Fault(self._place(at), broken.rule, broken.value)
                at = self._next(at + 1)

    def first(self, start: int) -> int:
        """The beginning of the first record at or after `start`; bytes at the very start of a file are one, or damage."""
        if start == 0:
            return len(GAP.match(self.window.view(0, GAP_BYTES)).group())  # type: ignore[union-attr]
        return self._next(start)

    def _next(self, at: int) -> int:
        return self.window.find(ARC_START if self._is_arc() else WARC_START, at, START_REACH)

    def _is_arc(self) -> bool:
        return self._starts_arc(0)

    def _starts_arc(self, at: int) -> bool:
        head = self.window.view(at, START_REACH)
        return not head.startswith(b"WARC/") and bool(ARC_HEAD.match(head))

    def _place(self, at: int) -> str:
        if not self.member:
            return str(at)
        return f"{self.member}+{at}" if at else self.member

    def _record(self, at: int) -> tuple[Record, int]:
        """The record at `at` and where the next begins. Raises `Broken` when its head or its length can't be right."""
        headers, begin = _arc_head(self.window, at) if self._starts_arc(at) else _warc_head(self.window, at)
        try:
            length = int(headers.get("content-length", ""))
        except ValueError:
            length = -1
        if length < 0:
            raise Broken("length", headers.get("content-length"))
        end = begin + length
        if end > self.window.size:
            raise Broken("truncated", f"{self.window.size - begin} of {length} bytes")
        after = self._boundary(end)
        if length > self.limit:
            raise Broken("size", length)
        content = self.window.view(begin, length)
        return Record(self._place(at), headers.get("warc-type", "").lower(), headers, content), after

    def _boundary(self, end: int) -> int:
        """Where the record after one that ends at `end` begins. Raises `Broken` when there is something else."""
        gap = self.window.view(end, GAP_BYTES)
        after = end + len(GAP.match(gap).group())  # type: ignore[union-attr]
        if after < self.window.size:
            head = self.window.view(after, START_REACH)
            cut = after + len(head) == self.window.size and b"\n" not in head
            if not (cut or WARC_HEAD.match(head) or ARC_HEAD.match(head)):
                raise Broken("length", f"no record begins at byte {after}")
        return after


def _warc_head(window: Window, at: int) -> tuple[dict[str, str], int]:
    """The named fields of a WARC record and where its block begins."""
    head = window.view(at, HEAD_BYTES)
    rule = "truncated" if at + len(head) == window.size else "corrupt"
    if not WARC_HEAD.match(head):
        raise Broken(rule if b"\n" not in head else "corrupt", head[:40])
    end = BLANK_LINE.search(head)
    if not end:
        raise Broken(rule, "no end of the record's head")
    version_end = head.index(b"\n") + 1
    return read_headers(head[version_end : end.start()].decode("utf-8", "replace")), at + end.end()


def _arc_head(window: Window, at: int) -> tuple[dict[str, str], int]:
    """An ARC record's one line, in the words of WARC."""
    line, _, _ = window.view(at, HEAD_BYTES).partition(b"\n")
    words = line.decode("utf-8", "replace").split()
    tail = 4 if len(words) < 10 else 9  # version 2 has result code, checksum, location, offset and file name besides
    url, day = " ".join(words[:-tail]), words[-tail + 1]
    stamp = day.ljust(14, "0")
    headers = {
        "warc-type": "warcinfo" if url.startswith("filedesc:") else "response",
        "warc-target-uri": url,
        "warc-date": f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:8]}T{stamp[8:10]}:{stamp[10:12]}:{stamp[12:14]}Z",
        "content-type": "application/http; msgtype=response",
        "content-length": words[-1],
    }
    return headers, at + len(line) + 1
