"""Spam planted in good Chinese pages, and good pages left alone.

    python -m benchmarks.spam_passages

Good are pages of books, statutes, manuals and a textbook. The spam is made, as in `labelled`, from phrases whose author knew
the list of words. The bound was set on Vue's manual, statutes, the first 200 pages of TiDB's and d2l, and on paragraphs of
six such lines.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import pyarrow as pa

from benchmarks.gold import pages, rows
from benchmarks.labelled import SPAM
from winnow.filters.spam_passages import RECIPES, measure

PAGES, LINES = 200, (3, 6, 12)


def dropped(texts: Sequence[str]) -> int:
    table = pa.table({"text": pa.chunked_array([pa.array(texts, pa.large_string())])})
    (rule,) = RECIPES[0].rules
    return sum(share > rule.maximum for share in measure(table)[rule.measure].to_pylist())


def main() -> None:
    every = pages("zh", ("web/oiwiki_zh_math_html_md",))
    catalogues = ["\n".join(entry["zh"] for entry in row["entries"]) for row in rows("zh_en/python_docs_po")]
    for name, texts in {
        "pages of books, statutes, manuals": every,
        "Python's documentation": catalogues,
        "TiDB's manual, behind page 200": [row["text"] for row in rows("zh_en/tidb_docs_cn")][200:],
    }.items():
        print(f"{name:36} {dropped(texts):4} of {len(texts):5} dropped")
    draw = random.Random(7)
    base = [page for page in every if len(page) > 1500][:PAGES]
    for lines in LINES:
        spoilt = []
        for page in base:
            spam = "\n".join(draw.choice(SPAM["zh"]) for _ in range(lines))
            spoilt.append(f"{page[: len(page) // 2]}\n{spam}\n{page[len(page) // 2 :]}")
        print(f"{f'the same with {lines} lines of spam':36} {dropped(spoilt):4} of {len(spoilt):5} dropped")


if __name__ == "__main__":
    main()
