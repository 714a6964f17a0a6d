"""A stream of text in any charset as a stream of UTF-8, decided by its beginning; what is UTF-8 passes through as it is."""

from __future__ import annotations

import codecs
import io
from typing import IO, Any

from winnow.formats.charset.decision import decode

HEAD_BYTES = 1 << 16
KEPT_BYTES = 1 << 21


def charset_of(head: bytes, option: str | None = None) -> str:
    """The charset of a text by its beginning, which may end within a line; UTF-8 if half of the lines beyond ASCII are.

    Raises as `decision.decode` does.
    """
    whole = head[: head.rfind(b"\n") + 1] or head
    if b"\0" in head:  # of UTF-16, whose lines end in two bytes
        whole = head[: len(head) - len(head) % 4]
    elif option is None:
        beyond = [line for line in whole.split(b"\n") if not line.isascii()]
        if 2 * sum(map(is_utf_8, beyond)) >= len(beyond):
            return "utf-8"
    return decode(whole, option=option).charset


def as_utf_8(stream: Any, charset: str) -> IO[bytes]:
    """A stream that stands at its beginning in UTF-8, without a byte order mark.

    Bytes that the charset lacks come through as they are, so that the record that holds them is rejected, not the file.
    """
    return io.BufferedReader(_Recoded(stream, charset))


def is_utf_8(piece: bytes) -> bool:
    """Whether bytes cut out of a text anywhere may be UTF-8: all but the characters cut at their ends."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(piece.lstrip(_CONTINUING))
    except UnicodeDecodeError:
        return False
    return b"\0" not in piece


_CONTINUING = bytes(range(0x80, 0xC0))


class _Recoded(io.RawIOBase):
    """Bytes of one charset as bytes of UTF-8."""

    def __init__(self, stream: Any, charset: str) -> None:
        super().__init__()
        self._stream = stream
        # UTF-16 has no bytes of its own to keep: what is broken in it becomes U+FFFD
        self._errors = "replace" if charset.startswith("utf-") else "surrogateescape"
        self._decoder = codecs.getincrementaldecoder(charset)(self._errors)
        self._ready = bytearray()  # what was recoded, of which `_place` bytes were taken
        self._place = self._before = 0
        self._begun = self._ended = False

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._before + self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Within the beginning, which is kept for a second look, and what was read last."""
        if whence == io.SEEK_CUR:
            offset += self.tell()
        if whence == io.SEEK_END or not 0 <= offset - self._before <= len(self._ready):
            raise io.UnsupportedOperation("a recoded text is read from its beginning")
        self._place = offset - self._before
        return offset

    def readinto(self, buffer: Any) -> int:
        while self._place == len(self._ready) and not self._ended:
            if len(self._ready) > KEPT_BYTES:
                self._before += len(self._ready)
                self._ready.clear()
                self._place = 0
            piece = self._stream.read(HEAD_BYTES)
            self._ended = not piece
            text = self._decoder.decode(piece, final=self._ended)
            if text and not self._begun:
                text, self._begun = text.removeprefix("\ufeff"), True
            self._ready += text.encode("utf-8", self._errors)
        size = min(len(buffer), len(self._ready) - self._place)
        buffer[:size] = self._ready[self._place : self._place + size]
        self._place += size
        return size
