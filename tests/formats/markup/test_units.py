"""Quantities of siunitx, as its manual shows them typeset."""

from __future__ import annotations

import pytest

from winnow.formats.markup.units import number, quantity, unit


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (r"\kilo\metre", "km"),
        (r"\kilogram\metre\per\second\squared", "kg·m/s²"),
        (r"\joule\per\mole\per\kelvin", "J/mol/K"),
        (r"\per\second", "1/s"),
        (r"\cubic\centi\metre", "cm³"),
        (r"\metre\tothe{4}", "m^4"),
        (r"\micro\ohm", "µΩ"),
        ("kg.m.s^{-1}", "kg·m·s^-1"),
        (r"\degreeCelsius", "°C"),
    ],
)
def test_units(written: str, said: str) -> None:
    assert unit(written) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("1e6", "1 × 10^6"),
        ("-2.5e-3", "-2.5 × 10^-3"),
        ("e10", "10^10"),
        ("3x4", "3 × 4"),
        ("1.5 +- 0.2", "1.5 ± 0.2"),
        ("12345", "12345"),
    ],
)
def test_numbers(written: str, said: str) -> None:
    assert number(written) == said


def test_ranges_and_lists_say_their_unit_with_each_number() -> None:
    assert quantity("SIrange", ["1", "2", r"\volt"]) == "1 V to 2 V"
    assert quantity("numlist", ["1;2;3"]) == "1, 2 and 3"
    assert quantity("qty", ["90", r"\degree"]) == "90°"
    assert quantity("ang", ["12;30;5"]) == "12°30′5″"
