"""Tables of pairs, a pair a line, and memories: one file with both languages, or two files line by line (Moses).

Those of a folder, or one that is an input by itself, are cut into pieces of about equal bytes: a folder's tables count
as laid end to end in the order of their names. What is compressed is never cut. A line belongs to a run of lines, by its
number, and a run to the piece that it begins in: so pieces of any size give the same runs. A memory is cut at its units.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from winnow.formats.addresses import filesystem_of
from winnow.formats.containers.archives import PACKED_SUFFIX, Reject
from winnow.formats.containers.bounds import RECORD_BYTES
from winnow.formats.containers.inflate import Broken
from winnow.formats.splits import Split
from winnow.formats.translations.catalogues import Pair
from winnow.formats.translations.file_names import Languages, half_endings, halves
from winnow.formats.translations.lines import Line, Text

SAMPLED, FEW = 200, 4
ADDRESS = re.compile(r"(?:[a-z][a-z0-9+.-]+://|www\.|[\w.-]+@)\S+\Z", re.IGNORECASE)
MARK = b"\xef\xbb\xbf"


class Form(StrEnum):
    """Tab-separated cells; two files of lines; TMX."""

    CELLS = "cells"
    HALVES = "halves"
    MEMORY = "memory"


@dataclass(frozen=True)
class Table:
    """One table or memory under its `name` in the input; `size` in bytes is that of the file which is cut."""

    name: str
    form: Form
    source: Text
    target: Text | None = None
    target_name: str = ""
    size: int = 1

    @property
    def whole(self) -> bool:
        """Whether it can't be cut, by its name."""
        return self.source.packed or (self.target is not None and self.target.packed)

    @property
    def is_table(self) -> bool:
        """False for a `.txt` that isn't tab-separated pairs."""
        return not PACKED_SUFFIX.sub("", self.name).endswith(".txt") or has_cells(self.source.head())

    def pairs(self, start: int, stop: int, run: int, reject: Reject) -> Iterator[Pair]:
        """The pairs of the runs of `run` lines that begin in bytes `[start, stop)`, each with its line as its place.

        Lines that are no pair are told to `reject`, and so, by the piece that begins at 0, is what holds of a whole
        table: another encoding than UTF-8, or halves of unequal numbers of lines, of which no pair can be trusted.
        """
        texts = [text for text in (self.source, self.target) if text is not None]
        try:
            if any(text.compressed for text in texts):
                if start:
                    return
                stop = -1
            if self._is_sound(reject if start == 0 else _silent):
                lines = self.source.runs(start, stop, run)
                yield from (
                    self._cells(lines, reject) if self.target is None else self._halves(lines, self.target, reject)
                )
        except Broken as broken:
            reject(self.name, broken.rule, broken.value)

    def _is_sound(self, reject: Reject) -> bool:
        for name, text in ((self.name, self.source), (self.target_name, self.target)):
            if text is not None:
                try:
                    text.charset()
                except ValueError as error:
                    reject(name, "encoding", error)
                    return False
        if self.target is not None:
            ours, theirs = self.source.newlines().lines, self.target.newlines().lines
            if ours != theirs:
                reject(self.target_name, "lines", f"{theirs}, {self.name} has {ours}")
                return False
        return True

    def _cells(self, lines: Iterable[Line], reject: Reject) -> Iterator[Pair]:
        charset = self.source.charset()
        ours, theirs = sides = prose_columns(self.source.head(), charset)
        for line in lines:
            text = _decoded(self.name, line, reject, charset)
            if text is None:
                continue
            cells = text.rstrip("\r").split("\t")
            if len(cells) > max(sides):
                yield Pair(cells[ours], cells[theirs], str(line.number))
            elif text.strip():
                reject(f"{self.name}#{line.number}", "columns", len(cells))

    def _halves(self, lines: Iterator[Line], target: Text, reject: Reject) -> Iterator[Pair]:
        count = target.newlines().lines
        charsets = self.source.charset(), target.charset()
        theirs: Iterator[Line] | None = None
        for ours in lines:
            if ours.number > count:
                return
            theirs = theirs or target.lines_from(ours.number)
            first = _decoded(self.name, ours, reject, charsets[0])
            second = _decoded(self.target_name, next(theirs), reject, charsets[1])
            if first is not None and second is not None:
                yield Pair(first.strip(), second.strip(), str(ours.number))


def _decoded(name: str, line: Line, reject: Reject, charset: str) -> str | None:
    """A line's text without its end; None for one that was rejected."""
    place = f"{name}#{line.number}"
    if line.too_long:
        reject(place, "size", f"> {RECORD_BYTES}")
        return None
    try:
        return line.content.removeprefix(MARK if line.offset == 0 else b"").removesuffix(b"\n").decode(charset)
    except UnicodeDecodeError as error:
        reject(place, "encoding", error)
        return None


