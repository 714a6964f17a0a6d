"""Rows of tables in text: CSV (RFC 4180) and TSV (IANA's text/tab-separated-values), and one rule for their quotes.

CSV: a cell that begins with a quote ends with one, quotes inside it are doubled. A row of which that isn't true is an
error by itself, and reading goes on at the next line.

TSV has no quotes: a cell is what stands between two tabs. Programs that write CSV with tabs quote all the same, so a row
is read their way where it can't be meant as it stands: all names of the header are quoted, or the lines up to the
closing quote don't have the header's number of cells while the row they make has.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from typing import IO

from winnow.formats.containers.bounds import RECORD_BYTES, SKIPPED, TooLarge

ROW_LINES = 200_000  # that a quoted row of CSV may have
TAB_ROW_LINES = 2_000  # that one of TSV may have: each is looked at again with every line
FAR = 1_000
TOGETHER = 1 << 18  # characters of CSV that are cut into rows at once, at most; less than a row may have
VAIN = 100  # quotes that close nowhere, or far away and wrong, after which they are no longer believed
QUOTED = re.compile(r'"[^"]*+(?:""[^"]*+)*+"')

Row = list[str] | ValueError


def comma_separated(text: IO[str]) -> Iterator[Row]:
    """The rows of CSV; an empty line is an empty row. The first line tells the sign: `;` or a tab where it has no comma.

    Lines of `text` end with `\\n` alone: `newline="\\n"`.
    A row of more than `bounds.RECORD_BYTES` characters comes as `TooLarge`.
    """
    given = _Lines(text)
    first = given.peek()
    sign = "," if "," in first else next((sign for sign in ";\t" if sign in first), ",")
    csv.field_size_limit(RECORD_BYTES)
    vain = 0
    while given.more():
        if (yield from _sound(given, sign)):
            continue
        try:
            row = next(csv.reader(given, delimiter=sign, strict=True))
        except TooLarge as error:
            vain += len(given.row) > 1
            if vain > VAIN:
                raise ValueError(f"{VAIN} quotes close nowhere") from error
            given.again()
            yield error
        except csv.Error as error:
            vain += given.ended or len(given.row) > FAR
            if vain > VAIN:
                raise ValueError(f"{VAIN} quotes close nowhere") from error
            given.again()
            yield ValueError(f"quotes: {error}")
        except StopIteration:
            return
        else:
            yield row
        given.taken()


def _sound(given: _Lines, sign: str) -> Generator[list[str], None, bool]:
    """The rows of the next lines, up to the first that isn't right or goes on behind them, whose lines come again; whether
    there were any."""
    if not (lines := given.together()):
        return False
    reader = csv.reader(lines, delimiter=sign, strict=True)
    read = 0
    try:
        for row in reader:
            read = reader.line_num
            yield row
    except csv.Error:
        given.put_back(lines[read:])
    wrong = read == 0 or reader.line_num < len(lines)  # else the last row goes on behind them
    given.room = max(given.room // 8, 1) if wrong else min(2 * given.room, TOGETHER)
    return read > 0


def tab_separated(text: IO[str]) -> Iterator[Row]:
    """The rows of TSV; one of more than `bounds.RECORD_BYTES` characters comes as `TooLarge`."""
    given = _Lines(text)
    header = _cut(given.line())
    given.taken()
    quoted = all(QUOTED.fullmatch(cell) for cell in header)
    width = len(header)
    yield [_unquoted(cell) for cell in header] if quoted else header
    vain = 0
    while given.more():
        try:
            row = _cut(given.line())
        except TooLarge as error:
            yield error
            given.taken()
            continue
        if vain <= VAIN and (quoted or any(cell.startswith('"') for cell in row)):
            whole, fits = _joined(given, row, width, quoted)
            vain += not whole or len(given.row) > FAR
            row = whole or row
            if not fits:
                given.again()
        yield row
        given.taken()


def _end_of(line: str) -> str:
    """The line's end as it stands: inside a quoted cell it is part of the text."""
    return line[len(line.rstrip("\r\n")) :]


