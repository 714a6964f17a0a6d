"""Telephone numbers of the forty most populous countries in their national form, in sentences that no rule was made from."""

from __future__ import annotations

import random

import phonenumbers
import pyarrow as pa
import pytest

from winnow.filters.personal_data import find_personal_data
from winnow.filters.telephone import REGIONS, is_national

EACH = 6
FORM_ALONE = (
    "The workshop's door plate says {}.",
    "Frau Keller, {}, weiß Bescheid.",
    "Mme Garnier ({}) garde les clés.",
    "Dr. Osei — {} — Saturdays only",
    "预约请找王老师 {}。",
)
WITH_A_WORD = {
    "ES": ("Si hay dudas, llámanos al {} por la tarde.", "Móvil del conserje: {}"),
    "MX": ("Para apartar su lugar, teléfono {}.", "Marque o llame al {} antes del lunes."),
    "CO": ("Celular de la portería {}", "Puede llamar al {} si llueve."),
    "PL": ("Proszę dzwonić pod numer {} po szesnastej.", "Telefon do dozorcy: {}"),
    "IT": ("Per le chiavi chiamare {} dopo cena.", "Cellulare del custode: {}"),
}
NUMBERS_OF_OTHER_THINGS = (
    "The parish counted {a} {b:03d} souls in {year}.",
    "Invoice {year}-{b:03d}-{c:04d} was settled in full.",
    "At {year}-{m:02d}-{d:02d} {h:02d}:{m:02d} the pump stopped.",
    "ISBN 978-{d}-{a}-{c:05d}-{m} is out of print.",
    "It costs {a} {b:03d} {e:03d} rupees, or {a}.{b:03d}.{e:03d},00 in the old money.",
    "Coordinates 0{a}.{c:04d} {b}.{c:04d} (datum of {year}).",
    "Regulation ({year}) {b}/{c} and section {a}.{d}.{m}.{h} apply.",
    "Batch 0{d} {h:02d} {m:02d} left the plant on {d:02d}/{m:02d}/{year}.",
    "Scores were {a}-{d}, {m}-{h} and {b}-{a} after {c} trials.",
    "库存 {a}{b:03d}{e:03d} 件，编号 {year}{m:02d}{d:02d}{c:04d}。",
    "matrix row: 0 {a} {b} {c} 0 {d} {h}",
    "Part 0{a}-{b:03d} fits frames {c}/{d} and {h:02d} {b:03d}.",
)


def numbers(region: str, random_: random.Random) -> list[str]:
    """Numbers that the country's plan allows, fixed and mobile, as it writes them."""
    found: list[str] = []
    for kind in (phonenumbers.PhoneNumberType.FIXED_LINE, phonenumbers.PhoneNumberType.MOBILE):
        example = phonenumbers.example_number_for_type(region, kind)
        while len(found) < EACH * (1 if kind == phonenumbers.PhoneNumberType.FIXED_LINE else 2):
            digits = str(example.national_number)
            kept = random_.choice((2, 3, 4))
            tail = "".join(random_.choice("0123456789") for _ in digits[kept:])
            number = phonenumbers.PhoneNumber(
                country_code=example.country_code,
                national_number=int(digits[:kept] + tail),
                italian_leading_zero=example.italian_leading_zero,
            )
            if phonenumbers.is_valid_number_for_region(number, region):
                found.append(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL))
    return found


def phones(texts: list[str]) -> list[list[str]]:
    found = find_personal_data(pa.array(texts, pa.large_string()), ["phone"])
    return [
        [text.encode()[start:end].decode() for _, start, end in found.get(row, [])] for row, text in enumerate(texts)
    ]


def test_national_numbers_of_forty_countries_are_found_and_little_else() -> None:
    """Recall at least .90 and precision at least .95; 480 numbers, as many sentences with other numbers."""
    random_ = random.Random(11)
    texts, wanted, regions = [], [], []
    for region in REGIONS:
        for number in numbers(region, random_):
            texts.append(random_.choice(WITH_A_WORD.get(region, FORM_ALONE)).format(number))
            wanted.append(number)
            regions.append(region)
    for place in range(len(texts)):
        template = NUMBERS_OF_OTHER_THINGS[place % len(NUMBERS_OF_OTHER_THINGS)]
        below = {"a": 90, "b": 999, "c": 9999, "d": 28, "e": 999, "h": 23, "m": 12, "year": 0}
        values = {
            name: random_.randint(1, most) if most else random_.randint(1880, 2040) for name, most in below.items()
        }
        texts.append(template.format(**values))
    found = phones(texts)
    right = [number in hits for number, hits in zip(wanted, found, strict=False)]
    missed = [f"{region}: {number}" for region, number, hit in zip(regions, wanted, right, strict=True) if not hit]
    false = [hit for row, hits in enumerate(found) for hit in hits if row >= len(wanted) or hit != wanted[row]]
    assert len(wanted) == 480
    assert sum(right) / len(right) >= 0.90, missed
    assert sum(right) / (sum(right) + len(false)) >= 0.95, false
    assert all(sum(hit for hit, region in zip(right, regions, strict=True) if region == r) >= EACH for r in REGIONS), (
        missed
    )


@pytest.mark.parametrize(
    ("written", "national"),
    [
        ("(0212) 345 67 89", True),  # Turkey
        ("8 (495) 123-45-67", True),  # Russia
        ("011 15-2345-6789", True),  # Argentina
        ("0301 2345678", True),  # Pakistan
        ("(0212) 34 56 789", False),  # nobody's groups
        ("0123 456", False),
        ("(2019) 123 456", False),
    ],
)
def test_a_form_is_that_of_a_country_or_none(written: str, national: bool) -> None:
    assert is_national(written) == national
