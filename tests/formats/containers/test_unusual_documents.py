"""Valid but unusual spreadsheets, archives of the web and mail: what is read is what the format's own library reads.

`make fuzz` draws for as long as one likes (`WINNOW_FUZZ`: examples for each test). A spreadsheet is opened in a process of
its own, so each is a whole workbook of many cells, and fewer are drawn.
"""

from __future__ import annotations

import datetime
import email
import email.policy
import io
import mailbox
import os
import tempfile
from email.message import EmailMessage
from email.mime.text import MIMEText
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlwt
from hypothesis import given, settings
from hypothesis import strategies as st
from odf import opendocument, table, teletype, text
from warcio.archiveiterator import ArchiveIterator
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from tests.formats.containers.test_unusual_files import read
from winnow.formats.containers import sheets
from winnow.formats.containers.warc import Fault, records
from winnow.formats.markup.mail import holds_mail, letters

EXAMPLES = int(os.environ.get("WINNOW_FUZZ", "60"))
OF_PROCESSES = max(EXAMPLES // 20, 1)
calamine = pytest.mark.skipif(not sheets.installed(), reason="needs the extra `sheets`")

SIGNS = st.characters(exclude_categories=["Cs", "Cc", "Cn", "Co"], exclude_characters="\ufeff")
WORDS = st.text(SIGNS, min_size=1, max_size=12).filter(lambda said: said.strip() == said and said[0] not in "='")
WHEN = st.datetimes(datetime.datetime(1901, 1, 1), datetime.datetime(2200, 1, 1)).map(
    lambda when: when.replace(microsecond=0, second=when.second or 1)
)
NUMBERS = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(-1e15, 1e15, allow_subnormal=False)
CELLS = st.none() | WORDS | NUMBERS | st.booleans() | WHEN


@st.composite
def grids(draw: st.DrawFn, cells: st.SearchStrategy[Any] = CELLS) -> list[list[Any]]:
    """A header of unlike names and rows of as many cells, in each of them something."""
    width = draw(st.integers(1, 5))
    header = draw(st.lists(WORDS, min_size=width, max_size=width, unique=True))
    rows = draw(st.lists(st.lists(cells, min_size=width, max_size=width), min_size=8, max_size=16))
    return [header, *(row for row in rows if any(cell is not None for cell in row))]


def alike(found: Any, expected: Any) -> bool:
    """Whether a cell is what the library has: times to the second, as ISO 8601, numbers to 15 digits, as sheets hold them."""
    if isinstance(expected, datetime.datetime):
        return isinstance(found, str) and abs(datetime.datetime.fromisoformat(found) - expected) <= datetime.timedelta(
            seconds=1
        )
    if isinstance(expected, bool) or isinstance(found, bool) or expected is None or isinstance(expected, str):
        return bool(found == expected and type(found) is type(expected))
    return isinstance(found, int | float) and abs(found - expected) <= 1e-14 * abs(expected)


def assert_read(name: str, content: bytes, pages: list[list[list[Any]]]) -> None:
    found, told = read(name, content)
    expected = [dict(zip(page[0], row, strict=True)) for page in pages for row in page[1:]]
    alone = sum(len(page) == 1 for page in pages)
    assert len(told) == alone, told
    assert len(found) == len(expected)
    for row, wanted in zip(found, expected, strict=True):
        assert list(row) == list(wanted)
        assert all(alike(row[key], wanted[key]) for key in wanted), (row, wanted)


@calamine
@settings(max_examples=OF_PROCESSES, deadline=None)
@given(st.lists(grids(), min_size=1, max_size=4), st.booleans(), st.integers(0, 3), st.integers(0, 3))
def test_xlsx_is_what_openpyxl_reads(pages: list[list[list[Any]]], streamed: bool, down: int, right: int) -> None:
    book = openpyxl.Workbook(write_only=streamed)
    if not streamed:
        book.remove(book.active)
    for number, page in enumerate(pages):
        sheet = book.create_sheet(f"S {number}")
        for row in [*([[]] * down), *([*([None] * right), *row] for row in page)]:
            sheet.append(row)
    sink = io.BytesIO()
    book.save(sink)
    again = openpyxl.load_workbook(io.BytesIO(sink.getvalue()))
    peers = [
        [[cell for cell in row[right:]] for row in sheet.iter_rows(min_row=down + 1, values_only=True)]
        for sheet in again
    ]
    assert_read("a.xlsx", sink.getvalue(), peers)


@calamine
@settings(max_examples=OF_PROCESSES, deadline=None)
@given(st.lists(grids(), min_size=1, max_size=3), st.sampled_from(["utf-8", "ascii"]))
def test_xls_is_what_xlwt_was_given(pages: list[list[list[Any]]], charset: str) -> None:
    book = xlwt.Workbook(encoding=charset)
    when = xlwt.easyxf(num_format_str="YYYY-MM-DD HH:MM:SS")
    for number, page in enumerate(pages):
        sheet = book.add_sheet(f"S {number}")
        for line, row in enumerate(page):
            for column, cell in enumerate(row):
                if isinstance(cell, datetime.datetime):
                    sheet.write(line, column, cell, when)
                elif cell is not None:
                    sheet.write(line, column, cell)
    sink = io.BytesIO()
    book.save(sink)
    assert_read("a.xls", sink.getvalue(), pages)


@calamine
@settings(max_examples=OF_PROCESSES, deadline=None)
@given(st.lists(grids(st.none() | WORDS | NUMBERS | st.booleans()), min_size=1, max_size=3), st.booleans())
def test_ods_is_what_odfpy_reads(pages: list[list[list[Any]]], repeated: bool) -> None:
    book = opendocument.OpenDocumentSpreadsheet()
    for number, page in enumerate(pages):
        sheet = table.Table(name=f"S {number}")
        book.spreadsheet.addElement(sheet)
        for row in page:
            line = table.TableRow()
            sheet.addElement(line)
            for cell in row:
                line.addElement(_cell(cell))
        if repeated:  # what LibreOffice writes below and beside a sheet
            line = table.TableRow(numberrowsrepeated=1_000)
            line.addElement(table.TableCell(numbercolumnsrepeated=1_000))
            sheet.addElement(line)
    sink = io.BytesIO()
    book.write(sink)
    again = opendocument.load(io.BytesIO(sink.getvalue())).spreadsheet.getElementsByType(table.Table)
    assert [teletype.extractText(sheet) for sheet in again] == [
        "".join(_shown(cell) for row in page for cell in row) for page in pages
    ]
    assert_read("a.ods", sink.getvalue(), pages)


def _cell(value: Any) -> Any:
    if value is None:
        return table.TableCell()
    kind = {bool: "boolean", str: "string"}.get(type(value), "float")
    given = (
        {"booleanvalue": str(value).lower()} if kind == "boolean" else {"value": repr(value)} if kind == "float" else {}
    )
    cell = table.TableCell(valuetype=kind, **given)
    paragraph = text.P()
    teletype.addTextToElement(paragraph, _shown(value))
    cell.addElement(paragraph)
    return cell


def _shown(value: Any) -> str:
    return "" if value is None else str(value)


HEADERS = st.lists(st.tuples(st.from_regex(r"X-[A-Z][a-z]{1,8}", fullmatch=True), st.text("ab é:;,", max_size=9).map(str.strip)), max_size=3)  # fmt: skip
KINDS = st.sampled_from(["response", "resource", "conversion", "metadata", "request", "warcinfo"])
ENTRIES = st.lists(st.tuples(KINDS, st.binary(max_size=400), HEADERS), min_size=1, max_size=6)


@settings(max_examples=EXAMPLES, deadline=None)
@given(ENTRIES, st.booleans(), st.sampled_from(["WARC/1.0", "WARC/1.1"]), st.integers(20, 400))
def test_archives_of_the_web_are_what_warcio_reads(
    entries: list[tuple[str, bytes, list[tuple[str, str]]]], packed: bool, version: str, piece: int
) -> None:
    sink = io.BytesIO()
    writer = WARCWriter(sink, gzip=packed, warc_version=version)
    for number, (kind, content, headers) in enumerate(entries):
        status = "200 OK" if kind == "response" else "GET / HTTP/1.1"
        http = StatusAndHeaders(
            status, headers, "HTTP/1.1" if kind == "response" else "", is_http_request=kind == "request"
        )
        record = writer.create_warc_record(
            f"http://a.example/{number}",
            kind,
            payload=io.BytesIO(content),
            http_headers=http if kind in ("response", "request") else None,
        )
        writer.write_record(record)
    written = sink.getvalue()
    expected = [
        (record.rec_type, record.rec_headers.get_header("WARC-Target-URI"), record.content_stream().read())
        for record in ArchiveIterator(io.BytesIO(written), no_record_parse=True)
    ]
    assert len(expected) == len(entries)
    for pieces in ([(0, len(written))], [(at, min(at + piece, len(written))) for at in range(0, len(written), piece)]):
        found = [one for start, stop in pieces for one in records(io.BytesIO(written), start, stop)]
        assert not any(isinstance(one, Fault) for one in found)
        assert [(one.type, one.url, one.content) for one in found] == expected  # type: ignore[union-attr]


ALPHABETS = {
    "utf-8": "aß水é🙂", "gb18030": "再见磨坊", "big5": "再見磨坊", "euc-kr": "물레방아", "shift_jis": "水車です", "iso-2022-jp": "水車です",
    "koi8-r": "Мельница", "cp1251": "Мельница", "iso-8859-1": "Mühle", "iso-8859-2": "młyn", "cp1253": "μύλος", "us-ascii": "mill",
}  # fmt: skip


@st.composite
def messages(draw: st.DrawFn) -> EmailMessage:
    """A message in one of the charsets and transfer encodings, with a page or files beside its text or without."""
    charset, signs = draw(st.sampled_from(sorted(ALPHABETS.items())))
    lines = draw(st.lists(st.text(signs + " .,From>=", max_size=90).map(str.strip), min_size=1, max_size=5))
    said = "\n".join(["Words:", *lines])
    eight = ["8bit"] if charset != "iso-2022-jp" else []
    made = EmailMessage(policy=email.policy.SMTP if draw(st.booleans()) else email.policy.default)
    made["From"], made["Subject"] = (
        "Ada <ada@example.org>",
        draw(st.text("aß水 ", min_size=1, max_size=80)).strip() or "a",
    )
    made["Date"] = "Mon, 05 Feb 2024 10:00:00 +0100"
    made["Message-ID"] = "<1@example.org>"
    made.set_content(said, charset=charset, cte=draw(st.sampled_from(["base64", "quoted-printable", *eight])))
    if draw(st.booleans()):
        made.add_alternative(f"<p>{len(said)}</p>", subtype="html")
    if draw(st.booleans()):
        made.add_attachment(b"\x89PNG" * 9, maintype="image", subtype="png", filename="a.png")
    return made


def own(content: bytes) -> tuple[str, str | None]:
    """The text and subject that Python's library reads in a message."""
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    body = message.get_body(("plain",))
    assert isinstance(body, EmailMessage)
    return body.get_content().replace("\r\n", "\n").strip(), " ".join(str(message["subject"]).split()) or None


@settings(max_examples=max(EXAMPLES // 2, 1), deadline=None)
@given(st.lists(messages(), min_size=1, max_size=4), st.sampled_from(["mbox", "Maildir", "MH"]))
def test_mail_is_what_pythons_library_reads(made: list[EmailMessage], form: str) -> None:
    told: list[object] = []
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "box"
        box = getattr(mailbox, form)(place)
        for message in made:
            box.add(message)
        box.flush()
        expected = [own(box.get_bytes(key)) for key in sorted(box.keys(), key=str)]
        box.close()
        files = [place] if form == "mbox" else sorted(path for path in place.rglob("*") if path.is_file())
        contents = [(path.name, path.read_bytes()) for path in files if not path.name.startswith(".")]
    assert all(holds_mail(content) for _, content in contents)
    found = [letter for name, content in contents for letter in letters(content, name, lambda *why: told.append(why))]
    assert sorted((letter.text, letter.title) for letter in found) == sorted(expected)
    assert told == []


def test_a_message_of_the_older_library_is_read_alike() -> None:
    for charset, said in ALPHABETS.items():
        made = MIMEText(said * 30, _charset=charset)
        made["From"], made["MIME-Version"] = "a@example.org", "1.0"
        (letter,) = letters(made.as_bytes(), "a", lambda *why: pytest.fail(str(why)))
        assert letter.text == said * 30
