"""Hits side by side: what the benchmark says, and what the document says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap

import pyarrow as pa

from winnow.stages.decontaminate.steps import ENTRIES
from winnow.stages.run.workspace import Workspace

CONTEXT = 60
"""Bytes of the document shown before and after the span."""


def review(
    workspace: Workspace, parts: Sequence[str] = (), *, benchmark: str | None = None, limit: int = 20, width: int = 120
) -> Iterator[str]:
    """Blocks of text, one per hit: a title line, then the item's text on the left and the document's on the right.

    Of all parts when none is named; the span of the document stands between `⟦` and `⟧`.
    """
    names = [f"contamination/{part}.parquet" for part in parts] or workspace.list("contamination", ".parquet")
    entries = workspace.read_table(ENTRIES, columns=["text"])["text"]
    left = limit
    for name in names:
        hits = workspace.read_table(name)
        if benchmark is not None:
            hits = hits.filter(pa.array([value == benchmark for value in hits["benchmark"].to_pylist()], pa.bool_()))
        hits = hits.slice(0, left)
        if not hits.num_rows:
            continue
        left -= hits.num_rows
        documents = f"documents/{name.rsplit('/', 1)[-1]}"
        texts = workspace.read_table(documents, columns=["text"])["text"].take(hits["row"]).to_pylist()
        for hit, text in zip(hits.to_pylist(), texts, strict=True):
            kind = f"{hit['kind']}{', other numbers' if hit['altered'] else ''}"
            title = f"{hit['benchmark']} {hit['item']} {hit['field']} ({kind})"
            yield "\n".join(
                [
                    f"{title} · overlap {hit['overlap']:.2f} ≥ {hit['threshold']:g} · document {hit['id']}",
                    *side_by_side(entries[hit["entry"]].as_py(), _excerpt(text, hit["start"], hit["end"]), width),
                ]
            )


def side_by_side(left: str, right: str, width: int) -> Iterator[str]:
    """Two texts in two columns of a page of `width` characters; wide characters count for two."""
    column = (width - 3) // 2
    one, other = _lines(left, column), _lines(right, column)
    for at in range(max(len(one), len(other))):
        here, there = (lines[at] if at < len(lines) else "" for lines in (one, other))
        yield f"{here}{' ' * (column - _columns(here))} │ {there}"


def _lines(text: str, column: int) -> list[str]:
    lines = []
    for line in text.splitlines():
        dense = _columns(line) > len(line)
        lines += wrap(line, column // 2 if dense else column, break_long_words=True) or [""]
    return lines


def _columns(text: str) -> int:
    from unicodedata import east_asian_width

    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


def _excerpt(text: str, start: int, end: int) -> str:
    data = text.encode()
    before, inside, after = data[max(0, start - CONTEXT) : start], data[start:end], data[end : end + CONTEXT]
    return f"{before.decode(errors='ignore')}⟦{inside.decode(errors='ignore')}⟧{after.decode(errors='ignore')}"
