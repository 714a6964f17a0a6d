"""Translation catalogues: gettext's PO files as pairs of source and target text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from winnow import python_syntax
from winnow.formats.markup.roles import to_markdown_inline

STRING = re.compile(r'^(msgctxt|msgid_plural|msgid|msgstr(?:\[\d+\])?)?\s*("(?:[^"\\]|\\.)*")\s*$')
MARKED = re.compile(r":[a-zA-Z][\w+.:-]{0,60}:`[^`]|``[^`]|[^`\s]`__?(?!\w)")
LANGUAGE = re.compile(r'^"Language:[ \t]*([A-Za-z]{2,3}(?:[-_@]\w++)*+)', re.MULTILINE)
LINE_END = re.compile(r"\r\n|\n|\r")
HEADER_BYTES = 1 << 16


@dataclass(frozen=True)
class Pair:
    """One unit of translation; `place` is its line or number in the file."""

    source: str
    target: str
    place: str
    context: str = ""


def language_of_po(text: str) -> str | None:
    """The language that a catalogue's header names (`Language: zh_CN`)."""
    named = LANGUAGE.search(text[:HEADER_BYTES])
    return named[1] if named else None


def read_po(text: str) -> Iterator[Pair]:
    """The translated entries of a PO file: the header, fuzzy, obsolete and empty ones are left out.

    Of plural forms the first translation is taken with the plural source, which is how they correspond in Chinese.
    """
    fields: dict[str, list[str]] = {}
    current = ""
    fuzzy = False
    start = 0
    for number, line in enumerate([*LINE_END.split(text), ""], 1):
        stripped = line.strip()
        match = STRING.match(stripped)
        if match is not None and match[1] in ("msgctxt", "msgid") and any(name.startswith("msgstr") for name in fields):
            yield from _pair(fields, fuzzy, start)
            fields, fuzzy = {}, False
        if match is not None:
            current = match[1] or current
            start = number if match[1] == "msgid" else start
            fields.setdefault(current, []).append(_unquoted(match[2]))
        elif not stripped or stripped.startswith("#"):
            if "msgid" in fields:
                yield from _pair(fields, fuzzy, start)
                fields, fuzzy = {}, False
            if stripped.startswith("#,") and "fuzzy" in stripped:
                fuzzy = True
    yield from _pair(fields, fuzzy, start)


def unmarked(pairs: Iterable[Pair]) -> Iterator[Pair]:
    """Units of reStructuredText, as the catalogues of Sphinx hold them, as Markdown; what has none of its marks as it is."""
    for pair in pairs:
        if MARKED.search(pair.source):
            source, target = (to_markdown_inline(text, {}) for text in (pair.source, pair.target))
            pair = replace(pair, source=source, target=target)
        yield pair


def _pair(parts: Mapping[str, list[str]], fuzzy: bool, line: int) -> Iterator[Pair]:
    fields = {name: "".join(strings) for name, strings in parts.items()}
    source = fields.get("msgid_plural") or fields.get("msgid", "")
    target = fields.get("msgstr") or fields.get("msgstr[0]", "")
    if fields.get("msgid") and target.strip() and not fuzzy:
        yield Pair(source, target, str(line), fields.get("msgctxt", ""))


def _unquoted(literal: str) -> str:
    try:
        return str(python_syntax.literal(literal))
    except ValueError:
        return literal[1:-1]
