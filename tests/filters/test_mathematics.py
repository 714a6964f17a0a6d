"""Mathematics: formulas by hand and on sets whose formulas are known, well-formedness, OpenWebMath's rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from winnow.filters.mathematics import RECIPES, measure

OPENWEBMATH = next(recipe for recipe in RECIPES if recipe.name == "openwebmath")


def told(*texts: str | None) -> list[dict[str, Any]]:
    rows = measure(pa.table({"text": pa.array(texts, pa.large_string())})).to_pylist()
    return [{name.removeprefix("mathematics."): value for name, value in row.items()} for row in rows]


@pytest.mark.parametrize(
    ("text", "formulas", "well_formed"),
    [
        ("it costs $5 and $6 today", 0, None),
        ("let $x^2$ be \\$5", 1, 1.0),
        ("$$y=\\frac{1}{2}$$ and \\(a\\) and \\[b\\]", 3, 1.0),
        ("\\[ b \\left( c \\]", 1, 0.0),
        ("\\[ b \\left( c \\right) \\leftarrow d \\]", 1, 1.0),
        ("$\\frac{1}{2$ x", 1, 0.0),
        ("$}{$", 1, 0.0),
        ("$\\{ x \\}$", 1, 1.0),
        ("\\begin{align}a&=b\\\\ \\begin{matrix}1\\end{matrix}\\end{align}", 1, 1.0),
        ("\\begin{itemize}\\item a\\end{itemize}", 0, None),
        ("\\[ never closes\n\nnext paragraph", 0, None),
        ("设$x$为实数，则$x^2\\ge0$。", 2, 1.0),
        ("", 0, None),
        (None, 0, None),
    ],
)
def test_formulas_are_found_and_judged(text: str | None, formulas: int, well_formed: float | None) -> None:
    row = told(text)[0]
    assert (row["formulas"], row["well_formed"]) == (formulas, well_formed)


def test_density_is_the_share_of_characters_in_formulas() -> None:
    row = told("ab $x$ 中文")[0]
    assert row["density"] == pytest.approx(3 / 9)


def test_formulas_of_chinese_pages_are_those_their_markdown_lists(
    corpora_rows: Callable[[str], list[dict[str, Any]]],
) -> None:
    rows = corpora_rows("web/oiwiki_zh_math_html_md")
    found = told(*(row["source_md"] for row in rows))
    known = sum(row["n_formulas_md"] for row in rows)
    apart = sum(abs(mine["formulas"] - row["n_formulas_md"]) for mine, row in zip(found, rows, strict=True))
    assert known > 20_000 and apart / known <= 0.015  # the rest: dollars in code blocks, which the set leaves out


def test_published_textbooks_are_well_formed(corpora_rows: Callable[[str], list[dict[str, Any]]]) -> None:
    rows = told(*(row["zh"] for row in corpora_rows("zh_en/d2l_en_zh_math")))
    formulas = sum(row["formulas"] for row in rows)
    assert sum((row["well_formed"] or 0) * row["formulas"] for row in rows) / formulas >= 0.995


def test_openwebmath_keeps_and_drops_as_published(rejected: Callable[[pa.Table, object], dict[int, str]]) -> None:
    prose = "A page of plain words about the weather in the hills, which goes on for a good while. " * 3
    texts = {
        prose + "\\frac{a}{b}": None,
        prose + '<span class="tex">x</span>': None,
        prose: "found",
        "$x$": "characters",
        prose + "$x$ " + "é" * 30: "accented",
    }
    table = pa.table({"id": list("abcde"), "source": ["web"] * 5, "text": pa.array(list(texts), pa.large_string())})
    broken = rejected(table, OPENWEBMATH)
    assert [broken.get(row) for row in range(5)] == list(texts.values())
