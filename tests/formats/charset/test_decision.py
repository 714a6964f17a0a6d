"""One decision for all text: option, mark, UTF-8, declaration, bytes, else an error that names the candidates."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.formats.charset.decision import UnknownCharset, decode

TEXTS = {
    "gb18030": "这条河那年夏天水位很低，磨坊停了好几个星期，面包师只好进城买面粉。\n" * 2,
    "big5": "這條河那年夏天水位很低，磨坊停了好幾個星期，麵包師只好進城買麵粉。\n" * 2,
    "shift_jis": "その夏は川の水位が低く、水車小屋は何週間も止まっていました。\n" * 2,
    "euc-jp": "その夏は川の水位が低く、水車小屋は何週間も止まっていました。\n" * 2,
    "euc-kr": "그해 여름 강의 수위는 낮았고, 방앗간은 몇 주 동안 멈춰 있었습니다.\n" * 2,
    "cp1250": "Řeka měla toho léta málo vody a mlýn stál několik týdnů, takže pekař jezdil pro mouku do města.\n",
    "iso8859-2": "Rzeka była tego lata niska i młyn stał kilka tygodni, więc piekarz jeździł po mąkę aż do miasta.\n",
    "cp1251": "Река в то лето обмелела, и мельница стояла несколько недель.\n",
    "koi8-r": "Река в то лето обмелела, и мельница стояла несколько недель.\n",
    "koi8-u": "Річка того літа обміліла, і млин стояв кілька тижнів, її вода ледь текла.\n",
    "cp1252": "L’été, la rivière était basse et le moulin resta arrêté des semaines ; le boulanger allait à la ville.\n",
    "cp1253": "Το ποτάμι ήταν χαμηλό εκείνο το καλοκαίρι και ο μύλος έμεινε κλειστός για εβδομάδες.\n",
    "cp1254": "O yaz ırmağın suyu azdı, değirmen haftalarca durdu, fırıncı unu şehirden almak zorunda kaldı.\n",
    "cp1255": "הנהר היה נמוך באותו קיץ והטחנה עמדה במשך שבועות, והאופה נסע העירה לקנות קמח.\n",
    "cp1256": "كان النهر منخفضا في ذلك الصيف وتوقفت الطاحونة لأسابيع، فذهب الخباز إلى المدينة.\n",
    "cp1257": "Tą vasarą upė buvo sekli, malūnas stovėjo kelias savaites, ir kepėjas važiavo į miestą miltų.\n",
    "utf-16-le": "这条河那年夏天水位很低，\n磨坊停了好几个星期。\n",
    "utf-16-be": "Река в то лето обмелела, и мельница стояла.\n",
    "utf-32-le": "La rivière était basse.\n",
}


@pytest.mark.parametrize("charset", TEXTS)
def test_the_bytes_tell(charset: str) -> None:
    assert decode(TEXTS[charset].encode(charset)).text == TEXTS[charset]


@pytest.mark.parametrize("charset", TEXTS)
def test_a_declaration_and_an_option_are_heard(charset: str) -> None:
    word = TEXTS[charset].split()[0]
    content = word.encode(charset)
    assert decode(content, option=charset).text == word
    if not charset.startswith("utf-"):
        assert decode(content, declared=("nonsense", charset)).text == word


@pytest.mark.parametrize("charset", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_mark_is_no_text(charset: str) -> None:
    assert decode("Öl".encode(charset), declared=("cp1251",)).text == "Öl"
    assert decode("Öl".encode(charset), option=charset.removesuffix("-sig")).text == "Öl"


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_utf_8_is_utf_8_whatever_is_declared(text: str) -> None:
    told = decode(text.encode(), declared=("gbk",))
    if "\x1b" not in text and "~{" not in text and not text.startswith(("\ufeff", "\ufffe")):
        assert told.text == text


def test_what_no_charset_is_told_of_names_the_candidates() -> None:
    with pytest.raises(UnknownCharset, match="option `charset`") as raised:
        decode("naïve".encode("cp1252") + "žluť".encode("cp1250"))
    assert raised.value.candidates
    with pytest.raises(UnknownCharset) as raised:
        decode(bytes(range(256)))
    assert raised.value.candidates == ()


def test_an_option_that_does_not_fit_is_told() -> None:
    with pytest.raises(ValueError, match="no charset"):
        decode(b"abc", option="base64")
    with pytest.raises(ValueError, match="at byte 1"):
        decode(b"a\xff\xffb", option="gbk")
