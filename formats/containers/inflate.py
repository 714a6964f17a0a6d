"""A forward stream over a file that may be compressed, which stops before it costs more than it may.

gzip, bzip2, xz and zstd are known by their first bytes; anything else passes through. The reader sees one kind of error
for all of them: `Broken`, with a rule (`truncated`, `corrupt`, `bomb`) and what was found.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any, cast

from backports import zstd
from isal import igzip_lib, isal_zlib

from winnow.formats.containers.bounds import RECORD_BYTES

BLOCK = 1 << 20
PACKED_BLOCK = 1 << 16
HEADER_CHECKSUM, EXTRA, NAME, COMMENT = 2, 4, 8, 16  # flags of a gzip header
ISAL_ERROR = cast("type[Exception]", igzip_lib.IsalError)  # in its stubs an instance
ZSTD_WINDOW = 1 << 27  # of one record's frame: what `zstd --long=27` writes
ZSTD_LONG: dict[int, int] = {zstd.DecompressionParameter.window_log_max: 31}
"""`zstd --long=31`, as dumps of forums come: a window is touched only as far as the stream swells, which `Limits` bound."""
ZstdError = zstd.ZstdError
SKIPPABLE = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
XZ_MEMORY = 256 << 20
XZ_MAGIC = b"\xfd7zXZ\x00"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one archive may cost. A stream may swell to `slack` bytes, then to `ratio` times what was read of it."""

    members: int = 500_000
    member_bytes: int = RECORD_BYTES
    total_bytes: int = 16 << 30
    ratio: float = 150.0  # deflate can't pass 1,032; sources and prose stay below 20
    slack: int = 64 << 20


class Broken(Exception):
    """The rest of a stream or archive can't be read: the rule that says why, and what was found."""

    def __init__(self, rule: str, value: object) -> None:
        super().__init__(rule, value)
        self.rule = rule
        self.value = value


class Inflated(io.RawIOBase):
    """The unpacked bytes of `stream`, readable forwards; `seek` skips. Raises `Broken` where they can't be had."""

    def __init__(self, stream: IO[bytes], limits: Limits) -> None:
        stream.seek(0)
        self._packed = stream
        self._limits = limits
        self._stream, self.compressed = _decompressor(stream)
        self._next = getattr(self._stream, "read1", self._stream.read)
        self._broken: Broken | None = None
        self._position = 0
        self._head = b""
        self.last = b""  # the last block handed out, by which the end of a tar is told from a damaged one

    def peek(self, size: int) -> bytes:
        """The first bytes, which a later `read` gives again; only before the first `read`."""
        if not self.compressed:
            head = self._packed.read(size)
            self._packed.seek(0)
            return head
        with suppress(Broken):  # what breaks the stream is told when it is read
            while len(self._head) < size and (block := self._take(size - len(self._head), whole=False)):
                self._head += block
        return self._head

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes, fewer only at the end; more than `member_bytes` at once is taken for a bomb."""
        if size < 0 or size > self._limits.member_bytes + 1:
            raise Broken("bomb", f"{size} bytes asked for at once")
        return self._read(size, whole=True)

    def _read(self, size: int, *, whole: bool) -> bytes:
        content, self._head = self._head[:size], self._head[size:]
        if len(content) < size and (whole or not content):
            content += self._take(size - len(content), whole=whole)
        self._position += len(content)
        self.last = content
        allowed = max(self._limits.slack, self._limits.ratio * self._packed.tell())
        if self.compressed and self._position > min(self._limits.total_bytes, allowed):
            raise Broken("bomb", f"{self._position} bytes from {self._packed.tell()}")
        return content

    def readinto(self, buffer: Any) -> int:
        """As `RawIOBase` has it; what can be unpacked before a stream breaks off is given before `Broken` is raised."""
        content = self._read(min(len(buffer), BLOCK), whole=False)
        buffer[: len(content)] = content
        return len(content)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        distance = offset - self._position if whence == io.SEEK_SET else offset
        if distance < 0 or whence == io.SEEK_END:
            raise Broken("corrupt", f"a header points back to byte {offset}")
        if not self.compressed and not self._head:
            self._position = self._packed.seek(self._position + distance)
            return self._position
        while distance > 0 and (skipped := len(self.read(min(distance, BLOCK, self._limits.member_bytes)))):
            distance -= skipped
        return self._position

    def tell(self) -> int:
        return self._position

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def _take(self, size: int, *, whole: bool = True) -> bytes:
        """Up to `size` bytes, fewer only at the end; without `whole` perhaps fewer, and what stands before a break."""
        blocks: list[bytes] = []
        try:
            while self._broken is None and size > 0 and (block := self._next(min(size, BLOCK))):
                blocks.append(block)
                size = size - len(block) if whole else 0
        except EOFError as error:
            self._broken = Broken("truncated", error)
        except (ISAL_ERROR, lzma.LZMAError, ZstdError) as error:
            self._broken = Broken("corrupt", error)
        except OSError as error:
            if error.errno is not None:  # the disk or the network, not the data
                raise
            self._broken = Broken("corrupt", error)
        if self._broken is not None and (whole or not blocks):
            raise self._broken
        return b"".join(blocks)


def _decompressor(stream: IO[bytes]) -> tuple[IO[bytes], bool]:
    magic = stream.read(6)
    stream.seek(0)
    opened: Any = stream
    if magic.startswith(b"\x1f\x8b"):
        opened = _GzipFile(stream)
    elif magic.startswith(b"BZh"):
        opened = _Streams(stream, "bzip2", b"BZh", bz2.BZ2Decompressor)
    elif magic == XZ_MAGIC:
        opened = _Streams(stream, "xz", XZ_MAGIC, lambda: lzma.LZMADecompressor(memlimit=XZ_MEMORY))
    elif magic.startswith(ZSTD_MAGIC) or SKIPPABLE.match(magic):
        opened = ZstdFile(stream)
    return cast(IO[bytes], opened), opened is not stream


class _Streams:
    """The streams of a file one after the other, as `cat a.xz b.xz` joins them, zeros behind them left out.

    The decompressors of the standard library and of its zstd hold one stream each and tell what stands behind it;
    their own files take a stream that was cut for one that ended, or what isn't a stream for the end.
    """

    def __init__(self, stream: IO[bytes], name: str, magic: bytes, decompressor: Callable[[], Any]) -> None:
        self._stream = stream
        self._name = name
        self._magic = magic
        self._decompressor = decompressor
        self._packed = b""  # read and not yet given to the decompressor
        self._current: Any = None

    def read(self, size: int) -> bytes:
        while self._current is not None or self._begin():
            if self._current.eof:
                self._packed, self._current = self._current.unused_data, None
                continue
            packed = self._packed or (self._stream.read(PACKED_BLOCK) if self._current.needs_input else b"")
            if self._current.needs_input and not packed:
                raise EOFError(f"the {self._name} stream ended before its end marker")
            self._packed = b""
            if content := self._current.decompress(packed, size):
                return cast(bytes, content)
        return b""

    def _begin(self) -> bool:
        """Past what stands before the next stream, if there is one."""
        while not self._packed.strip(b"\0"):
            self._packed = self._stream.read(PACKED_BLOCK)
            if not self._packed:
                return False
        self._packed = self._packed.lstrip(b"\0")
        self._hold(len(self._magic))
        if not self._packed.startswith(self._magic):
            if self._magic.startswith(self._packed):
                raise EOFError(f"the {self._name} stream ended inside its magic number")
            raise OSError(f"{self._packed[: len(self._magic)].hex()} where a {self._name} stream should begin")
        self._current = self._decompressor()
        return True

    def _hold(self, size: int) -> None:
        """Reads on until so many packed bytes are at hand, fewer only at the end."""
        while len(self._packed) < size and (more := self._stream.read(PACKED_BLOCK)):
            self._packed += more


class ZstdFile(_Streams):
    """Frames and, between them, skippable ones (RFC 8878, section 3.1.2), with which `pzstd` begins each of its own."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__(stream, "zstd", ZSTD_MAGIC, lambda: zstd.ZstdDecompressor(options=ZSTD_LONG))

    def _begin(self) -> bool:
        self._hold(8)
        while SKIPPABLE.match(self._packed):
            left = 8 + int.from_bytes(self._packed[4:8], "little")
            while left > len(self._packed):
                left -= len(self._packed)
                if not (more := self._stream.read(PACKED_BLOCK)):
                    raise EOFError("the zstd stream ended inside a skippable frame")
                self._packed = more
            self._packed = self._packed[left:]
            self._hold(8)
        return super()._begin()


