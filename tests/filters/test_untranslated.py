"""Pages that are half translated, by the catalogues that tell which entries are; bilingual and Chinese pages stay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest

from winnow.filters.untranslated import RECIPES, is_english, measure

(RULE,) = RECIPES[0].rules
CHINESE = "本节介绍如何在集群中部署服务，并说明每一个配置项的含义和默认值。"
ENGLISH = "This section explains how to deploy the service in a cluster and what each of the settings means."


def shares(texts: Sequence[str | None]) -> list[float]:
    found: list[float] = measure(pa.table({"text": pa.array(texts, pa.large_string())}))[
        "untranslated.share"
    ].to_pylist()
    return found


def test_english_beside_its_translation_does_not_count_and_without_it_does() -> None:
    half = "\n\n".join([CHINESE, CHINESE, ENGLISH, ENGLISH])
    pairs = "\n\n".join([ENGLISH, CHINESE] * 4)
    wrapped = "\n\n".join([ENGLISH.replace(" the ", "\nthe ") + "\n" + CHINESE] * 4)
    weight = 3 * sum("\u4e00" <= sign <= "\u9fff" for sign in CHINESE)
    found = shares([half, pairs, wrapped, CHINESE, ENGLISH, "", None])
    assert found[0] == pytest.approx(len(ENGLISH) / (len(ENGLISH) + 2 * weight))  # the first has a neighbour
    assert found[1:] == [0, 0, 0, 0, 0, 0]


def test_code_names_and_figures_are_no_prose() -> None:
    code = f"{CHINESE}\n\n```python\n# This is what the function does when it is called with the name of a file\n```\n"
    assert shares([code]) == [0]
    assert not is_english("SELECT name, age, city, street, number, code FROM people WHERE age > 30 AND city = 7")
    assert not is_english("`it is the name of a function that is called` — 12 × 4")
    assert is_english(ENGLISH)


def test_pages_of_real_catalogues_are_told_by_what_is_missing_in_them(corpora_rows: Any) -> None:
    pages = [row["entries"] for row in corpora_rows("zh_en/python_docs_po") if len(row["entries"]) >= 20][:80]
    told = [[entry for entry in entries if entry["zh"] and not entry["fuzzy"]] for entries in pages]
    whole = ["\n\n".join(entry["zh"] for entry in entries) for entries in told]
    half = [
        "\n\n".join(entry["en" if at % 8 < 4 else "zh"] for at, entry in enumerate(entries)) for entries in told
    ]  # four untranslated entries, four translated ones
    both = ["\n\n".join(f"{entry['en']}\n{entry['zh']}" for entry in entries) for entries in told]

    def dropped(texts: Sequence[str]) -> float:
        return sum(share > RULE.maximum for share in shares(texts)) / len(texts)

    assert dropped(whole) == 0
    assert dropped(half) >= 0.9
    assert dropped(both) <= 0.05


def test_chinese_manuals_stay(corpora_rows: Any) -> None:
    texts = [row["zh"] for row in corpora_rows("zh_en/vue_docs")]
    texts += [row["text"] for row in corpora_rows("zh_en/tidb_docs_cn") if "---\ntitle" in row["text"][:40]]
    assert len(texts) > 400 and all(share <= RULE.maximum for share in shares(texts))
