"""Mail as text: messages (`.eml`), saved pages (`.mhtml`), mailboxes (`.mbox`); the plain part of each, or its HTML.

A message as it travels is mostly headers, boundaries, base64 and the addresses of people; its text stands in one part of
it. RFC 5322, 2045 to 2049; mailboxes by RFC 4155, with quoted `>From ` lines. Where a name says nothing of mail, as in
Maildir and MH folders and in the `.txt` of archives of mailing lists, the bytes do.
"""

from __future__ import annotations

import email
import email.errors
import email.policy
import email.utils
import re
from collections.abc import Iterator
from email.message import EmailMessage
from typing import NamedTuple

from winnow.formats.charset.decision import decode
from winnow.formats.containers.archives import Reject
from winnow.formats.markup.xhtml import to_markdown

SUFFIXES = (".eml", ".mbox", ".mbx", ".mht", ".mhtml")
POSTMARK = re.compile(rb"^From (?=\S)[^\n]*\d\d:\d\d[^\n]*\n", re.MULTILINE)
QUOTED_POSTMARK = re.compile(rb"^>(>*From )", re.MULTILINE)
MAILDIR = re.compile(r"(?:^|/)(?:cur|new|tmp)/\d{9,}\.[^/]*$")  # seconds since 1970, then what makes the name unique
HEADER = re.compile(rb"([!-9;-~]{1,70}):[^\n]*\n(?:[ \t][^\n]*\n)*")
HEAD_BYTES = 1 << 16
CARRIED = frozenset({b"message-id", b"received", b"return-path", b"delivered-to", b"mime-version", b"in-reply-to"})
"""Headers that programs write, and few people who begin a text with `From:` and `Subject:`."""
MARK = b"\xef\xbb\xbf"  # what a page says of its charset is settled
FAULTS = (ValueError, LookupError, TypeError, AttributeError, email.errors.MessageError)
"""What the standard library raises for headers and parts that aren't as they should be."""


class Letter(NamedTuple):
    """One message: the file's name, in a mailbox with its first byte (`a.mbox@4711`), its text, what its headers say."""

    name: str
    text: str
    title: str | None
    date: str | None


def is_mail(name: str) -> bool:
    """Whether a file's name says that it is mail, or its place, that of a message in a Maildir folder."""
    return name.lower().endswith(SUFFIXES) or MAILDIR.search(name) is not None


def holds_mail(content: bytes) -> bool:
    """Whether bytes begin as a message or a mailbox does: headers, `From` among them, that programs write.

    Lines of headers alone make no mail: minutes and letters begin with `From:` and `Subject:`, too, packages' metadata
    with others. So a date that is one of RFC 5322, or a header of the programs that carry mail, is asked for.
    """
    head = content[:HEAD_BYTES].replace(b"\r\n", b"\n")
    mark = POSTMARK.match(head)
    place = mark.end() if mark else 0
    found: dict[bytes, bytes] = {}
    while header := HEADER.match(head, place):
        found.setdefault(header[1].lower(), header[0][len(header[1]) + 1 :])
        place = header.end()
    if head[place : place + 1] not in (b"\n", b"") or b"from" not in found:
        return False
    if mark or not CARRIED.isdisjoint(found):
        return True
    return b"subject" in found and _is_date(found.get(b"date", b""))


def _is_date(value: bytes) -> bool:
    try:
        parsed = email.utils.parsedate_to_datetime(value.decode("ascii").strip())
    except FAULTS:
        return False
    return bool(re.search(rb"\d:\d\d", value)) and parsed.year > 1970


def letters(content: bytes, name: str, reject: Reject) -> Iterator[Letter]:
    """The messages of a file. One without text is told to `reject`."""
    marks = list(POSTMARK.finditer(content)) if POSTMARK.match(content) else []
    if not marks:
        yield from _letter(content, name, reject)
        return
    for mark, after in zip(marks, [*(mark.start() for mark in marks[1:]), len(content)], strict=True):
        letter = QUOTED_POSTMARK.sub(rb"\1", content[mark.end() : after])
        yield from _letter(letter, f"{name}@{mark.start()}", reject)


def _letter(content: bytes, name: str, reject: Reject) -> Iterator[Letter]:
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    if not message.keys():
        reject(name, "mail", "no header")
        return
    try:
        part = message.get_body(("plain", "html"))
        if part is None or not isinstance(part, EmailMessage):
            reject(name, "mail", f"no text in {message.get_content_type()}")
            return
        text = _text(part)
    except FAULTS as error:
        reject(name, "mail", f"{type(error).__name__}: {error}")
        return
    yield Letter(name, text.strip(), _header(message, "subject"), _day(message))


def _text(part: EmailMessage) -> str:
    """A part of text in its charset; where it names none that is known, its bytes tell. Raises `UnknownCharset`."""
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        return ""
    text = decode(content, declared=(part.get_content_charset(),)).text.replace("\r\n", "\n")
    return to_markdown(MARK + text.encode()) if part.get_content_subtype() == "html" else text


def _header(message: EmailMessage, name: str) -> str | None:
    try:
        return " ".join(str(message[name] or "").split()) or None
    except FAULTS:
        return None


def _day(message: EmailMessage) -> str | None:
    try:
        sent = message["date"].datetime
        return str(sent.date().isoformat())
    except FAULTS:
        return None
