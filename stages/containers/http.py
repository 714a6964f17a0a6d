"""An HTTP response as an archive keeps it: its head read, the encodings around its body undone within bounds."""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from stages.containers.inflate import Broken, ZstdFile

HEAD_END = re.compile(rb"\r?\n\r?\n")
CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r?\n")
STATUS = re.compile(r"HTTP/\d(?:\.\d)?\s+(\d{3})")
PACKED_MAGIC = {"gzip": b"\x1f\x8b", "x-gzip": b"\x1f\x8b", "zstd": b"\x28\xb5\x2f\xfd"}
ENCODINGS_AT_ONCE = 3  # a body wrapped more often is an attack


@dataclass(frozen=True, slots=True)
class Response:
    """Status code, headers with lower-case names, and the body as it was sent."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def mime(self) -> str:
        """The declared type in lower case without parameters; empty where none is declared."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def charset(self) -> str | None:
        """The charset that the header declares."""
        found = re.search(r"charset\s*=\s*[\"']?([\w.:+-]+)", self.headers.get("content-type", ""), re.IGNORECASE)
        return found.group(1) if found else None


def read_response(message: bytes) -> Response:
    """Splits a message into status, headers and body. Raises `Broken("http", …)` when it doesn't begin like one."""
    found = HEAD_END.search(message)
    head, body = (message[: found.start()], message[found.end() :]) if found else (message, b"")
    status_line, _, lines = head.decode("utf-8", "replace").partition("\n")
    status = STATUS.match(status_line)
    if not status:
        raise Broken("http", status_line.strip())
    return Response(int(status.group(1)), read_headers(lines), body)


def read_headers(lines: str) -> dict[str, str]:
    """`Name: value` lines by lower-case name, continued lines joined; of a repeated name the first value stays."""
    headers: dict[str, str] = {}
    last = None
    for line in lines.splitlines():
        if line[:1] in " \t" and last:
            headers[last] += " " + line.strip()
            continue
        name, colon, value = line.partition(":")
        last = name.strip().lower() if colon else None
        if last and last not in headers:
            headers[last] = value.strip()
        elif last:
            last = None
    return headers


def decoded_body(response: Response, limit: int) -> bytes:
    """The body without its transfer and content encodings, at most `limit` bytes of it.

    Crawlers often undo an encoding and leave its header: a body that doesn't look encoded is taken as it is. Raises
    `Broken` (`size`, `truncated`, `corrupt`, `encoding`) where the body can't be had.
    """
    body = response.body
    if "chunked" in response.headers.get("transfer-encoding", "").lower():
        body = _without_chunks(body)
    names = [name.strip().lower() for name in response.headers.get("content-encoding", "").split(",")]
    names = [name for name in names if name and name != "identity"]
    if len(names) > ENCODINGS_AT_ONCE:
        raise Broken("encoding", response.headers["content-encoding"])
    for name in reversed(names):
        if name not in _UNPACK:
            raise Broken("encoding", name)
        if body.startswith(PACKED_MAGIC.get(name, b"")) and body[:1] not in (b"", b"<"):
            body = _UNPACK[name](body, limit)
    if len(body) > limit:
        raise Broken("size", len(body))
    return body


def _without_chunks(body: bytes) -> bytes:
    chunks: list[bytes] = []
    at = 0
    while True:
        header = CHUNK_SIZE.match(body, at)
        if not header:
            if not chunks:
                return body
            raise Broken("truncated" if at >= len(body) else "corrupt", f"no chunk size at byte {at} of the body")
        size = int(header.group(1), 16)
        if size == 0:
            return b"".join(chunks)
        start = header.end()
        if start + size > len(body):
            if not chunks and not body[start:].lstrip().startswith(b"<"):
                return body  # text that begins with hexadecimal digits
            raise Broken("truncated", f"{len(body) - start} of {size} bytes of a chunk")
        chunks.append(body[start : start + size])
        at = start + size
        at += 2 if body[at : at + 2] == b"\r\n" else 1 if body[at : at + 1] == b"\n" else 0


def _inflate(body: bytes, limit: int, window: int) -> bytes:
    inflater = zlib.decompressobj(window)
    try:
        unpacked = inflater.decompress(body, limit + 1)
    except zlib.error as error:
        raise Broken("corrupt", error) from error
    if len(unpacked) > limit:
        raise Broken("size", f"> {limit} bytes from {len(body)}")
    if not inflater.eof:
        raise Broken("truncated", f"{len(unpacked)} bytes from {len(body)}")
    return unpacked


def _gzip(body: bytes, limit: int) -> bytes:
    return _inflate(body, limit, zlib.MAX_WBITS | 16)


def _deflate(body: bytes, limit: int) -> bytes:
    """zlib's format as the standard says, or bare deflate as some servers send it."""
    try:
        return _inflate(body, limit, zlib.MAX_WBITS)
    except Broken as broken:
        if broken.rule != "corrupt":
            raise
        return _inflate(body, limit, -zlib.MAX_WBITS)


def _zstd(body: bytes, limit: int) -> bytes:
    try:
        unpacked = ZstdFile(io.BytesIO(body)).read(limit + 1)
    except EOFError as error:
        raise Broken("truncated", f"{len(body)} bytes of zstd") from error
    except OSError as error:
        raise Broken("corrupt", error) from error
    if len(unpacked) > limit:
        raise Broken("size", f"> {limit} bytes from {len(body)}")
    return unpacked


def _brotli(body: bytes, limit: int) -> bytes:
    import brotli

    inflater = brotli.Decompressor()
    try:
        unpacked = bytes(inflater.process(body, output_buffer_limit=limit + 1))
    except brotli.error as error:
        raise Broken("corrupt", error) from error
    if len(unpacked) > limit:
        raise Broken("size", f"> {limit} bytes from {len(body)}")
    if not inflater.is_finished():
        raise Broken("truncated", f"{len(unpacked)} bytes from {len(body)}")
    return unpacked


_UNPACK: Mapping[str, Callable[[bytes, int], bytes]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "zstd": _zstd,
    "br": _brotli,
}
