"""Mail is the text of its messages, whatever they travel in; a message without text is told."""

from __future__ import annotations

import mailbox
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from winnow.formats.markup.mail import holds_mail, letters
from winnow.formats.splits import Split
from winnow.stages.ingest import longform
from winnow.stages.ingest.longform import Settings
from winnow.stages.ingest.source import Builder

TEXT = "Grüße aus dem Süden.\nFrom here we go on.\n\n再见。"


def message(**content: str) -> EmailMessage:
    made = EmailMessage()
    made["Subject"], made["From"] = "Grüße, 第二封 und mehr", "Ada <ada@example.org>"
    made["Date"] = "Mon, 05 Feb 2024 10:00:00 +0100"
    made.set_content(TEXT, **content)
    return made


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable", "8bit"])
@pytest.mark.parametrize("charset", ["utf-8", "gb18030"])
def test_a_message_is_its_plain_part_whatever_it_travels_in(encoding: str, charset: str) -> None:
    made = message(cte=encoding, charset=charset)
    made.add_alternative(f"<p>{TEXT}</p>", subtype="html")
    made.add_attachment(b"\x89PNG" * 99, maintype="image", subtype="png", filename="a.png")
    (letter,) = letters(bytes(made), "a.eml", lambda *why: pytest.fail(str(why)))
    assert letter == ("a.eml", TEXT, "Grüße, 第二封 und mehr", "2024-02-05")


def test_a_charset_that_is_missing_or_wrong_is_told_from_the_bytes() -> None:
    text = "Съешь же ещё этих мягких французских булок, да выпей чаю. " * 3
    for header in (b"", b"Content-Type: text/plain; charset=x-unknown\n"):
        content = b"Subject: a\n" + header + b"\n" + text.encode("cp1251")
        (letter,) = letters(content, "a.eml", lambda *why: pytest.fail(str(why)))
        assert letter.text == text.strip()


def test_html_alone_is_read_as_a_page_and_what_has_no_text_is_told() -> None:
    made = EmailMessage()
    made["Subject"] = "a"
    made.set_content('<meta charset="gbk"><p>Grüße <b>laut</b></p><p>zwei</p>', subtype="html")
    told: list[tuple[str, str, object]] = []
    (letter,) = letters(bytes(made), "a.eml", lambda *why: told.append(why))
    assert letter.text.split() == ["Grüße", "**laut**", "zwei"]
    made.set_content(b"\x89PNG", maintype="image", subtype="png")
    assert list(letters(bytes(made), "b.eml", lambda *why: told.append(why))) == []
    assert list(letters(b"", "c.eml", lambda *why: told.append(why))) == []
    assert told == [("b.eml", "mail", "no text in image/png"), ("c.eml", "mail", "no header")]


def test_each_message_of_a_mailbox_is_a_document_at_its_byte(tmp_path: Path) -> None:
    box = mailbox.mbox(tmp_path / "list.mbox")
    for _ in range(3):
        box.add(message(cte="8bit"))
    box.flush()
    content = (tmp_path / "list.mbox").read_bytes()
    assert b">From here" in content
    found = list(letters(content, "list.mbox", lambda *why: pytest.fail(str(why))))
    assert [letter.text for letter in found] == [TEXT] * 3
    tables = []
    builder = Builder("mail", "longform", tables.append)
    path = str(tmp_path / "list.mbox")
    longform.read(Split(path), Settings(include=("*.mbox",), least_characters=1), builder)
    builder.flush()
    (table,) = tables
    assert table["locator"].to_pylist() == [f"{path}!{letter.name}" for letter in found]
    assert builder.rejections == []


HEADERS = b"From: Ada <ada@example.org>\nSubject: a\n"


@pytest.mark.parametrize("name", ["list.txt", "cur/1700000000.M1P2.mail.example.md:2,S", "mh/7", "inbox"])
def test_mail_is_read_as_such_whatever_its_file_is_called(name: str, tmp_path: Path, ingest: Any) -> None:
    """In charsets of their own: one text in all of them there is not."""
    path = tmp_path / "folder" / name
    path.parent.mkdir(parents=True)
    said = {
        "gb18030": "再见，明天我们在河边的磨坊见面。",
        "koi8-r": "До свидания, до завтра у мельницы.",
        "utf-8": TEXT,
    }
    made = [message() for _ in said]
    for one, (charset, text) in zip(made, said.items(), strict=True):
        one.set_content(text, charset=charset, cte="8bit")
    if name in ("list.txt", "inbox"):
        box = mailbox.mbox(path)
        for one in made:
            box.add(one)
        box.flush()
    else:
        path.write_bytes(bytes(made[0]))
    pattern = "*.txt" if name.endswith(".txt") else "*cur/*" if name.startswith("cur") else f"*{path.name}"
    documents, rejections = ingest("longform", tmp_path / "folder", include=[pattern], least_characters=1)
    expected = [*said.values()][: len(documents)]
    assert ([row["text"] for row in documents], rejections) == (expected, [])
    assert len(documents) == (3 if name in ("list.txt", "inbox") else 1)
    assert {row["title"] for row in documents} == {"Grüße, 第二封 und mehr"}


def test_what_begins_like_mail_and_was_written_by_no_program_is_text() -> None:
    assert holds_mail(HEADERS + b"Date: Mon, 05 Feb 2024 10:00:00 +0100\n\nHello.")
    assert holds_mail(HEADERS.replace(b"\n", b"\r\n") + b"Received: from a\r\n\tby b\r\n\r\nHello.")
    assert holds_mail(b"From ada@example.org Mon Feb  5 10:00:00 2024\n" + HEADERS + b"\nHello.")
    for text in (
        HEADERS + b"\nHello.",
        HEADERS + b"Date: next Monday\n\nHello.",
        HEADERS + b"Message-ID: <1>\nHello, with no empty line before it.\n",
        b"From here on, at 10:00, we walk.\nThen: we rest.\n\nAnd go on.",
        b"Metadata-Version: 2.1\nName: mill\nAuthor: Ada\n\nA mill.",
        b"",
    ):
        assert not holds_mail(text)
