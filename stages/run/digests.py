"""What proves a file: the BLAKE2b-128 digest of its bytes, in hexadecimal, taken while they are written."""

from __future__ import annotations

import hashlib
from typing import IO, Any

DIGEST_BYTES = 16
READ_BLOCK = 1 << 20


class DigestError(ValueError):
    """What was written isn't what was to be."""


class Digesting:
    """Passes bytes on and digests them on the way, so that a digest costs no second read."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._hash = hashlib.blake2b(digest_size=DIGEST_BYTES)
        self.size = 0

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        self._hash.update(view)
        self.size += view.nbytes
        self._stream.write(view)
        return view.nbytes

    def digest(self) -> str:
        return self._hash.hexdigest()

    def check(self, wanted: str | None) -> None:
        if wanted is not None and self.digest() != wanted:
            raise DigestError(f"has digest {self.digest()}, not {wanted}")

    def flush(self) -> None:
        self._stream.flush()

    def tell(self) -> int:
        return self.size

    @property
    def closed(self) -> bool:
        return self._stream.closed

    def close(self) -> None:
        """Left open: the owner of the stream closes it."""

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False


def content_digest(content: bytes) -> str:
    """The digest that `Workspace` notes when it writes these bytes."""
    return hashlib.blake2b(content, digest_size=DIGEST_BYTES).hexdigest()


def stream_digest(stream: IO[bytes]) -> str:
    """The digest of all that is left to read, a block at a time."""
    summary = hashlib.blake2b(digest_size=DIGEST_BYTES)
    while block := stream.read(READ_BLOCK):
        summary.update(block)
    return summary.hexdigest()
