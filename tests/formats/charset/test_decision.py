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


@given(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), st.sampled_from([None, "utf-8", "x"])
)
def test_utf_8_is_utf_8_where_nothing_else_is_declared(text: str, label: str | None) -> None:
    told = decode(text.encode(), declared=(label, "gbk") if label == "utf-8" else (label,))
    if "\x1b" not in text and "~{" not in text and not text.startswith(("\ufeff", "\ufffe")):
        assert told.text == (text if "\n" in text else text.replace("\r", "\n"))


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


ALBANIAN = "Mënyra e dërgimit për postën lokale është e njëjtë, por çdo përdorues mund ta ndryshojë vetë më vonë.\n" * 3
LITHUANIAN = "Žemėje gyvena įvairių rūšių gyvūnų, kuriuos mėgstame stebėti, o ąžuolų šakose čiulba paukščiai, lėtėja dienų eiga.\n"
GREEK = "Άλλοι προορισμοί για τους οποίους γίνεται δεκτή η αλληλογραφία… Έτσι λοιπόν, όταν το σύστημά σας ξεκινά.\n" * 2
FRENCH = "L'œuvre et le cœur : une vue d'œil sur les œufs de l'équipe, où le nœud du problème a été trouvé.\n" * 3


@pytest.mark.parametrize(
    ("charset", "text"),
    [
        *((charset, ALBANIAN) for charset in ("cp1250", "cp1252", "iso8859-2")),
        *((charset, LITHUANIAN) for charset in ("cp1257", "iso8859-13")),
        *(("cp1253", GREEK), ("iso8859-7", GREEK.replace("…", "."))),
        *((charset, FRENCH) for charset in ("cp1252", "iso8859-15")),
    ],
)
def test_neighbours_that_share_their_letters_are_told_apart(charset: str, text: str) -> None:
    assert decode(text.encode(charset)).text == text


@pytest.mark.parametrize("charset", ["gb18030", "cp1251", "utf-16-le", "utf-16-be"])
def test_the_colours_of_a_terminal_are_no_reason_to_see_no_text(charset: str) -> None:
    poem = TEXTS["gb18030" if charset != "cp1251" else "cp1251"]
    text = "".join(f"\x1b[1;32m{line}\x1b[m\n" for line in poem.splitlines())
    assert decode(text.encode(charset)).text == text


@pytest.mark.parametrize("charset", ["utf-8", "cp1251", "utf-16-le", "koi8-r"])
def test_carriage_returns_alone_end_lines_and_others_stay(charset: str) -> None:
    text = TEXTS["cp1251"] * 2
    assert decode(text.replace("\n", "\r").encode(charset)).text == text
    assert decode(text.replace("\n", "\r\n").encode(charset)).text == text.replace("\n", "\r\n")


def test_no_candidate_is_named_twice() -> None:
    """Several labels of the engine may be one charset of Python's: what it says of Korean in Johab."""
    with pytest.raises(UnknownCharset) as raised:
        decode("각 나라의 말과 글은 그 나라 사람들의 생각을 담는 그릇이다.".encode("johab"))
    assert len(set(raised.value.candidates)) == len(raised.value.candidates) > 1