def _silent(name: str, rule: str, value: object) -> None:
    pass


def has_cells(head: bytes) -> bool:
    """Whether a text is tab-separated pairs, as Tatoeba's are published: as many tabs, not none, in every line."""
    tabs = {line.count(b"\t") for line in head.split(b"\n") if line}
    return len(tabs) == 1 and tabs != {0}


def prose_columns(head: bytes, charset: str = "utf-8") -> tuple[int, int]:
    """Which two columns of a table are texts, by its first lines: numbers, addresses, marks and what repeats are none.

    ParaCrawl's lines are two addresses, two texts and a score; Tatoeba's two texts and whose they are, or number before
    text; others begin with a score. The first two columns where no two can be told.
    """
    rows = [
        line.decode(charset, "replace").split("\t") for line in head.split(b"\n", SAMPLED)[:SAMPLED] if line.strip()
    ]
    width = min(map(len, rows), default=0)
    if width <= 2:
        return 0, 1
    columns = [[row[at].strip() for row in rows] for at in range(width)]
    prose = [at for at, cells in enumerate(columns) if _is_prose(cells)]
    return (prose[0], prose[1]) if len(prose) >= 2 else (0, 1)


def _is_prose(cells: Sequence[str]) -> bool:
    """Whether a column holds texts: most cells have letters and are no address, and most differ."""
    said = [cell for cell in cells if any(map(str.isalpha, cell)) and not ADDRESS.match(cell)]
    return 2 * len(said) > len(cells) and (2 * len(set(said)) > len(said) or len(said) < FEW)


@dataclass(frozen=True)
class Tables:
    """The tables of one input in the order of their names, and files that are half of one, with what is missing."""

    found: Sequence[Table] = ()
    lone: Sequence[tuple[str, str]] = ()
    in_folder: bool = False

    def splits(self, path: str, split_bytes: int) -> list[Split]:
        """Pieces of an input that are about `split_bytes` of its tables each; the first holds whatever else it has."""
        bounds, at = [0], 0
        for table in self.found:
            end = at + table.size
            if table.whole:
                if at > bounds[-1] and end - bounds[-1] > split_bytes:
                    bounds.append(at)
            else:
                while end - bounds[-1] > split_bytes:
                    bounds.append(max(bounds[-1] + split_bytes, at))
            at = end
        return [Split(path, first, last) for first, last in zip(bounds, [*bounds[1:], -1], strict=True)]

    def within(self, split: Split) -> Iterator[tuple[Table, int, int]]:
        """The tables that a piece has a share of, and the bytes of each that it has."""
        at = 0
        for table in self.found:
            start = max(split.start - at, 0)
            stop = table.size if split.stop < 0 else min(split.stop - at, table.size)
            if start < stop:
                yield table, start, -1 if stop == table.size else stop
            at += table.size


def find_tables(path: str, languages: Languages, split_bytes: int, charset: str | None = None) -> Tables:
    """The tables of a folder, or the one that a file is by its name; an archive has none that could be cut.

    A `.txt` counts when it is packed or larger than `split_bytes`; whether it is a table shows when it is read.
    `charset` is the user's option.
    """
    filesystem, root = filesystem_of(path)
    if not filesystem.isdir(root):
        name = root.rsplit("/", 1)[-1]
        inner = PACKED_SUFFIX.sub("", name)
        if inner.lower().endswith(half_endings(languages)):
            return Tables(lone=[(inner, "no file of the other language; name the folder that both lie in")])
        size = max(int(filesystem.size(root) or 0), 1)
        form = _form(name, size, split_bytes)
        return Tables([Table(inner, form, Text(path, told=charset), size=size)] if form else [])
    sizes = {
        name[len(root.rstrip("/")) + 1 :]: max(int(entry["size"] or 0), 1)
        for name, entry in sorted(filesystem.find(root, detail=True).items())
        if entry["type"] == "file" and not entry.get("islink")
    }

    def text(name: str) -> Text:
        return Text(f"{path.rstrip('/')}/{name}", told=charset)

    found = [
        Table(name, form, text(name), size=size)
        for name, size in sizes.items()
        if (form := _form(name, size, split_bytes)) is not None
    ]
    sides = halves(sizes, languages)
    found += [
        Table(source, Form.HALVES, text(source), text(target), target, sizes[source]) for source, target in sides.pairs
    ]
    return Tables(sorted(found, key=lambda table: table.name), sides.lone, in_folder=True)


def _form(name: str, size: int, split_bytes: int) -> Form | None:
    inner = PACKED_SUFFIX.sub("", name)
    if inner.endswith(".tmx"):
        return Form.MEMORY
    if inner.endswith(".tsv") or (inner.endswith(".txt") and (inner != name or size > split_bytes)):
        return Form.CELLS
    return None
