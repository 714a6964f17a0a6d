"""Office text, manual pages and markup of many kinds through pandoc, which the extra `pandoc` installs, as Markdown.

Pandoc writes XHTML with formulas in MathML, of which the reader of books makes Markdown: what stands in both is written
alike. It runs as a process of its own, in its sandbox (no file and no address that a document names is opened), with
bounds on memory and time, so that a document costs no more than itself.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import PurePosixPath

from winnow.formats.containers.archives import Reject
from winnow.formats.markup.xhtml import to_markdown

OFFICE = {".docx": "docx", ".odt": "odt", ".rtf": "rtf", ".pptx": "pptx"}
MARKUP = {
    **{".org": "org", ".textile": "textile", ".opml": "opml", ".fb2": "fb2", ".typ": "typst", ".pod": "pod"},
    **{".wiki": "mediawiki", ".mediawiki": "mediawiki", ".docbook": "docbook", ".dbk": "docbook"},
    **{".adoc": "asciidoc", ".asciidoc": "asciidoc", ".asc": "asciidoc"},
}
MANUAL = re.compile(r"\.[1-9][a-z]{0,10}$")
OF_ROFF = re.compile(r"^\s*(?:\.\\\"|'\\\"|'''|\.(?:TH|Dd|so|de|ig|if|nh|ad|Sh|SH|ds|nr|tr)\b)", re.MULTILINE)
OTHER_PAGE = re.compile(r"\A(?:\s*[.']\\\"[^\n]*\n|\s*\n)*\.so[ \t]+(\S+)")
MDOC = re.compile(r"^\.Dd\b", re.MULTILINE)
MEGABYTES, SECONDS = 1024, 60
TEXT_OF_ERROR = 120


def form_of(name: str) -> str | None:
    """What pandoc calls the form that a file's name tells; None for one that isn't read through it."""
    suffix = PurePosixPath(name.lower()).suffix
    return OFFICE.get(suffix) or MARKUP.get(suffix) or ("man" if MANUAL.fullmatch(suffix) else None)


def is_manual(text: str) -> bool:
    """Whether a file with a digit for its suffix, as manual pages have, is one: it has requests of roff."""
    return OF_ROFF.search(text) is not None


def read_by_pandoc(content: bytes, name: str, reject: Reject) -> str | None:
    """The document's text, or None (told to `reject`) for one that can't be read. Markup is given in UTF-8."""
    form = form_of(name)
    if form == "man":
        text = content.decode("utf-8", "replace")
        if (other := OTHER_PAGE.match(text)) is not None:
            reject(name, "joined", f"is another name of {other[1]}")
            return None
        form = "mdoc" if MDOC.search(text) else "man"
    try:
        import pypandoc
    except ImportError:
        reject(name, "no_pandoc", "needs the extra `pandoc`: pip install 'winnow-corpora[pandoc]'")
        return None
    command = [pypandoc.get_pandoc_path(), "+RTS", f"-M{MEGABYTES}m", "-RTS", "--sandbox", "--wrap=none", "--mathml"]
    try:
        page = subprocess.run(
            [*command, "--from", str(form), "--to", "html"],
            input=content,
            capture_output=True,
            timeout=SECONDS,
            check=True,
        ).stdout
    except subprocess.TimeoutExpired:
        reject(name, "time", f"pandoc took more than {SECONDS} s")
    except subprocess.CalledProcessError as error:
        reject(name, "pandoc", error.stderr.decode("utf-8", "replace").strip()[:TEXT_OF_ERROR])
    else:
        return to_markdown(b'<?xml version="1.0" encoding="utf-8"?><body>' + page + b"</body>")
    return None
