"""Language consistency on the project's own labelled sentences, and the measures of whole documents."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from winnow.filters.consistency import judged_sentences, measure

LABELLED = [
    json.loads(line)
    for line in Path(__file__).with_name("consistency_sentences.jsonl").read_text("utf-8").splitlines()[1:]
]


def is_mixed(sentence: str) -> bool:
    return any(mixed for _, mixed in judged_sentences(sentence))


@pytest.mark.parametrize(("part", "accuracy"), [("development", 0.99), ("held_out", 0.98)])
def test_labelled_sentences_are_told_apart(part: str, accuracy: float) -> None:
    rows = [row for row in LABELLED if row["set"] == part]
    right = sum(is_mixed(row["text"]) == row["mixed"] for row in rows)
    assert right / len(rows) >= accuracy


def test_the_labelled_set_has_three_hundred_sentences_of_both_kinds() -> None:
    mixed = sum(row["mixed"] for row in LABELLED)
    assert len(LABELLED) >= 300 and 0.4 < mixed / len(LABELLED) < 0.6


def test_a_document_is_measured_by_the_share_of_its_mixed_sentences() -> None:
    mixed = "机器学习 is a subset of AI that focuses on learning from data."
    proper = "我们使用 Docker 部署服务，并把日志写入 Elasticsearch。"
    fenced = f"示例如下：\n```\n# 打印 the value of the field\n{mixed}\n```\n就是这样。"
    table = measure(
        pa.table({"text": pa.array([mixed, proper, f"{proper}\n{mixed}", fenced, "", None], pa.large_string())})
    )
    assert table["consistency.mixed"].to_pylist() == [1, 0, 1, 0, 0, 0]
    shares = table["consistency.mixed_share"].to_pylist()
    assert (
        shares[0] == pytest.approx(1, abs=0.02) and shares[1] == 0 and 0.3 < shares[2] < 0.8 and shares[3:] == [0, 0, 0]
    )


def test_professional_chinese_manuals_hardly_ever_count_as_mixed(corpora_rows) -> None:  # type: ignore[no-untyped-def]
    texts = [row["zh"] for row in corpora_rows("zh_en/vue_docs")] + [
        row["text"] for row in corpora_rows("zh_en/tidb_docs_cn")
    ]
    shares = measure(pa.table({"text": pa.array(texts, pa.large_string())}))["consistency.mixed_share"].to_pylist()
    assert sum(share > 0.02 for share in shares) / len(shares) <= 0.005
