"""What TeX doesn't read as TeX: comments, and text that stands verbatim."""

from __future__ import annotations

import re
from collections.abc import Callable

COMMENT = re.compile(r"(?<!\\)((?:\\\\)*)%[^\n]*(\n[ \t]*)?")
WHOLE_LINE_COMMENT = re.compile(r"^[ \t]*%[^\n]*\n", re.MULTILINE)
VERBATIM = re.compile(r"\\begin\{(verbatim\*?|lstlisting|minted|Verbatim|alltt)\}(?:\[[^\[\]]*\])?(?:\{[^{}\n]*\})?")
INLINE_VERBATIM = re.compile(r"\\(?:verb\*?|lstinline)([^A-Za-z0-9\s*{])(.{0,1000}?)\1")


def without_comments(source: str) -> str:
    """The source with its comments taken out as TeX does; `\\%` stays."""
    source = WHOLE_LINE_COMMENT.sub("", source.replace("\r\n", "\n"))
    return COMMENT.sub(lambda found: found[1], source) if "%" in source else source


def without_verbatim(source: str, keep: Callable[[str], str]) -> str:
    """The source with what stands verbatim given to `keep`, as Markdown, and what that returns in its place."""
    parts: list[str] = []
    position = 0
    unclosed: set[str] = set()
    for found in VERBATIM.finditer(source):
        closing = f"\\end{{{found[1]}}}"
        if found.start() < position or closing in unclosed:
            continue
        stop = source.find(closing, found.end())
        if stop < 0:
            unclosed.add(closing)
            continue
        code = source[found.end() : stop].strip("\n")
        parts += [source[position : found.start()], keep(f"\n\n```\n{code}\n```\n\n")]
        position = stop + len(closing)
    source = "".join([*parts, source[position:]])
    return INLINE_VERBATIM.sub(lambda found: keep(f"`{found[2]}`"), source)
