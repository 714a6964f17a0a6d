"""Inline markup of reStructuredText → Markdown: roles, literals, links, references and substitutions."""

from __future__ import annotations

import re
from collections.abc import Mapping

ROLE = re.compile(r":([a-zA-Z][\w+.-]{0,40}(?::[\w+.-]{1,40}){0,3}):`([^`]+)`")
LITERAL = re.compile(r"``(.+?)``", re.DOTALL)
LINK = re.compile(r"`([^`<]*[^`<\s])\s*<([^`>]+)>`__?")
REFERENCE = re.compile(r"`([^`<>]+)`__?(?!\w)")
BARE_REFERENCE = re.compile(r"(?<![\w`:/-])(\w[\w-]*\w|\[[\w#*.-]+\])_(?=[\s.,;:!?)。，；：！？）、]|$)", re.MULTILINE)
SUBSTITUTED = re.compile(r"\|(\w[^|\n]*)\|")
ESCAPED = re.compile(r"\\([ *`_|\\])")
TARGET = re.compile(r"<[^<>]*+>$")
HIDDEN_PREFIX = re.compile(r"^_\w+\.")  # SQLAlchemy's short names of its modules, never shown
UNFILLED = frozenset({"version", "release", "today", "PYVERSION"})  # what Sphinx fills in when it builds
SIGNS = frozenset("`|_\\")

NAMED_ROLES = {
    "ref",
    "doc",
    "term",
    "abbr",
    "menuselection",
    "guilabel",
    "title-reference",
    "title",
    "emphasis",
    "strong",
    "sup",
    "sub",
}
NAMED_ROLES |= {
    "ticket",
    "issue",
    "pr",
    "commit",
    "cve",
    "rfc",
    "pep",
    "bpo",
    "source",
    "download",
    "pypi",
    "any",
    "numref",
    "user",
}
PREFIXES = {"ticket": "#", "issue": "#", "pr": "#", "cve": "CVE-", "rfc": "RFC ", "pep": "PEP ", "bpo": "bpo-"}


def to_markdown_inline(text: str, substitutions: Mapping[str, str]) -> str:
    """One paragraph's inline markup as Markdown; literals are kept as they are."""
    if SIGNS.isdisjoint(text):
        return text
    parts = LITERAL.split(text)
    for place in range(0, len(parts), 2):
        part = ROLE.sub(_role, parts[place])
        part = LINK.sub(lambda link: link[1].strip(), part)
        part = REFERENCE.sub(lambda link: link[1], part)
        part = BARE_REFERENCE.sub(lambda link: link[1], part)
        part = SUBSTITUTED.sub(lambda name: substitutions.get(name[1], "" if name[1] in UNFILLED else name[0]), part)
        parts[place] = ESCAPED.sub(lambda sign: sign[1].strip(), part)
    return "".join(part if place % 2 == 0 else f"`{part}`" for place, part in enumerate(parts))


def _role(match: re.Match[str]) -> str:
    role, content = match[1].rpartition(":")[2].lower(), match[2]
    if role in ("math", "m"):
        return f"${content}$"
    titled = TARGET.search(content)
    shown = (content[: titled.start()].rstrip() if titled else "") or content
    if role in NAMED_ROLES:
        return PREFIXES.get(role, "") * (titled is None) + shown.removeprefix("/").replace("\\", "")
    if shown.startswith("~"):
        shown = shown[1:].rpartition(".")[2]
    return f"`{HIDDEN_PREFIX.sub('', shown.removeprefix('!').removeprefix('.'))}`"
