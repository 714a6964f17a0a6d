"""The group that a file falls into by its name: what kind of source could read it, or why none could."""

from __future__ import annotations

import importlib.util

from winnow.filters.linguist import language_of
from winnow.formats.containers import sheets
from winnow.formats.containers.records import PACKED, table_format
from winnow.formats.markup import mail, subtitles
from winnow.formats.markup.pandoc import form_of

PLAIN = (".txt", ".md", ".rst", ".epub", ".rmd", ".qmd", ".ipynb", *mail.SUFFIXES, *subtitles.SUFFIXES)
PAGES = (".html", ".htm", ".xhtml")
FORMAL = (".tex", ".ltx", ".latex", ".mm", ".lean", ".v", ".agda", ".thy")
CATALOGUES = (".po", ".tmx")
CRAWLS = (".warc", ".wet", ".arc", ".warc.gz", ".wet.gz", ".arc.gz", ".warc.zst", ".wacz")
ARCHIVES = (".tar.gz", ".tgz", ".tar", ".zip", ".whl", ".crate", ".tar.xz", ".tar.bz2")
DATA = (".xml", ".svg", ".owl", ".rdf")  # which have a language, and may be anything
PROSE = "Text"  # what linguist calls `README` and `copyright`
NOT_PLACED = "no kind of source reads it"
XML = "XML, data or text: where it is text, name `*.xml` in `include` of `longform`"
SINGLE_CODE = "source code outside of a folder of its own: put it into one"
NEEDS = "needs the extra: pip install winnow-corpora[{}]"


def group_of(name: str) -> str:
    """The group that a file falls into by its name, or in words why it falls into none."""
    lowered = name.lower()
    groups = {"pages": PAGES, "plain": PLAIN, "formal": FORMAL, "catalogues": CATALOGUES}
    if mail.MAILDIR.search(name):  # behind the last dot stands a host, in whose name a suffix says nothing
        return "plain"
    if lowered.endswith(CRAWLS):
        return "crawls"
    if lowered.endswith(ARCHIVES):
        return "archives"
    if table_format(name):
        readable = table_format(name) != "sheets" or sheets.installed()
        return "tables" if readable else NEEDS.format("sheets")
    lowered = PACKED.sub("", lowered)
    for needs, package, extra in (
        (lowered.endswith(".pdf"), "pypdfium2", "pdf"),
        (form_of(lowered) not in (None, "man"), "pypandoc", "pandoc"),
    ):
        if needs:
            known = importlib.util.find_spec(package) is not None
            return "plain" if known else NEEDS.format(extra)
    found = next((group for group, suffixes in groups.items() if lowered.endswith(suffixes)), None)
    if found is None and lowered.endswith(".xml"):
        return XML
    if found is None and is_source(name):
        return SINGLE_CODE
    return found or NOT_PLACED


def is_source(name: str) -> bool:
    """Whether a file is source code by its name, not data, a page or a text."""
    suffixes = (*PLAIN, *PAGES, *FORMAL, *CATALOGUES, *DATA)
    return (
        language_of(name, "") not in (None, PROSE)
        and form_of(name) is None
        and not mail.MAILDIR.search(name)
        and table_format(name) is None
        and not name.lower().endswith(suffixes)
    )
