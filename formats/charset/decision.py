"""Text from bytes: one decision for every file that isn't a web page.

In order: the option that the user set; a byte order mark; UTF-8, which of longer texts nothing else passes for by chance,
unless what the format declares reads better (`coincidence`); what it declares, where the bytes agree; the bytes
themselves, with a margin. What none of them settles is an error that names the candidates, so that the user can set the
option.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from winnow.formats.charset.coincidence import declared_instead
from winnow.formats.charset.detection import Undecided, detect
from winnow.formats.charset.labels import known
from winnow.formats.charset.marks import MARKS, marked, mostly_utf_8, seven_bits, wide

WRONG_SHARE = 0.001  # of characters that a declared charset may fail to decode


class Decoded(NamedTuple):
    """A text without its byte order mark, and the Python name of the charset that it was written in."""

    text: str
    charset: str


class UnknownCharset(ValueError):
    """Bytes whose charset can't be told; `candidates` are what they may be, likeliest first."""

    def __init__(self, candidates: tuple[str, ...]) -> None:
        self.candidates = candidates
        if candidates:
            super().__init__(f"maybe {' or '.join(candidates[:6])}; name it with the option `charset`")
        else:
            super().__init__("no text in any charset known; name it with the option `charset`")


def decode(content: bytes, *, declared: Iterable[str | None] = (), option: str | None = None) -> Decoded:
    """The text of `content`. `declared` are labels that its format or its carrier names, the most trusted first.

    Lines that end in carriage returns alone, as on old Macs, end in newlines. With an `option` nothing else is asked. Raises
    `UnknownCharset` for bytes that no charset is told of, `ValueError` for an option that isn't a charset or that the bytes
    don't agree with.
    """
    told = _decoded(content, tuple(declared), option)
    if "\r" in told.text and "\n" not in told.text:
        return Decoded(told.text.replace("\r", "\n"), told.charset)
    return told


def _decoded(content: bytes, labels: tuple[str | None, ...], option: str | None) -> Decoded:
    if option is not None:
        return _as_told(content, option)
    if (found := marked(content)) is not None:
        name, length = found
        return Decoded(content[length:].decode(name, "replace"), name)
    if b"\0" in content:  # of UTF-16 and UTF-32, whose bytes may all be ASCII, or of no text
        if (unmarked := wide(content)) is None:
            raise UnknownCharset(())
        return Decoded(content.decode(unmarked, "replace"), unmarked)
    if content.isascii():
        name = seven_bits(content, labels)
        return Decoded(content.decode(name, "replace"), name)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        pass
    else:
        return Decoded(*(declared_instead(content, text, labels) or (text, "utf-8")))
    for label in labels:
        if (codec := known(label)) is None:
            continue
        text = content.decode(codec, "replace")
        if text.count("\ufffd") <= WRONG_SHARE * len(text):
            return Decoded(text, codec)
    if (mostly := mostly_utf_8(content)) is not None:
        return Decoded(mostly, "utf-8")
    told = detect(content)
    if isinstance(told, Undecided):
        raise UnknownCharset(told.charsets)
    return Decoded(content.decode(told, "replace"), told)


def _as_told(content: bytes, option: str) -> Decoded:
    name = known(option)
    if name is None:
        raise ValueError(f"{option!r} is no charset that is known")
    for mark, marked_as in MARKS:
        if content.startswith(mark) and name in (marked_as, marked_as[:6]):
            return Decoded(content[len(mark) :].decode(marked_as, "replace"), marked_as)
    try:
        return Decoded(content.decode(name), name)
    except UnicodeDecodeError as error:
        raise ValueError(f"not {name}, as the option says: {error.reason} at byte {error.start}") from None
