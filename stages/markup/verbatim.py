"""What TeX doesn't read as TeX: comments, and text that stands verbatim."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

PART = re.compile(
    r"\\(?:verb\*?|lstinline(?:\[[^\[\]\n]*\])?)(?P<sign>[^A-Za-z0-9\s*{])(?P<inline>.{0,1000}?)(?P=sign)"
    r"|\\begin\{(?P<name>verbatim\*?|lstlisting|minted|Verbatim|alltt)\}(?P<options>(?:\[[^\[\]]*\])?(?:\{[^{}\n]*\})?)"
    r"|\\[\\%]"
    r"|(?P<comment>%[^\n]*(?:\n(?![ \t]*\n)[ \t]*)?)"
)
"""In the order of the source, so that a comment in a listing is the listing's and a listing in a comment is none."""


def without_comments(source: str) -> str:
    r"""The source with its comments taken out as TeX does; `\%` stays, and what stands verbatim."""
    return "".join(text for text, _ in parts(source))


def without_verbatim(source: str, keep: Callable[[str], str]) -> str:
    """The source without comments; what stands verbatim is what `keep` returns for it as Markdown."""
    return "".join(text if code is None else keep(code) for text, code in parts(source))


def parts(source: str) -> Iterator[tuple[str, str | None]]:
    """The source in pieces, comments left out: TeX with None, and what stands verbatim with the same as Markdown."""
    source = source.replace("\r\n", "\n")
    position = start = 0
    unclosed: set[str] = set()
    while (found := PART.search(source, position)) is not None:
        position = found.end()
        name = found["name"]
        if found["comment"] is not None:
            yield source[start : found.start()], None
            start = position
        elif found["sign"] is not None:
            yield source[start : found.start()], None
            yield found[0], f"`{found['inline']}`"
            start = position
        elif name is not None and name not in unclosed:
            stop = source.find(closing := f"\\end{{{name}}}", position)
            if stop < 0:
                unclosed.add(name)
                continue
            yield source[start : found.start()], None
            start = stop + len(closing)
            code = source[position:stop].strip("\n")
            yield source[found.start() : start], f"\n\n```\n{code}\n```\n\n"
            position = start
    yield source[start:], None
