"""Languages: what scripts settle, what fastText adds, the sample of long documents, and the gold sets."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.filters.kernels.bytes import text_buffers
from winnow.filters.kernels.scripts import SCRIPTS, Script, count_letters, script_table
from winnow.filters.kernels.segments import SAMPLE_BYTES, WINDOW_BYTES, WINDOWS, cut_segments
from winnow.filters.language import measure


def told(texts: list[str | None], model: str) -> list[dict[str, Any]]:
    table = measure(pa.table({"text": pa.array(texts, pa.large_string())}), model=model)
    names = [name.removeprefix("language.") for name in table.column_names]
    return [dict(zip(names, row.values(), strict=True)) for row in table.to_pylist()]


@given(st.lists(st.text(max_size=200), max_size=8))
def test_letters_are_counted_as_a_loop_over_characters_counts_them(texts: list[str]) -> None:
    data, offsets = text_buffers(pa.array(texts, pa.large_string()))
    counts = np.zeros((len(texts), SCRIPTS), np.int32)
    count_letters(data, offsets[:-1], offsets[1:], script_table(), counts)
    table = script_table()
    for row, text in enumerate(texts):
        expected = np.zeros(SCRIPTS, int)
        for character in text:
            if ord(character) < len(table):
                expected[table[ord(character)]] += 1
        assert counts[row, 1:].tolist() == expected[1:].tolist()


def test_the_script_table_agrees_with_unicode_names() -> None:
    table = script_table()
    names = {
        "LATIN": Script.LATN,
        "CYRILLIC": Script.CYRL,
        "GREEK": Script.GREK,
        "THAI": Script.THAI,
        "HIRAGANA": Script.HIRA,
    }
    for code_point in range(0x2000):
        name = unicodedata.name(chr(code_point), "")
        if unicodedata.category(chr(code_point))[0] != "L":
            assert table[code_point] == Script.NONE
        elif name.split(" ")[0] in names and "COPTIC" not in name:
            assert table[code_point] in (names[name.split(" ")[0]], Script.OTHER), name


@given(st.lists(st.text(alphabet="ab 中\n，", max_size=3000), max_size=4))
def test_segments_cover_a_short_document_without_a_gap(texts: list[str]) -> None:
    data, offsets = text_buffers(pa.array(texts, pa.large_string()))
    starts, ends, groups = cut_segments(data, offsets)
    for row in range(len(texts)):
        mine = slice(groups[row], groups[row + 1])
        edges = [*starts[mine].tolist(), *ends[mine][-1:].tolist()]
        assert edges[:1] == ([offsets[row]] if texts[row] else [])
        assert edges[-1:] == ([offsets[row + 1]] if texts[row] else [])
        assert starts[mine][1:].tolist() == ends[mine][:-1].tolist()


def test_of_a_long_document_eight_windows_are_read_and_cut_between_characters() -> None:
    text = "中文字" * 200_000
    data, offsets = text_buffers(pa.array([text]))
    starts, ends, _ = cut_segments(data, offsets)
    read = int((ends - starts).sum())
    assert WINDOWS * WINDOW_BYTES - 64 <= read <= WINDOWS * (WINDOW_BYTES + 512) and read < SAMPLE_BYTES * 2
    for start, end in zip(starts, ends, strict=True):
        data[start:end].tobytes().decode()  # raises inside a character
    assert starts[0] == 0 and ends[-1] == len(text) * 3


def test_plain_scripts_need_no_model() -> None:
    texts: list[str | None] = [
        "机器学习是人工智能的一个分支，研究算法如何从数据中学习。",
        "這裡是繁體中文的網頁內容，歡迎光臨我們的網站。",
        "これは日本語のテストです。漢字も含みます。",
        "이것은 한국어로 쓰인 꽤 길고 분명한 문장입니다.",
        "นี่คือประโยคภาษาไทยที่ค่อนข้างยาวและชัดเจนมาก",
        "Αυτή είναι μια πρόταση στα ελληνικά.",
        "",
        None,
        "12345 !!",
    ]
    found = told(texts, "no-such-model.ftz")
    assert [row["label"] for row in found] == ["zh", "zh", "ja", "ko", "th", "el", "und", "und", "und"]
    assert [row["script"] for row in found[:4]] == ["Hans", "Hant", "Jpan", "Kore"]
    assert [row["method"] for row in found] == ["script"] * 6 + ["none"] * 3
    assert found[0]["traditional"] == 0.0 and found[1]["traditional"] == 1.0 and found[2]["traditional"] is None


def test_a_missing_model_is_named(tmp_path: Any) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.ftz"):
        told(["an English sentence needs the model"], str(tmp_path / "absent.ftz"))


def test_segments_tell_the_share_of_each_language(language_model: str) -> None:
    english = "The committee met in the morning and agreed on the budget for the next year. " * 8
    chinese = "委员会上午开会，并就明年的预算达成了一致意见，会议还讨论了其他问题。" * 8
    row = told([f"{english}\n{chinese}\n{english}"], language_model)[0]
    shares = json.loads(row["segments"])
    assert set(shares) == {"en", "zh"} and sum(shares.values()) == pytest.approx(1, abs=1e-3)
    assert shares["en"] > 0.6 and row["segment_share"] == shares[row["label"]]


def test_chinese_prose_stays_chinese_among_code(language_model: str) -> None:
    code = "\n".join(f"SELECT column_{number} FROM table_{number} WHERE id = {number};" for number in range(40))
    row = told(
        [f"# 查询示例\n\n下面的语句展示了如何从表中读取数据，并按照编号过滤结果。\n\n```sql\n{code}\n```\n"],
        language_model,
    )[0]
    assert (row["label"], row["script"], row["method"]) == ("zh", "Hans", "prose")


def test_accuracy_on_the_gold_documents_of_200_characters_and_more(
    language_model: str, corpora_rows: Callable[[str], list[dict[str, Any]]]
) -> None:
    texts, languages = [], []
    for row in corpora_rows("zh_en/fastapi_docs_multilang"):
        texts += row["texts"].values()
        languages += row["texts"].keys()
    for name in ("zh_en/vue_docs", "zh_en/d2l_en_zh_math"):
        for row in corpora_rows(name):
            texts += [row["en"], row["zh"]]
            languages += ["en", "zh"]
    for row in corpora_rows("long/zh_laws"):
        texts.append(row["text"])
        languages.append("zh")
    found = told(texts, language_model)
    long = [place for place, text in enumerate(texts) if len(text) >= 200]
    right = [found[place]["label"] == languages[place].split("-")[0] for place in long]
    assert sum(right) / len(right) >= 0.999
    for place in long:
        if languages[place] in ("zh", "zh-hant"):
            assert found[place]["script"] == ("Hant" if languages[place] == "zh-hant" else "Hans")


def test_measures_stay_when_documents_are_permuted_and_batches_joined(
    language_model: str, gold_texts: list[str]
) -> None:
    texts: list[str | None] = list(gold_texts[:120])
    whole = told(texts, language_model)
    assert told(texts[::-1], language_model) == whole[::-1]
    assert told(texts[:50], language_model) + told(texts[50:], language_model) == whole


ENGLISH = "The committee met in the morning and agreed on the budget for the next year, as it had been asked to do. "


@pytest.mark.parametrize(
    "form",
    [
        str.upper,
        lambda text: text.replace(" ", "\u00a0"),
        lambda text: text.replace(" ", "\u2003"),
        lambda text: f"<div class='a b'><p>{text}</p></div>" * 2,
        lambda text: (
            f"{text}\n\n```\nxs = [zorg(q) for q in kru]\n```\n\n`kvart()` and `zzglop`, see https://kxq.example/ahoj/svet"
        ),
        lambda text: "\n".join(f"| {word} | {word} |" for word in text.split()),
        lambda text: f"{text} kontakt@beispiel.example.org",
    ],
)
def test_a_text_is_known_in_whatever_form_it_is_written(language_model: str, form: Callable[[str], str]) -> None:
    (row,) = told([form(ENGLISH * 3)], language_model)
    assert row["label"] == "en" and row["certainty"] >= 0.65


def test_prose_behind_the_end_of_a_block_of_code_is_read_and_not_taken_for_code(language_model: str) -> None:
    code = "        self.zorg = kru(qpl=vz)\n        gib(mnu[0, :], wrt)\n" * 3
    ends, begins = f"{code}```\n\n{ENGLISH}", f"{ENGLISH}\n\n```\n{code}"
    for row in told([ends, begins, f"{ENGLISH}\n```python\n{code}"], language_model):
        assert row["label"] == "en" and row["certainty"] >= 0.65


def test_a_page_of_two_languages_is_certain_of_both_and_debris_of_none(language_model: str) -> None:
    french = "Le comité s'est réuni le matin et a approuvé le budget de l'année prochaine, comme on le lui demandait. "
    bilingual, debris = told(
        [f"{ENGLISH * 4}\n{french * 4}\n" * 3, "xq zt wrk bl 77 qpl mm zz vv kk tt " * 20], language_model
    )
    assert set(json.loads(bilingual["segments"])) == {"en", "fr"} and bilingual["certainty"] > 0.9
    assert debris["certainty"] < 0.65
