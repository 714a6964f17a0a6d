"""An HTTP response as an archive keeps it: its head read, the encodings around its body undone within bounds."""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from winnow.formats.containers.inflate import Broken, ZstdError, ZstdFile

HEAD_END = re.compile(rb"\r?\n\r?\n")
CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r?\n")
NEXT_CHUNK = re.compile(rb"\r?\n" + CHUNK_SIZE.pattern)
STATUS = re.compile(r"HTTP/\d(?:\.\d)?\s+(\d{3})")
PLAIN = re.compile(rb"(?:\xef\xbb\xbf)?[ \t\r\n]*(?:<[!?/a-zA-Z]|\Z)")
GZIP, ZSTD = b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd"
ENCODINGS_AT_ONCE = 3  # a body wrapped more often is an attack
GZIP_MEMBERS = 64  # a body of more is one too


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

    Crawlers often undo an encoding and leave its header, and servers forget headers or name the wrong encoding: a body
    that begins like markup is taken as it is, and one that begins like gzip or zstd is unpacked whatever it is called.
    Raises `Broken` (`size`, `truncated`, `corrupt`, `encoding`) where the body can't be had.
    """
    body = response.body
    transfers, encodings = (_listed(response.headers.get(f"{kind}-encoding", "")) for kind in ("transfer", "content"))
    if "chunked" in transfers or _is_chunked(body):
        body = _without_chunks(body)
    names = [name for name in encodings + transfers if name not in ("identity", "chunked")]
    if len(names) > ENCODINGS_AT_ONCE:
        raise Broken("encoding", ", ".join(names))
    for name in reversed(names):
        body = _unpacked(body, name, limit)
    for _ in range(ENCODINGS_AT_ONCE):
        body = _unpacked(body, "identity", limit)
    if len(body) > limit:
        raise Broken("size", len(body))
    return body


def _listed(header: str) -> list[str]:
    return [name.strip().lower() for name in header.split(",") if name.strip()]


def _unpacked(body: bytes, name: str, limit: int) -> bytes:
    """The body without one encoding, of which its first bytes tell more than its name."""
    if PLAIN.match(body):
        return body
    if body.startswith(GZIP):
        return _gzip(body, limit)
    if body.startswith(ZSTD):
        return _zstd(body, limit)
    if name == "deflate" or (name in ("gzip", "x-gzip") and _is_zlib(body)):
        return _deflate(body, limit)
    if name == "br":
        return _brotli(body, limit)
    if name not in ("gzip", "x-gzip", "zstd", "identity"):
        raise Broken("encoding", name)
    return body  # undone already


def _is_zlib(body: bytes) -> bool:
    """Whether the body has the two bytes before deflated data that RFC 1950 asks for."""
    return body[:1] == b"\x78" and int.from_bytes(body[:2], "big") % 31 == 0


def _is_chunked(body: bytes) -> bool:
    """Whether one chunk follows another, header or not."""
    header = CHUNK_SIZE.match(body)
    return header is not None and NEXT_CHUNK.match(body, header.end() + int(header[1], 16)) is not None


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


def _inflate(body: bytes, limit: int, window: int) -> tuple[bytes, bytes]:
    """What the body unpacks to, and what stands behind its packed data."""
    inflater = zlib.decompressobj(window)
    try:
        unpacked = inflater.decompress(body, limit + 1)
    except zlib.error as error:
        raise Broken("corrupt", error) from error
    if len(unpacked) > limit:
        raise Broken("size", f"> {limit} bytes from {len(body)}")
    if not inflater.eof:
        raise Broken("truncated", f"{len(unpacked)} bytes from {len(body)}")
    return unpacked, inflater.unused_data


def _gzip(body: bytes, limit: int) -> bytes:
    """All members of a gzip body; what follows them is no page's."""
    members: list[bytes] = []
    while body.startswith(GZIP):
        if len(members) == GZIP_MEMBERS:
            raise Broken("encoding", f"> {GZIP_MEMBERS} gzip members")
        member, body = _inflate(body, limit - sum(map(len, members)), zlib.MAX_WBITS | 16)
        members.append(member)
    return b"".join(members)


def _deflate(body: bytes, limit: int) -> bytes:
    """zlib's format as the standard says, or bare deflate as some servers send it."""
    try:
        return _inflate(body, limit, zlib.MAX_WBITS)[0]
    except Broken as broken:
        if broken.rule != "corrupt":
            raise
        return _inflate(body, limit, -zlib.MAX_WBITS)[0]


def _zstd(body: bytes, limit: int) -> bytes:
    try:
        reader, unpacked = ZstdFile(io.BytesIO(body)), b""
        while len(unpacked) <= limit and (piece := reader.read(limit + 1 - len(unpacked))):
            unpacked += piece
    except EOFError as error:
        raise Broken("truncated", f"{len(body)} bytes of zstd") from error
    except (OSError, ZstdError) as error:
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
