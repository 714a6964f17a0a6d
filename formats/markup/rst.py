"""reStructuredText → Markdown, line by line and in one pass, for documents that were written to be read.

Headings, paragraphs, code (literal blocks, `code-block` and its kin, doctests), admonitions, descriptions of functions
and settings, lists, tables and formulas stay; targets, comments, images, tables of contents, indices and everything
that a program would fill in are dropped. Source: the reStructuredText specification and Sphinx's directives.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from winnow.formats.markup.directives import CALLOUTS, CODE, DROPPED, LANGUAGES, OPEN, TITLED, VERSIONS, guess_language
from winnow.formats.markup.markdown import unwrap
from winnow.formats.markup.roles import to_markdown_inline
from winnow.formats.markup.rst_tables import table_end, to_markdown_table

DEPTH = 12
ADORNMENT = re.compile(r"""^([!-/:-@\[-`{-~])\1{2,}\s*$""")
DIRECTIVE = re.compile(r"^( *)\.\. (?:\|[^|]+\| )?([\w+.-]+(?::[\w+.-]+)*) ?::(?: +(.*))?$")
COMMENT = re.compile(r"^ *\.\.(?: |$)")
FOOTNOTE = re.compile(r"^( *)\.\. (\[[\w#*.-]+\]) ?(.*)$")
SUBSTITUTION = re.compile(r"^ *\.\. \|([^|]+)\| replace:: *(.*)$")
OPTION = re.compile(r"^ *:([\w -]+):(?: (.*))?$")
HIDDEN_MARK = re.compile(r"\{(?:opensql|execsql|printsql|sql|stop)\}")  # SQLAlchemy's folding marks in listings
FIELD = re.compile(
    r"^( *):(param|parameter|arg|key|keyword|raises|raise|except|type|return|returns|rtype)(?: ([^:]+))?: ?(.*)$"
)


def to_markdown(text: str) -> str:
    """The document as Markdown; any text gives some Markdown, nothing is raised."""
    lines = text.expandtabs(8).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    writer = _Writer(substitutions=_substitutions(lines))
    writer.body(lines, 0)
    writer.write()
    return "\n".join(writer.out).strip() + "\n"


def directive_contents(text: str, name: str) -> list[list[str]]:
    """The content lines of each directive called `name`, options left out: how `toctree` lists its pages."""
    lines = text.expandtabs(8).splitlines()
    contents = []
    for place, line in enumerate(lines):
        match = DIRECTIVE.match(line)
        if match and match[2] == name:
            block, _ = _indented(lines, place + 1, len(match[1]))
            _, content = _options(block)
            contents.append([entry.strip() for entry in content if entry.strip()])
    return contents


def _substitutions(lines: Sequence[str]) -> dict[str, str]:
    return {match[1]: match[2] for line in lines if (match := SUBSTITUTION.match(line))}


def _indented(lines: Sequence[str], start: int, indent: int) -> tuple[list[str], int]:
    """The block below `start` that is indented deeper than `indent`, dedented; and where the next begins."""
    stop = start
    last = start
    while stop < len(lines):
        line = lines[stop]
        if line.strip():
            if len(line) - len(line.lstrip(" ")) <= indent:
                break
            last = stop + 1
        stop += 1
    return _dedented(lines[start:last]), last


def _dedented(block: Sequence[str]) -> list[str]:
    margin = min((len(line) - len(line.lstrip(" ")) for line in block if line.strip()), default=0)
    return [line[margin:].rstrip() for line in block]


def _options(block: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    options: dict[str, str] = {}
    place = 0
    while place < len(block) and (match := OPTION.match(block[place])):
        options[match[1]] = match[2] or ""
        place += 1
        while place < len(block) and block[place].startswith(" ") and block[place].strip():
            place += 1
    return options, list(block[place:])


@dataclass
class _Writer:
    """Markdown lines as they come, and the heading styles seen so far."""

    substitutions: dict[str, str]
    out: list[str] = field(default_factory=list)
    styles: list[str] = field(default_factory=list)
    paragraph: list[str] = field(default_factory=list)

    def write(self, *lines: str) -> None:
        """Ends the paragraph under way, then adds lines; never two blank ones in a row, except inside code."""
        if self.paragraph:
            text, self.paragraph = "\n".join(self.paragraph), []
            self.out += unwrap(self.inline(text)).split("\n")
        for line in lines:
            if line or (self.out and self.out[-1]):
                self.out.append(line)

    def body(self, lines: Sequence[str], depth: int) -> None:
        place = 0
        while place < len(lines):
            place = self._element(lines, place, depth)

    def _element(self, lines: Sequence[str], place: int, depth: int) -> int:
        """Writes what begins in line `place`; returns the line after it."""
        line = lines[place]
        if not line.strip():
            self.write("")
            return place + 1
        if (after := self._heading(lines, place)) is not None:
            return after
        if line.lstrip()[0] in "=+" and (stop := table_end(lines, place)) is not None:
            self.write("", *to_markdown_table(lines[place:stop], self.inline), "")
            return stop
        if (match := DIRECTIVE.match(line)) is not None:
            return self._directive(lines, place, match, depth)
        if (match := FOOTNOTE.match(line)) is not None:
            block, after = _indented(lines, place + 1, len(match[1]))
            self.write(self.inline(" ".join([match[2], match[3], *(part.strip() for part in block)]).strip()))
            return after
        if COMMENT.match(line):
            _, after = _indented(lines, place + 1, len(line) - len(line.lstrip(" ")))
            return after
        if line.lstrip().startswith(">>> "):
            return self._doctest(lines, place)
        if line.startswith("__ "):  # the target of an anonymous link
            return place + 1
        if line.rstrip().endswith("::") and not line.lstrip().startswith(".."):
            return self._literal(lines, place)
        self.paragraph.append(_field_as_item(line.rstrip()))
        return place + 1

    def _heading(self, lines: Sequence[str], place: int) -> int | None:
        line = lines[place].rstrip()
        following = lines[place + 1].rstrip() if place + 1 < len(lines) else ""
        if ADORNMENT.match(line):
            closing = lines[place + 2].rstrip() if place + 2 < len(lines) else ""
            if following.strip() and closing and ADORNMENT.match(closing) and closing[0] == line[0]:
                return self._write_heading(following.strip(), line[0] * 2, place + 3)
            if not following:
                self.write("---" if place and not lines[place - 1].strip() else "")
                return place + 1
            return None
        if line.startswith(" ") or not ADORNMENT.match(following) or following.startswith("::"):
            return None
        if len(following) < min(len(line), 4):
            return None
        return self._write_heading(line, following[0], place + 2)

    def _write_heading(self, title: str, style: str, after: int) -> int:
        if style not in self.styles:
            self.styles.append(style)
        level = min(self.styles.index(style) + 1, 6)
        self.write("", f"{'#' * level} {self.inline(title)}", "")
        return after

    def _doctest(self, lines: Sequence[str], place: int) -> int:
        stop = place
        while stop < len(lines) and lines[stop].strip():
            stop += 1
        self._fence("pycon", _dedented(lines[place:stop]))
        return stop

    def _literal(self, lines: Sequence[str], place: int) -> int:
        """A line that ends in `::`: the literal block below it, unless the paragraph goes on."""
        line = lines[place].rstrip()
        block, after = _indented(lines, place + 1, len(line) - len(line.lstrip(" ")))
        if not any(part.strip() for part in block) or lines[place + 1].strip():
            self.paragraph.append(line)
            return place + 1
        if lead := line[:-2].rstrip():
            self.paragraph.append(lead + ":" * (line[-3] != " "))
        self._fence(guess_language(block), block)
        return after

    def _fence(self, language: str, block: Sequence[str]) -> None:
        body = HIDDEN_MARK.sub("", "\n".join(block)).strip("\n").rstrip()
        if body:
            fence = "````" if "```" in body else "```"
            self.write("", f"{fence}{language}\n{body}\n{fence}", "")

    def _directive(self, lines: Sequence[str], place: int, match: re.Match[str], depth: int) -> int:
        indent, name, argument = len(match[1]), match[2].lower(), (match[3] or "").strip()
        block, after = _indented(lines, place + 1, indent)
        options, content = _options(block)
        if name in DROPPED or depth > DEPTH or lines[place].lstrip().startswith(".. |"):
            return after
        if name.startswith("auto"):  # what is taken from code isn't here, what is written beside it is
            self._nested(content if name != "autosummary" else [], depth)
        elif name in CODE:
            language = LANGUAGES.get(name, argument.split(" ")[0]) or guess_language(content)
            self._fence(language.lower(), content)
        elif name in ("math", "displaymath"):
            formula = "\n".join([argument, *content]).strip()
            self.write("", *(("$$", formula, "$$") if formula else ()), "")
        elif name in VERSIONS:
            number, _, said = argument.partition(" ")
            self._nested([f"{VERSIONS[name]} {number}{':' * bool(said or content)} {said}", *content], depth)
        elif name in CALLOUTS:
            title = "See also" if name == "seealso" else name.capitalize()
            if argument and not name.startswith("deep"):
                content = [argument, *content]
            self._aside(f"**{title}:**", content, depth)
        elif name in TITLED:
            self._aside(f"**{self.inline(argument)}**" if argument else "", content, depth)
        elif name == "change":
            self._nested(content, depth)
        elif name in OPEN:
            if "version" in options:
                self.write("", f"## {options['version']}", "")
            self._nested(content, depth)
        elif content:
            self._description(name, argument, block, depth)
        return after

    def _aside(self, lead: str, content: Sequence[str], depth: int) -> None:
        self.write("", lead, "")
        self._nested(content, depth)

    def _description(self, name: str, argument: str, block: Sequence[str], depth: int) -> None:
        """`.. function:: f(x)` and its kin: each signature as code, then what is said about it."""
        _, content = _options(block)
        signatures = [argument]
        while content and content[0].strip() and (len(content) == 1 or signatures[-1].endswith("\\")):
            signatures.append(content.pop(0).strip())
        kind = name.rpartition(":")[2]
        label = "" if kind in ("describe", "object", "option", "confval") else f"{kind} "
        shown = [f"`{label}{signature}`" for signature in signatures if signature]
        self.write("", *shown, "")
        self._nested(content, depth)

    def _nested(self, content: Sequence[str], depth: int) -> None:
        self.write("")
        self.body(content, depth + 1)
        self.write("")

    def inline(self, text: str) -> str:
        return to_markdown_inline(text, self.substitutions)


def _field_as_item(line: str) -> str:
    """`:param name: text` as an item of a list."""
    match = FIELD.match(line)
    if match is None:
        return line
    name = f"``{match[3]}``" if match[3] else {"rtype": "Return type"}.get(match[2], match[2].capitalize())
    return f"{match[1]}- {name}{' (type)' if match[2] == 'type' else ''}: {match[4]}"
