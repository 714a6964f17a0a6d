"""What TeX doesn't read as TeX: comments, and text that stands verbatim."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

from winnow.formats.markup.listings import (
    DECLARATION,
    LISTINGS,
    PREAMBLE,
    Listing,
    Listings,
    declared,
    fenced,
    listing,
    shown,
)

INLINE = (
    r"\\(?:verb\*?|lstinline(?:\[[^\[\]\n]*\])?|mint(?:inline)?(?:\[[^\[\]\n]*\])?\{[^{}\n]*\})"
    r"(?P<sign>[^A-Za-z0-9\s*{])(?P<inline>.{0,1000}?)(?P=sign)"
)
_BRACED = r"\{(?P<%s>(?:[^{}\n]|\{(?:[^{}\n]|\{[^{}\n]*\})*\})*)\}"
BRACED_CODE = r"\\(?:lstinline|mint(?:inline)?(?:\[[^\[\]\n]*\])?\{[^{}\n]*\})(?:\[[^\[\]\n]*\])?" + _BRACED % "braced"
ADDRESS = (
    r"\\(?:url|nolinkurl|path)\s*" + _BRACED % "address" + r"|\\href\s*(?:\[[^\[\]\n]*\]\s*)?" + _BRACED % "target"
)
ESCAPED = re.compile(r"\\([%#_&~{}])(?:\{\})?")
OPTIONS = r"(?:\[(?:[^\[\]{}]|\{[^{}]*\})*\])?(?:\{[^{}\n]*\}){0,3}"
COMMENT = r"[^\n]*(?:\n(?![ \t]*\n)[ \t]*)?"  # behind its sign
LAST_GROUP = re.compile(r"\{([^{}]*)\}$")


@lru_cache(maxsize=64)
def _pattern(names: frozenset[str]) -> re.Pattern[str]:
    """In the order of the source, so that a comment in a listing is the listing's and a listing in a comment is none.

    Each of its ways begins with `\\` or `%`, outside of any group: what `re` then looks for before it tries them.
    """
    listings = "|".join(map(re.escape, sorted(names)))
    return re.compile(
        rf"{INLINE}|{BRACED_CODE}|{ADDRESS}"
        rf"|\\begin\{{(?P<name>{listings})\}}(?P<options>(?>{OPTIONS}))(?![ \t]*\}})|\\[\\%]|%(?P<comment>{COMMENT})"
    )


def without_comments(source: str) -> str:
    r"""The source with its comments taken out as TeX does; `\%` stays, and what stands verbatim."""
    return "".join(text for text, _ in parts(source))


def tex(source: str, listings: Listings | None = None) -> str:
    """The source without comments and what stands verbatim."""
    return "".join(text for text, code in parts(source, listings) if code is None)


def listings_of(sources: Iterable[str]) -> dict[str, Listing]:
    """The environments for listings that these sources declare, or use as such."""
    found: dict[str, Listing] = {}
    for source in sources:
        if DECLARATION.search(source) or PREAMBLE.search(source):
            bare = tex(source)
            found = {**shown(bare), **declared(bare), **found}
    return found


def without_verbatim(source: str, keep: Callable[[str], str], listings: Listings) -> str:
    """The source without comments; what stands verbatim is what `keep` returns for it as Markdown."""
    return "".join(text if code is None else keep(code) for text, code in parts(source, listings))


def parts(source: str, listings: Listings | None = None) -> Iterator[tuple[str, str | None]]:
    """The source in pieces, comments left out: TeX with None, and what stands verbatim with the same as Markdown.

    `listings` are environments that the document declares, beside those that packages bring.
    """
    source = source.replace("\r\n", "\n")
    known = {**LISTINGS, **(listings or {})}
    pattern = _pattern(frozenset(known))
    position = start = 0
    unclosed: set[str] = set()
    while (found := pattern.search(source, position)) is not None:
        position = found.end()
        name = found["name"]
        if found["comment"] is not None:
            yield source[start : found.start()], None
            start = position
        elif found["sign"] is not None:
            yield source[start : found.start()], None
            yield found[0], f"`{found['inline']}`"
            start = position
        elif found["braced"] is not None or found["address"] is not None:
            yield source[start : found.start()], None
            yield found[0], f"`{found['braced']}`" if found["address"] is None else ESCAPED.sub(r"\1", found["address"])
            start = position
        elif found["target"] is not None:
            yield source[start : found.start()], None
            yield re.sub(r"(?<!\\)%", r"\\%", found[0]), None
            start = position
        elif name is not None and name not in unclosed:
            stop = source.find(closing := f"\\end{{{name}}}", position)
            if stop < 0:
                unclosed.add(name)
                continue
            yield source[start : found.start()], None
            start = stop + len(closing)
            code = source[position:stop].strip("\n")
            yield source[found.start() : start], f"\n\n{fenced(code, _kind(name, found['options'], known[name]))}\n\n"
            position = start
    yield source[start:], None


def _kind(name: str, options: str, declared_as: Listing) -> Listing:
    """What is known of one listing; minted names the language in its last group."""
    if name.startswith("minted") and (language := LAST_GROUP.search(options)):
        options += f" language={language[1]}"
    return listing(options, declared_as)
