"""Patterns that were quadratic on hostile texts grow with the text: four times as long takes less than ten times."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from winnow.filters.consistency import FOREIGN
from winnow.filters.license import normalize
from winnow.formats.dialogues.problems import problem

LENGTH = 5_000
MARGIN = 10.0  # of 16 for a quadratic one
FLOOR = 0.02  # seconds below which nothing is compared


def seconds(call: Callable[[str], object], text: str) -> float:
    best = float("inf")
    for _ in range(3):
        begun = time.process_time()
        call(text)
        best = min(best, time.process_time() - begun)
    return best


def worst(unit: str, length: int) -> str:
    return (unit * (length // len(unit) + 1))[:length]


UNITS = [
    "0123456789abcdef",
    "中",
    "『",
    "「",
    "《",
    "〈",
    "`",
    "a@",
    "a_",
    "a.",
    "(",
    "“",
    "<",
    "\\",
    "*",
    "[",
    " '",
    "中a ",
]


@pytest.mark.parametrize("unit", UNITS)
def test_what_is_foreign_to_a_line_is_found_in_linear_time(unit: str) -> None:
    short, long = (seconds(lambda text: FOREIGN.sub(" ", text), worst(unit, n)) for n in (LENGTH, 4 * LENGTH))
    assert long < max(MARGIN * short, FLOOR)


@pytest.mark.parametrize("lead", ["#### a", "####", "#### a\n"])
@pytest.mark.parametrize("unit", [" ", "####", "\n", "#### "])
def test_answers_at_the_end_are_found_in_linear_time(lead: str, unit: str) -> None:
    def read(text: str) -> object:
        return problem(asked="How many?", solution=text, answer=None)

    short, long = (seconds(read, lead + worst(unit, n) + "x") for n in (LENGTH, 4 * LENGTH))
    assert long < max(MARGIN * short, FLOOR)


def test_an_endless_licence_is_none_at_once() -> None:
    texts = ["MIT" + " " * n + "x" for n in (LENGTH, 4 * LENGTH)]
    assert [normalize(text) for text in texts] == [None, None]
    assert seconds(normalize.__wrapped__, texts[1]) < FLOOR
    assert normalize("MIT / Apache-2.0") == "MIT OR Apache-2.0"


def test_the_same_is_found_as_before() -> None:
    texts = {
        "see a_b/c.py now": ["a_b/c.py"],
        "__init__ and x-y/z_": ["__init__", "x-y/z_"],
        "写信给abc@example.com吧 好": ["写信给abc@example.com吧"],
        "用“hello”说": ["“hello”"],
        "plain words. only-these": [],
    }
    assert {text: FOREIGN.findall(text) for text in texts} == texts
