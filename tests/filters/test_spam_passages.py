"""Spam in a part of a page is found, laws that name what it sells are left alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from winnow.filters.spam_passages import PASSAGE, RECIPES, measure, passages_of

(RULE,) = RECIPES[0].rules
SPAM = (
    "澳门百家乐真人娱乐，注册送彩金，老虎机开户送现金，六合彩特码资料大全，提现秒到账。"
    "办理高仿文凭，刻章办证，代开发票，无抵押小额贷款，当天放款，加微信咨询客服，包邮包过。"
)


def densest(texts: Sequence[str | None]) -> list[float]:
    table = pa.table({"text": pa.chunked_array([pa.array(texts, pa.large_string())])})
    found: list[float] = measure(table)["spam_passages.densest"].to_pylist()
    return found


def test_a_passage_of_spam_is_found_in_a_page_of_any_length(corpora_rows: Any) -> None:
    pages = [row["zh"] for row in corpora_rows("zh_en/vue_docs") if len(row["zh"]) > 3000][:20]
    spoilt = [page[: len(page) // 2] + "\n" + SPAM * 3 + "\n" + page[len(page) // 2 :] for page in pages]
    assert all(share <= RULE.maximum for share in densest(pages))
    assert all(share > RULE.maximum for share in densest(spoilt))


def test_laws_and_poems_stay(corpora_rows: Any) -> None:
    texts = [row["text"] for row in corpora_rows("long/zh_laws")]
    texts += [str(row) for row in corpora_rows("long/zh_poetry_classics")]
    assert sum(share > RULE.maximum for share in densest(texts)) == 0


def test_a_word_that_news_repeats_is_not_spam() -> None:
    news = "今年住房贷款规模将达一千亿元，各银行均可办理委托贷款业务，贷款期限适当延长，贷款担保方式也将改进。" * 20
    assert densest([news]) == [0]


def test_texts_without_a_passage_have_no_share() -> None:
    assert densest(["", None, "今天天气很好。", "plain English"]) == [0, 0, 0, 0]


@given(st.text(st.sampled_from("赌博。！\n好a "), max_size=900))
def test_passages_are_the_text(text: str) -> None:
    found = list(passages_of(text))
    assert all(len(passage) >= PASSAGE for passage in found[:-1])
    assert text.startswith("".join(found)) and not text[len("".join(found)) :].strip()
