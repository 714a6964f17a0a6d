"""What asks for more memory than one record may: real files of each kind, each of which costs a counted record or its rest.

Each is read in a process of its own that may take 1 GiB of addresses more than it has; without the bounds each would
need several.
"""

from __future__ import annotations

import gzip
import io
import json
import multiprocessing
import resource
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from winnow.formats.containers import bounds
from winnow.formats.containers.archives import members
from winnow.formats.containers.bounds import MOST_VALUES, RECORD_BYTES, TooLarge, check_json, lines_within
from winnow.formats.containers.commoncrawl import _lines as index_lines
from winnow.formats.containers.json_text import read_json
from winnow.formats.containers.records import read_records
from winnow.formats.markup.epub import read_epub
from winnow.formats.splits import Split

ROOM = 1 << 30
ENDLESS = 2 << 30
BLOCK = bytes([97]) * (1 << 20)

Told = list[tuple[str, str, str]]


def endless(before: bytes, after: bytes, unit: bytes = BLOCK, size: int = ENDLESS) -> bytes:
    """gzip of a text whose one line, value or cell is of 2 GiB; the packed file has 2 MB."""
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=1) as packed:
        packed.write(before)
        for _ in range(size // len(unit)):
            packed.write(unit)
        packed.write(after)
    return out.getvalue()


def tables(folder: Path) -> tuple[int, Told]:
    told: Told = []
    [path] = folder.iterdir()
    found = list(read_records(Split(str(path)), lambda place, rule, value: told.append((place, rule, str(value)))))
    return len(found), told


def archive(folder: Path) -> tuple[int, Told]:
    told: Told = []
    [path] = folder.iterdir()
    found = list(members(str(path), reject=lambda name, rule, value: told.append((name, rule, str(value)))))
    return len(found), told


def book(folder: Path) -> tuple[int, Told]:
    told: Told = []
    [path] = folder.iterdir()
    with path.open("rb") as stream:
        found = read_epub(stream, path.name, lambda name, rule, value: told.append((name, rule, str(value))))
    return len(found.chapters) if found else 0, told


def index(folder: Path) -> tuple[int, Told]:
    [path] = folder.iterdir()
    return len([line for line in index_lines(str(path)) if line]), []


def line_of_csv(folder: Path) -> None:
    (folder / "t.csv.gz").write_bytes(endless(b"a,b\n1,2\n", b"\n3,4\n"))


def quoted_row_of_csv(folder: Path) -> None:
    (folder / "t.csv.gz").write_bytes(endless(b'a,b\n1,2\n"', b'",5\n', b"x" * 999 + b"\n"))


def line_of_tsv(folder: Path) -> None:
    (folder / "t.tsv.gz").write_bytes(endless(b"a\tb\n1\t2\n", b"\n3\t4\n"))


def line_of_json(folder: Path) -> None:
    (folder / "t.jsonl.gz").write_bytes(endless(b'{"a": 1}\n{"a": "', b'"}\n{"a": 2}\n'))


def value_of_json(folder: Path) -> None:
    (folder / "t.json.gz").write_bytes(endless(b'[{"a": 1}, {"a": "', b'"}, {"a": 2}]'))


def many_values_of_json(folder: Path) -> None:
    swollen = b'{"a": [' + b"{}," * (RECORD_BYTES // 3 - 100) + b"{}]}"
    (folder / "t.jsonl").write_bytes(b'{"a": 1}\n' + swollen + b'\n{"a": 2}\n')


def member_of_tar(folder: Path) -> None:
    """Not compressed: one that swells so is a bomb, and ends its archive."""
    with tarfile.open(folder / "t.tar", "w") as tar:
        for name, size in (("a.txt", 3), ("b.txt", 4 * RECORD_BYTES), ("c.txt", 3)):
            entry = tarfile.TarInfo(name)
            entry.size = size
            tar.addfile(entry, Zeros(size))


def member_of_zip(folder: Path) -> None:
    with zipfile.ZipFile(folder / "t.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        for name, size in (("a.txt", 3), ("b.txt", 1 << 30), ("c.txt", 3)):
            with packed.open(name, "w", force_zip64=True) as stream:
                for _ in range(max(size >> 20, 1)):
                    stream.write(BLOCK[:size])


def chapter_of_epub(folder: Path) -> None:
    container = '<container><rootfiles><rootfile full-path="p.opf"/></rootfiles></container>'
    items = "".join(f'<item id="{n}" href="{n}.xhtml" media-type="application/xhtml+xml"/>' for n in "ab")
    package = f'<package><manifest>{items}</manifest><spine><itemref idref="a"/><itemref idref="b"/></spine></package>'
    with zipfile.ZipFile(folder / "t.epub", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        packed.writestr("META-INF/container.xml", container)
        packed.writestr("p.opf", package)
        packed.writestr("a.xhtml", "<html><body><p>A mill by the river.</p></body></html>")
        packed.writestr("b.xhtml", "<html><body>" + "<p>" * 5 * MOST_VALUES + "</body></html>")


def line_of_an_index(folder: Path) -> None:
    (folder / "cdx-00000.gz").write_bytes(endless(b"a 1 {}\n", b"\nb 2 {}\n"))


class Zeros(io.RawIOBase):
    def __init__(self, size: int) -> None:
        self.left = size

    def read(self, size: int = -1) -> bytes:
        taken = min(self.left, size)
        self.left -= taken
        return bytes(taken)


HOSTILE: list[tuple[Callable[[Path], None], Callable[[Path], tuple[int, Told]], int, set[str]]] = [
    (line_of_csv, tables, 2, {"size"}),
    (quoted_row_of_csv, tables, 1, {"size", "csv", "columns", "corrupt"}),
    (line_of_tsv, tables, 2, {"size"}),
    (line_of_json, tables, 2, {"size"}),
    (value_of_json, tables, 1, {"corrupt"}),  # of an array nothing can be told any more
    (many_values_of_json, tables, 2, {"size"}),
    (member_of_tar, archive, 2, {"size"}),
    (member_of_zip, archive, 2, {"size"}),
    (chapter_of_epub, book, 1, {"size"}),
    (line_of_an_index, index, 2, set()),
]


def _bounded(read: Callable[[Path], tuple[int, Told]], folder: Path, answer: Any) -> None:
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + ROOM, used + ROOM))
    try:
        answer.send(read(folder))
    except BaseException as error:
        answer.send(error)


@pytest.mark.slow  # ten files of gigabytes: `make hostile`
@pytest.mark.parametrize(("write", "read", "whole", "rules"), HOSTILE, ids=[case[0].__name__ for case in HOSTILE])
def test_what_asks_for_too_much_costs_itself(
    tmp_path: Path,
    write: Callable[[Path], None],
    read: Callable[[Path], tuple[int, Told]],
    whole: int,
    rules: set[str],
) -> None:
    write(tmp_path)
    here, there = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=_bounded, args=(read, tmp_path, there))
    process.start()
    there.close()
    answer = here.recv()
    process.join()
    assert not isinstance(answer, BaseException), repr(answer)
    found, told = answer
    assert found == whole
    assert {rule for _, rule, _ in told} <= rules and bool(told) == bool(rules), told
    if rules == {"size"}:
        assert len(told) == 1, told


@pytest.fixture
def small_bound(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The same with a bound of 1,000 bytes, in every module that took it."""
    import sys

    for name, module in list(sys.modules.items()):
        if name.startswith("winnow.formats.") and getattr(module, "RECORD_BYTES", None) == RECORD_BYTES:
            monkeypatch.setattr(module, "RECORD_BYTES", 1_000)
    monkeypatch.setattr(bounds.lines_within, "__defaults__", (1_000,))
    yield 1_000


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.jsonl"])
def test_a_record_above_the_bound_is_one_rejection_and_those_beside_it_are_read(
    tmp_path: Path, small_bound: int, name: str
) -> None:
    sign = "\t" if name.endswith("tsv") else ","
    rows = [["1", "2"], ["x" * 3 * small_bound, "y"], ["3", "4"], ["z" * (small_bound - 20), "5"]]
    if name.endswith("jsonl"):
        text = "".join(json.dumps({"a": a, "b": b}) + "\n" for a, b in rows)
    else:
        text = f"a{sign}b\n" + "".join(f"{a}{sign}{b}\n" for a, b in rows)
    (tmp_path / name).write_text(text)
    found, told = tables(tmp_path)
    assert found == 3
    assert [rule for _, rule, _ in told] == ["size"]


def test_lines_are_told_with_their_sizes_and_endless_ones_are_none() -> None:
    text = b"ab\n" + b"c" * 50 + b"\n\n" + b"d" * 10 + b"\n" + b"e" * 40
    found = list(lines_within(io.BytesIO(text), 11))
    assert found == [(3, b"ab\n"), (51, None), (1, b"\n"), (11, b"d" * 10 + b"\n"), (40, None)]
    assert sum(size for size, _ in found) == len(text)


def test_values_are_counted_outside_of_strings_and_before_they_are_made() -> None:
    commas = json.dumps({"text": ",[{" * MOST_VALUES}).encode()
    check_json(commas)
    assert read_json(commas) == {"text": ",[{" * MOST_VALUES}
    with pytest.raises(TooLarge, match="values"):
        read_json(b"[" + b"0," * (MOST_VALUES + 1) + b"0]")


def test_a_string_without_an_end_is_looked_through_once() -> None:
    """Quotes that escape each other: of two million each would else be tried as a string's beginning."""
    check_json(b'["' + b'\\",' * MOST_VALUES)
