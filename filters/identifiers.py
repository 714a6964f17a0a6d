"""What an address or a number of a person looks like, and how to tell it from any other row of digits.

Patterns work on UTF-8 bytes, so that places in a text need no conversion. Identity cards are checked by region,
birthday and check digit (GB 11643-1999), bank cards by issuer and Luhn sum (ISO/IEC 7812-1), IP addresses against the
registries of special addresses (RFC 6890), telephone numbers by their national form or by a word that announces them.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from datetime import date
from enum import StrEnum

from winnow.filters.accounts import qq_numbers, spelled_addresses, wechat_names
from winnow.filters.identity_numbers import identity_numbers, passports
from winnow.filters.kernels.candidates import Candidate
from winnow.filters.spans import Span
from winnow.filters.telephone import numbers_near


class Kind(StrEnum):
    """The kinds of personal data, named as in the measures."""

    EMAIL = "email"
    IP_ADDRESS = "ip_address"
    PHONE = "phone"
    IDENTITY_CARD = "identity_card"
    BANK_CARD = "bank_card"
    IBAN = "iban"
    SOCIAL_SECURITY = "social_security"
    NATIONAL_NUMBER = "national_number"
    PASSPORT = "passport"
    ACCOUNT = "account"


def _pattern(expression: str) -> re.Pattern[bytes]:
    return re.compile(expression.encode())


EMAIL = _pattern(r"[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}(?![A-Za-z0-9])")
# Written like an address, but a file ("logo@2x.png"), a repository ("git@…") or a name for examples (RFC 2606).
NOBODY = _pattern(
    r"(?i)\.(?:png|jpe?g|gif|svg|webp|js|css|ts|py|md|html)$|^(?:git|noreply|no-reply)@"
    r"|(?<=[@.])example\.(?:com|org|net|edu)$|\.(?:example|invalid|test|localhost)$"
)
IPV4 = _pattern(
    r"(?<![\w.])(?<!\d:)(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\w]|\.\d|[+~]\w|-\d+(?![\d.]))"
)
IPV6 = _pattern(r"(?<![\w:.])[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:]+(?:\.\d{1,3}){0,3}(?![\w:])")
VERSION = _pattern(
    r"(?i)(?:(?:\bv|ver\.?|versions?|release|section|\boid|\bas of|\bsince|\bupdated? to|\bis at|§|版本|第|[<>=~^]=?)[\s:]*"
    r"|\b(?:bump|upgrad|downgrad|requir|depend)\w*\b[^\n]{0,40})$"
)
IDENTITY = _pattern(r"(?<![0-9A-Za-z])[1-9]\d{5}(?:18|19|20)\d{9}[0-9Xx](?![0-9A-Za-z])")
CARD = _pattern(r"(?<![\w./-])(?<!\d )\d(?:[ -]?\d){11,18}(?![\w*^-]|\.\d| \d)")
CARD_GROUPS = _pattern(
    r"\d{15,16}|62\d{14,17}|\d{4}([ -])\d{4}\1\d{4}(?:\1\d{1,4}(?:\1\d{3})?)?|\d{4}([ -])\d{6}\2\d{4,5}|\d{6}[ -]\d{6,13}"
)
"""How the digits of a card are grouped: 4 4 4 4, American Express 4 6 5, UnionPay 6 13; others are rows of numbers. Undivided
ones of other lengths need a word: one number in ten has a right sum.
"""
IBAN = _pattern(r"(?<![A-Za-z0-9])[A-Z]{2}\d\d(?:[ -]?[A-Z0-9]{2,4}){3,8}(?![A-Za-z0-9])")
SOCIAL_SECURITY = _pattern(r"(?<![\w-])(?!000|666|9)\d{3}([- ])(?!00)\d\d\1(?!0000)\d{4}(?![\w-])")
SOCIAL_SECURITY_WORD = _pattern(r"(?i)(?:\bssn\b|\bsocial[- ]security\b|\btaxpayer\b|\btin\b|\bitin\b)[^\d\n]{0,40}$")
CARD_WORD = _pattern(
    r"(?i)(?:\bcards?\b|\bcc\b|\bvisa\b|\bmastercard\b|\bmaestro\b|银行卡|信用卡|储蓄卡|卡号)[^\d\n]{0,40}$"
)
HEADING = _pattern(r"(?<!.)(?:[1-6]?\d\.){3}[1-6]?\d[ \t]+[A-Z][a-z]")
SECTION = 32  # "6.2.1.4" numbers a section: four numbers below this are no address (true of one address in 4,096)
IBAN_LETTERS = 14  # bytes of an account before its first long run of digits: GB29 NWBK
IPV6_GROUPS = 4  # "::2" is a slice, "Vec::E" a name: groups of digits that an address must show
IBAN_LENGTHS = {
    "AT": 20, "BE": 16, "CH": 21, "CZ": 24, "DE": 22, "DK": 18, "ES": 24, "FI": 18, "FR": 27, "GB": 22, "GR": 27,
    "HU": 28, "IE": 22, "IL": 23, "IT": 27, "LU": 20, "NL": 18, "NO": 15, "PL": 28, "PT": 25, "RO": 24, "SA": 24,
    "SE": 24, "TR": 26, "UA": 29, "AE": 23, "BG": 22, "HR": 21, "KZ": 20, "LT": 20, "LV": 21, "SI": 19, "SK": 24,
}  # fmt: skip
IDENTITY_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
IDENTITY_CHECKS = "10X98765432"
PROVINCES = frozenset(
    {11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46}
    | {50, 51, 52, 53, 54, 61, 62, 63, 64, 65, 71, 81, 82, 83}
)
# Lengths of card numbers by the first digits of their issuer, longest prefix first.
ISSUERS: tuple[tuple[range, int, tuple[int, ...]], ...] = (
    (range(2221, 2721), 4, (16,)),  # Mastercard
    (range(3528, 3590), 4, (16, 17, 18, 19)),  # JCB
    (range(2131, 2132), 4, (15,)),
    (range(1800, 1801), 4, (15,)),
    (range(6011, 6012), 4, (16, 19)),  # Discover
    (range(644, 650), 3, (16, 19)),
    (range(300, 306), 3, (14,)),  # Diners Club
    (range(34, 35), 2, (15,)),  # American Express
    (range(37, 38), 2, (15,)),
    (range(36, 37), 2, (14,)),
    (range(38, 40), 2, (14, 16)),
    (range(51, 56), 2, (16,)),
    (range(62, 63), 2, (16, 17, 18, 19)),  # UnionPay
    (range(65, 66), 2, (16, 19)),
    (range(50, 51), 2, (12, 13, 14, 15, 16, 17, 18, 19)),  # Maestro
    (range(56, 70), 2, (12, 13, 14, 15, 16, 17, 18, 19)),
    (range(4, 5), 1, (13, 16, 19)),  # Visa
)


def is_identity_card(number: str) -> bool:
    """True for 18 characters with a province, a birthday that existed and the right check digit (GB 11643-1999)."""
    if len(number) != 18 or int(number[:2]) not in PROVINCES:
        return False
    try:
        born = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:  # no such day
        return False
    total = sum(weight * int(digit) for weight, digit in zip(IDENTITY_WEIGHTS, number[:17], strict=True))
    return born.year >= 1850 and IDENTITY_CHECKS[total % 11] == number[17].upper()


def is_bank_card(number: str, *, announced: bool = False) -> bool:
    """True for digits of an issuer's prefix and length with a right Luhn sum; a row of one digit is none.

    A number that a word such as "card" announces needs no known issuer.
    """
    lengths = next((lengths for first, width, lengths in ISSUERS if int(number[:width]) in first), ())
    if not (announced or len(number) in lengths) or len(set(number)) < 2:
        return False
    doubled = [int(digit) * 2 for digit in number[-2::-2]]
    return (sum(map(int, number[-1::-2])) + sum(digit - 9 * (digit > 9) for digit in doubled)) % 10 == 0


def is_iban(account: str) -> bool:
    """True for letters and digits without spaces whose check digits are right (ISO 13616, mod 97 of ISO 7064).

    The length is that of the country where it is known, 15 to 34 characters elsewhere.
    """
    if not 15 <= len(account) <= 34 or len(account) != IBAN_LENGTHS.get(account[:2], len(account)):
        return False
    return int("".join(str(int(sign, 36)) for sign in account[4:] + account[:4])) % 97 == 1


def is_public_address(text: str) -> bool:
    """True for an IP address that can be reached from anywhere: neither private, reserved, multicast nor for
    examples.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return address.is_global and not address.is_multicast


