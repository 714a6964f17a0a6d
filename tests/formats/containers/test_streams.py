"""Streams of every packing, joined and framed as tools write them, are what the packing's own library reads."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from collections.abc import Callable

import pytest
import zstandard
from backports import zstd
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.formats.containers.inflate import Broken, Inflated, Limits

ANY_SIZE = Limits(slack=1 << 40)
TEXT = b"".join(b"%d sacks of flour\n" % number for number in range(20_000))


def skippable(content: bytes, kind: int = 0) -> bytes:
    """A skippable frame, RFC 8878, section 3.1.2."""
    return bytes([0x50 + kind, 0x2A, 0x4D, 0x18]) + len(content).to_bytes(4, "little") + content


def read(packed: bytes) -> tuple[bytes, str | None]:
    stream = io.BufferedReader(Inflated(io.BytesIO(packed), ANY_SIZE), 1 << 16)
    pieces = []
    try:
        while piece := stream.read1(1 << 16):
            pieces.append(piece)
    except Broken as broken:
        return b"".join(pieces), broken.rule
    return b"".join(pieces), None


def zstd_frames(content: bytes, level: int, checksum: bool, sized: bool) -> bytes:
    how = zstandard.ZstdCompressionParameters.from_level(level, write_checksum=checksum, write_content_size=sized)
    return zstandard.ZstdCompressor(compression_params=how).compress(content)


PACKERS: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": lambda content, level: gzip.compress(content, level % 10, mtime=level),
    "bzip2": lambda content, level: bz2.compress(content, level % 9 + 1),
    "xz": lambda content, level: lzma.compress(
        content,
        preset=level % 4,
        check=(lzma.CHECK_NONE, lzma.CHECK_CRC32, lzma.CHECK_CRC64, lzma.CHECK_SHA256)[level % 4],
    ),
    "zstd": lambda content, level: zstd_frames(content, level % 9 - 3, level % 2 == 0, level % 3 > 0),
}
BETWEEN = {"gzip": bytes(3), "bzip2": b"", "xz": bytes(4), "zstd": skippable(b"\x0c\0\0\0") + skippable(b"", 15)}


@pytest.mark.parametrize("packing", PACKERS)
@settings(max_examples=40)
@given(st.lists(st.tuples(st.binary(max_size=500), st.integers(0, 30), st.booleans()), min_size=1, max_size=5))
def test_streams_joined_are_one_text(packing: str, streams: list[tuple[bytes, int, bool]]) -> None:
    pack = PACKERS[packing]
    packed = b"".join(pack(content, level) + BETWEEN[packing] * padded for content, level, padded in streams)
    assert read(packed) == (b"".join(content for content, _, _ in streams), None)


@pytest.mark.parametrize("packing", ["bzip2", "xz", "zstd"])
@pytest.mark.parametrize(
    ("harm", "rule"),
    [
        (lambda packed: packed[:-1], "truncated"),
        (lambda packed: packed + packed[:3], "truncated"),
        (lambda packed: packed + b"no stream", "corrupt"),
    ],
)
def test_what_stands_before_damage_is_given(packing: str, harm: Callable[[bytes], bytes], rule: str) -> None:
    content, found = read(harm(PACKERS[packing](TEXT, 2)))
    assert found == rule
    assert content == TEXT[: len(content)]
    assert len(content) == len(TEXT) or rule == "truncated"


def test_skippable_frames_may_be_all_there_is_and_may_be_cut() -> None:
    assert read(skippable(b"index" * 40_000) + zstd.compress(TEXT)) == (TEXT, None)
    assert read(skippable(b"nothing else")) == (b"", None)
    assert read(zstd.compress(TEXT) + skippable(b"index")[:-1]) == (TEXT, "truncated")


@pytest.mark.parametrize("window", [10, 27, 28, 31])
def test_windows_of_any_size_are_read(window: int) -> None:
    how = {zstd.CompressionParameter.window_log: window, zstd.CompressionParameter.enable_long_distance_matching: 1}
    packer = zstd.ZstdCompressor(options=how)  # a stream of unknown length declares its whole window
    packed = packer.compress(TEXT) + packer.flush()
    assert read(packed) == (TEXT, None)
