"""What the library of each kind of file reads in it: the words that `benchmarks.real_files` asks of ours.

`pip install pypandoc-binary pymupdf ebooklib polib nbformat python-docx odfpy`, for this benchmark alone.
"""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SECONDS = 30  # for a file that pandoc doesn't end with
FIGURES = re.compile(r"^#[|+].*$", re.MULTILINE)
MARKUP = {".rst": "rst", ".md": "gfm", ".rmd": "markdown", ".qmd": "markdown", ".txt": "rst"}


def page(path: Path) -> str:
    import trafilatura

    return trafilatura.extract(path.read_bytes(), include_comments=True) or ""


def book(path: Path) -> str:
    import lxml.html
    from ebooklib import ITEM_DOCUMENT, epub

    read = epub.read_epub(path)
    chapters = (item for name, _ in read.spine if (item := read.get_item_with_id(name)) is not None)
    pages = (chapter.get_content() for chapter in chapters if chapter.get_type() == ITEM_DOCUMENT)
    return "\n".join(lxml.html.document_fromstring(page).body.text_content() for page in pages)


def paper(path: Path) -> str:
    import pymupdf

    with pymupdf.open(path) as document:
        return "\n".join(page.get_text() for page in document)


def latex(path: Path) -> str:
    return pandoc(path, "latex", "gfm-raw_html+tex_math_dollars")


def markup(path: Path) -> str:
    return pandoc(path, MARKUP[path.suffix.lower()])


def manual(path: Path) -> str:
    return pandoc(path, "man") if re.fullmatch(r"\.[1-9]\w*", path.suffix) else plain(path)


def pandoc(path: Path, form: str, into: str = "plain") -> str:
    """Its text, formulas as LaTeX where that is what `into` has; a file that it can't read has none."""
    import pypandoc

    command = [pypandoc.get_pandoc_path(), "-f", form, "-t", into, "--wrap=none", path.name]
    try:
        return subprocess.run(
            command, capture_output=True, timeout=SECONDS, cwd=path.parent, check=True, encoding="utf-8"
        ).stdout
    except (subprocess.SubprocessError, UnicodeDecodeError):
        return ""


def office(path: Path) -> str:
    if path.suffix.lower() == ".docx":
        import docx

        body = docx.Document(str(path)).element.body
        return "".join(
            "\n" if node.tag.endswith("}p") else node.text or ""
            for node in body.iter()
            if node.tag.endswith(("}t", "}p"))
        )
    from odf import teletype
    from odf.opendocument import load

    return "\n".join(teletype.extractText(node) for node in load(str(path)).text.childNodes)


def catalogue(path: Path) -> str:
    import polib

    return "\n".join(f"{entry.msgid}\n{entry.msgstr}" for entry in polib.pofile(str(path)).translated_entries())


def table(path: Path) -> str:
    """Every value of every row; of nested ones their leaves."""
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        return "\n".join(leaves(pq.read_table(path).to_pylist()))
    text = path.read_text("utf-8-sig")
    if path.suffix in (".csv", ".tsv"):
        rows = csv.reader(io.StringIO(text, newline=""), delimiter="\t" if path.suffix == ".tsv" else ",")
        return "\n".join(value for row in list(rows)[1:] for value in row)
    if path.suffix == ".json":
        return "\n".join(leaves(json.loads(text)))
    return "\n".join(leaves([json.loads(line) for line in text.splitlines() if line.strip()]))


def leaves(value: Any) -> Iterator[str]:
    """The scalars of nested values, as text."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from leaves(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from leaves(inner)
    elif value is not None:
        yield str(value)


def notebook(path: Path) -> str:
    """Sources of cells, what they printed, and texts of results."""
    import nbformat

    said = []
    for cell in nbformat.read(path, 4).cells:
        said.append(cell.source)
        for output in cell.get("outputs", ()):
            said.append(output.get("text", ""))
            data = output.get("data", {})
            said.append(data.get("text/plain", "") if output.get("output_type") != "error" else "")
            said.append("\n".join(output.get("traceback", ())))
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", "\n".join(said))


def plain(path: Path) -> str:
    return path.read_text("utf-8-sig")
