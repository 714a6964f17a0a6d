"""Office text, manual pages and markup of many kinds through pandoc, which the extra `pandoc` installs, as Markdown.

Pandoc writes XHTML with formulas in MathML, of which the reader of books makes Markdown: what stands in both is written
alike. It runs as a process of its own, in its sandbox (no file and no address that a document names is opened), with
bounds on memory and time, so that a document costs no more than itself.
"""

from __future__ import annotations

import re
import subprocess
import zipfile
from io import BytesIO
from pathlib import PurePosixPath

from winnow.formats.containers.archives import Reject
from winnow.formats.containers.zips import ZIP_ERRORS
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
DEFINITION = re.compile(r"[.'][ \t]*(?:de|am)1?[ \t]+\S++[ \t]*+(\w\S*+)?+")
PARAGRAPH = re.compile(rb"(?<=<p>)[^<]*(?:<(?!/?p>)[^<]*)*(?=</p>)")
FORMULA = re.compile(rb"<math [^<>]*>.*?</math>", re.DOTALL)
FOLDER = re.compile(rb'(<draw:object [^<>]*?xlink:href="[^"<>]*?)/("(?=[^<>]*>))')
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
        content = _undefined(text).encode()
    if form == "odt":
        content = _with_formulas(content)
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
        if form == "odt":
            page = PARAGRAPH.sub(_in_line, page)
        return to_markdown(b'<?xml version="1.0" encoding="utf-8"?><body>' + page + b"</body>")
    return None


def _undefined(text: str) -> str:
    """A manual page without the macros that it defines, on whose conditionals pandoc stumbles; they are no text."""
    kept: list[str] = []
    ending = ""
    for line in text.split("\n"):
        if ending:
            ending = "" if (line[:1] + line[1:].lstrip(" \t")).startswith(ending) else ending
        elif (found := DEFINITION.match(line)) is not None:
            ending = f".{found[1] or '.'}"
        else:
            kept.append(line)
    return "\n".join(kept)


def _in_line(paragraph: re.Match[bytes]) -> bytes:
    """A paragraph with formulas within its text, all of which pandoc takes for displayed ones in an OpenDocument text."""
    alone = not FORMULA.sub(b"", paragraph[0]).strip()
    return paragraph[0] if alone else paragraph[0].replace(b'<math display="block"', b'<math display="inline"')


def _with_formulas(content: bytes) -> bytes:
    """An OpenDocument text whose formulas pandoc finds: not where their folder is named with a slash at its end."""
    try:
        with zipfile.ZipFile(BytesIO(content)) as given:
            text = given.read("content.xml")
            named = FOLDER.sub(rb"\1\2", text)
            if named == text:
                return content
            out = BytesIO()
            with zipfile.ZipFile(out, "w") as made:
                for entry in given.infolist():
                    made.writestr(entry.filename, named if entry.filename == "content.xml" else given.read(entry))
            return out.getvalue()
    except (*ZIP_ERRORS, KeyError):  # pandoc says what is wrong with it
        return content
