"""Which characters the bytes of a page stand for: declared by header or markup, or told from the bytes themselves.

What is valid UTF-8 and not plain ASCII is UTF-8 whatever a server says: text of another charset passes for it by chance
in fewer than one page of a million. After that the byte order mark, the HTTP header and `<meta charset>` are believed as
long as the bytes agree with them, then a detector decides.
"""

from __future__ import annotations

import codecs
import re

MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
HEAD_BYTES = 4096  # browsers look at 1,024; pages with long comments before their <meta> are not rare
META = re.compile(
    rb"""<(?:meta|\?xml)\b[^>]{0,512}?(?:charset|encoding)\s*=\s*["']?\s*([\w.:+-]{2,40})""", re.IGNORECASE
)
DETECTED_BYTES = 1 << 16
WRONG_SHARE = 0.01  # of characters that a believed charset may fail to decode

# What browsers read where a page names the first (WHATWG encoding standard, labels): always the larger repertoire.
WIDER = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "hz": "gb18030",
    "big5": "big5hkscs",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "ks_c_5601": "cp949",
    "utf-16": "utf-16-le",
}
BINARY = {
    "base64",
    "bz2",
    "hex",
    "quopri",
    "rot13",
    "uu",
    "zlib",
    "idna",
    "punycode",
    "unicode_escape",
    "mbcs",
    "utf-7",
}


def decode(content: bytes, hint: str | None = None) -> tuple[str, str]:
    """The text of a page and the Python name of its charset; `hint` is what the HTTP header or an index declares.

    Bytes that the charset lacks become U+FFFD; nothing is raised.
    """
    for mark, name in MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(name, "replace"), name
    try:
        return content.decode("utf-8"), "utf-8"
    except UnicodeDecodeError as error:
        truncated = error.start >= len(content) - 3 and error.start > 0
        if truncated and not content[: error.start].isascii():
            return content.decode("utf-8", "replace"), "utf-8"
    declared = META.search(content[:HEAD_BYTES])
    labels = (hint, declared.group(1).decode("ascii", "replace") if declared else None)
    for name in filter(None, map(known, labels)):
        text = content.decode(name, "replace")
        if text.count("\ufffd") <= WRONG_SHARE * len(text):
            return text, name
    name = detect(content)
    return content.decode(name, "replace"), name


def known(label: str | None) -> str | None:
    """The Python codec that browsers would use for a charset label; None for a label that nobody knows."""
    if not label:
        return None
    try:
        name = codecs.lookup(label.strip().strip("\"'").lower().removeprefix("x-")).name
    except (LookupError, ValueError, UnicodeError):
        return None
    return None if name in BINARY else WIDER.get(name, name)


def detect(content: bytes) -> str:
    """The likeliest charset of bytes that declare none, by the statistics of the first 64 KiB."""
    from resiliparse.parse.encoding import detect_encoding

    sample = content[:DETECTED_BYTES]
    return known(detect_encoding(sample, max_len=len(sample), html5_compatible=True, from_html_meta=False)) or "cp1252"
