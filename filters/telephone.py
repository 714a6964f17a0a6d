"""Telephone numbers: by an international prefix, by the form of their country, or by a word that announces them.

The forms are those of Google's libphonenumber (`phonenumbers`) for the forty most populous countries: a number with its
trunk prefix or its area code in parentheses, grouped as its country does, that is valid in the country's plan. Where a
country has neither, as Spain and Poland, a word has to stand beside the number. Patterns work on UTF-8 bytes.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

REGIONS = (
    "IN", "CN", "US", "ID", "PK", "NG", "BR", "BD", "RU", "ET", "MX", "JP", "EG", "PH", "CD", "VN", "IR", "TR", "DE", "TH",
    "TZ", "GB", "FR", "ZA", "IT", "KE", "MM", "CO", "KR", "SD", "UG", "ES", "DZ", "IQ", "AR", "AF", "YE", "PL", "CA", "MA",
)  # fmt: skip
"""The most populous countries (United Nations, World Population Prospects 2024), by ISO 3166."""


def _pattern(expression: str) -> re.Pattern[bytes]:
    return re.compile(expression.encode())


EXTENSION = r"(?:\s?(?:x|ext\.?|转)\s?\d{1,6})?"
# A plus sign and a space before undivided digits, or digits before a sign of multiplication, are sums.
INTERNATIONAL = _pattern(
    r"(?<![\w+])\+(?:\s(?=\d{1,3}[ .()/-]))?[1-9](?:[ .()/-]{0,3}\d){7,14}" + EXTENSION + r"(?![\d*^j])"
)
NORTH_AMERICAN = _pattern(
    r"(?<![\w.-])(?:(?:001|1)[ .-])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[ .-])[2-9]\d\d[ .-]\d{4}" + EXTENSION + r"(?![\w-])"
)
# 0044 20 7946 0958: a calling code of ITU-T E.164 behind the international prefix, in groups.
CALLING_CODE = (
    r"(?:1|7|2[07]|2[1-69]\d|3[0-469]|3[578]\d|4[013-9]|42\d|5[1-8]|5[09]\d|6[0-6]|6[789]\d|8[1246]|8[57]\d"
    r"|9[0-58]|9[679]\d)"
)
PREFIXED = _pattern(
    r"(?<![\w+.,-])(?<!\d )00[ ]?"
    + CALLING_CODE
    + r"[ -](?:\(0\)[ ]?)?(?!00)\d{1,5}(?:[ -]?\d{2,5}){1,4}(?! ?\d|[\w-]|[.,]\d)"
)
CHINESE_MOBILE = _pattern(
    r"(?<![0-9A-Za-z.+-])(?:(?:\+|00)?86[ -]?)?1[3-9]\d(?:\d{8}|[ -]\d{4}[ -]\d{4})(?![0-9A-Za-z]|\.\d)"
)
CHINESE_LANDLINE = _pattern(
    r"(?<![0-9A-Za-z.+-])(?:(?:\+|00)86[ -]?)?"
    r"(?:(?:\(|（)0(?:10|2\d|[3-9]\d\d)(?:\)|）) ?|0(?:10|2\d|[3-9]\d\d)-)[2-9]\d{6,7}"
    r"(?:(?:-|转)\d{1,6})?(?![0-9A-Za-z-])|(?<![0-9A-Za-z.-])[48]00-?\d{3}-?\d{4}(?![0-9A-Za-z-])"
)
# A trunk prefix or an area code in parentheses, then groups with one sign between two.
JOINT = r"(?:[ ./-]|\xc2\xa0|\xe2\x80[\x90-\x93])"
FORM = _pattern(
    r"(?<![\w+.,/(-])(?<!\d )(?:8 ?\(\d{3,5}\)|\(\d{2,6}\)|0\d{1,5})"
    + rf"(?: ?{JOINT})?\d{{2,8}}(?:{JOINT}\d{{1,5}}){{0,4}}(?! ?\d|[\w/-]|[.,]\d)"
)
# What people write where they have no parentheses: 0171/2345678, 0490 75 40 81 (Belgium), (02) 9374 4000 (Australia).
NATIONAL = _pattern(
    r"(?<![\w+.,/-])(?<!\d )(?:0[1-9]\d{0,3}[ -]\d{3,4}[ -]\d{3,4}|0[1-9](?:[ .]\d\d){4}|0[1-9]\d{1,3}[ /]\d{5,8}"
    r"|0[1-9]\d\d \d{3} \d\d \d\d|0[1-9]\d{3,4} \d{5,6}|\((?:0[1-9]\d{0,3}|[1-9]\d{1,4})\) ?\d{3,5}[ -]\d{3,5}"
    r"|8 ?\(\d{3}\) ?\d{3}-\d\d-\d\d)(?! ?\d|[\w/-]|[.,]\d)"
)
NATIONAL_DIGITS = range(9, 13)
FEWEST_DIGITS = 8  # shorter ones are too often something else
ANNOUNCED = _pattern(r"(?<![\w+#-])(?:\+|\()?\d(?:[ .()/-]{0,2}\d){6,14}" + EXTENSION + r"(?!\w)")
WORDS = (
    r"(?:tele)?phones?", "tel", r"call(?:ed|ing)?", "mobile", "cell", "fax", "reach", "dial", "whatsapp", "sms", "hotline",
    r"ring (?:me|us|him|her)", r"text (?:me|us)", r"messages? (?:to|from)", "answering at", "desk:",
    r"telefon\w*", "telefone", "fon", "handy", "handynummer", "rufnummer", "ruf", "rufen", "tél", "téléphone",
    r"appel(?:ez|er|le)", r"joign(?:ez|able)", r"teléfonos?", r"ll(?:a|á)m(?:a|e|ar|anos|enos|ame|eme)", "móvil", "celular",
    r"lig(?:ar|ue|a)", "telemóvel", "cellulare", r"chiam\w+", r"komórk\w+", r"zadzwo\w*", r"dzwoni\w*", "gsm", "cep",
    "hubungi", "telp", "ponsel", "hp", "simu", "piga", "bilbilaa", "đt", "điện thoại", "gọi", "tawag", "tumawag",
)  # fmt: skip
"""What announces a number, between borders of words; small letters and capitals alike where they are ASCII."""
SIGNS = (
    "елефон", "тел.", "Тел.", "воните", "звон", "моб.", "電話", "携帯", "전화", "휴대폰", "연락처", "โทร", "फ़ोन",
    "फोन", "मोबाइल", "कॉल",
    "ফোন", "মোবাইল", "কল", "هاتف", "جوال", "اتصل", "اتصال", "تلفن", "تماس", "موبایل", "فون", "رابطہ", "ስልክ", "ဖုန်း",
    "电话", "手机", "联系方式", "致电", "传真", "热线", "拨打",
)  # fmt: skip
"""The same in scripts without such borders."""
WORD = _pattern(rf"(?i)(?:(?<![\w\x80-\xff])(?:{'|'.join(WORDS)})(?![\w\x80-\xff])|{'|'.join(SIGNS)})[^\d\n]{{0,40}}$")
WORD_BEHIND = _pattern(
    r"(?i)[^\w\n]{0,3}(?:\(\w+\)\W?)?(?:(?:office|desk|mobile|home|cell|fax|work|erreich\w+|anrufen|by phone)\b"
    r"|(?:まで|に)お電話|번?으?로 (?:전화|연락)|पर (?:कॉल|फ़ोन|फोन)|নম্বরে|numaralı|नंबर पर)"
)
DAY = _pattern(
    r"(?<!\d)(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?!\d)|"
    r"(?<!\d)(?:19|20)\d\d([-./])\d{1,2}\1\d{1,2}(?!\d)|\d{1,2}([-./])\d{1,2}\2(?:19|20)\d\d|(?:19|20)\d\d ?[-/] ?(?:19|20)\d\d"
)
# A postal code of the United States with its four digits more, behind the state or city: MA 02110-1301.
POSTAL_CODE = _pattern(r"\d{5}-\d{4}")
SIZES = frozenset({b"17179869184"})
"""16 GiB in bytes: the one power of two that has the digits of a Chinese mobile."""
ROW_OF_DECIMALS = _pattern(r"\d+\.\d+ \d+")
PLACE = _pattern(r"[A-Z][A-Za-z.]+,?(?:\s|\xc2\xa0|&nbsp;|[#*;%.])*$")


def numbers_near(window: bytes, first: int, last: int) -> Iterator[tuple[int, int]]:
    """Begin and end of every number that begins in `window[first:last]`, likeliest first; they may overlap."""
    for match in _patterns_near(window, first):
        if match.start() < last and not _is_another_number(window, *match.span()):
            yield match.span()
    for match in ANNOUNCED.finditer(window, first):
        if match.start() >= last or DAY.search(match.group()):
            continue
        if WORD.search(window[: match.start()]) or WORD_BEHIND.match(window, match.end()):
            yield match.span()


def _patterns_near(window: bytes, first: int) -> Iterator[re.Match[bytes]]:
    for match in FORM.finditer(window, first):
        if not match.group().isdigit() and is_national(match.group().decode()):
            yield match
    for match in NATIONAL.finditer(window, first):
        if len(re.sub(rb"\D", b"", match.group())) in NATIONAL_DIGITS:
            yield match
    for match in INTERNATIONAL.finditer(window, first):
        if _is_possible(match.group().decode()):
            yield match
    for pattern in (PREFIXED, NORTH_AMERICAN, CHINESE_MOBILE, CHINESE_LANDLINE):
        yield from pattern.finditer(window, first)


def _is_another_number(window: bytes, start: int, end: int) -> bool:
    """Whether what has the form of a telephone number is a part of a row of numbers, or a postal code behind its place."""
    written = window[start:end]
    if written in SIZES or ROW_OF_DECIMALS.fullmatch(written):
        return True
    if b" " in written and re.fullmatch(rb"[\d ]+", written):
        return bool(
            re.search(rb"\d\s+$", window[max(0, start - 8) : start]) or re.match(rb"\s+\d", window[end : end + 8])
        )
    return bool(POSTAL_CODE.fullmatch(written) and PLACE.search(window[:start]) and not WORD.search(window[:start]))


def is_national(written: str) -> bool:
    """Whether a number is grouped as one of `REGIONS` groups its own, trunk prefix included, and valid there."""
    import phonenumbers

    if sum(map(str.isdigit, written)) < FEWEST_DIGITS:
        return False
    for region in _regions_by_form().get(_form(written), ()):
        try:
            number = phonenumbers.parse(written, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number_for_region(number, region):
            return True
    return False


def _is_possible(written: str) -> bool:
    """Whether a number behind a plus sign has as many digits as its country's, and is no date."""
    import phonenumbers

    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(written)) and not DAY.search(written.encode())
    except phonenumbers.NumberParseException:
        return False


