"""Escapes against the readers of JSON and HTML, byte for byte in place."""

from __future__ import annotations

import html
import json
import string
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.filters.kernels.bytes import text_buffers
from winnow.filters.kernels.escapes import named_letters, write_escapes


def resolved(*texts: str) -> list[bytes]:
    data, offsets = text_buffers(pa.array(texts, pa.large_string()))
    written = data.copy()
    write_escapes(data, offsets, named_letters(), written)
    return [written[one:other].tobytes() for one, other in pairwise(offsets.tolist())]


def shown(text: str) -> str:
    (read,) = resolved(text)
    assert len(read) == len(text.encode())
    return read.decode().replace("\u00ad", "").replace("\u200b", "")


@given(st.text(st.characters(min_codepoint=0x80, exclude_categories=("Cs", "Cf")), min_size=1, max_size=80))
def test_what_json_and_html_write_as_numbers_is_read_as_they_read_it(text: str) -> None:
    assert shown(json.dumps(text)) == f'"{text}"'
    assert shown("".join(f"&#{ord(sign)};" for sign in text)) == text
    assert shown("".join(f"&#x{ord(sign):X};" for sign in text)) == text
    assert shown("".join(f"\\u{{{ord(sign):x}}}" for sign in text)) == text
    assert shown("".join(f"\\U{ord(sign):08x}" for sign in text)) == text


def test_letters_that_html_names_are_read_and_signs_stay_for_the_markup() -> None:
    text = "caf&eacute; &Alpha;&beta; &AMP &copy; &thetasym; &nosuch; &eacute &eacutes;"
    assert shown(text) == "café Αβ &AMP &copy; ϑ &nosuch; &eacute &eacutes;"
    for name in ("Agrave", "szlig", "omega", "upsilon"):
        assert shown(f"&{name};") == html.unescape(f"&{name};")


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        (r"Erd\H{o}s and G\"odel", "Erdos and Godel"),
        (r"{\'e}t{\'e} \'{e}t\'e {\~n}", "ete ete n"),
        (r"\c{c}a na\"{\i}ve", r"ca na\"{\i}ve"),
        (r"{\'s} don\'t \usepackage{x} \user", r"s don\'t \usepackage{x} \user"),
        (r"$\alpha+\Gamma_{2}$ \alphabet \pi", r"$α+Γ_{2}$ \alphabet \pi"),
    ],
)
def test_accents_and_greek_letters_of_latex(latex: str, expected: str) -> None:
    assert shown(latex) == expected


def test_what_is_no_character_stays() -> None:
    text = r"\u12 \ud800 \udc00\ud800 &#0; &#9999999; &#x110000; &#; &#x; \u{} \u{110000} \U00110000 &amp; \\ \ & \u"
    assert shown(text) == text


def test_no_escape_reaches_into_the_next_text() -> None:
    for at in range(1, 6):
        assert resolved("\\u5c0f"[:at], "\\u5c0f"[at:]) == [b"\\u5c0f"[:at], b"\\u5c0f"[at:]]
    assert resolved("x{", "\\'e}") == [b"x{", resolved("\\'e}")[0]]


@given(st.text(st.sampled_from("\\&#xuU{};'\"`" + string.hexdigits + "eacute é小"), max_size=200))
def test_any_text_stays_valid_and_as_long(text: str) -> None:
    (read,) = resolved(text)
    assert len(read) == len(text.encode()) and read.decode() is not None
    assert np.frombuffer(read, np.uint8).size == len(read)
