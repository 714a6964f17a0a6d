"""Translation catalogues: gettext's PO files as pairs of source and target text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from winnow import python_syntax
from winnow.formats.containers.archives import Reject, ignore
from winnow.formats.markup.roles import to_markdown_inline

STRING = re.compile(r'^(msgctxt|msgid_plural|msgid|msgstr(?:\[\d+\])?)?\s*("(?:[^"\\]|\\.)*")\s*$')
MARKED = re.compile(r":[a-zA-Z][\w+.:-]{0,60}:`[^`]|``[^`]|[^`\s]`__?(?!\w)")
BYTES = re.compile(r"\\\\|((?:\\x[0-9a-fA-F]{2}|\\[0-7]{3})+)")
"""A backslash that is escaped, or bytes of UTF-8 as C writes them."""
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


def read_po(text: str, reject: Reject = ignore) -> Iterator[Pair]:
    """The translated entries of a PO file: the header, fuzzy, obsolete and empty ones are left out.

    An entry with a line that can't be read (a quotation mark too many, a string that ends on the next line) is told to `reject`
    by its number.

    Of plural forms the first translation is taken with the plural source, which is how they correspond in Chinese.
    """
    fields: dict[str, list[str]] = {}
    current = ""
    fuzzy = False
    broken: str | None = None
    start = 0
    for number, line in enumerate([*LINE_END.split(text), ""], 1):
        stripped = line.strip()
        match = STRING.match(stripped)
        if match is not None and match[1] in ("msgctxt", "msgid") and any(name.startswith("msgstr") for name in fields):
            yield from _pair(fields, fuzzy, start, broken, reject)
            fields, fuzzy, broken = {}, False, None
        if match is not None:
            current = match[1] or current
            start = number if match[1] == "msgid" else start
            fields.setdefault(current, []).append(_unquoted(match[2]))
        elif not stripped or stripped.startswith("#"):
            if "msgid" in fields or broken is not None:
                yield from _pair(fields, fuzzy, start, broken, reject)
                fields, fuzzy, broken = {}, False, None
            if stripped.startswith("#~"):  # whose flags stand above
                fuzzy = False
            if stripped.startswith("#,") and "fuzzy" in stripped:
                fuzzy = True
        elif broken is None:
            broken = stripped
            start = start if fields else number
    yield from _pair(fields, fuzzy, start, broken, reject)


def unmarked(pairs: Iterable[Pair]) -> Iterator[Pair]:
    """Units of reStructuredText, as the catalogues of Sphinx hold them, as Markdown; what has none of its marks as it is."""
    for pair in pairs:
        if MARKED.search(pair.source):
            source, target = (to_markdown_inline(text, {}) for text in (pair.source, pair.target))
            pair = replace(pair, source=source, target=target)
        yield pair


def _pair(parts: Mapping[str, list[str]], fuzzy: bool, line: int, broken: str | None, reject: Reject) -> Iterator[Pair]:
    if broken is not None:
        reject(str(line), "syntax", broken[:80])
        return
    fields = {name: "".join(strings) for name, strings in parts.items()}
    source = fields.get("msgid_plural") or fields.get("msgid", "")
    target = fields.get("msgstr") or fields.get("msgstr[0]", "")
    if fields.get("msgid") and target.strip() and not fuzzy:
        yield Pair(source, target, str(line), fields.get("msgctxt", ""))


def _unquoted(literal: str) -> str:
    literal = BYTES.sub(_of_bytes, literal)
    try:
        return str(python_syntax.literal(literal))
    except ValueError:
        return literal[1:-1]


def _of_bytes(found: re.Match[str]) -> str:
    if not found[1]:
        return found[0]
    try:
        said = bytes(map(_byte, re.findall(r"\\(x..|...)", found[1]))).decode("utf-8")
    except ValueError:
        return found[0]
    return found[0] if said.isascii() else said


def _byte(escape: str) -> int:
    return int(escape[1:], 16) if escape[0] == "x" else int(escape, 8)