def _form(written: str) -> str:
    """A number's form: the digits of each group, those in parentheses marked. "(0212) 345 67 89" is "(4)3,2,2"."""
    groups = re.sub(r"[^\d()]+", ",", written)
    return re.sub(r"\d+", lambda run: str(len(run.group())), re.sub(r",?([()]),?", r"\1", groups))


@cache
def _regions_by_form() -> dict[str, tuple[str, ...]]:
    """The countries that write numbers in a form, by form: all that begin with a trunk prefix or parentheses."""
    from phonenumbers import PhoneMetadata

    found: dict[str, list[str]] = {}
    for region in REGIONS:
        plan: Any = PhoneMetadata.metadata_for_region(region)
        for shown in plan.number_format:
            for lengths in itertools.product(*map(_lengths, re.findall(r"\(([^)]*)\)", shown.pattern))):
                written = shown.format
                rule = shown.national_prefix_formatting_rule
                if rule:
                    written = re.sub(r"\\\d", rule.replace("\\1", r"\g<0>"), written, count=1)
                for number, length in enumerate(lengths, 1):
                    written = written.replace(f"\\{number}", "1" * length)
                regions = found.setdefault(_form(written), [])
                if region not in regions:
                    regions.append(region)
    return {form: tuple(regions) for form, regions in found.items()}


def _lengths(group: str) -> range:
    r"""The digits that a group of a pattern may have: of `\d`, `\d{3}`, `\d{3,5}`; none of anything else."""
    counts = re.fullmatch(r"\\d(?:\{(\d+)(?:,(\d+))?\})?", group)
    if counts is None:
        return range(0)
    least = int(counts[1] or 1)
    return range(least, int(counts[2] or least) + 1)
