"""Labels of charsets: what people and servers write, and the codec that it means."""

from __future__ import annotations

import codecs
import re

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
