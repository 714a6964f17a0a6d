"""The body of a LaTeX document, walked token by token and written as Markdown."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

from winnow.formats.markup import algorithm2e, units
from winnow.formats.markup.commands import (
    ACCENTS,
    BARE,
    BOXES,
    CITATION,
    DEFINITIONS,
    DINGBATS,
    DROPPED_ARGUMENT,
    DROPPED_ENVIRONMENTS,
    IN_LINE,
    LAID_OUT,
    LENGTHS,
    LETTER_ACCENTS,
    MATHEMATICS,
    NOTES,
    NUMBER,
    REFERENCES,
    SCRIPTS,
    SECTIONS,
    SIGNS,
    STYLES,
    TYPOGRAPHY,
)
from winnow.formats.markup.latex_tables import TABULARS, cells, markdown_table
from winnow.formats.markup.macros import Source
from winnow.formats.markup.pseudocode import Keyword, Keywords, algorithmic, said
from winnow.formats.markup.skipping import argument_of, skip_arguments, skip_definition, skip_length, skip_options

TOKEN = re.compile(
    r"\\begin\s*\{([^{}]+)\}|\\end\s*\{([^{}]+)\}|\\([A-Za-z]+|@[A-Za-z@]+)\*?|\\(.)|(\$\$?)|(``|''|---?|~)|([{}])"
    r"|(\n[ \t]*\n\s*)",
    re.DOTALL,
)
INDENT = re.compile(r"\n[ \t]+")
NO_FORMULA = re.compile(
    r"(?:(?<![ \t])[ \t]++)?+\\label\{[^{}]*+\}[ \t]*+|\\(?:nonumber|notag|ensuremath|xspace)(?![A-Za-z])"
)
OPTIONS = re.compile(r"(?:[ \t]*\[[^\[\]]*\])*")
CHARACTER = re.compile(r"\s*(?:`\\?(.)|\"([0-9A-F]{1,5})|(\d{1,6}))")
OPTION = re.compile(r"\s*+\[((?:[^\[\]{}]++|\{[^{}]*+\})*+)\]")
BEFORE_GROUP = re.compile(r"[ \t]*+\n?+[ \t]*+(?=\{)")
BEFORE_NEXT_GROUP = re.compile(r"\s*+(?:\[[^\[\]]*+\]\s*+)?+(?=\{)")
ACCENTED = re.compile(r"\s*+(?:\{\\?([A-Za-z])[^{}]*+\}|\\([ij])(?![A-Za-z])|([A-Za-z]))")
TEXT_GROUP = re.compile(r"\\(?:mbox|hbox|text(?:rm|it|bf|normal)?|intertext)\s*\{")
DEPTH = 40


@dataclass
class Writer:
    """Walks the tokens of a body once and writes Markdown."""

    theorems: Mapping[str, str]
    keywords: Keywords = field(default_factory=dict)
    lists: list[tuple[str, int]] = field(default_factory=list)
    unclosed: set[str] = field(default_factory=set)
    depth: int = 0
    in_table: bool = False
    in_algorithmic: bool = False
    in_algorithm2e: bool = False

    def convert(self, text: str) -> str:
        """A text, or the argument of a command in it; nests deeper than `DEPTH` keep their inner commands."""
        if self.depth == DEPTH:
            return text
        self.depth += 1
        source = Source(text)
        out: list[str] = []
        position = 0
        while (match := TOKEN.search(source, position)) is not None:
            out.append(_unindented(source[position : match.start()]))
            position = self._token(source, match, out)
        out.append(_unindented(source[position:]))
        self.depth -= 1
        return "".join(out)

    def _token(self, source: Source, match: re.Match[str], out: list[str]) -> int:
        begin, end, command, sign, dollars, typography, _, blank = match.groups()
        position = match.end()
        if begin is not None:
            return self._begin(source, begin.strip(), match, out)
        if end is not None:
            self._end(end.strip(), out)
        elif command is not None:
            return self._command(source, command, position, out)
        elif sign is not None:
            return self._sign(source, sign, position, out)
        elif dollars is not None:
            return self._formula(source, position, dollars, dollars, out)
        elif typography is not None:
            out.append(TYPOGRAPHY[typography])
        elif blank is not None:
            out.append("\n\n")
        return position

    def _begin(self, source: Source, name: str, match: re.Match[str], out: list[str]) -> int:
        plain = name.rstrip("*")
        position = match.end()
        if plain in MATHEMATICS or plain in DROPPED_ENVIRONMENTS:
            stop = self._find(source, f"\\end{{{name}}}", position)
            if stop < 0:
                return position
            if plain in MATHEMATICS:
                body = _bare(source[position:stop])
                whole = body if plain in BARE else f"\\begin{{{name}}}{body}\\end{{{name}}}"
                out.append(f"\n\n$$\n{whole.strip()}\n$$\n\n")
            return stop + len(f"\\end{{{name}}}")
        if name in TABULARS and not self.in_table:
            stop = self._find(source, f"\\end{{{name}}}", position)
            if stop >= 0:
                out.append(f"\n\n{self._table(source, skip_arguments(source, position, TABULARS[name]), stop)}\n\n")
                return stop + len(f"\\end{{{name}}}")
        if plain in algorithm2e.ENVIRONMENTS and plain not in self.theorems:
            stop = self._find(source, f"\\end{{{name}}}", position)
            if stop >= 0 and algorithm2e.is_written_in(body := source[position:stop], self.keywords):
                out.append(f"\n\n{self._algorithm(body)}\n\n")
                return stop + len(f"\\end{{{name}}}")
        optional = OPTION.match(source, position)
        self.in_algorithmic = self.in_algorithmic or plain == "algorithmic"
        if plain in self.theorems:
            named = f" ({self.convert(optional[1])})" if optional and optional[1].strip() else ""
            label = self.theorems[plain]
            out.append(f"\n\n*{label}{named}.* " if plain == "proof" else f"\n\n**{label}{named}.** ")
        elif plain in ("itemize", "enumerate", "description", "compactenum", "compactitem"):
            self.lists.append((plain, 0))
            out.append("\n")
        else:
            out.append("" if plain in IN_LINE else "\n")
            if plain in LAID_OUT:
                return skip_arguments(source, position, LAID_OUT[plain])
        return optional.end() if optional else position

    def _table(self, source: Source, start: int, stop: int) -> str:
        """A table's cells, each converted by itself; a table within a cell is read as its text."""
        body = source[start:stop]
        self.in_table = True
        caption = ""
        if data := re.search(r"\\startdata(.*?)(?:\\enddata|\Z)", body, re.DOTALL):  # AASTeX's deluxetable
            caption = self.convert(argument_of(body, "tablecaption") or "").strip() + "\n\n"
            body = f"{argument_of(body, 'tablehead') or ''} \\\\ {data[1]}"
        rows = [[self.convert(cell) for cell in row] for row in cells(body)]
        self.in_table = False
        return caption + markdown_table(rows)

    def _end(self, name: str, out: list[str]) -> None:
        if self.lists and name in ("itemize", "enumerate", "description", "compactenum", "compactitem"):
            self.lists.pop()
        self.in_algorithmic = self.in_algorithmic and name != "algorithmic"
        if name.rstrip("*") in IN_LINE:
            return
        out.append("\n\n" if name.rstrip("*") in self.theorems or not self.lists else "\n")

    def _command(self, source: Source, command: str, position: int, out: list[str]) -> int:
        if command in DROPPED_ARGUMENT:
            return skip_arguments(source, position, DROPPED_ARGUMENT[command])
        if command == "item":
            return self._item(source, position, out)
        if (keyword := self._keyword(command)) is not None:
            words, position = said(keyword, source, position, self.convert)
            out.append(words)
            return position
        if algorithm2e.SETTING.match(command):
            return skip_arguments(source, position, 9)
        if command in DEFINITIONS:
            return skip_definition(source, position, DEFINITIONS[command])
        if command in LENGTHS:
            return skip_length(source, position)
        if command == "char" and (found := CHARACTER.match(source, position)):
            sign = found[1] or chr(min(int(found[2], 16) if found[2] else int(found[3]), 0xFFFF))
            out.append("" if "\x80" <= sign < "\xa0" else sign)  # a place in a font, no letter
            return found.end()
        options = OPTIONS.match(source, position) if command not in SIGNS else None
        after = options.end() if options else position
        spaced = BEFORE_GROUP.match(source, after)
        argument = source.group(spaced.end()) if spaced else None
        if command in SECTIONS and argument is not None:
            out.append(f"\n\n{'#' * SECTIONS[command]} {one_line(self.convert(argument[0]))}\n\n")
        elif command in REFERENCES and argument is not None:
            out.append(f"[{argument[0].strip()}]")
        elif CITATION.match(command) and argument is not None:
            notes = [self.convert(note).strip() for note in re.findall(r"\[([^\[\]]*)\]", source[position:after])]
            before, behind = notes[:2] if len(notes) > 1 else ("", *(notes or [""]))
            cited = f"{before} {one_line(argument[0])}".strip()
            out.append(f"[{cited}, {behind}]" if behind else f"[{cited}]")
        elif command in STYLES and argument is not None:
            mark, inner = STYLES[command], self.convert(argument[0])
            out.append(f"{mark}{inner.strip()}{mark}" if inner.strip() else "")
        elif command in units.COMMANDS and argument is not None:
            groups, position = self._groups(source, spaced.end() if spaced else after, units.COMMANDS[command])
            if groups is None:
                return after
            out.append(self.convert(units.quantity(command, groups)))
            return position
        elif command in SCRIPTS and argument is not None:
            inner = self.convert(argument[0]).strip()
            raised = f"{SCRIPTS[command]}{inner}" if len(inner) == 1 else f"{SCRIPTS[command]}{{{inner}}}"
            out.append(raised if NUMBER.fullmatch(inner) else inner)
        elif command in NOTES and argument is not None:
            out.append(f" ({self.convert(argument[0]).strip()})")
        elif command in BOXES and argument is not None:
            out.append(self.convert(argument[0]))
        elif command == "href" and argument is not None:
            return argument[1]
        elif command in LETTER_ACCENTS and argument is not None:
            out.append(unicodedata.normalize("NFC", argument[0][:1] + LETTER_ACCENTS[command] + argument[0][1:]))
        elif command == "ensuremath" and argument is not None:
            out.append(f"${_bare(argument[0])}$")
        elif command == "ding" and argument is not None:
            out.append(DINGBATS.get(argument[0].strip(), ""))
        elif command not in SIGNS and argument is not None:
            return after  # past its options; what stands in its group is text
        else:
            out.append(SIGNS.get(command, ""))
            swallowed = re.compile(r"[ \t]+").match(source, position) if command in SIGNS and command != "par" else None
            return swallowed.end() if swallowed and command not in ("ldots", "dots") else position
        return argument[1]

    def _groups(self, source: Source, position: int, count: int) -> tuple[list[str] | None, int]:
        """The groups of a command, and where the text goes on; None where there are fewer."""
        groups: list[str] = []
        for _ in range(count):
            blank = BEFORE_NEXT_GROUP.match(source, position)
            group = source.group(blank.end()) if blank else None
            if group is None:
                return None, position
            groups.append(group[0])
            position = group[1]
        return groups, position

    def _algorithm(self, body: str) -> str:
        """An algorithm of `algorithm2e`, each of its lines on one."""
        above, self.in_algorithm2e = self.in_algorithm2e, True
        text = self.convert(body[skip_options(Source(body), 0) :])
        self.in_algorithm2e = above
        return "\n".join(filter(None, (line.strip() for line in text.split("\n"))))

    def _keyword(self, command: str) -> Keyword | None:
        if self.in_algorithm2e:
            return self.keywords.get(command)
        return algorithmic(command) if self.in_algorithmic else None

    def _item(self, source: Source, position: int, out: list[str]) -> int:
        kind, number = self.lists[-1] if self.lists else ("itemize", 0)
        if self.lists:
            self.lists[-1] = (kind, number + 1)
        indent = "  " * max(len(self.lists) - 1, 0)
        optional = OPTION.match(source, position)
        mark = f"{number + 1}." if "enum" in kind else "-"
        label = f"{self.convert(optional[1]).strip()} " if optional and optional[1].strip() else ""
        out.append(f"\n{indent}{mark} {f'**{label.strip()}** ' if kind == 'description' and label else label}")
        blank = re.compile(r"\s*").match(source, optional.end() if optional else position)
        return blank.end() if blank else position

    def _sign(self, source: Source, sign: str, position: int, out: list[str]) -> int:
        if sign == "(":
            return self._formula(source, position, r"\)", "$", out)
        if sign == "[":
            return self._formula(source, position, r"\]", "$$", out)
        if sign in ACCENTS:
            letter = ACCENTED.match(source, position)
            if letter is not None:
                base = (letter[1] or letter[2] or letter[3]) + ACCENTS[sign]
                out.append(unicodedata.normalize("NFC", base))
                return letter.end()
        if sign == ";" and self.in_algorithm2e:
            out.append("\n")
            return position
        if sign == "\\":
            spacing = re.compile(r"\*?(?:[ \t]*\[[^\]]*\])?[ \t]*(?:\n(?![ \t]*\n)[ \t]*)?").match(source, position)
            out.append("\n")
            return spacing.end() if spacing else position
        out.append(sign if sign in "%$&#_{}" else " " if sign in " \n,;:" else "")
        return position

    def _formula(self, source: Source, position: int, closing: str, mark: str, out: list[str]) -> int:
        """Copies a formula up to its closing sign; without one the sign stands alone and text goes on."""
        stop = position
        while (stop := self._find(source, closing, stop)) >= 0 and _escaped(source, stop):
            stop += len(closing)
        if closing == "$" and stop >= 0 and (text := TEXT_GROUP.search(source, position, stop)) and source.closings:
            stop = self._past_text(source, text, stop)
        if stop < 0 or (mark == "$" and "\n\n" in source[position:stop]):
            out.append("$")
            return position
        body = _bare(source[position:stop]).strip()
        if mark == "$" and "\n" in body:
            body = one_line(body)
        out.append(f"\n\n$$\n{body}\n$$\n\n" if mark == "$$" else f"${body}$" if body else "")
        return stop + len(closing)

    def _past_text(self, source: Source, text: re.Match[str] | None, stop: int) -> int:
        """The dollar that closes a formula in which words hold formulas of their own: `$x \\mbox{ for $n$ } y$`."""
        while text is not None:
            group = source.group(text.end() - 1)
            if group is None or group[1] <= text.end():
                break
            if text.start() < stop < group[1]:
                stop = self._find(source, "$", group[1])
                if stop < 0:
                    break
            text = TEXT_GROUP.search(source, group[1], stop)
        return stop

    def _find(self, source: Source, closing: str, position: int) -> int:
        """Where the closing sign stands, or -1; what was once not found in the whole text isn't searched again."""
        if self.depth == 1 and closing in self.unclosed:
            return -1
        stop = source.find(closing, position)
        if stop < 0 and self.depth == 1:
            self.unclosed.add(closing)
        return stop


def _escaped(source: str, place: int) -> bool:
    slashes = 0
    while place - slashes > 0 and source[place - slashes - 1] == "\\":
        slashes += 1
    return slashes % 2 == 1


def _unindented(text: str) -> str:
    return INDENT.sub("\n", text) if "\n " in text or "\n\t" in text else text


def _bare(formula: str) -> str:
    """A formula without its labels, and without what only makes sure that it is one."""
    return NO_FORMULA.sub("", formula) if "\\" in formula else formula


def one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()
