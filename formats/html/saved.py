"""Pages of saved sites: which names may be pages, and whether bytes are one.

A site that was saved file by file has the names of its addresses: `view.php?id=3`, `about.aspx`, `index.html?x=1`, `about`.
The same names are those of the programs that make pages, so where a name isn't HTML's own the bytes decide.
"""

from __future__ import annotations

import re

from winnow.formats.charset.marks import utf_16

HTML_NAME = re.compile(r"\.x?html?$", re.IGNORECASE)
DYNAMIC_NAME = re.compile(r"\.(?:[sp]html|php\d?|aspx?|jspx?|cgi|cfm|do)$", re.IGNORECASE)
QUERY = re.compile(r"(?:\.\w{2,5}|/|^)[?@][^/]*$")  # wget writes `@` where a system has no `?` in names
SUFFIX = re.compile(r"\.[a-zA-Z]\w{0,9}$")
HIDDEN = re.compile(r"(?:^|/)\.")
LOOKS_LIKE_HTML = re.compile(rb"<(?:!doctype\s+html|html|head|body|title|meta|div|p|table|h1)\b", re.IGNORECASE)
PROGRAM = re.compile(rb"<\?(?!xml)|<%|^#!")
SNIFFED_BYTES = 2048


def may_be_page(name: str) -> bool:
    """Whether a file of a saved site may be a page by its name: HTML's, a program's, one with a query, or without a suffix."""
    if not name or HIDDEN.search(name):
        return False
    base = name.rpartition("/")[2]
    return bool(HTML_NAME.search(base) or DYNAMIC_NAME.search(base) or QUERY.search(name) or not SUFFIX.search(base))


def is_page(content: bytes) -> bool:
    """Whether bytes begin as a page that a server gave out, not as the program that makes one."""
    head = content[: 2 * SNIFFED_BYTES]
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or utf_16(head) is not None:
        head = head.replace(b"\0", b"")
    head = head[:SNIFFED_BYTES]
    return b"\0" not in head and LOOKS_LIKE_HTML.search(head) is not None and PROGRAM.search(head) is None
