"""The class table against Python's own strings and datatrove's own sets."""

from __future__ import annotations

import datatrove.utils.text as datatrove

from winnow.filters.kernels import characters


def members(bit: int) -> set[str]:
    table = characters.class_table()
    return {chr(code_point) for code_point in (table & bit).nonzero()[0].tolist()}


def every() -> list[str]:
    return [chr(code_point) for code_point in range(0x110000) if not 0xD800 <= code_point < 0xE000]


def test_classes_follow_python_strings():
    assert members(characters.SPACE) == {character for character in every() if character.isspace()}
    assert members(characters.LETTER) == {character for character in every() if character.isalpha()}
    assert members(characters.UPPER) == {character for character in every() if character.isupper()}
    assert members(characters.DIGIT) == {character for character in every() if character.isdigit()}
    assert members(characters.ALPHANUMERIC) == {character for character in every() if character.isalnum()}


def test_line_breaks_are_those_of_splitlines():
    assert members(characters.LINE_BREAK) == {c for c in every() if len(f"a{c}b".splitlines()) > 1}


def test_punctuation_and_terminal_marks_are_datatroves():
    assert members(characters.TERMINAL) == datatrove.TERMINAL_PUNCTUATION
    assert members(characters.PUNCTUATION) == datatrove.PUNCTUATION_SET


def test_chinese_full_stops_end_sentences():
    assert set("。！？｡．") <= members(characters.TERMINAL)
