"""Charsets: declared by header or markup, detected, and never an error."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from winnow.formats.charset.labels import known
from winnow.formats.charset.pages import decode

CHINESE = "这条河那年夏天水位很低，磨坊停了好几个星期，面包师只好进城买面粉。" * 4
TAIWANESE = "這條河那年夏天水位很低，磨坊停了好幾個星期，麵包師只好進城買麵粉。" * 4
JAPANESE = "その夏は川の水位が低く、水車小屋は何週間も止まっていました。" * 4
RUSSIAN = "Река в то лето обмелела, и мельница стояла несколько недель. " * 4
KOREAN = "그해 여름 강의 수위는 낮았고, 방앗간은 몇 주 동안 멈춰 있어서 빵집 주인은 읍내에서 밀가루를 샀습니다. " * 4
FRENCH = "L’été, la rivière était basse et le moulin resta arrêté « des semaines ». " * 4
CASES = [
    ("gb18030", CHINESE),
    ("gbk", CHINESE),
    ("big5", TAIWANESE),
    ("shift_jis", JAPANESE),
    ("euc-jp", JAPANESE),
    ("iso-2022-jp", JAPANESE),
    ("euc-kr", KOREAN),
    ("iso-2022-kr", KOREAN),
    ("utf-16-le", RUSSIAN),
    ("utf-16-be", CHINESE),
    ("windows-1251", RUSSIAN),
    ("koi8-r", RUSSIAN),
    ("windows-1252", FRENCH),
]


@pytest.mark.parametrize(("charset", "text"), CASES)
def test_the_header_is_believed(charset: str, text: str) -> None:
    page = f"<p>{text}"
    assert decode(page.encode(charset), charset)[0] == page


def test_hz_is_read_where_it_is_declared() -> None:
    page = f"<meta charset=hz-gb-2312><p>{CHINESE}"
    assert decode(page.encode("hz")) == (page, "hz")
    assert decode(b"<p>type ~{ in a shell")[1] == "utf-8"


@pytest.mark.parametrize("label", ["iso-8859-1", "windows-1252", None])
def test_utf_8_with_a_wrong_byte_here_and_there_is_utf_8(label: str | None) -> None:
    content = f"<p>{FRENCH}".encode()
    broken = content[:4] + b"\x92" + content[4:] + b"\xe9 fin"
    assert decode(broken, label)[0] == f"<p>L\ufffd{FRENCH[1:]}\ufffd fin"


@pytest.mark.parametrize(("charset", "text"), CASES)
def test_the_markup_is_believed(charset: str, text: str) -> None:
    page = f'<html><head><meta http-equiv="Content-Type" content="text/html; charset={charset}"></head>{text}'
    assert decode(page.encode(charset))[0] == page


@pytest.mark.parametrize(("charset", "text"), CASES)
def test_without_a_declaration_the_bytes_tell(charset: str, text: str) -> None:
    assert decode(f"<p>{text}</p>".encode(charset))[0] == f"<p>{text}</p>"


@pytest.mark.parametrize("wrong", ["iso-8859-1", "gbk", "windows-1251", "nonsense", "base64"])
def test_utf_8_is_utf_8_whatever_is_said(wrong: str) -> None:
    assert decode(CHINESE.encode(), wrong) == (CHINESE, "utf-8")


def test_a_false_declaration_gives_way_to_the_bytes() -> None:
    assert decode(f"<meta charset=utf-8><p>{CHINESE}".encode("gbk"))[0] == f"<meta charset=utf-8><p>{CHINESE}"


@pytest.mark.parametrize("charset", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_decides(charset: str) -> None:
    assert decode(CHINESE.encode(charset), "latin-1")[0] == CHINESE


def test_text_cut_inside_a_character_stays_utf_8() -> None:
    text, charset = decode(CHINESE.encode()[:-1])
    assert charset == "utf-8"
    assert text[:-1] == CHINESE[:-1]


@pytest.mark.parametrize(
    ("label", "codec"),
    [
        ("GB2312", "gb18030"),
        ("x-sjis", "cp932"),
        ("ISO-8859-1", "cp1252"),
        ("big5", "big5hkscs"),
        ("x-x-big5", "big5hkscs"),
        ("Windows-31J", "cp932"),
        ("csGB2312", "gb18030"),
        ("iso-8859-8-i", "iso8859-8"),
        ("win-1251", "cp1251"),
        ("windows-874", "cp874"),
        ("utf-8;", "utf-8"),
        ("", None),
        ("zip", None),
    ],
)
def test_labels_mean_what_browsers_take_them_for(label: str, codec: str | None) -> None:
    assert known(label) == codec


def test_files_of_known_charset_are_read_as_such(corpora: Path) -> None:
    with zstandard.open(corpora / "langid" / "charset_files.jsonl.zst", "rt", encoding="utf-8") as stream:
        rows = [json.loads(line) for line in stream]
    for row in rows:
        content = base64.b64decode(row["b64"])
        expected = known(row["charset_gold"])
        assert expected is not None
        assert decode(content)[0].replace("\ufeff", "") == content.decode(expected, "replace").replace("\ufeff", ""), (
            row["id"]
        )


@given(content=st.binary(max_size=300), hint=st.one_of(st.none(), st.text(max_size=12)))
def test_any_bytes_and_any_label_give_text(content: bytes, hint: str | None) -> None:
    text, charset = decode(content, hint)
    assert isinstance(text, str)
    assert text == content.decode(charset, "replace").removeprefix("\ufeff") or content[:2] in (
        b"\xff\xfe",
        b"\xfe\xff",
    )
