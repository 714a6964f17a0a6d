"""The text of PDF files through PDFium, which the extra `pdf` installs; page by page, so that running headers can go.

PDFium finds the spaces that a typesetter only left room for: of the words of a manual set by LaTeX (Debian's policy, 193
pages) 0.995 are found, by pypdf 0.494.
"""

from __future__ import annotations

import re

from winnow.formats.containers.archives import Reject

PAGES = 5000
PAGE_CHARACTERS = 200_000
DIVIDED = re.compile(r"[\ufffe\x02]\r?\n?")
"""PDFium's sign for the hyphen of a word that goes on in the next line."""


WORD = re.compile(r"[^\W\d_]{3,}")
FOREIGN_WORD = re.compile(r"(?<![^\W\d_])[\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u00ff]{3,}(?![^\W\d_])")
NO_SIGN = re.compile("[\ue000-\uf8ff\ufffd]")
UNREADABLE_SHARE = 0.3  # of a paper's words, or of its signs; no language has 1 % of words without a plain letter
LEAST_WORDS = 20


def is_readable(text: str) -> bool:
    """Whether the signs of a paper are those that it shows, which a font without a map to Unicode doesn't tell.

    Of such papers Cyrillic comes out as words of accented Latin letters alone, and others as private or no characters.
    """
    words = len(WORD.findall(text))
    if words >= LEAST_WORDS and len(FOREIGN_WORD.findall(text)) > UNREADABLE_SHARE * words:
        return False
    return len(NO_SIGN.findall(text)) <= UNREADABLE_SHARE * max(len(text), 1)


def read_pdf(content: bytes, name: str, reject: Reject) -> tuple[str, str | None] | None:
    """`(text, title)`, pages parted by form feeds, or None (told to `reject`) for a file that can't be read.

    A page that can't be read costs that page. Without the extra every file is told to `reject`.
    """
    try:
        import pypdfium2
    except ImportError:
        reject(name, "no_pdf_reader", "needs the extra `pdf`: pip install 'winnow-corpora[pdf]'")
        return None
    try:
        document = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as error:
        if error.err_code == pypdfium2.raw.FPDF_ERR_PASSWORD:
            reject(name, "encrypted", "needs a password")
        else:
            reject(name, "pdf", str(error))
        return None
    with document:
        pages = []
        for number in range(min(len(document), PAGES)):
            try:
                text = document[number].get_textpage().get_text_range()[:PAGE_CHARACTERS]
            except pypdfium2.PdfiumError as error:
                reject(f"{name}#page {number + 1}", "pdf", str(error))
            else:
                pages.append(DIVIDED.sub("", text).replace("\r\n", "\n"))
        if len(document) > PAGES:
            reject(name, "pages", f"{len(document)}, read {PAGES}")
        title = document.get_metadata_value("Title").strip()
    if not is_readable(paper := "\f".join(pages)):
        reject(name, "font_map", f"fonts that don't tell their letters: {paper.strip()[:60]}")
        return None
    return paper, title or None
