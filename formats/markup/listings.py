"""The environments of LaTeX whose content stands verbatim: those that packages bring, and those a document declares."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from winnow.formats.markup.macros import Source


@dataclass(frozen=True)
class Listing:
    """What is known of an environment: its language, and whether commands in it are read (`commandchars`)."""

    language: str = ""
    commands: bool = False


KNOWN = ("verbatim", "lstlisting", "minted", "Verbatim", "BVerbatim", "LVerbatim", "alltt", "spverbatim", "tcblisting")
LISTINGS = {name: Listing() for plain in KNOWN for name in (plain, f"{plain}*")}

DECLARATION = re.compile(
    r"\\(?:lstnewenvironment|(?:Define|Recustom|Custom)VerbatimEnvironment|(?:re)?newtcblisting|(?:Declare|New)TCBListing)"
    r"\s*+(?:\[[^\[\]]*+\])?+\s*+\{\s*+(?P<listing>[\w-]+\*?)\s*+\}"
    r"|\\newminted\s*+(?:\[\s*+(?P<alias>[\w-]++)\s*+\])?+\s*+\{\s*+(?P<language>[\w+#-]++)\s*+\}"
    r"|\\(?:re)?newenvironment\*?\s*\{\s*(?P<other>[\w-]+\*?)\s*\}"
)
VERBATIM = re.compile(r"\\(?:[Vv]erbatim|lstlisting|minted|alltt|VerbatimEnvironment|begin\s*\{alltt\})(?![A-Za-z])")
PREAMBLE = re.compile(
    r"^[ \t]*\\begin[ \t]*\{(?P<begin>[\w-]+\*?)\}|^[ \t]*\\end[ \t]*\{(?P<end>[\w-]+\*?)\}"
    r"|^[ \t]*\\(?:documentclass|documentstyle|usepackage)(?![A-Za-z])",
    re.MULTILINE,
)
LANGUAGE = re.compile(r"language=\{?(?:\[[^\[\]]*\])?([\w+#-]+)")
BETWEEN = re.compile(r"\s*(?:\[[^\[\]]*\]\s*)*(?=\{)")

COLOURED = re.compile(r"\\(?:[A-Za-z]+Tok|PY\{[^{}]*\})\{((?:[^{}\\]|\\[A-Za-z]+\{\}|\\.)*)\}", re.DOTALL)
ESCAPED = re.compile(r"\\(?:([A-Za-z]+|\^)\{\}|([{}_#$%&\\]))")
SIGNS = {"textbackslash": "\\", "textasciitilde": "~", "textquotesingle": "'", "textgreater": ">", "textless": "<"}
SIGNS |= {"^": "^", "PYZbs": "\\", "PYZus": "_", "PYZob": "{", "PYZcb": "}", "PYZca": "^", "PYZam": "&", "PYZlt": "<"}
SIGNS |= {
    "PYZgt": ">",
    "PYZsh": "#",
    "PYZpc": "%",
    "PYZdl": "$",
    "PYZhy": "-",
    "PYZsq": "'",
    "PYZdq": '"',
    "PYZti": "~",
}
SIGNS |= {"PYZat": "@", "PYZlb": "[", "PYZrb": "]", "PYZbq": "`"}


def declared(source: str) -> dict[str, Listing]:
    """The listings that a source, free of comments, declares: by listings, fancyvrb, minted, tcolorbox or `verbatim`."""
    found: dict[str, Listing] = {}
    text = Source(source)
    for match in DECLARATION.finditer(source):
        meaning = " ".join(_groups(text, match.end()))
        if match["language"]:
            found[match["alias"] or f"{match['language']}code"] = Listing(match["language"].lower())
        elif match["listing"] or VERBATIM.search(meaning):
            found[match["listing"] or match["other"]] = listing(meaning)
    return found


def shown(source: str) -> dict[str, Listing]:
    """The environments in which a source, free of comments, shows a document or its preamble.

    Neither may stand in an environment, so what does is a listing, by whatever package it is one.
    """
    found: dict[str, Listing] = {}
    above: list[list[Any]] = []  # names of environments that are open, and whether a preamble is in them
    for match in PREAMBLE.finditer(source):
        name = match["end"]
        if name is not None:
            while name in [open_name for open_name, _ in above]:
                inner, holds = above.pop()
                if inner == name:
                    found |= {name: Listing()} if holds else {}
                    break
        elif match["begin"] is not None and match["begin"] != "document":
            above.append([match["begin"], False])
        elif above:
            above[-1][1] = True
    return found


def listing(options: str, above: Listing = LISTINGS["verbatim"]) -> Listing:
    """What the options of a listing say of it; where they are silent, what was said `above`."""
    said = LANGUAGE.search(options)
    return Listing(said[1].lower() if said else above.language, above.commands or "commandchars" in options)


def fenced(code: str, kind: Listing) -> str:
    """A listing as a block of Markdown."""
    code = _plain(code) if kind.commands else code
    fence = "````" if "```" in code else "```"
    return f"{fence}{kind.language}\n{code}\n{fence}"


def _groups(source: Source, position: int) -> Iterator[str]:
    """The two groups that say what an environment does, at its beginning and at its end; options aren't groups."""
    for _ in range(2):
        between = BETWEEN.match(source, position)
        found = source.group(between.end()) if between else None
        if between is None or found is None:
            return
        yield source[position : between.end()] + found[0]
        position = found[1]


def _plain(code: str) -> str:
    """Code without the colours that pandoc and Pygments give it."""
    code = COLOURED.sub(lambda token: token[1], code)
    return ESCAPED.sub(lambda sign: sign[2] or SIGNS.get(sign[1], sign[0]), code)


Listings = Mapping[str, Listing]
