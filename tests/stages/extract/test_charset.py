"""Charsets: declared by header or markup, detected, and never an error."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from stages.extract.charset import decode, known

CHINESE = "这条河那年夏天水位很低，磨坊停了好几个星期，面包师只好进城买面粉。" * 4
TAIWANESE = "這條河那年夏天水位很低，磨坊停了好幾個星期，麵包師只好進城買麵粉。" * 4
JAPANESE = "その夏は川の水位が低く、水車小屋は何週間も止まっていました。" * 4
RUSSIAN = "Река в то лето обмелела, и мельница стояла несколько недель. " * 4
FRENCH = "L’été, la rivière était basse et le moulin resta arrêté « des semaines ». " * 4
CASES = [
    ("gb18030", CHINESE),
    ("gbk", CHINESE),
    ("big5", TAIWANESE),
    ("shift_jis", JAPANESE),
    ("euc-jp", JAPANESE),
    ("windows-1251", RUSSIAN),
    ("koi8-r", RUSSIAN),
    ("windows-1252", FRENCH),
]


@pytest.mark.parametrize(("charset", "text"), CASES)
def test_the_header_is_believed(charset: str, text: str) -> None:
    assert decode(text.encode(charset), charset)[0] == text


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
