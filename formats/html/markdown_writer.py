"""Blocks written as Markdown: headings, lists, definitions, tables, quotations and listings as the page had them."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from winnow.formats.html.addresses import strings
from winnow.formats.html.blocks import Blocks
from winnow.formats.html.elements import CLASS_END, CLASS_START, ELEMENT, FIGURE, NUMBER, PARENT, PRESERVED
from winnow.formats.html.grid import CELLS, OUTSIDE, Cell, Grid, grids
from winnow.formats.html.tags import TAG

HEADINGS = {TAG[f"h{level}"]: level for level in range(1, 7)}
LISTS = {TAG["ul"], TAG["ol"], TAG["menu"], TAG["dir"]}
LI, OL, DT, DD = TAG["li"], TAG["ol"], TAG["dt"], TAG["dd"]
LONGEST_PREFIX = 48  # characters of indentation and quotation marks; what is nested deeper stands there
BULLET = re.compile(r"[•●·▪◦‣■□○◆]\s+")
LANGUAGE = re.compile(
    r"(?:^|[\s_-])(?:(?:lang|language|highlight-source|highlight|brush)[-:]\s*|sourceCode\s+)([a-z][\w+#]*)",
    re.IGNORECASE,
)
NO_LANGUAGE = frozenset(
    [
        *("default", "none", "text", "txt", "plain", "plaintext", "auto", "source", "highlighter", "nohighlight"),
        *("en", "zh", "ja", "ko", "de", "fr", "es", "pt", "it", "ru"),
    ]
)
LANGUAGE_REACH = 3  # elements above a listing whose class may name its language
LINE_NUMBERS = re.compile(r"\s*+\d++(?:[^\S\n]*+\n\s*+\d++)++\s*+|\s*+1\s*+")


class Place(NamedTuple):
    """Where in the structure of a page an element stands; 0 is nowhere."""

    heading: int = 0
    item: int = 0  # of a list, or a definition
    term: int = 0
    lines: str = ""  # what stands before each line: indentation and quotation marks
    first: str = ""  # what stands before the first line of the item
    outer: Place | None = None  # where the item stands
    quote: int = 0  # the outermost quotation
    quotes: str = ""
    cell: Cell = OUTSIDE


class Piece(NamedTuple):
    """A block or a row as written, and whether it begins an item."""

    text: str
    place: Place
    begins: bool = False


def render(page: Blocks, keep: npt.NDArray[np.bool_], *, links: bool = False, url: str | None = None) -> str:
    """The kept blocks as Markdown. Text is as the page has it: nothing is escaped, listings keep every blank.

    `links` keeps `[text](address)`, addresses made absolute by `url`, the page's own.
    """
    kept, elements = np.flatnonzero(keep).tolist(), page.blocks[:, ELEMENT].tolist()
    places = _places(page, {elements[block] for block in kept})
    spans = [(block, places[elements[block]]) for block in kept]
    string = strings(page, links=links, url=url)
    tables = grids(page, [(block, place.cell) for block, place in spans if place.cell.cell], string)
    listings = page.blocks[:, PRESERVED].tolist()
    pieces: list[Piece] = []
    begun: set[int] = set()
    row: dict[int, str] = {}
    last = Place()
    for block, place in spans:
        grid = tables.get(place.cell.table) if place.cell.cell else None
        if row and not (grid and place.cell.row == last.cell.row):
            pieces.append(_row(row, last, tables))
            row = {}
        text = string(block)
        if grid:
            column = grid.columns[place.cell.cell]
            row[column] = f"{row[column]} {text}" if column in row else text
            last = place
            continue
        if listings[block]:
            if LINE_NUMBERS.fullmatch(text) and place.cell.cell:
                continue
            text = _listing(text, _language(page, elements[block]))
        elif place.heading:
            text = f"{'#' * place.heading} {' '.join(text.split())}"
        if text.strip():
            before = _before(place, begun)
            pieces.append(Piece(_prefixed(text, before, place.lines), place, before != place.lines))
            last = place
    if row:
        pieces.append(_row(row, last, tables))
    return _joined(pieces, tables)


def _places(page: Blocks, wanted: set[int]) -> dict[int, Place]:
    """The places of the wanted elements and of all they stand in. A parent comes before its children."""
    parents, numbers = page.elements[:, PARENT].tolist(), page.elements[:, NUMBER].tolist()
    chain: set[int] = set()
    for element in wanted:
        while element > 0 and element not in chain:
            chain.add(element)
            element = parents[element]
    headed: set[int] = set()  # items of a list that is layout: they have headings of their own
    for element in chain:
        if numbers[element] in HEADINGS:
            while element > 0:
                headed.add(element)
                element = parents[element]
    defining = set(page.elements[page.elements[:, NUMBER] == DT, PARENT].tolist())
    ordered = _ordered(page, parents, numbers)
    places = {0: Place()}
    for element in sorted(chain):
        parent, number = parents[element], numbers[element]
        place = places[parent]
        if number in HEADINGS:
            place = place._replace(heading=HEADINGS[number])
        elif number == LI and element not in headed:
            place = _item(place, element, f"{ordered[element]}. " if element in ordered else "- ")
        elif number == DD and parent in defining and element not in headed:
            place = _item(place, element, ": ")
        elif number == DT:
            place = place._replace(term=element)
        elif number in LISTS and numbers[parent] in LISTS:
            place = place._replace(lines=_deeper(place.lines, "  "))
        elif number == TAG["blockquote"]:
            lines, first, quotes = (_deeper(prefix, "> ") for prefix in (place.lines, place.first, place.quotes))
            place = place._replace(lines=lines, first=first, quote=place.quote or element, quotes=quotes)
        elif number == TAG["table"]:
            place = place._replace(cell=Cell(element), item=0, term=0, lines=place.quotes)
        elif number == TAG["tr"]:
            place = place._replace(cell=place.cell._replace(row=element))
        elif number in CELLS:
            place = place._replace(cell=place.cell._replace(cell=element), heading=0)
        places[element] = place
    return places


def _item(place: Place, element: int, mark: str) -> Place:
    lines = _deeper(place.lines, " " * len(mark))
    return place._replace(item=element, term=0, first=place.lines + mark, lines=lines, outer=place)


def _deeper(prefix: str, by: str) -> str:
    return prefix + by if len(prefix) < LONGEST_PREFIX else prefix


def _ordered(page: Blocks, parents: list[int], numbers: list[int]) -> dict[int, int]:
    """The numbers of all items of ordered lists, which `start` and `value` may set."""
    found: dict[int, int] = {}
    last: dict[int, int] = {}
    for item in np.flatnonzero(page.elements[:, NUMBER] == LI).tolist():
        parent = parents[item]
        if numbers[parent] == OL:
            before = last[parent] if parent in last else max(int(page.elements[parent, FIGURE]), 1) - 1
            found[item] = last[parent] = int(page.elements[item, FIGURE]) or before + 1
    return found


def _row(cells: dict[int, str], place: Place, tables: dict[int, Grid]) -> Piece:
    place = place._replace(item=0, term=0, lines=place.quotes)
    return Piece(place.lines + tables[place.cell.table].line(cells), place)


def _listing(text: str, language: str) -> str:
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text}\n{fence}"


def _language(page: Blocks, element: int) -> str:
    """The language that the class of a listing, or of what stands closely around it, names; empty where none does."""
    for _ in range(LANGUAGE_REACH):
        start, end = int(page.elements[element, CLASS_START]), int(page.elements[element, CLASS_END])
        found = LANGUAGE.search(page.source[start:end].tobytes().decode("utf-8", "replace"))
        if found and found[1].lower() not in NO_LANGUAGE:
            return found[1].lower()
        element = max(int(page.elements[element, PARENT]), 0)
    return ""


def _before(place: Place, begun: set[int]) -> str:
    """What stands before the first line of a block: the mark of its item, of the items around it too, if it begins them."""
    if not place.item or place.item in begun or place.outer is None:
        return place.lines
    begun.add(place.item)
    outer = place.outer
    return _before(outer, begun) + place.first[len(outer.lines) :]


def _prefixed(text: str, before: str, lines: str) -> str:
    """The text under the mark and indentation of its list, behind the marks of its quotations."""
    if before.endswith("- ") and BULLET.match(text):
        text = BULLET.sub("", text, count=1)
    if "\n" not in text or not before:
        return before + text
    head, *rest = text.split("\n")
    return "\n".join([before + head, *(lines + line if line.strip() else lines.rstrip() for line in rest)])


def _joined(pieces: list[Piece], tables: dict[int, Grid]) -> str:
    """Blank lines between paragraphs, none between items, rows, a term and its definition; a rule under a first row."""
    written: list[str] = []
    last = Piece("", Place())
    for piece in pieces:
        cell, before = piece.place.cell, last.place.cell
        grid = tables.get(cell.table) if cell.cell else None
        same_table = grid is not None and cell.table == before.table and bool(before.cell)
        if written:
            written.append("\n" if same_table and not (grid and grid.equations) else _between(last.place, piece))
        written.append(piece.text)
        if grid and not same_table and not grid.equations:
            written.append(f"\n{piece.place.lines}{grid.rule}")
        last = piece
    return "".join(written)


def _between(last: Place, piece: Piece) -> str:
    place = piece.place
    if last.term and (place.term or piece.begins):
        return "\n"
    if piece.begins and last.item and not (place.term or place.first.endswith(": ")):
        return "\n"
    if place.quote and place.quote == last.quote:
        return f"\n{min(place.quotes, last.quotes).rstrip()}\n"
    return "\n\n"
