"""CLD2 beside fastText: languages that the first doesn't know are told, English and Chinese are left alone, any text is taken."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.filters.language import measure
from winnow.filters.second_opinion import opinions

with_cld2 = pytest.mark.skipif(importlib.util.find_spec("pycld2") is None, reason="the package pycld2 isn't installed")

UNKNOWN_TO_LID_176 = {
    "zul": "zu",
    "xho": "xh",
    "sna": "sn",
    "sot": "st",
    "tsn": "tn",
    "mri": "mi",
    "lug": "lg",
    "tir": "ti",
}


def told(texts: list[str], model: str, second: str) -> list[dict[str, Any]]:
    return measure(pa.table({"text": pa.array(texts, pa.large_string())}), model=model, second=second).to_pylist()


@with_cld2
def test_languages_that_the_first_model_never_saw_are_told_with_their_segments(
    language_model: str, corpora_rows: Callable[[str], list[dict[str, Any]]]
) -> None:
    rows = {row["code"]: "\n".join(row["paragraphs"]) for row in corpora_rows("langid/udhr_firsthalf")}
    texts = [rows[code] for code in UNKNOWN_TO_LID_176]
    without = told(texts, language_model, "")
    found = told(texts, language_model, "cld2")
    assert not {row["language.label"] for row in without} & set(UNKNOWN_TO_LID_176.values())
    assert [row["language.label"] for row in found] == list(UNKNOWN_TO_LID_176.values())
    assert {row["language.method"] for row in found} == {"second"}
    assert min(row["language.certainty"] for row in found) >= 0.9
    for row in found:
        assert json.loads(row["language.segments"])[row["language.label"]] == row["language.segment_share"] > 0.8


@with_cld2
def test_of_what_the_first_is_sure_of_and_of_english_chinese_and_pages_in_two_languages_nothing_changes(
    language_model: str, corpora_rows: Callable[[str], list[dict[str, Any]]]
) -> None:
    english = "The committee met in the morning and agreed on the budget for the next year. "
    french = "Le comité s'est réuni le matin et a approuvé le budget de l'année prochaine, comme on le lui demandait. "
    pidgin = next(row for row in corpora_rows("langid/udhr_firsthalf") if row["code"] == "pcm")
    texts = [
        english * 4,
        f"{english * 3}\n{french * 3}",
        "xq zt wrk bl 77 qpl mm zz vv kk tt " * 20,
        "\n".join(pidgin["paragraphs"]),  # English to CLD2
        *(row["zh"] for row in corpora_rows("zh_en/vue_docs")[:20]),
    ]
    assert told(texts, language_model, "cld2") == told(texts, language_model, "")


@with_cld2
@given(st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"])), max_size=5))
def test_any_text_is_taken(texts: list[str]) -> None:
    assert len(opinions("cld2", pa.array(texts, pa.large_string()))) == len(texts)


@with_cld2
def test_signs_that_cld2_refuses_change_no_answer() -> None:
    text = "Ko te tangata katoa e whanau mai ana i te herekore, i te tauriteritenga hoki o te mana me nga tika. " * 4
    refused = [chr(point) for point in (*range(9), 0x0B, 0x1F, 0x7F, 0x9F, 0xFDD0, 0xFFFE, 0x1FFFF, 0x10FFFE)]
    spoilt = [text.replace(" i te ", f" i te {sign}", 1) for sign in refused]
    assert {answer and answer[0] for answer in opinions("cld2", pa.array([text, *spoilt], pa.large_string()))} == {"mi"}


def test_another_name_is_refused_with_the_right_one() -> None:
    with pytest.raises(LookupError, match="did you mean 'cld2'"):
        opinions("cld3", pa.array(["a text"], pa.large_string()))


@pytest.mark.skipif(importlib.util.find_spec("pycld2") is not None, reason="the package is installed")
def test_the_package_is_named_where_it_lacks() -> None:
    with pytest.raises(LookupError, match=r"pip install winnow\[languages\]"):
        opinions("cld2", pa.array(["a text"], pa.large_string()))
