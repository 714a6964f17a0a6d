"""Line ends of a text: a file that has carriage returns and no line feed, as old Macs and some exports write, is read too.

One sign takes the place of another, so that bytes and places stay what they are.
"""

from __future__ import annotations

import io
from typing import Any

from winnow.formats.containers.inflate import Inflated

HEAD_BYTES = 1 << 16


def ends_in_returns(head: bytes) -> bool:
    """Whether a text, by its beginning, ends its lines with carriage returns alone. UTF-16, which has zeros, never does."""
    return b"\r" in head and b"\n" not in head and b"\0" not in head


def with_newlines(stream: Inflated) -> Inflated | WithNewlines:
    """The stream with a line feed for each carriage return where these end its lines, else itself."""
    return WithNewlines(stream) if ends_in_returns(stream.peek(HEAD_BYTES)) else stream


class WithNewlines(io.RawIOBase):
    """A stream whose lines end with carriage returns, as if they ended with line feeds."""

    def __init__(self, stream: Inflated) -> None:
        self._stream = stream
        self.compressed = stream.compressed

    def read(self, size: int = -1) -> bytes:
        return self._stream.read(size).replace(b"\r", b"\n")

    def readinto(self, buffer: Any) -> int:
        count = self._stream.readinto(buffer)
        buffer[:count] = bytes(buffer[:count]).replace(b"\r", b"\n")
        return count

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True
