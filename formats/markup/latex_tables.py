"""Tables of LaTeX: the body of a `tabular` as rows of cells, and rows as a Markdown table.

Rules and the commands that only a repeated head needs are dropped; what spans columns stays in its first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

TABULARS = {
    "tabular": 1,
    "tabular*": 2,
    "tabularx": 2,
    "tabulary": 2,
    "longtable": 1,
    "supertabular": 1,
    "xltabular": 2,
    "deluxetable": 1,
    "deluxetable*": 1,
}
"""How many groups stand before the body: the width where there is one, and the columns."""

RULE = re.compile(
    r"\\(?:hline|(?:sphinx)?(?:top|mid|bottom)rule|addlinespace)(?![A-Za-z])(?:\[[^\[\]]*+\])?+"
    r"|\\(?:cline|cmidrule|hhline|noalign)\s*+(?:\([^()]*+\))?+\s*+\{[^{}]*+\}"
)
SPAN = re.compile(r"^\s*\\multicolumn\s*\{\s*(\d{1,2})\s*\}\s*\{(?:[^{}]|\{[^{}]*\})*\}\s*\{(.*)\}\s*$", re.DOTALL)
ROWS = re.compile(
    r"^\s*+\\multirow\s*+(?:\[[^\]]*+\])?+\s*+\{[^{}]*+\}\s*+(?:\[[^\]]*+\])?+\s*+\{[^{}]*+\}\s*+\{(.*)\}\s*+$",
    re.DOTALL,
)
PAGES = re.compile(r"\\(endfirsthead|endhead|endfoot|endlastfoot)(?![A-Za-z])")
PART = re.compile(
    r"\\begin\s*\{|\\end\s*\{|\\\\\*?+(?:[ \t]*+\[[^\[\]\n]*+\])?+|\\tabularnewline(?![A-Za-z])|\\[\s\S]|[{}&]"
)


def cells(body: str) -> list[list[str]]:
    """The rows of a body, each a list of cells in LaTeX; what is nested in braces or environments stays whole."""
    rows: list[list[str]] = []
    row: list[str] = []
    start = braces = environments = 0
    body = RULE.sub("", _unpaged(body))
    for match in PART.finditer(body):
        sign = match[0]
        if sign.startswith((r"\begin", r"\end")):
            environments = max(environments + (1 if sign.startswith(r"\begin") else -1), 0)
            braces += 1
        elif sign in "{}":
            braces = max(braces + (1 if sign == "{" else -1), 0)
        elif not braces and not environments and (sign == "&" or sign.startswith((r"\\", r"\tabularnewline"))):
            row += _spread(body[start : match.start()])
            start = match.end()
            if sign != "&":
                rows.append(row)
                row = []
    rows.append([*row, *_spread(body[start:])])
    return [row for row in rows if any(cell.strip() for cell in row)]


def _unpaged(body: str) -> str:
    """A table of many pages without the head and foot that it repeats on each: what a mark ends is one of them."""
    *marked, rest = PAGES.split(body)
    parts = dict(zip(marked[1::2], marked[::2], strict=True))
    return parts.get("endfirsthead", parts.get("endhead", "")) + rest + parts.get("endlastfoot", "")


def _spread(cell: str) -> Iterator[str]:
    """A cell, and empty ones for the further columns it spans."""
    span = SPAN.match(cell)
    if span:
        cell = span[2]
    tall = ROWS.match(cell)
    yield tall[1] if tall else cell
    yield from [""] * (int(span[1]) - 1 if span else 0)


def markdown_table(rows: Sequence[Sequence[str]]) -> str:
    """Rows of text as a Markdown table, the first its head; a table of one column only set lines apart, and gives lines."""
    flat = [[" ".join(cell.split()) for cell in row] for row in rows]
    width = max((len(row) for row in flat), default=0)
    if width < 2:
        return "\n".join(cell for row in flat for cell in row)
    lines = []
    for row in flat:
        full = [cell.replace("|", r"\|") for cell in row] + [""] * (width - len(row))
        lines.append(f"| {' | '.join(full)} |")
    lines.insert(1, "|" + " --- |" * width)
    return "\n".join(lines)
