"""Numbers that a state gives a person: identity cards, tax and insurance numbers, passports, by country.

What a number looks like is its shape: 9 for a digit, A for a letter, other signs as they are. Its check digits are those of
`stdnum`, and of ICAO 9303 for the machine-readable lines of passports. A number whose shape and checks leave few rows of
signs stands by itself; the others need a word beside them, in the country's language or in English.
"""

from __future__ import annotations

import importlib
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

GENERAL = (
    r"\bidentity\b|\bnational id\b|\bid (?:no|number|card)\b|\btax (?:no|number|id)\b|\bpersonal (?:no|number|code)\b"
)


class Number(NamedTuple):
    """A kind of number: its module in `stdnum`, and the words before it of which it needs one (None: it needs none)."""

    module: str
    word: re.Pattern[bytes] | None


TABLE: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("ar.cuit", ("99-99999999-9",), r"\bcui[tl]\b"),
    ("au.tfn", ("999 999 999", "999999999"), r"\btfn\b|\btax file\b"),
    ("be.nn", ("99.99.99-999.99",), ""),
    ("bg.egn", ("9999999999",), r"ЕГН|\begn\b"),
    ("br.cpf", ("999.999.999-99",), ""),
    ("br.cpf", ("99999999999",), r"\bcpf\b"),
    ("ca.sin", ("999 999 999", "999-999-999", "999999999"), r"\bsin\b|\bsocial insurance\b"),
    ("ch.ssn", ("999.9999.9999.99",), ""),
    ("cl.rut", ("9.999.999-9", "99.999.999-9", "9.999.999-A", "99.999.999-A"), ""),
    ("cz.rc", ("999999/9999",), r"\brodné číslo\b|\br\.č\."),
    ("de.idnr", ("99999999999", "99 999 999 999"), r"\bsteuer|\bidnr"),
    ("dk.cpr", ("999999-9999",), r"\bcpr\b|\bpersonnummer\b"),
    ("ee.ik", ("99999999999",), r"\bisikukood\b"),
    ("es.dni", ("99999999A", "99999999-A"), r"\bdni\b|\bnif\b|\bdocumento\b"),
    ("es.nie", ("A9999999A", "A-9999999-A"), r"\bnie\b|\bextranjer[oa]\b"),
    ("fi.hetu", ("999999-999A", "999999A999A", "999999+999A"), ""),
    ("fi.hetu", ("999999-9999", "999999A9999"), r"\bhetu\b|\bhenkilötunnus\b"),
    ("fr.nir", ("9 99 99 99 999 999 99", "9 99 99 9A 999 999 99"), ""),
    ("fr.nir", ("999999999999999",), r"\bsécu|\bnir\b"),
    ("gb.nhs", ("999 999 9999", "999-999-9999", "9999999999"), r"\bnhs\b"),
    ("gr.amka", ("99999999999",), r"\bamka\b|ΑΜΚΑ"),
    ("hr.oib", ("99999999999",), r"\boib\b"),
    ("ie.pps", ("9999999A", "9999999AA"), r"\bpps"),
    ("il.idnr", ("999999999",), r"תעודת זהות|ת\.ז"),
    ("in_.aadhaar", ("9999 9999 9999", "9999-9999-9999", "999999999999"), r"\ba+dha+r\b|\buidai\b|आधार"),
    ("it.codicefiscale", ("AAAAAA99A99A999A",), ""),
    ("kr.rrn", ("999999-9999999",), ""),
    ("lt.asmens", ("99999999999",), r"\basmens kodas\b"),
    ("mx.curp", ("AAAA999999AAAAAA99", "AAAA999999AAAAAAA9"), ""),
    ("my.nric", ("999999-99-9999",), r"\bnric\b|\bmykad\b|\bic\b"),
    ("nl.bsn", ("999999999", "9999.99.999"), r"\bbsn\b|\bburgerservicenummer\b"),
    ("no.fodselsnummer", ("99999999999", "999999 99999"), r"\bfødselsnummer\b|\bpersonnummer\b"),
    ("pk.cnic", ("99999-9999999-9",), ""),
    ("pl.pesel", ("99999999999",), r"\bpesel\b"),
    ("ro.cnp", ("9999999999999",), r"\bcnp\b"),
    ("se.personnummer", ("999999-9999", "99999999-9999"), r"\bpersonnummer\b"),
    ("th.pin", ("9-9999-99999-99-9",), ""),
    ("th.pin", ("9999999999999",), r"ประชาชน"),
    ("tr.tckimlik", ("99999999999",), r"\bt\.?c\b|\bkimlik\b"),
    ("za.idnr", ("9999999999999", "999999 9999 999"), r"\bid\b"),
)
"""Modules of `stdnum`, the shapes of their numbers, the words before them."""


