"""Tables of reStructuredText, drawn with signs, as Markdown tables: simple (`===  ===`) and grid (`+---+---+`) ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

SIMPLE = re.compile(r"^ *=+(?: +=+)+ *$")
GRID = re.compile(r"^ *\+(?:-+\+)+ *$")
RULE = re.compile(r"^ *(?:\+(?:[-=]+\+)+|=+(?: +=+)+|-+(?: +-+)+) *$")

Inline = Callable[[str], str]


def table_end(lines: Sequence[str], place: int) -> int | None:
    """Where the table that begins in line `place` ends (exclusive), or None when none begins there."""
    line = lines[place]
    if SIMPLE.match(line):
        stop = place + 1
        last = None
        while stop < len(lines):
            if SIMPLE.match(lines[stop]):
                last = stop + 1
                if last == len(lines) or not lines[last].strip():
                    return last
            stop += 1
        return last
    if GRID.match(line):
        stop = place
        while stop < len(lines) and lines[stop].lstrip().startswith(("+", "|")):
            stop += 1
        return stop if stop - place > 2 else None
    return None


def to_markdown_table(lines: Sequence[str], inline: Inline) -> list[str]:
    """The lines of one table as rows of a Markdown table; what spans columns stays in its first."""
    rule = lines[0]
    if SIMPLE.match(rule):
        starts = [match.start() for match in re.finditer(r"=+", rule)]
        rows = _simple_rows(lines, starts)
    else:
        starts = [match.start() + 1 for match in re.finditer(r"\+(?=-)", rule)]
        rows = _grid_rows(lines, starts)
    shown = [f"| {' | '.join(inline(cell.replace('|', '/')) for cell in row)} |" for row in rows if any(row)]
    if shown:
        shown.insert(1, "|" + " --- |" * len(starts))
    return shown


def _cells(line: str, starts: Sequence[int]) -> list[str]:
    stops = [*starts[1:], len(line) + 1]
    return [line[start:stop].strip().strip("|").strip() for start, stop in zip(starts, stops, strict=True)]


def _simple_rows(lines: Sequence[str], starts: Sequence[int]) -> list[list[str]]:
    """A line with an empty first column goes on with the row above."""
    rows: list[list[str]] = []
    for line in lines:
        if RULE.match(line) or not line.strip():
            continue
        cells = _cells(line, starts)
        if rows and not cells[0]:
            rows[-1] = [f"{above} {cell}".strip() for above, cell in zip(rows[-1], cells, strict=True)]
        else:
            rows.append(cells)
    return rows


def _grid_rows(lines: Sequence[str], starts: Sequence[int]) -> list[list[str]]:
    """Lines between two rules are one row."""
    rows: list[list[str]] = []
    fresh = True
    for line in lines:
        if RULE.match(line):
            fresh = True
            continue
        cells = _cells(line, starts)
        if fresh or not rows:
            rows.append(cells)
        else:
            rows[-1] = [f"{above} {cell}".strip() for above, cell in zip(rows[-1], cells, strict=True)]
        fresh = False
    return rows
