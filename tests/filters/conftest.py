"""Real texts that recipes are tried on, and tables of documents."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import zstandard

from winnow.filters.measure import measure
from winnow.filters.recipes import Recipe
from winnow.stages.decide import Application, decide


@pytest.fixture(scope="session")
def documents() -> Callable[[list[str]], pa.Table]:
    """Makes a table of documents of the given texts."""

    def table(texts: list[str]) -> pa.Table:
        numbers = [str(number) for number in range(len(texts))]
        columns = {"id": pa.array(numbers, pa.string()), "source": pa.array(["test"] * len(texts), pa.string())}
        return pa.table({**columns, "text": pa.array(texts, pa.large_string())})

    return table


@pytest.fixture(scope="session")
def rejected() -> Callable[[pa.Table, Recipe], dict[int, str]]:
    """Measures documents by one recipe and decides: the rule that each rejected row breaks."""

    def decided(table: pa.Table, recipe: Recipe) -> dict[int, str]:
        attributes = measure(table, [recipe]).append_column("id", table["id"]).append_column("source", table["source"])
        drops = decide(attributes, [Application(recipe=recipe)]).to_pylist()
        return {drop["row"]: drop["rule"].partition(".")[2] for drop in drops}

    return decided


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as stream:
        for line in io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(stream), "utf-8"):
            yield json.loads(line)


@pytest.fixture(scope="session")
def english(corpora: Path) -> list[str]:
    """160 English documents and 100 short cuts of them."""
    texts = [row["text"] for row in read_rows(corpora / "long/rust_rfcs_en.jsonl.zst")][::8]
    texts += [
        row[level]
        for row in read_rows(corpora / "quality/onestop_english_levels.jsonl.zst")
        for level in ("adv", "ele")
    ][:80]
    return texts + [text[700:1400] for text in texts[:100]]


@pytest.fixture(scope="session")
def chinese(corpora: Path) -> list[str]:
    """60 Chinese documents: manuals, statutes, textbook chapters, classics; long ones cut."""
    texts = [row["text"] for row in read_rows(corpora / "zh_en/tidb_docs_cn.jsonl.zst")][:250:10]
    texts += [row["text"] for row in read_rows(corpora / "long/zh_laws.jsonl.zst")][:150:10]
    texts += [row["zh"] for row in read_rows(corpora / "zh_en/d2l_en_zh_math.jsonl.zst")][:50:5]
    texts += [
        row["sections"][9]["text"]
        for row in read_rows(corpora / "long/zh_classics.jsonl.zst")
        if len(row["sections"]) > 9
    ]
    return [text[:6000] for text in texts]


@pytest.fixture(scope="session")
def corpora_rows(corpora: Path) -> Callable[[str], list[dict[str, Any]]]:
    """The rows of a gold set, by its path without the ending: `zh_en/vue_docs`."""
    return lambda name: list(read_rows(corpora / f"{name}.jsonl.zst"))


@pytest.fixture(scope="session")
def language_model() -> str:
    """The path of lid.176.ftz: `WINNOW_LID`, else where set-up puts it; the test is skipped without it."""
    path = Path(os.environ.get("WINNOW_LID", Path(__file__).parents[2] / "data" / "models" / "lid.176.ftz"))
    if not path.is_file():
        pytest.skip("language model not found: run the set-up, or set WINNOW_LID to the path of lid.176.ftz")
    return str(path)


@pytest.fixture(scope="session")
def gold_texts(corpora_rows: Callable[[str], list[dict[str, Any]]]) -> list[str]:
    """Some 15,000 short and long texts in 380 variants of language and script."""
    texts = [paragraph for row in corpora_rows("langid/udhr_firsthalf") for paragraph in row["paragraphs"]]
    texts += [row["text"] for row in corpora_rows("langid/tldr_pages")]
    texts += [text for row in corpora_rows("zh_en/fastapi_docs_multilang") for text in row["texts"].values()]
    return texts
