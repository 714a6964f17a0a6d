"""How likely a reading of bytes is as text: the letters of one language, in words, small and capital where they belong.

A wrong charset gives letters that no language has together (`tė përsëritur`, `Ŕ la tęte`), signs within words and
capitals behind small letters. Letters beyond ASCII by language: Unicode CLDR, exemplar characters, main and auxiliary.
"""

from __future__ import annotations

import re
from collections import Counter

LATIN = {
    "da nb nn": "åæøéèêóòâôüäö",
    "sv fi": "åäöéüàšž",
    "is fo": "áðéíóúýþæöø",
    "nl af": "éèëêïîíóôöüûúáäà",
    "de": "äöüßéèàáç",
    "fr": "àâæçéèêëîïôœùûüÿñ",
    "es gl eu": "áéíñóúüïçº ª",
    "ca": "àçèéíïòóúüñ",
    "pt": "áâãàçéêíóôõúüºª",
    "it": "àèéìíîòóùúº",
    "ga gd cy": "áéíóúàèìòùâêîôûŵŷäëïöü",
    "sq": "çëâé",
    "cs": "áčďéěíňóřšťúůýžöüä",
    "sk": "áäčďéíĺľňóôŕšťúýžöüě",
    "pl": "ąćęłńóśźżéöü",
    "hu": "áéíóöőúüűä",
    "sl hr bs sr": "čćđšžéáöü",
    "ro": "ăâîșțşţéöü",
    "lt": "ąčęėįšųūžéöü",
    "lv": "āčēģīķļņōŗšūžéö",
    "et": "äõöüšžé",
    "tr": "çğıöşüâîûə",
    "vi": "àảãáạăằẳẵắặâầẩẫấậđèẻẽéẹêềểễếệìỉĩíịòỏõóọôồổỗốộơờởỡớợùủũúụưừửữứựỳỷỹýỵ",
}
CYRILLIC = {
    "ru bg": "абвгдежзийклмнопрстуфхцчшщъыьэюяё",
    "uk": "абвгґдеєжзиіїйклмнопрстуфхцчшщьюяё",
    "be": "абвгдеёжзійклмнопрстуўфхцчшыьэюяґщи",
    "sr mk": "абвгдђежзијклљмнњопрстћуфхцчџшѓќѕѐѝ",
}
SHARES = {"ė": 0.6}
"""Of the letters beyond ASCII, how many one may be: of Lithuanian's a fourth. In Albanian, read as Baltic, nine of ten are."""
FEW = 5  # letters that tell nothing of shares
ALPHABETS = tuple(frozenset(letters) for letters in (*LATIN.values(), *CYRILLIC.values()))
OTHER = re.compile(
    r"[^\W\d_\u0000-\u024f\u0300-\u036f\u0400-\u045f\u0490\u0491\u1e00-\u1eff]"
)  # scripts of one alphabet
SIGNS = frozenset("©®°±µμ§·×÷«»–—‘’“”„…•€£¥½¼¾²³™ªº¿¡†‡\u00a0\u00ad‰′″")
HIGH = re.compile(r"[^\x00-\x7f]")
OUT_OF_PLACE = re.compile(
    r"(?<=[^\W\d_])[\u00a1-\u00a9\u00ab-\u00ac\u00ae-\u00b1\u00b4-\u00b6\u00b8\u00bb-\u00bf\u00d7\u00f7\u02c7-\u02dd"
    r"\u2020-\u2022\u2030\u2039\u203a\u20ac\u2122\u00b9\u00b2\u00b3\u2500-\u25ff](?=[^\W\d_])"  # signs in words
    r"|(?<=[A-Za-z])[\u0370-\u06ff\u0e00-\u0e7f]|[\u0370-\u06ff\u0e00-\u0e7f](?=[A-Za-z])"  # scripts mixed in a word
    r"|(?<![^\W\d_])[^\W\d_\x00-\x7fàéèóòíáúýæåøöÀÉÈÓÒÍÁÚÅØÖµªº\u0250-\uffff](?![^\W\d_]|[.'\u2019])"  # a letter alone
    r"|[\u00bc-\u00be](?=[^\W\d_])"  # a fraction before a word, where ISO 8859-15 has the ligatures of French
    r"|\x85"  # a line end that few know, where Windows has an ellipsis
    r"|\u00b6(?=[\u03ac-\u03ce])"  # a pilcrow of Windows where ISO 8859-7 has an accented capital
    r"|(?<![^\W\d_])\u2019(?=[\u03ac-\u03ce])"  # ISO 8859-7's apostrophe where Windows has an accented capital
)
CAPITAL_WITHIN = re.compile(r"(?<=[^\W\d_])[^\x00-\x7f\W\d_]")


def oddities(text: str) -> tuple[int, int]:
    """How many signs beyond ASCII stand where no text of one language has them, and how many letters there are."""
    letters = Counter(sign for sign in HIGH.findall(text.lower()) if sign.isalpha() and sign not in "µμªº")
    known = sum(count for sign, count in letters.items() if OTHER.match(sign))
    known += max(sum(count for sign, count in letters.items() if sign in alphabet) for alphabet in ALPHABETS)
    for sign, share in SHARES.items():
        known -= max(letters[sign] - int(share * letters.total()), 0) if letters[sign] >= FEW else 0
    wrong = len(OUT_OF_PLACE.findall(text)) + sum(
        found[0].isupper() and text[found.start() - 1].islower() for found in CAPITAL_WITHIN.finditer(text)
    )
    return letters.total() - known + wrong, letters.total()


def usual_signs(text: str) -> float:
    """The share of the signs beyond ASCII that texts without any such letter have."""
    found = HIGH.findall(text)
    return sum(sign in SIGNS for sign in found) / max(len(found), 1)
