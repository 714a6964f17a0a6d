"""Where text names its charset: LaTeX's packages, environments and magic comments, editors' marks, headers of catalogues.

A declaration is only heard where it is no comment, but for comments that editors read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

HEAD_BYTES = 1 << 16
MAGIC = re.compile(
    rb"^[ \t]*(?:%|#|//|/\*|;|\.\.|[.']\\\"|<!--)[^\n]{0,80}?(?:encoding|coding|charset|fileencoding|fenc)"
    rb"[ \t]*[:=][ \t]*([\w.-]{2,40})",
    re.MULTILINE | re.IGNORECASE,
)
XML = re.compile(rb"\A(?:\xef\xbb\xbf)?\s{0,80}<\?xml\b[^<>]{0,200}?\bencoding[ \t]*=[ \t]*[\"']([\w.:-]{2,40})[\"']")
STYLES = re.compile(rb"\A@charset \"([\w.-]{2,40})\";")
CATALOGUE = re.compile(rb'^"Content-Type:[^"\n]{0,80}charset=([\w.:+-]{2,40})', re.IGNORECASE | re.MULTILINE)
DOCUMENTATION = re.compile(rb"^(?:=encoding[ \t]+|:encoding:[ \t]*)([\w.-]{2,40})[ \t]*\r?$", re.MULTILINE)
"""Perl's POD and AsciiDoc."""
INPUTENC = re.compile(
    rb"^[^%\n]*\\(?:usepackage|RequirePackage)[ \t]*+\[([^\]]{0,1000}+)\][ \t]*+\{(?:[^{}]{0,1000},)?(?:inputenc|inputenx)\}"
    rb"|^[^%\n]*\\(?:inputencoding|CJKencoding)[ \t]*+\{([^{}]*+)\}",
    re.MULTILINE,
)
CTEX = re.compile(
    rb"^[^%\n]*\\(?:documentclass|usepackage)[ \t]*+\[([^\]]{0,1000}+)\][ \t\n]*+\{ctex\w*+\}", re.MULTILINE
)
CJK = re.compile(rb"^[^%\n]*\\begin[ \t]*+\{CJK\*?\}[ \t]*+(?:\[[^\]]{0,1000}+\])?+[ \t]*+\{([\w-]++)\}", re.MULTILINE)
ARABI = re.compile(
    rb"^[^%\n]*\\(?:usepackage|documentclass)[ \t]*+\[[^\]]{0,1000}\b(cp1256|cp1255|8859-8)\b", re.MULTILINE
)

LATEX_NAMES = {
    "latin1": "cp1252", "latin2": "iso8859-2", "latin3": "iso8859-3", "latin4": "iso8859-4", "latin5": "cp1254",
    "latin9": "iso8859-15", "latin10": "iso8859-16", "ansinew": "cp1252", "applemac": "mac-roman", "macce": "mac-latin2",
    "maccyr": "mac-cyrillic", "koi8-r": "koi8-r", "koi8-ru": "koi8-u", "utf8x": "utf-8", "utf8": "utf-8", "decmulti": "latin-1",
    "cp437de": "cp437", "cp866av": "cp866", "greek": "iso8859-7", "iso-8859-7": "iso8859-7", "iso88595": "iso8859-5",
    "gbk": "gb18030", "gb": "gb18030", "bg5": "big5hkscs", "bg5+": "big5hkscs", "big5": "big5hkscs", "sjis": "cp932",
    "jis": "euc_jp", "ks": "cp949", "hk": "big5hkscs", "euc-jp": "euc_jp", "eucjp": "euc_jp",
}  # fmt: skip
"""Names of inputenc and of CJK's environments, which aren't labels of charsets elsewhere."""


def of_latex(content: bytes) -> Iterator[str]:
    """The labels that a LaTeX file names, the most trusted first; all are charsets that `labels.known` knows."""
    head = content[:HEAD_BYTES]
    for found in MAGIC.finditer(head):
        yield _python_name(found[1])
    for pattern, *marks in ((CTEX, b"{ctex"), (INPUTENC, b"inputenc", b"inputenx", b"CJKencoding")):
        for found in pattern.finditer(head) if any(mark in head for mark in marks) else ():
            for option in (found[1] or found[found.re.groups] or b"").split(b","):
                yield _python_name(option)
    for pattern, *marks in ((ARABI, b"cp125", b"8859-8"), (CJK, b"{CJK")):
        for found in pattern.finditer(content) if any(mark in content for mark in marks) else ():
            yield _python_name(found[1])


def of_text(content: bytes) -> Iterator[str]:
    """The labels that any other text names, the most trusted first.

    Of XML, style sheets, catalogues (PO), POD and AsciiDoc where these say it; of others an editor's mark in the first or last
    lines (`-*- coding: gbk -*-`, `vim: fenc=big5`).
    """
    head = content[:HEAD_BYTES]
    for pattern in (XML, STYLES, CATALOGUE, DOCUMENTATION):
        if found := pattern.search(head):
            yield _python_name(found[1])
    for part in (content[:1024], content[-1024:]):
        if found := MAGIC.search(part):
            yield _python_name(found[1])


def _python_name(label: bytes) -> str:
    name = label.strip().decode("ascii", "replace").lower()
    return LATEX_NAMES.get(name, name)
