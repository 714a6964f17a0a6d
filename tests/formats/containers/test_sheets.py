"""Spreadsheets are read as their programs show them, sheet by sheet; what is hostile costs its own process alone."""

from __future__ import annotations

import datetime
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.stages.ingest.test_databases import read
from winnow.formats.containers import sheets
from winnow.formats.containers.decoded import Unreadable
from winnow.pipeline.drafting.survey import survey
from winnow.stages.ingest import tables
from winnow.stages.ingest.source import Builder

calamine = pytest.mark.skipif(not sheets.installed(), reason="needs the extra `sheets`")
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PARTS = "http://schemas.openxmlformats.org/package/2006"


def workbook(path: Path, pages: dict[str, str]) -> Path:
    """A workbook by hand: the rows of each sheet as their markup; cells of style 1 are dates."""
    names = list(pages)
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    listed = "".join(f'<sheet name="{name}" sheetId="{n}" r:id="r{n}"/>' for n, name in enumerate(names, 1))
    related = "".join(
        f'<Relationship Id="r{n}" Type="{OFFICE}/worksheet" Target="worksheets/s{n}.xml"/>'
        for n in range(1, len(names) + 1)
    )
    typed = "".join(
        f'<Override PartName="/xl/worksheets/s{n}.xml" ContentType="{kind}.worksheet+xml"/>'
        for n in range(1, len(names) + 1)
    )
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{PARTS}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>{typed}</Types>',
        "_rels/.rels": f'<Relationships xmlns="{PARTS}/relationships"><Relationship Id="r1" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{listed}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PARTS}/relationships">{related}<Relationship Id="s" Type="{OFFICE}/styles" Target="styles.xml"/></Relationships>',
        "xl/styles.xml": f'<styleSheet xmlns="{MAIN}"><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>',
    }  # fmt: skip
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
        for number, rows in enumerate(pages.values(), 1):
            archive.writestr(
                f"xl/worksheets/s{number}.xml", f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>'
            )
    return path


def row(number: int, *cells: Any) -> str:
    """A row of texts, numbers, dates and, for None, cells that aren't there."""
    said = []
    for column, cell in zip("ABCDEFG", cells, strict=False):
        place = f'r="{column}{number}"'
        if isinstance(cell, str):
            said.append(f'<c {place} t="inlineStr"><is><t xml:space="preserve">{cell}</t></is></c>')
        elif isinstance(cell, datetime.date):
            said.append(f'<c {place} s="1"><v>{(cell - datetime.date(1899, 12, 30)).days}</v></c>')
        elif cell is not None:
            said.append(f"<c {place}><v>{cell}</v></c>")
    return f'<row r="{number}">{"".join(said)}</row>'


@calamine
def test_every_row_of_every_sheet_is_a_record_at_the_place_that_a_spreadsheet_shows(tmp_path: Path) -> None:
    day = datetime.date(2024, 2, 29)
    path = workbook(
        tmp_path / "a.xlsx",
        {
            "Notes": row(3, "text", "count", "day") + row(4, " 春天来了\n雨 ", 3, day) + row(7, "half", 0.5, None),
            "Empty": "",
            "More": row(1, "text") + row(2, "last"),
        },
    )
    assert read(path) == (
        {
            "Notes row 4": {"text": " 春天来了\n雨 ", "count": 3, "day": "2024-02-29"},
            "Notes row 7": {"text": "half", "count": 0.5, "day": None},
            "More row 2": {"text": "last"},
        },
        [],
    )


@calamine
def test_what_stands_below_no_name_is_told_and_a_name_that_stands_twice_cannot_be_read(tmp_path: Path) -> None:
    rows = row(1, "text", None, "a", "a") + row(2, "x", 0, 1, 2) + row(3, "y", None, 1, 2)
    found, told = read(workbook(tmp_path / "a.xlsx", {"S": rows}))
    assert list(found) == ["S row 3"] and found["S row 3"]["text"] == "y"
    assert isinstance(found["S row 3"]["a"], Unreadable)
    assert told == [("S row 2", "columns", "0 stands in a column without a name")]


@calamine
def test_a_sheet_of_one_row_is_told(tmp_path: Path) -> None:
    found, told = read(workbook(tmp_path / "a.xlsx", {"S": row(3, "a text", 7), "T": row(1, "b") + row(2, "x")}))
    assert list(found) == ["T row 2"]
    assert told == [("S row 3", "header", sheets.HEADER_ALONE)]


@calamine
def test_a_cell_at_the_far_end_and_a_file_that_is_none_cost_themselves(tmp_path: Path) -> None:
    far = row(1, "text") + row(2, "x") + '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    found, told = read(workbook(tmp_path / "far.xlsx", {"S": far}))
    assert found == {} and [rule for _, rule, _ in told] == ["size"]
    (tmp_path / "none.xlsx").write_bytes(b"no spreadsheet")
    assert [rule for _, rule, _ in read(tmp_path / "none.xlsx")[1]] == ["corrupt"]
    whole = workbook(tmp_path / "cut.xlsx", {"S": row(1, "text") + row(2, "x")}).read_bytes()
    (tmp_path / "cut.xlsx").write_bytes(whole[: len(whole) // 2])
    assert [rule for _, rule, _ in read(tmp_path / "cut.xlsx")[1]] == ["corrupt"]


@calamine
def test_a_profile_names_the_sheet_and_init_finds_the_column(tmp_path: Path) -> None:
    words = "one two three four five six seven eight nine ten " * 3
    path = workbook(
        tmp_path / "a.xlsx", {"Codes": row(1, "id") + row(2, 7), "Notes": row(1, "id", "body") + row(2, 7, words)}
    )
    settings = tables.Settings(table="Notes", columns={"text": "body"})
    builder = Builder("notes", "tables", lambda batch: None)
    for split in tables.splits(str(path), settings):
        tables.read(split, settings, builder)
    assert (builder.documents, builder.rejections) == (1, [])
    (find,) = survey([str(tmp_path)]).finds
    assert (find.kind, find.options["table"], find.options["columns"]["text"]) == ("tables", "Notes", "body")


def test_without_the_library_a_spreadsheet_is_a_rejection_that_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheets, "installed", lambda: False)
    for name in ("a.xlsx", "a.xls", "a.ods"):
        (tmp_path / name).write_bytes(io.BytesIO(b"PK\x03\x04").getvalue())
        assert read(tmp_path / name) == ({}, [("end", "no_calamine", sheets.NEEDS)])
    assert {why for _, why in survey([str(tmp_path)]).unplaced} == {
        "needs the extra: pip install winnow-corpora[sheets]"
    }
