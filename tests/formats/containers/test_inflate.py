"""gzip is unpacked as the standard library does it, and what stands before damage isn't lost."""

from __future__ import annotations

import gzip
import io
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.formats.containers.inflate import Broken, Inflated, Limits

TEXT = b"".join(b"%d sacks of flour\n" % number for number in range(60_000))
PACKED = gzip.compress(TEXT, mtime=0)


def unpacked(packed: bytes, size: int = 1 << 18) -> tuple[bytes, str | None]:
    """All that can be read, and the rule by which reading ended too early."""
    stream = io.BufferedReader(Inflated(io.BytesIO(packed), Limits(slack=1 << 40)), size)
    pieces = []
    try:
        while piece := stream.read1(size):
            pieces.append(piece)
    except Broken as broken:
        return b"".join(pieces), broken.rule
    return b"".join(pieces), None


def member(content: bytes, flags: int, extra: bytes) -> bytes:
    deflate = zlib.compressobj(wbits=-15)
    body = deflate.compress(content) + deflate.flush()
    header = b"\x1f\x8b\x08" + bytes([flags]) + bytes(6) + extra
    return header + body + struct.pack("<II", zlib.crc32(content), len(content))


@pytest.mark.parametrize("size", [1, 100, 1 << 18])
def test_members_zeros_and_headers_of_every_kind_are_one_stream(size: int) -> None:
    all_flags = struct.pack("<H", 5) + b"extra" + b"name\0" + b"comment\0" + b"hc"
    packed = gzip.compress(b"") + member(b"one ", 0b11110, all_flags) + member(b"two ", 0b01000, b"a\0")
    packed += bytes(200_000) + member(b"three", 0, b"") + bytes(3)
    assert gzip.decompress(packed.replace(bytes(200_000), b"")) == b"one two three"
    assert unpacked(packed, size) == (b"one two three", None)


@pytest.mark.parametrize(
    ("packed", "lines", "rule"),
    [
        (PACKED[:-1], 60_000, "truncated"),
        (PACKED[:-8], 60_000, "truncated"),
        (PACKED[:9], 0, "truncated"),
        (PACKED + PACKED[:5], 60_000, "truncated"),
        (PACKED + b"no gzip", 60_000, "corrupt"),
        (PACKED[:-8] + b"\1\2\3\4" + PACKED[-4:], 60_000, "corrupt"),
        (PACKED[:-4] + b"\1\2\3\4", 60_000, "corrupt"),
    ],
)
def test_what_stands_before_damage_is_given(packed: bytes, lines: int, rule: str) -> None:
    content, found = unpacked(packed)
    assert (content, found) == (b"".join(TEXT.splitlines(keepends=True)[:lines]), rule)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_stream_cut_anywhere_gives_all_that_zlib_can_unpack(data: st.DataObject) -> None:
    cut = data.draw(st.integers(18, len(PACKED) - 1))
    content, rule = unpacked(PACKED[:cut], data.draw(st.sampled_from([1 << 10, 1 << 16, 1 << 20])))
    whole = zlib.decompressobj(31).decompress(PACKED[:cut])
    assert rule == "truncated"
    assert TEXT.startswith(content)
    assert len(whole) - len(content) <= 4  # ISA-L keeps back what it may still need


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=2000), min_size=1, max_size=5), st.data())
def test_any_damage_ends_reading_and_sound_streams_are_equal(members: list[bytes], data: st.DataObject) -> None:
    packed = b"".join(gzip.compress(content, mtime=0) for content in members)
    assert unpacked(packed) == (b"".join(members), None)
    harmed = bytearray(packed)
    harmed[data.draw(st.integers(2, len(packed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    unpacked(bytes(harmed))
