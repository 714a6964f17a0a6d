"""The text of PDF files through pypdf, which the extra `pdf` installs; page by page, so that running headers can go."""

from __future__ import annotations

from io import BytesIO

from stages.containers.archives import Reject

PAGES = 5000
PAGE_CHARACTERS = 200_000


def read_pdf(content: bytes, name: str, reject: Reject) -> tuple[str, str | None] | None:
    """`(text, title)`, pages parted by form feeds, or None (told to `reject`) for a file that can't be read.

    A page that can't be read costs that page. Without the extra every file is told to `reject`.
    """
    try:
        import pypdf
    except ImportError:
        reject(name, "no_pdf_reader", "needs the extra `pdf`: pip install 'winnow[pdf]'")
        return None
    try:
        reader = pypdf.PdfReader(BytesIO(content), strict=False)
        if reader.is_encrypted and not reader.decrypt(""):
            reject(name, "encrypted", "needs a password")
            return None
        count = len(reader.pages)
        title = reader.metadata.title if reader.metadata else None
    except Exception as error:  # pypdf raises whatever a damaged file provokes: KeyError, TypeError, RecursionError …
        reject(name, "pdf", f"{type(error).__name__}: {error}")
        return None
    pages = []
    for number in range(min(count, PAGES)):
        try:
            pages.append((reader.pages[number].extract_text() or "")[:PAGE_CHARACTERS])
        except Exception as error:  # as above
            reject(f"{name}#page {number + 1}", "pdf", f"{type(error).__name__}: {error}")
    if count > PAGES:
        reject(name, "pages", f"{count}, read {PAGES}")
    return "\f".join(pages), title if isinstance(title, str) and title.strip() else None
