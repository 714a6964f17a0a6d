"""Which characters the bytes of a page stand for: declared by header or markup, or told from the bytes themselves.

What is valid UTF-8 and not plain ASCII is UTF-8 whatever a server says: text of another charset passes for it by chance
in fewer than one page of a million. The same goes for UTF-8 with a wrong byte here and there, for UTF-16, whose zeros give
it away, and for the charsets of seven bits, whose escapes do. After that the byte order mark, the HTTP header and
`<meta charset>` are believed as long as the bytes agree with them, then a detector decides.
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
BROKEN_SHARE = 0.1  # of characters beyond ASCII that may be broken in what is still UTF-8
UTF_16 = ((re.compile(rb"<\0[!?a-zA-Z]\0"), "utf-16-le"), (re.compile(rb"\0<\0[!?a-zA-Z]"), "utf-16-be"))
UTF_16_BYTES = 512  # within which such a page has its first tag
ESCAPES = ((b"\x1b$)C", "iso2022_kr"), (b"\x1b$", "iso2022_jp_ext"))

# What browsers read where a page names the first (WHATWG encoding standard, labels): always the larger repertoire.
WIDER = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "ks_c_5601": "cp949",
    "iso2022_jp": "iso2022_jp_ext",
    "koi8-r": "koi8-u",
    "utf-16": "utf-16-le",
}
ALIASES = {
    "windows-31j": "cp932",
    "gb_2312-80": "gb18030",
    "csgb2312": "gb18030",
    "gb18030-2022": "gb18030",
    "cn-gb": "gb18030",
    "cn-big5": "big5hkscs",
    "iso-8859-8-i": "iso8859-8",
    "iso-8859-8-e": "iso8859-8",
    "koi8-ru": "koi8-u",
    "unicode-1-1-utf-8": "utf-8",
    "unicode": "utf-16-le",
    "iso-10646-ucs-2": "utf-16-le",
    "ucs-2": "utf-16-le",
}
"""Labels that browsers know and Python doesn't."""
CODE_PAGE = re.compile(r"(?:windows|win|cp)-?(874|125\d)")
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
    if wide := utf_16(content):
        return content.decode(wide, "replace"), wide
    declared = META.search(content[:HEAD_BYTES])
    labels = (hint, declared.group(1).decode("ascii", "replace") if declared else None)
    if content.isascii():
        name = _seven_bits(content, labels)
        return content.decode(name, "replace"), name
    try:
        return content.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        text = content.decode("utf-8", "replace")
        beyond = len(text) - len(text.encode("ascii", "ignore"))
        if text.rstrip("\ufffd").count("\ufffd") <= BROKEN_SHARE * beyond and beyond > text.count("\ufffd"):
            return text, "utf-8"
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
    label = label.strip("\"' \t;").lower()
    while label.startswith("x-"):
        label = label[2:]
    if page := CODE_PAGE.fullmatch(label):
        return f"cp{page[1]}"
    try:
        name = ALIASES.get(label) or codecs.lookup(label).name
    except (LookupError, ValueError, UnicodeError):
        return None
    return None if name in BINARY else WIDER.get(name, name)


def utf_16(content: bytes) -> str | None:
    """Which UTF-16 a page without a byte order mark is written in, told by its first tag; None for any other charset."""
    head = content[:UTF_16_BYTES]
    found = ((tag.search(head), name) for tag, name in UTF_16 if b"\0" in head)
    return next((name for tag, name in found if tag and tag.start() % 2 == 0), None)


def _seven_bits(content: bytes, labels: tuple[str | None, ...]) -> str:
    """The charset of bytes that look like ASCII: Japanese and Korean show by their escapes, HZ must be declared."""
    if b"~{" in content and "hz" in map(known, labels):
        return "hz"
    return next((name for escape, name in ESCAPES if escape in content), "utf-8")


def detect(content: bytes) -> str:
    """The likeliest charset of bytes that declare none, by the statistics of the first 64 KiB."""
    from resiliparse.parse.encoding import detect_encoding

    sample = content[:DETECTED_BYTES]
    name = known(detect_encoding(sample, max_len=len(sample), html5_compatible=False, from_html_meta=False))
    return name if name and name != "utf-8" else "cp1252"  # it isn't UTF-8, as `decode` found out
