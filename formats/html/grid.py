"""Tables of a page: which of them hold data and not layout, in which column a cell lies, which are numbered formulas."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from winnow.formats.html.blocks import Blocks
from winnow.formats.html.elements import DEPTH, END, FIGURE, NUMBER, PARENT, PRESERVED, ROW_FIGURE, START
from winnow.formats.html.tags import TAG

CELLS = {TAG["td"], TAG["th"]}
SECTIONS = {TAG["thead"], TAG["tbody"], TAG["tfoot"]}
CELL_BYTES = 400  # tables with longer cells are layout: their cells are written as paragraphs
HEADED_CELL_BYTES = 2000  # the same of cells of one paragraph in a table that has headings of rows or columns
MOST_COLUMNS = 64
FORMULA = re.compile(r"\${1,2}([^$]+)\${1,2}")
EQUATION_NUMBER = re.compile(r"\((\w{1,4}(?:\.\w{1,4}){0,3}[a-z′']?)\)")


class Cell(NamedTuple):
    """Where a block stands: the elements `<table>`, `<tr>` and `<td>` around it; 0 is none."""

    table: int = 0
    row: int = 0
    cell: int = 0


OUTSIDE = Cell()


@dataclass(frozen=True, slots=True)
class Grid:
    """One table that holds data: the column of each kept cell, how many columns there are, whether its rows are equations."""

    columns: dict[int, int]
    width: int
    equations: bool = False

    def line(self, cells: dict[int, str]) -> str:
        """One row as Markdown, all cells that it lacks empty; a row of an equation as `$$…$$` with its number."""
        if self.equations:
            return _equation([cells[column] for column in sorted(cells)])
        texts = (" ".join(cells.get(column, "").split()) for column in range(self.width))
        return f"| {' | '.join(text.replace('$$', '$').replace('|', chr(92) + '|') for text in texts)} |"

    @property
    def rule(self) -> str:
        """The line under the first row."""
        return "| --- " * self.width + "|"


def grids(page: Blocks, places: Sequence[tuple[int, Cell]], string: Callable[[int], str]) -> dict[int, Grid]:
    """The tables around kept blocks, given with their cells, that hold data or equations: rows of several short cells."""
    sizes: dict[int, Counter[Cell]] = defaultdict(Counter)
    blocks: dict[int, list[int]] = defaultdict(list)
    paragraphs = Counter(place for _, place in places)
    layout: set[int] = set()
    for block, place in places:
        if place.table not in sizes:
            layout |= _around(page, place.table)
        sizes[place.table][place] += int(page.blocks[block, END] - page.blocks[block, START])
        blocks[place.table].append(block)
        if page.blocks[block, PRESERVED]:
            layout.add(place.table)
    found: dict[int, Grid] = {}
    for table, cells in sizes.items():
        if table in layout or max(Counter(cell.row for cell in cells).values()) == 1:
            continue
        headed = any(page.elements[cell.cell, NUMBER] == TAG["th"] for cell in cells)
        if any(
            size > (HEADED_CELL_BYTES if headed and paragraphs[cell] == 1 else CELL_BYTES)
            for cell, size in cells.items()
        ):
            continue
        columns = _columns(page, table)
        used = sorted({columns.get(cell.cell, 0) for cell in cells})  # the others would be empty
        if len(used) <= MOST_COLUMNS:
            columns = {cell.cell: used.index(columns.get(cell.cell, 0)) for cell in cells}
            found[table] = Grid(columns, len(used), _are_equations(map(string, blocks[table])))
    return found


def _around(page: Blocks, table: int) -> set[int]:
    """The tables that a table stands in."""
    outer = set()
    element = int(page.elements[table, PARENT])
    while element > 0:
        if page.elements[element, NUMBER] == TAG["table"]:
            outer.add(element)
        element = int(page.elements[element, PARENT])
    return outer


def _columns(page: Blocks, table: int) -> dict[int, int]:
    """The column of each cell of a table, as cells that span rows and columns push it. HTML, section 4.9.12."""
    elements = page.elements
    columns: dict[int, int] = {}
    sections = {table}
    row = column = 0
    reaching: dict[int, int] = {}  # columns that a cell from above still fills, and for how many rows
    filled: set[int] = set()
    for element in range(table + 1, len(elements)):
        if elements[element, DEPTH] <= elements[table, DEPTH]:
            break
        number, parent = elements[element, NUMBER], elements[element, PARENT]
        if number in SECTIONS and parent == table:
            sections.add(element)
        elif number == TAG["tr"] and parent in sections:
            row, column = element, 0
            filled = set(reaching)
            reaching = {place: rows - 1 for place, rows in reaching.items() if rows > 1}
        elif number in CELLS and parent == row:
            down, across = divmod(int(elements[element, FIGURE]), ROW_FIGURE)
            while column in filled:
                column += 1
            columns[element] = column
            last = column + min(max(across, 1), MOST_COLUMNS)
            if down > 1:
                reaching |= dict.fromkeys(range(column, last), down - 1)
            column = last
    return columns


def _are_equations(texts: Iterable[str]) -> bool:
    """Whether there is nothing but formulas, one of them on display, and their numbers."""
    on_display = False
    for text in texts:
        if not (FORMULA.fullmatch(text) or EQUATION_NUMBER.fullmatch(text)):
            return False
        on_display |= text.startswith("$$")
    return on_display


def _equation(cells: Iterable[str]) -> str:
    parts = []
    for text in cells:
        number = EQUATION_NUMBER.fullmatch(text)
        parts.append(rf"\tag{{{number[1]}}}" if number else FORMULA.sub(r"\1", text))
    return f"$${' '.join(parts)}$$"
