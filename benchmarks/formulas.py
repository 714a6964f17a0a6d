"""Formulas that survive extraction: each engine with the mathematics path before it, and the plain engines beside.

    python -m benchmarks.formulas               the first 12 of OI-wiki's Chinese pages, rendered by MathJax

Gold are the formulas of each page's Markdown. "All" is the share that stands in `$…$` or `$$…$$` in the output, as often
as in the gold, equal as LaTeX without white space. The plain engines know no delimiters, so "longer" asks for less: that
the characters of a formula of six or more, which the page has once, stand anywhere in the output without white space.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Sequence

import click

from benchmarks.gold import rows
from winnow.formats.html.extraction import Engine, extract

LONGER = 6  # characters: shorter formulas stand in the running text by chance
DELIMITED = re.compile(r"\$\$(.+?)\$\$|\$(.+?)\$", re.DOTALL)

Reader = Callable[[str], str]


def bare(latex: str) -> str:
    return "".join(latex.split())


def trafilatura(page: str) -> str:
    import trafilatura

    return trafilatura.extract(page, include_comments=False, deduplicate=False) or ""


def resiliparse(page: str) -> str:
    from resiliparse.extract.html2text import extract_plain_text

    return str(extract_plain_text(page, main_content=True))


def readers() -> dict[str, Reader]:
    ours: dict[str, Reader] = {engine.value: (lambda page, e=engine: extract(page, engine=e).text) for engine in Engine}
    return {**ours, "trafilatura alone": trafilatura, "resiliparse alone": resiliparse}


def recalls(texts: Sequence[str], gold: Sequence[Counter[str]]) -> tuple[float, float, int]:
    """The shares of all and of the longer formulas that survive, and how many longer ones there are."""
    kept = longer = longer_kept = 0
    for text, wanted in zip(texts, gold, strict=True):
        kept += (wanted & Counter(bare(block or inline) for block, inline in DELIMITED.findall(text))).total()
        chosen = [formula for formula, count in wanted.items() if count == 1 and len(formula) >= LONGER]
        longer += len(chosen)
        longer_kept += sum(formula in bare(text) for formula in chosen)
    return kept / sum(wanted.total() for wanted in gold), longer_kept / max(longer, 1), longer


@click.command(help=__doc__)
@click.option("--pages", default=12)
def main(pages: int) -> None:
    found = rows("web/oiwiki_zh_math_html_md")[:pages]
    gold = [Counter(bare(formula["tex"]) for formula in row["formulas_md"]) for row in found]
    print(f"{len(found)} pages, {sum(wanted.total() for wanted in gold):,} formulas")
    for name, read in readers().items():
        read(found[0]["html"])  # compiles, loads and fills caches
        start = time.process_time()
        texts = [read(row["html"]) for row in found]
        seconds = time.process_time() - start
        every, longer, count = recalls(texts, gold)
        speed = len(found) / seconds
        print(f"{name:18} recall of all {every:.3f}, of {count} longer {longer:.3f} {speed:8.1f} pages/s")


if __name__ == "__main__":
    main()
