"""The text of a web page: declared by header or markup, or told from the bytes themselves, and never an error.

What is valid UTF-8 and not plain ASCII is UTF-8 whatever a server says, unless it has a few signs that read better in the
charset that is declared (`coincidence`). The same goes for UTF-8 with a wrong byte here and there, for UTF-16, whose zeros give
it away, and for the charsets of seven bits, whose escapes do. After that the HTTP header and `<meta charset>` are believed
as long as the bytes agree with them. A header of Latin-1, which servers send unasked, gives way to a `<meta>` that names
anything else and fits, and to the bytes where they clearly are of another script.
"""

from __future__ import annotations

import re

from winnow.formats.charset.coincidence import declared_instead
from winnow.formats.charset.detection import Undecided, detect
from winnow.formats.charset.labels import known
from winnow.formats.charset.marks import marked, mostly_utf_8, seven_bits, utf_16

HEAD_BYTES = 4096  # browsers look at 1,024; pages with long comments before their <meta> are not rare
META = re.compile(
    rb"""<(?:meta|\?xml)\b[^>]{0,512}?(?:charset|encoding)\s*+=\s*+["']?+\s*+([\w.:+-]{2,40})""", re.IGNORECASE
)
WRONG_SHARE = 0.01  # of characters that a believed charset may fail to decode
UNASKED = ("cp1252",)  # what Latin-1 means: the default of servers, and of many an editor
OTHER_SCRIPT = re.compile(r"[\u0370-\u06ff\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")
LATIN_WORD = re.compile(r"[A-Za-z][\u00c0-\u017f]|[\u00c0-\u017f][A-Za-z]")
LEAST_BEYOND, BESIDE_SHARE = 10, 0.4
"""Characters beyond ASCII from which another script is thought of, and how many of a Latin text's stand by Latin letters."""
MARKUP = re.compile(rb"<[^<>]*>|&[#\w]{1,10};")


def decode(content: bytes, hint: str | None = None) -> tuple[str, str]:
    """The text of a page and the Python name of its charset; `hint` is what the HTTP header or an index declares.

    Bytes that the charset lacks become U+FFFD; nothing is raised.
    """
    if (found := marked(content)) is not None:
        name, length = found
        return content[length:].decode(name, "replace"), name
    if wide := utf_16(content):
        return content.decode(wide, "replace"), wide
    meta = META.search(content[:HEAD_BYTES])
    declared = meta.group(1).decode("ascii", "replace") if meta else None
    if content.isascii():
        name = seven_bits(content, (hint, declared))
        return content.decode(name, "replace"), name
    labels = [known(hint), known(declared)]
    if labels[0] in UNASKED and labels[1] not in (None, "utf-8"):
        labels.reverse()
    if (text := mostly_utf_8(content)) is not None:
        return ("\ufffd" not in text and declared_instead(content, text, labels)) or (text, "utf-8")
    for name in filter(None, labels):
        text = content.decode(name, "replace")
        if text.count("\ufffd") > WRONG_SHARE * len(text):
            continue
        other = _other_script(content, text) if name in UNASKED else None
        return (text, name) if other is None else (content.decode(other, "replace"), other)
    told = detect(_without_markup(content))
    if isinstance(told, Undecided):
        told = told.charsets[0] if told.charsets else "cp1252"
    return content.decode(told, "replace"), told


def _other_script(content: bytes, latin: str) -> str | None:
    """The charset of a page declared as Latin-1 whose bytes spell another script: few of its letters stand by Latin ones."""
    beyond = len(latin) - len(latin.encode("ascii", "ignore"))
    if beyond < LEAST_BEYOND or len(LATIN_WORD.findall(latin)) > BESIDE_SHARE * beyond:
        return None
    plain = _without_markup(content)
    told = detect(plain)
    if isinstance(told, Undecided):
        return None
    return told if OTHER_SCRIPT.search(plain.decode(told, "replace")) else None


def _without_markup(content: bytes) -> bytes:
    """What a page says, for statistics: tags and references aren't text of its language."""
    return MARKUP.sub(b" ", content)