def _joined(given: _Lines, row: list[str], width: int, quoted: bool) -> tuple[list[str], bool]:
    """A row that some program may have quoted, and whether the lines read for it belong to it."""
    literal = [row]
    text, end = "\t".join(row), _end_of(given.row[-1])
    cells = _closed(text)
    while cells is None and len(literal) < TAB_ROW_LINES and given.more():
        try:
            line = given.line()
        except TooLarge:  # no part of a row
            break
        literal.append(_cut(line))
        text += end + line.rstrip("\r\n")
        end = _end_of(line)
        if '"' in line:
            cells = _closed(text)
    if cells is None:
        return [], False
    meant = len(cells) == width and (quoted or any(len(line) != width for line in literal))
    if meant:
        return [_unquoted(cell) for cell in cells], True
    if quoted or len(literal) > 1 or not any('""' in cell and QUOTED.fullmatch(cell) for cell in row):
        return row, False
    return [_unquoted(cell) if '""' in cell[1:-1] else cell for cell in row], True


def _closed(text: str) -> list[str] | None:
    """The cells of a row by the rule of CSV, their quotes kept; None where the last isn't closed."""
    cells, at = [], 0
    while True:
        found = QUOTED.match(text, at) if text.startswith('"', at) else None
        if found and text[found.end() : found.end() + 1] in ("", "\t"):
            end = found.end()
        elif text.startswith('"', at) and found is None:
            return None
        else:
            tab = text.find("\t", at)
            end = len(text) if tab < 0 else tab
        cells.append(text[at:end])
        if end == len(text):
            return cells
        at = end + 1


def _cut(line: str) -> list[str]:
    return line.rstrip("\r\n").split("\t")


def _unquoted(cell: str) -> str:
    return cell[1:-1].replace('""', '"') if len(cell) > 1 and QUOTED.fullmatch(cell) else cell


class _Lines:
    """Lines one after the other, those of the row at hand kept, to be read again where it isn't one.

    A line of more than `RECORD_BYTES` characters, or one that makes the row as long, raises `TooLarge`; of the first
    kind only the beginning is kept.
    """

    def __init__(self, text: IO[str]) -> None:
        self._text = text
        self._pending: deque[str] = deque()
        self.row: list[str] = []
        self.ended = False
        self._characters = 0  # of the row
        self.room = TOGETHER  # less where rows were wrong lately, since their lines come again

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._pending.popleft() if self._pending else self._read()
        if not line:
            self.ended = True
            raise StopIteration
        self.row.append(line)
        self._characters += len(line)
        if self._characters > RECORD_BYTES:
            raise TooLarge(f"> {RECORD_BYTES} characters")
        if len(self.row) > ROW_LINES:
            self.ended = True
            raise StopIteration
        return line

    def peek(self) -> str:
        return self._pending[0] if self.more() else ""

    def line(self) -> str:
        return next(self, "")

    def more(self) -> bool:
        if not self._pending and (line := self._read()):
            self._pending.append(line)
        return bool(self._pending)

    def together(self) -> list[str]:
        """The next lines, taken, of `room` characters and to the end of one, up to one that is too long."""
        lines: list[str] = []
        room = self.room
        while self._pending and room > 0:
            if len(self._pending[0]) > RECORD_BYTES:
                return lines
            lines.append(self._pending.popleft())
            room -= len(lines[-1])
        return [*lines, *self._several(room)] if room > 0 else lines

    def _several(self, room: int) -> list[str]:
        """The lines of the next `room` characters, the last to its end unless it is too long."""
        text = self._text.read(room)
        if text and text[-1] != "\n":
            text += self._text.readline(RECORD_BYTES + 1)
        *lines, rest = text.split("\n")
        lines = [line + "\n" for line in lines]
        if rest:
            lines.append(rest)
        if lines and len(lines[-1]) > RECORD_BYTES:
            self._pending.append(self._cut_short(lines.pop()))
        return lines

    def put_back(self, lines: Sequence[str]) -> None:
        """Lines that were taken come again."""
        self._pending.extendleft(reversed(lines))

    def taken(self) -> None:
        """The row is read: its lines are no longer needed."""
        self.row.clear()
        self.ended = False
        self._characters = 0

    def _read(self) -> str:
        """The next line; of one that is too long its beginning, which is too long, too."""
        line = self._text.readline(RECORD_BYTES + 1)
        return line if len(line) <= RECORD_BYTES else self._cut_short(line)

    def _cut_short(self, line: str) -> str:
        """The beginning of a line that is too long; the rest of it is read past."""
        piece = line
        while piece and not piece.endswith("\n"):
            piece = self._text.readline(SKIPPED)
        return line

    def again(self) -> None:
        """All lines but the first of the row at hand come again."""
        self.put_back(self.row[1:])
