"""The compressed members of an archive, each unpacked alone: gzip members and zstd frames, found from any byte on.

An archive of records compresses each by itself, so that reading can begin at any of them. A member is looked for by its
magic number and then proved by unpacking its first bytes: compressed data hold the magic by chance once in 16 MiB.
"""

from __future__ import annotations

import re
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import zstandard

from winnow.formats.containers.inflate import SKIPPABLE, ZSTD_WINDOW, Broken
from winnow.formats.containers.window import BLOCK, Window

GZIP_START = re.compile(rb"\x1f\x8b\x08[\x00-\x1f]")
ZSTD_START = re.compile(rb"\x28\xb5\x2f\xfd")
DICTIONARY_START = b"\x5d\x2a\x4d\x18"  # the skippable frame of a dictionary, Zstandard for WARC 1.0
MAGIC_BYTES = 4
GZIP_WINDOW = zlib.MAX_WBITS | 16
HEAD_BYTES = 256
NOT_PACKED = b"?"
PROOF_BYTES = 1 << 12  # packed bytes that must unpack to the beginning of a record for a magic number to be believed
PROOF = re.compile(rb"\s*(?:W?A?R?C?/?\Z|WARC/\d|[a-z][a-z0-9+.-]{1,20}:\S+ [0-9a-f.:]+ \d)", re.IGNORECASE)
FRAME_HEAD_BYTES = 18
ZSTD_STEP = (
    1 << 10
)  # where a frame doesn't say what it unpacks to: a frame of run-length blocks swells 32,768 times: 1 KiB of it to 32 MiB
DICTIONARY_BYTES = 16 << 20
RECORD_HEAD_BYTES = 1 << 16

BreaksOff = Callable[[bytes, bytes, int], bool]
"""`breaks_off(first, last, size)`: whether `size` bytes that begin and end with these stop inside a record."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One member: where it begins in the file, what it unpacks to, and what ended it too early, if anything did."""

    offset: int
    content: bytes
    broken: Broken | None = None


def packing(window: Window, limit: int) -> Packed | None:
    """The reader for what a file is compressed with; None for one that isn't. `limit` bounds a member, unpacked."""
    magic = window.view(0, MAGIC_BYTES)
    if magic.startswith(b"\x1f\x8b"):
        return _Gzip(window, limit)
    if ZSTD_START.match(magic) or SKIPPABLE.match(magic):
        return _Zstd(window, limit)
    return None


class Packed(ABC):
    """A file of compressed members."""

    magic: re.Pattern[bytes]

    def __init__(self, window: Window, limit: int) -> None:
        self.window = window
        self.limit = limit
        self.first = 0

    @abstractmethod
    def unpack(self, at: int) -> tuple[bytes, int, Broken | None]:
        """What the member at `at` holds, where it ends, and what broke it."""

    @abstractmethod
    def head(self, packed: bytes) -> bytes:
        """The first bytes that the first bytes of a member unpack to; none where they don't unpack."""

    def frames(self, start: int, stop: int, breaks_off: BreaksOff) -> Iterator[Frame]:
        """The members from the one that begins at `start` to the last that begins before `stop`.

        Of a damaged one comes what could be unpacked, with the reason; the walk goes on at the next that can be proved.
        Members that go on with the record in which the one before them `breaks_off` are one with it, up to the limit.
        """
        at = start
        while 0 <= at < stop:
            last, (content, end, broken) = at, self._unpacked(at)
            pieces, size = [content], len(content)
            while inside := not broken and breaks_off(pieces[0][:RECORD_HEAD_BYTES], pieces[-1][-1:], size):
                if not self._begins(end) or self._proves(end, doubtful=False):
                    break
                last, (more, end, broken) = end, self._unpacked(end)
                pieces.append(more)
                size += len(more)
                if size > self.limit:
                    pieces, broken = [b""], Broken("size", f"> {self.limit} bytes in the members of one record")
            yield Frame(at, b"".join(pieces), broken)
            if broken:
                at = self.member_from(last + 1)
            elif self._begins(end):
                at = end
            else:
                stray = self.window.view(end, PROOF_BYTES)
                if stray.strip(b"\0") and not inside:
                    yield Frame(end, b"", Broken("corrupt", f"{stray[:16].hex()} where a member should begin"))
                at = self.member_from(end)

    def member_from(self, at: int) -> int:
        """Where the first member that begins a record begins, at or after `at`; -1 for nowhere."""
        if at <= self.first:
            return self.first
        while (at := self.window.find(self.magic, at, MAGIC_BYTES)) >= 0 and not self._proves(at):
            at += 1
        return at

    def skipped(self, at: int) -> int:
        """Where the next member may begin: behind what a format allows between members."""
        return at

    def _unpacked(self, at: int) -> tuple[bytes, int, Broken | None]:
        content, end, broken = self.unpack(at)
        return content, end if broken else self.skipped(end), broken

    def _begins(self, at: int) -> bool:
        return bool(self.magic.match(self.window.view(at, MAGIC_BYTES)))

    def _proves(self, at: int, *, doubtful: bool = True) -> bool:
        """Whether what unpacks from `at` looks like the beginning of a record; too little to tell counts as `doubtful`."""
        head = self.head(self.window.view(at, PROOF_BYTES))
        return bool(PROOF.match(head)) if head else doubtful


