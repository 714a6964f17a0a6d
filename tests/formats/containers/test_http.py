"""Bodies of HTTP responses as servers and crawlers really leave them: encodings named wrongly, twice, or not at all."""

from __future__ import annotations

import gzip
import zlib

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from winnow.formats.containers.http import decoded_body, read_response
from winnow.formats.containers.inflate import Broken

PAGE = b"<!doctype html><title>Mill</title><p>" + b"The river was low that summer, and the mill stood still. " * 20
LIMIT = 1 << 20


def chunked(body: bytes, *, extension: bytes = b"", trailers: bytes = b"") -> bytes:
    pieces = (body[at : at + 100] for at in range(0, len(body), 100))
    chunks = b"".join(b"%x%s\r\n%s\r\n" % (len(piece), extension, piece) for piece in pieces)
    return chunks + b"0\r\n" + trailers + b"\r\n"


def deflated(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


def body_of(headers: str, body: bytes) -> bytes:
    return decoded_body(read_response(f"HTTP/1.1 200 OK\r\n{headers}\r\n\r\n".encode() + body), LIMIT)


PACKED = gzip.compress(PAGE)
SENT = {
    "as declared": ("Content-Encoding: gzip", PACKED),
    "packed twice, declared once": ("Content-Encoding: gzip", gzip.compress(PACKED)),
    "packed twice, declared twice": ("Content-Encoding: gzip, gzip", gzip.compress(PACKED)),
    "declared by nobody": ("Server: x", PACKED),
    "zstd declared by nobody": ("Server: x", zstandard.compress(PAGE)),
    "in two members": ("Content-Encoding: gzip", gzip.compress(PAGE[:300]) + gzip.compress(PAGE[300:])),
    "garbage behind it": ("Content-Encoding: gzip", PACKED + bytes(9) + b"garbage"),
    "gzip called deflate": ("Content-Encoding: deflate", PACKED),
    "zlib called gzip": ("Content-Encoding: gzip", zlib.compress(PAGE)),
    "deflate as zlib": ("Content-Encoding: deflate", zlib.compress(PAGE)),
    "deflate bare": ("Content-Encoding: deflate", deflated(PAGE)),
    "as transfer encoding": ("Transfer-Encoding: gzip, chunked", chunked(PACKED)),
    "brotli in chunks": ("Transfer-Encoding: chunked\r\nContent-Encoding: br", chunked(brotli.compress(PAGE))),
    "chunks with extensions and trailers": (
        "Transfer-Encoding: chunked",
        chunked(PAGE, extension=b';a="b"', trailers=b"Expires: 0\r\n"),
    ),
    "chunks declared by nobody": ("Server: x", chunked(PAGE)),
    "chunks called so and none": ("Transfer-Encoding: chunked", PAGE),
    "a charset as encoding": ("Content-Encoding: UTF-8", PAGE),
    "no encoding by name": ("Content-Encoding: none", PAGE),
    "an encoding unknown and undone": ("Content-Encoding: sdch", PAGE),
}


@pytest.mark.parametrize("case", SENT)
def test_the_page_comes_out_whatever_the_headers_say(case: str) -> None:
    assert body_of(*SENT[case]) == PAGE


@pytest.mark.parametrize("before", [b"\r\n  ", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("name", ["br", "deflate", "gzip", "zstd"])
def test_an_encoding_that_the_crawler_undid_is_left_alone(name: str, before: bytes) -> None:
    assert body_of(f"Content-Encoding: {name}", before + PAGE) == before + PAGE


REFUSED = {
    "a bomb": ("Content-Encoding: gzip", gzip.compress(bytes(LIMIT + 1)), "size"),
    "a bomb in a bomb": ("Server: x", gzip.compress(gzip.compress(bytes(LIMIT + 1))), "size"),
    "a bomb in three members": ("Content-Encoding: gzip", gzip.compress(bytes(LIMIT // 2)) * 3, "size"),
    "a thousand members": ("Content-Encoding: gzip", gzip.compress(b"x") * 1000, "encoding"),
    "packed four times": ("Content-Encoding: gzip, gzip, gzip, gzip", PACKED, "encoding"),
    "an encoding unknown": ("Content-Encoding: sdch", b"\x00\x01\x02", "encoding"),
    "gzip cut": ("Content-Encoding: gzip", PACKED[:-9], "truncated"),
    "zstd cut": ("Content-Encoding: zstd", zstandard.compress(PAGE)[:-9], "truncated"),
    "brotli cut": ("Content-Encoding: br", brotli.compress(PAGE)[:-9], "truncated"),
    "no brotli": ("Content-Encoding: br", b"\x12no brotli", "corrupt"),
    "chunks cut": ("Transfer-Encoding: chunked", chunked(PAGE)[:-50], "truncated"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_had_is_told_with_its_rule(case: str) -> None:
    headers, body, rule = REFUSED[case]
    with pytest.raises(Broken) as raised:
        body_of(headers, body)
    assert raised.value.rule == rule


@given(
    body=st.binary(max_size=200),
    start=st.sampled_from([b"", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\x78\x9c", b"3\r\n"]),
    names=st.lists(st.sampled_from(["gzip", "br", "zstd", "deflate", "chunked", "x", ""]), max_size=4),
)
def test_any_bytes_under_any_headers_are_a_body_or_broken(body: bytes, start: bytes, names: list[str]) -> None:
    listed = ", ".join(names)
    try:
        assert isinstance(body_of(f"Content-Encoding: {listed}\r\nTransfer-Encoding: {listed}", start + body), bytes)
    except Broken as broken:
        assert broken.rule in ("size", "truncated", "corrupt", "encoding")