def _shows_enough(address: str) -> bool:
    """Whether so many groups are written out that an IPv6 address is no slice and no name; of a global prefix three do."""
    groups = [group for group in address.split(":") if group]
    return len(groups) >= IPV6_GROUPS - (len(groups[0]) == 4 and groups[0][0] in "23" if groups else 0)


def _account(match: re.Match[bytes]) -> Iterator[Span]:
    """The account at the beginning of a match, which may have run into the words behind it."""
    signs = match.group()
    for end in (len(signs), *(place.start() for place in reversed(list(re.finditer(rb"[ -]", signs))))):
        if is_iban(re.sub(rb"[ -]", b"", signs[:end]).decode()):
            yield Span(Kind.IBAN, match.start(), match.start() + end)
            return


def spans_near(window: bytes, first: int, last: int, candidate: int) -> Iterator[Span]:
    """Every datum that begins in `window[first:last]`, likeliest kind first; they may overlap. Context decides, too."""
    if candidate == Candidate.AT:
        for match in EMAIL.finditer(window, first):
            if match.start() < last and not NOBODY.search(match.group()):
                yield Span(Kind.EMAIL, *match.span())
        return
    if candidate == Candidate.SPELLED:
        for start, end in spelled_addresses(window, first, last):
            yield Span(Kind.EMAIL, start, end)
        return
    if candidate == Candidate.WECHAT:
        for start, end in wechat_names(window, first, last):
            yield Span(Kind.ACCOUNT, start, end)
        return
    if candidate == Candidate.COLONS:
        for match in IPV6.finditer(window, first):
            address = match.group().rstrip(b":").decode()
            if match.start() < last and _shows_enough(address) and is_public_address(address):
                yield Span(Kind.IP_ADDRESS, *match.span())
        return
    for match in IBAN.finditer(window, max(0, first - IBAN_LETTERS)):
        if match.end() > first and match.start() < last:
            yield from _account(match)
    first = max(0, first - 4)  # what may stand before the first digit: "+", "(", "（"
    for match in IDENTITY.finditer(window, first):
        if match.start() < last and is_identity_card(match.group().decode()):
            yield Span(Kind.IDENTITY_CARD, *match.span())
    for match in IPV4.finditer(window, first):
        address = match.group().decode()
        section = all(int(number) < SECTION for number in address.split(".")) or HEADING.match(window, match.start())
        if (
            match.start() < last
            and not section
            and not VERSION.search(window[: match.start()])
            and is_public_address(address)
        ):
            yield Span(Kind.IP_ADDRESS, *match.span())
    for match in CARD.finditer(window, first):
        announced = CARD_WORD.search(window[: match.start()]) is not None
        if not (announced or CARD_GROUPS.fullmatch(match.group())):
            continue
        if match.start() < last and is_bank_card(re.sub(rb"\D", b"", match.group()).decode(), announced=announced):
            yield Span(Kind.BANK_CARD, *match.span())
    for match in SOCIAL_SECURITY.finditer(window, first):
        if match.start() < last and SOCIAL_SECURITY_WORD.search(window[: match.start()]):
            yield Span(Kind.SOCIAL_SECURITY, *match.span())
    for kind, find in (
        (Kind.PASSPORT, passports),
        (Kind.NATIONAL_NUMBER, identity_numbers),
        (Kind.ACCOUNT, qq_numbers),
        (Kind.PHONE, numbers_near),
    ):
        for start, end in find(window, first, last):
            yield Span(kind, start, end)
