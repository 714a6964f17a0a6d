"""Blocks written as Markdown: headings, lists, tables, quotations and listings as the page had them."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from stages.extract.blocks import Blocks
from stages.extract.elements import ELEMENT, END, NUMBER, ORDINAL, PARENT, PRESERVED, START, TEXT_END, TEXT_START
from stages.extract.markup import TAG

HEADINGS = {TAG[f"h{level}"]: level for level in range(1, 7)}
LISTS = {TAG["ul"], TAG["ol"], TAG["dl"], TAG["menu"], TAG["dir"]}
ITEMS = {TAG["li"], TAG["dd"]}
CELLS = {TAG["td"], TAG["th"]}
CELL_BYTES = 400  # tables with longer cells are layout: their cells are written as paragraphs
MOST_COLUMNS = 64


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the structure of a page an element stands; 0 is nowhere."""

    heading: int = 0
    depth: int = 0  # of lists
    item: int = 0
    number: int = 0  # of the item in an ordered list
    quotes: int = 0
    table: int = 0
    row: int = 0
    cell: int = 0


def render(page: Blocks, keep: npt.NDArray[np.bool_], *, links: bool = False) -> str:
    """The kept blocks as Markdown. Text is as the page has it: nothing is escaped, listings keep every blank."""
    kept = [int(block) for block in np.flatnonzero(keep)]
    places = _places(page, {int(page.blocks[block, ELEMENT]) for block in kept})
    spans = [(block, places[int(page.blocks[block, ELEMENT])]) for block in kept]
    tables = _data_tables(page, spans)
    strings = _linked(page) if links else page.string
    pieces: list[tuple[str, Place]] = []
    row: dict[int, str] = {}
    last = Place()
    for block, place in spans:
        in_table = place.table in tables and bool(place.cell)
        if row and not (in_table and place.row == last.row):
            pieces.append((_row(row), last))
            row = {}
        text = strings(block)
        if in_table:
            column = int(page.elements[place.cell, ORDINAL])
            row[column] = f"{row[column]} {text}" if column in row else text
            last = place
            continue
        if page.blocks[block, PRESERVED]:
            text = _listing(text)
        elif place.heading:
            text = f"{'#' * place.heading} {' '.join(text.split())}"
        pieces.append((_itemised(text, place, place.item != last.item), place))
        last = place
    if row:
        pieces.append((_row(row), last))
    return _joined(pieces, tables)


def _places(page: Blocks, wanted: set[int]) -> dict[int, Place]:
    """The places of the wanted elements and of all they stand in. A parent comes before its children."""
    chain: set[int] = set()
    for element in wanted:
        while element > 0 and element not in chain:
            chain.add(element)
            element = int(page.elements[element, PARENT])
    places = {0: Place()}
    for element in sorted(chain):
        parent = int(page.elements[element, PARENT])
        number = int(page.elements[element, NUMBER])
        place = places[parent]
        if number in HEADINGS:
            place = replace(place, heading=HEADINGS[number])
        elif number in LISTS:
            place = replace(place, depth=place.depth + 1)
        elif number in ITEMS:
            ordered = page.elements[parent, NUMBER] == TAG["ol"]
            order = int(page.elements[element, ORDINAL]) + 1 if ordered else 0
            place = replace(place, item=element, depth=max(place.depth, 1), number=order)
        elif number == TAG["blockquote"]:
            place = replace(place, quotes=place.quotes + 1)
        elif number == TAG["table"]:
            place = replace(place, table=element, row=0, cell=0, item=0, depth=0)
        elif number == TAG["tr"]:
            place = replace(place, row=element)
        elif number in CELLS:
            place = replace(place, cell=element, heading=0)
        places[element] = place
    return places


def _data_tables(page: Blocks, spans: list[tuple[int, Place]]) -> set[int]:
    """The tables that hold data, not layout: rows of several short cells."""
    sizes: Counter[tuple[int, int, int]] = Counter()
    for block, place in spans:
        if place.cell:
            size = int(page.blocks[block, END] - page.blocks[block, START])
            if page.blocks[block, PRESERVED] or int(page.elements[place.cell, ORDINAL]) >= MOST_COLUMNS:
                size = CELL_BYTES + 1
            sizes[place.table, place.row, place.cell] += size
    layout = {table for (table, _, _), size in sizes.items() if size > CELL_BYTES}
    cells = Counter((table, row) for table, row, _ in sizes)
    return {table for (table, _), count in cells.items() if count > 1} - layout


def _row(cells: dict[int, str]) -> str:
    texts = (cells.get(column, "") for column in range(max(cells) + 1))
    return "| " + " | ".join(" ".join(text.split()).replace("|", r"\|") for text in texts) + " |"


def _listing(text: str) -> str:
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}\n{text}\n{fence}"


def _itemised(text: str, place: Place, first: bool) -> str:
    """The text under the mark and indentation of its list, behind the marks of its quotations."""
    if place.item and not place.heading:
        mark = f"{place.number}. " if place.number else "- "
        outer = "  " * (place.depth - 1)
        inner = outer + " " * len(mark)
        lines = text.split("\n")
        text = "\n".join([(outer + mark if first else inner) + lines[0], *(inner + line for line in lines[1:])])
    if place.quotes:
        text = re.sub(r"^", "> " * min(place.quotes, 8), text, flags=re.MULTILINE)
    return text


def _joined(pieces: list[tuple[str, Place]], tables: set[int]) -> str:
    """Blank lines between paragraphs, none between items and rows; a rule under the first row of a table."""
    written: list[str] = []
    last = Place()
    for text, place in pieces:
        in_table = place.table in tables and bool(place.cell)
        same_table = in_table and place.table == last.table and bool(last.cell)
        if written:
            same_list = place.item and last.item and place.item != last.item and place.depth and last.depth
            written.append("\n" if same_table or same_list else "\n\n")
        written.append(text)
        if in_table and not same_table:
            columns = text.replace(r"\|", "").count("|") - 1
            written.append("\n" + "| --- " * columns + "|")
        last = place
    return "".join(written)


def _linked(page: Blocks):  # type: ignore[no-untyped-def]
    """A `Blocks.string` that writes links as Markdown."""
    spans = page.links[:, [TEXT_START, TEXT_END]]

    def string(block: int) -> str:
        start, end = int(page.blocks[block, START]), int(page.blocks[block, END])
        pieces = []
        at = start
        first = int(np.searchsorted(spans[:, 0], start))
        for link in range(first, len(spans)):
            begin, stop = max(int(spans[link, 0]), at), min(int(spans[link, 1]), end)
            if begin >= end:
                break
            label = page.text[begin:stop].tobytes().decode("utf-8", "replace")
            address = page.address(link).strip()
            if not label.strip() or not address or address.startswith(("#", "javascript:", "data:")):
                continue
            pieces.append(page.text[at:begin].tobytes().decode("utf-8", "replace"))
            blank = " " if label[0].isspace() else ""
            pieces.append(f"{blank}[{label.strip()}]({address})")
            at = stop
        pieces.append(page.text[at:end].tobytes().decode("utf-8", "replace"))
        return "".join(pieces)

    return string