def _numbers_by_shape() -> dict[bytes, tuple[Number, ...]]:
    found: dict[bytes, list[Number]] = defaultdict(list)
    for module, shapes, word in TABLE:
        near = re.compile(rf"(?i)(?:{word}|{GENERAL})[^\d\n]{{0,40}}$".encode()) if word else None
        for shape in shapes:
            found[shape.encode()].append(Number(module, near))
    return {shape: tuple(numbers) for shape, numbers in found.items()}


NUMBERS = _numbers_by_shape()
TIGHT = re.compile(rb"(?<![\w.,+/-])[0-9A-Za-z]+(?:[.+/-][0-9A-Za-z]+){0,4}(?![\w/-]|[.,]\d)")
SPACED = re.compile(rb"(?<![\w.,+/-])(?<!\d )\d{1,6}(?: \d{1,5}| \d[AB](?= )){1,6}(?![\w/-]|[.,]\d| \d)")
SHAPE = bytes.maketrans(b"0123456789" + bytes(range(0x41, 0x5B)) + bytes(range(0x61, 0x7B)), b"9" * 10 + b"A" * 52)
PASSPORT = re.compile(rb"(?<![\w.,+/-])(?:[A-Z]{1,2}\d{6,8}|\d{9})(?![\w/-]|[.,]\d)")
PASSPORT_WORD = re.compile(
    r"(?i)(?:passports?|reisepass|passeport|pasaporte|passaporte|passaporto|паспорт|护照|護照|パスポート|여권)"
    r"[^\d\n]{0,30}$".encode()
)
MACHINE_READABLE = re.compile(
    rb"(?<![A-Z0-9<])[A-Z0-9<]{9}\d[A-Z<]{3}\d{7}[MFX<]\d{7}[A-Z0-9<]{14}[0-9<]\d(?![A-Z0-9<])"
)
LETTERS = 18  # bytes of a number before its first digits, RSSMRA85T10A562S, or of a line before its longest run


def identity_numbers(window: bytes, first: int, last: int) -> Iterator[tuple[int, int]]:
    """Begin and end of the numbers of persons that touch `window[first:last]`: right by shape, check digits and words."""
    for pattern in (TIGHT, SPACED):
        for match in pattern.finditer(window, max(0, first - LETTERS)):
            if match.start() >= last:
                break
            if match.end() <= first:
                continue
            for number in NUMBERS.get(match.group().translate(SHAPE), ()):
                module = importlib.import_module(f"stdnum.{number.module}")
                if not module.is_valid(match.group().decode()):
                    continue
                if number.word is None or number.word.search(window[: match.start()]):
                    yield match.span()


def passports(window: bytes, first: int, last: int) -> Iterator[tuple[int, int]]:
    """Begin and end of passport numbers behind a word for them, and of machine-readable lines (ICAO 9303, part 4)."""
    for match in MACHINE_READABLE.finditer(window):
        if match.start() < last and match.end() > first and _is_machine_readable(match.group().decode()):
            yield match.span()
    for match in PASSPORT.finditer(window, max(0, first - LETTERS)):
        if match.start() < last and match.end() > first and PASSPORT_WORD.search(window[: match.start()]):
            yield match.span()


def _is_machine_readable(line: str) -> bool:
    """Whether number, birthday, last day and the line as a whole have their check digits."""
    fields = ((line[:9], line[9]), (line[13:19], line[19]), (line[21:27], line[27]))
    whole = line[:10] + line[13:20] + line[21:43]
    return all(_check(text) == int(digit) for text, digit in (*fields, (whole, line[43])))


def _check(text: str) -> int:
    values = (0 if sign == "<" else int(sign, 36) for sign in text)
    return sum(value * (7, 3, 1)[place % 3] for place, value in enumerate(values)) % 10
