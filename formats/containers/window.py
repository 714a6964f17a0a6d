"""A file seen through one buffer: any range of bytes, searches forwards, never more of it in memory than asked for."""

from __future__ import annotations

import io
import re
from typing import IO

BLOCK = 1 << 20


class Window:
    """Random access to `stream` that costs a seek only where it leaves the buffer. `size` is the stream's, in bytes."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.size = stream.seek(0, io.SEEK_END)
        self._start = 0
        self._buffer = b""

    def view(self, start: int, length: int) -> bytes:
        """`length` bytes from `start`; fewer where the file ends."""
        begin = start - self._start
        if begin < 0 or begin + length > len(self._buffer):
            self._stream.seek(start)
            self._buffer = self._stream.read(max(length, BLOCK))
            self._start, begin = start, 0
        return self._buffer[begin : begin + length]

    def rest(self, start: int) -> bytes:
        """What the buffer holds from `start` on: some bytes, as many as come without a new read; none at the end."""
        begin = start - self._start
        if not 0 <= begin < len(self._buffer):
            self.view(start, 1)
            begin = 0
        return self._buffer[begin:]

    def find(self, pattern: re.Pattern[bytes], start: int, reach: int) -> int:
        """Where `pattern`, which matches at most `reach` bytes, first begins at or after `start`; -1 for nowhere.

        A lookbehind sees up to four bytes before `start`.
        """
        at = start
        while at < self.size:
            before = min(at, 4)
            block = self.view(at - before, BLOCK)
            if found := pattern.search(block, before):
                return at - before + found.start()
            if at - before + len(block) >= self.size:
                return -1
            at += max(len(block) - before - reach, 1)
        return -1
