"""LaTeX → Markdown with formulas in `$…$` and `$$…$$`: what a paper says, without what only typesets it.

Comments go, simple macros are expanded, sections become headings, theorems keep their name and text, lists and
footnotes stay as text, formulas stay LaTeX exactly as they render (labels taken out). The bibliography, figures without
their captions and layout commands are dropped. Unknown commands lose their name and keep the text of their arguments.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from winnow.formats.markup import algorithm2e
from winnow.formats.markup.commands import (
    BOXES,
    CITATION,
    DROPPED_ARGUMENT,
    NOTES,
    REFERENCES,
    SECTIONS,
    STYLES,
    THEOREMS,
)
from winnow.formats.markup.conditionals import chosen
from winnow.formats.markup.listings import Listings
from winnow.formats.markup.macros import Macro, expand, take_macros
from winnow.formats.markup.skipping import argument_of
from winnow.formats.markup.typesetting import Writer, one_line
from winnow.formats.markup.verbatim import listings_of, without_verbatim

DOCUMENT = re.compile(r"\\begin\{document\}(.*?)(?:\\end\{document\}|\Z)", re.DOTALL)
NEW_THEOREM = re.compile(r"\\newtheorem\*?\{(\w+\*?)\}(?:\[\w+\])?\{([^}]+)\}")
UNEXPANDED = {*SECTIONS, *DROPPED_ARGUMENT, *REFERENCES, *STYLES, *BOXES, *NOTES}
"""Commands whose meaning is known; what a class makes of them is layout."""


@dataclass(frozen=True)
class Paper:
    """What was read of one LaTeX document."""

    text: str
    title: str | None


def read_latex(source: str, inherited: Mapping[str, Macro] | None = None, listings: Listings | None = None) -> Paper:
    """One document, its files already joined.

    `inherited` are macros defined elsewhere (a book's shared preamble), `listings` environments declared there.
    """
    kept: list[str] = []

    def keep(code: str) -> str:
        kept.append(code.strip("\n"))
        mark = f"\ue000{len(kept) - 1}\ue001"
        return f"\n\n{mark}\n\n" if code.startswith("\n") else mark

    source = source.replace("\ue000", "").replace("\ue001", "")
    source = without_verbatim(source, keep, {**(listings or {}), **listings_of([source])})
    source = chosen(source)
    theorems = {**THEOREMS, **dict(NEW_THEOREM.findall(source))}
    source, macros = take_macros(source)
    macros = {**(inherited or {}), **macros}
    source = expand(source, {name: macro for name, macro in macros.items() if not _is_known(name)})
    title = argument_of(source, "title")
    body = DOCUMENT.search(source)
    plain = Writer(theorems)
    writer = Writer(theorems, algorithm2e.keywords(source, lambda words: one_line(plain.convert(words))))
    heading = f"# {one_line(plain.convert(title))}\n\n" if title and body and title.strip() else ""
    text = heading + writer.convert(body[1] if body else source)
    text = re.sub("\ue000(\\d+)\ue001", lambda found: kept[int(found[1])], _tidy(text))
    return Paper(text, _plain_title(heading, text))


def _is_known(command: str) -> bool:
    return command in UNEXPANDED or CITATION.match(command) is not None


def _plain_title(heading: str, text: str) -> str | None:
    match = re.match(r"# (.+)", heading) or re.search(r"^#{1,2} (.+)$", text, re.MULTILINE)
    return one_line(re.sub(r"[*`]+", "", match[1])) if match else None


def _tidy(text: str) -> str:
    text = re.sub(r"^ (?=\S)", "", text, flags=re.MULTILINE)  # lists are indented by two or more
    lines = [re.sub(r"(?<=\S)[ \t]+", " ", line).rstrip() for line in text.split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"
