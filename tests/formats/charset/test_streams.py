"""A recoded stream is the text in UTF-8, in whatever pieces it is read."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.formats.charset.streams import as_utf_8, charset_of, is_utf_8

LINE = "春天的河水漫过了低处的草地，村里的人们把牛羊赶到山坡上。\n"


@pytest.mark.parametrize("charset", ["gb18030", "utf-16", "utf-16-be", "big5hkscs"])
def test_lines_of_any_charset(charset: str) -> None:
    text = (
        LINE.replace("过", "過").replace("处", "處").replace("赶", "趕").replace("们", "們")
        if "big5" in charset
        else LINE
    )
    content = (text * 9000).encode(charset, "ignore")
    told = charset_of(content[:65536])
    stream = as_utf_8(io.BytesIO(content), told)
    assert stream.read(100) and stream.seek(0) == 0
    assert stream.read().decode() == content.decode(charset)


def test_a_broken_byte_comes_through() -> None:
    content = LINE.encode("gbk") + b"\xff\n" + LINE.encode("gbk")
    assert as_utf_8(io.BytesIO(content), "gb18030").read() == LINE.encode() + b"\xff\n" + LINE.encode()


def test_lines_of_which_half_are_utf_8_are_utf_8() -> None:
    assert charset_of(LINE.encode() + LINE.encode("gbk")) == "utf-8"


@given(st.text(), st.integers(0, 20), st.integers(0, 20))
def test_a_piece_of_utf_8_may_be_cut_anywhere(text: str, start: int, cut: int) -> None:
    content = text.replace("\0", "").encode("utf-8", "ignore")
    assert is_utf_8(content[start : len(content) - cut])
