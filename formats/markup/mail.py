"""Mail as text: messages (`.eml`), saved pages (`.mhtml`), mailboxes (`.mbox`); the plain part of each, or its HTML.

A message as it travels is mostly headers, boundaries, base64 and the addresses of people; its text stands in one part of
it. RFC 5322, 2045 to 2049; mailboxes by RFC 4155, with quoted `>From ` lines.
"""

from __future__ import annotations

import email
import email.errors
import email.policy
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
    """Whether a file's name says that it is mail."""
    return name.lower().endswith(SUFFIXES)


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