class _GzipFile:
    """The members of a gzip file (RFC 1952) by ISA-L, which unpacks them 3 times as fast as zlib.

    Its own reader loses what stands before a cut, and before a false checksum. Zeros may stand behind a member.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._packed = b""  # read and not yet given to the decompressor
        self._member: Any = None
        self._checksum = self._size = 0  # of what has come of the member

    def read(self, size: int) -> bytes:
        while self._member is not None or self._begin():
            if self._member.eof:
                self._end()
                continue
            packed = self._packed or (self._stream.read(PACKED_BLOCK) if self._member.needs_input else b"")
            if self._member.needs_input and not packed:
                raise EOFError("the gzip stream ended inside a member")
            self._packed = b""
            content = self._member.decompress(packed, size)
            self._checksum = isal_zlib.crc32(content, self._checksum)
            self._size += len(content)
            if content:
                return bytes(content)
        return b""

    def _begin(self) -> bool:
        """Past the header of the next member, if there is one."""
        while not self._packed.strip(b"\0"):
            self._packed = self._stream.read(PACKED_BLOCK)
            if not self._packed:
                return False
        self._packed = self._packed.lstrip(b"\0")
        magic = self._take(2)
        if magic != b"\x1f\x8b":
            raise gzip.BadGzipFile(f"{magic.hex()} where a gzip member should begin")
        flags = self._take(8)[1]
        if flags & EXTRA:
            self._take(int.from_bytes(self._take(2), "little"))
        for flag in (NAME, COMMENT):
            while flags & flag and self._take(1) != b"\0":
                pass
        self._take(2 if flags & HEADER_CHECKSUM else 0)
        self._member = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_DEFLATE)
        self._checksum = self._size = 0
        return True

    def _end(self) -> None:
        """The checksum and the length of the member that has ended."""
        self._packed, self._member = self._member.unused_data, None
        for name, found in (("checksum", self._checksum), ("length", self._size & 0xFFFFFFFF)):
            said = int.from_bytes(self._take(4), "little")
            if said != found:
                raise gzip.BadGzipFile(f"{name} {found:#x} where the gzip member says {said:#x}")

    def _take(self, count: int) -> bytes:
        while len(self._packed) < count:
            if not (more := self._stream.read(PACKED_BLOCK)):
                raise EOFError("the gzip stream ended inside a member")
            self._packed += more
        taken, self._packed = self._packed[:count], self._packed[count:]
        return taken