class _Gzip(Packed):
    """RFC 1952 members."""

    magic = GZIP_START

    def head(self, packed: bytes) -> bytes:
        try:
            return zlib.decompressobj(GZIP_WINDOW).decompress(packed, HEAD_BYTES)
        except zlib.error:
            return NOT_PACKED

    def unpack(self, at: int) -> tuple[bytes, int, Broken | None]:
        inflater = zlib.decompressobj(GZIP_WINDOW)
        pieces: list[bytes] = []
        left = self.limit
        position = at
        while not inflater.eof:
            packed = self.window.rest(position)
            if not packed:
                return b"".join(pieces), position, Broken("truncated", f"{position - at} bytes of a gzip member")
            try:
                piece = inflater.decompress(packed, left + 1)
            except zlib.error as error:
                return b"".join(pieces), position, Broken("corrupt", error)
            pieces.append(piece)
            left -= len(piece)
            if left < 0:
                return b"", position, Broken("size", f"> {self.limit} bytes in one gzip member")
            position += len(packed) - len(inflater.unused_data)
        return b"".join(pieces), position, None


class _Zstd(Packed):
    """RFC 8878 frames, skippable ones left out; a dictionary may stand in the first of them, itself compressed or not."""

    magic = ZSTD_START

    def __init__(self, window: Window, limit: int) -> None:
        super().__init__(window, limit)
        dictionary = b""
        head = window.view(0, 8)
        self.first = self.skipped(0)
        if head.startswith(DICTIONARY_START):
            dictionary = window.view(8, min(int.from_bytes(head[4:8], "little"), DICTIONARY_BYTES))
            if ZSTD_START.match(dictionary):
                with zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW).stream_reader(dictionary) as reader:
                    dictionary = reader.read(DICTIONARY_BYTES)
        known = zstandard.ZstdCompressionDict(dictionary) if dictionary else None
        self._decompressor = zstandard.ZstdDecompressor(dict_data=known, max_window_size=ZSTD_WINDOW)

    def skipped(self, at: int) -> int:
        while SKIPPABLE.match(head := self.window.view(at, 8)) and len(head) == 8:
            at = min(at + 8 + int.from_bytes(head[4:], "little"), self.window.size)
        return at

    def head(self, packed: bytes) -> bytes:
        try:
            return self._decompressor.decompressobj().decompress(packed)[:HEAD_BYTES]
        except zstandard.ZstdError:
            return NOT_PACKED

    def unpack(self, at: int) -> tuple[bytes, int, Broken | None]:
        inflater = self._decompressor.decompressobj()
        pieces: list[bytes] = []
        left = self.limit
        position = at
        step = ZSTD_STEP
        try:
            if 0 <= zstandard.frame_content_size(self.window.view(at, FRAME_HEAD_BYTES)) <= self.limit:
                step = BLOCK
            while not inflater.eof:
                packed = self.window.view(position, step)
                if not packed:
                    return b"".join(pieces), position, Broken("truncated", f"{position - at} bytes of a zstd frame")
                pieces.append(inflater.decompress(packed))
                left -= len(pieces[-1])
                if left < 0:
                    return b"", position, Broken("size", f"> {self.limit} bytes in one zstd frame")
                position += len(packed) - len(inflater.unused_data)
        except zstandard.ZstdError as error:
            return b"".join(pieces), position, Broken("corrupt", error)
        return b"".join(pieces), position, None
