"""Office text and other markup read through pandoc: words, structure and formulas; what can't be read is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pypandoc = pytest.importorskip("pypandoc")

PAPER = """# The mill

The *wheel* turns with $\\frac{v}{2\\pi r}$, cost is 5\\$ and `a_b` stays.

- first
- second

| stone | weight |
| --- | --- |
| upper | 3 |
"""
READ = """# The mill

The *wheel* turns with $\\frac{v}{2\\pi r}$, cost is 5$ and `a_b` stays.

- first
- second

| stone | weight |
| --- | --- |
| upper | 3 |
"""
MANUAL = """.\\" a comment
.de  URLS
.ie !"\\\\$4"" .TP \\\\$4
.el \\{\\
.   ie !"\\\\$2"" .TP \\\\n()Cu
.el \\}\\
..
.TH MILL 1 "May 1900"
.SH NAME
mill \\- grinds
.SH OPTIONS
.TP
.B \\-\\-sacks
How many \\fIsacks\\fR.
"""


def written(form: str, path: Path) -> None:
    pypandoc.convert_text(PAPER, form, "markdown", outputfile=str(path))


@pytest.mark.parametrize("form", ["docx", "odt", "org", "docbook"])
def test_what_pandoc_wrote_is_read(form: str, tmp_path: Path, ingest: Any) -> None:
    written(form, tmp_path / f"mill.{form}")
    [alone], rejections = ingest("longform", tmp_path / f"mill.{form}", include=[f"*.{form}"], least_characters=1)
    assert rejections == []
    assert [line for line in alone["text"].split("\n") if line] == [line for line in READ.split("\n") if line]
    [within], _ = ingest("longform", tmp_path, include=[f"*.{form}"], least_characters=1)  # not unpacked as an archive
    assert within["text"] == alone["text"]


def test_manual_pages_are_read_and_other_names_of_them_told(tmp_path: Path, ingest: Any) -> None:
    (tmp_path / "mill.1").write_text(MANUAL)
    (tmp_path / "grind.1").write_text(".so man1/mill.1\n")
    (tmp_path / "read.1st").write_text("Plain words about .TH and nothing else.")
    documents, [rejection] = ingest("longform", tmp_path, include=["*"], least_characters=1)
    texts = {row["locator"].rpartition("!")[2]: row["text"] for row in documents}
    assert texts["mill.1"] == "# NAME\n\nmill - grinds\n\n# OPTIONS\n\n**--sacks**\n\nHow many *sacks*.\n"
    assert texts["read.1st"].startswith("Plain words")
    assert (rejection["rule"], rejection["value"]) == ("longform.joined", "is another name of man1/mill.1")


def test_a_document_opens_no_file_and_a_broken_one_is_a_rejection(tmp_path: Path, ingest: Any) -> None:
    (tmp_path / "secret.txt").write_text("the key to the mill")
    (tmp_path / "open.org").write_text(f'Before.\n\n#+INCLUDE: "{tmp_path}/secret.txt"\n\nAfter.\n')
    (tmp_path / "broken.docx").write_bytes(b"PK\x03\x04 nothing")
    documents, rejections = ingest("longform", tmp_path, include=["*.org", "*.docx"], least_characters=1)
    assert all("key" not in row["text"] for row in documents)
    assert [row["rule"] for row in rejections if "docx" in row["locator"]] == ["longform.pandoc"]
