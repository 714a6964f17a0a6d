"""Bytes that are UTF-8 by chance are in the charset that they declare; all others are UTF-8, whatever they declare."""

from __future__ import annotations

import pytest

from winnow.formats.charset.coincidence import declared_instead
from winnow.formats.charset.decision import decode
from winnow.formats.charset.declarations import of_latex, of_text
from winnow.formats.charset.pages import decode as decode_page
from winnow.formats.translations.memories import charset_instead

BY_CHANCE = [
    ("gb18030", "磨"),
    ("gb18030", "未知"),
    ("gb18030", "未知状态"),
    ("gb18030", "停止系统"),
    ("gb18030", "help [-dms] [模式 ...]"),
    ("euc-jp", 'SQL文 "%s"'),
    ("euc-jp", "張"),
    ("euc-kr", "칩"),
    ("big5", "織布"),
    ("koi8-u", "%u зі"),
    ("koi8-r", "её"),
    ("cp874", "เขต"),
]
"""Words of translated programs, which may be read as UTF-8, too."""
WRONGLY = [
    ("Le café est fermé.", ("iso-8859-1", "gbk", "big5", "cp1251", "shift_jis")),
    ("un café", ("latin1", "gbk", "koi8-r")),
    ("中文手册", ("iso-8859-1", "gb2312", "gbk")),
    ("Ещё", ("windows-1251", "koi8-r")),
    ("日本語", ("shift_jis", "euc-jp", "iso-8859-1")),
    ("naïve – “so”", ("windows-1252", "gb18030")),
]
"""Short texts in UTF-8, and what such texts declare: the charset that they were in before, or an editor's default."""
LONG = "这条河那年夏天水位很低，磨坊停了好几个星期，面包师只好进城买面粉。 Müller bäckt Brötchen für Ångström. Мука и ёлка."


@pytest.mark.parametrize(("charset", "text"), BY_CHANCE)
def test_what_is_utf_8_by_chance_is_read_as_declared(charset: str, text: str) -> None:
    content = text.encode(charset)
    if charset != "big5":  # of which the word has one sign that isn't
        content.decode("utf-8")
    assert decode(content, declared=(charset,)).text == text
    assert decode_page(b"<p>" + content + b"</p>", charset)[0] == f"<p>{text}</p>"
    assert decode(content, declared=("utf-8", charset)).text == content.decode("utf-8", "replace") or charset == "big5"


@pytest.mark.parametrize(("text", "labels"), WRONGLY)
def test_what_is_utf_8_is_read_so_though_it_declares_another_charset(text: str, labels: tuple[str, ...]) -> None:
    for label in labels:
        assert decode(text.encode(), declared=(label,)).text == text
        assert decode_page(f"<p>{text}</p>".encode(), label)[0] == f"<p>{text}</p>"


@pytest.mark.parametrize(
    "label", ["latin-1", "gbk", "gb18030", "big5", "shift_jis", "cp949", "cp1251", "koi8-r", "cp874"]
)
def test_many_signs_are_utf_8_by_no_chance(label: str) -> None:
    assert decode(LONG.encode(), declared=(label,)).text == LONG
    assert declared_instead(LONG.encode(), LONG, (label,)) is None


WORD = "未知".encode("gb18030")
DECLARING = {
    "latex": b"\\documentclass{article}\n\\usepackage[gbk]{inputenc}\n\\begin{document}%s\\end{document}\n",
    "cjk": b"\\begin{CJK}{GBK}{song}%s\\end{CJK}\n",
    "magic": b"%% !TeX encoding = gb18030\n%s\n",
    "catalogue": b'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=GBK\\n"\n\nmsgid "unknown"\nmsgstr "%s"\n',
    "xml": b'<?xml version="1.0" encoding="GB2312"?>\n<book>%s</book>\n',
    "styles": b'@charset "gbk";\n.a:before { content: "%s" }\n',
    "pod": b"=encoding gbk\n\n=head1 %s\n",
    "asciidoc": b"= Title\n:encoding: gb18030\n\n%s\n",
    "manual": b'.\\" -*- coding: gbk -*-\n.TH A 1\n%s\n',
    "program": b'/* -*- coding: gbk -*- */\nputs("%s");\n',
}
"""Each way in which a text declares its charset, around a word that is UTF-8 by chance."""


@pytest.mark.parametrize("form", DECLARING)
def test_each_declaration_is_heard(form: str) -> None:
    content = DECLARING[form] % WORD
    declared = of_latex(content) if form in ("latex", "cjk", "magic") else of_text(content)
    told = decode(content, declared=declared)
    assert (told.charset, "未知" in told.text, "δ" in told.text) == ("gb18030", True, False)


def test_xml_that_declares_another_charset_than_its_own_is_utf_8() -> None:
    def head(charset: str, text: bytes) -> bytes:
        return b'<?xml version="1.0" encoding="%s"?><tmx><tu><seg>%s</seg></tu>' % (charset.encode(), text)

    assert charset_instead(head("iso-8859-1", "Straße".encode())) == "utf-8"
    assert charset_instead(head("gbk", "磨坊停了好几个星期".encode())) == "utf-8"
    assert charset_instead(head("gbk", "磨坊停了好几个星期".encode("gbk"))) is None
    assert charset_instead(head("gbk", WORD)) is None
    assert charset_instead(head("utf-8", "Straße".encode())) is None
    assert charset_instead(head("iso-8859-1", "Straße".encode("latin-1"))) is None
