"""Books as EPUB and PDF against the plain text that their authors published, each reader on the same files in one process.

    python -m benchmarks.books FOLDER

FOLDER holds books in several forms, each form of a book under one name: `policy.txt`, `policy.epub`, `policy.pdf` and the
same of `developers-reference`, from Debian's packages `debian-policy` and `developers-reference` (`apt-get download`, then
`dpkg -x`). Compared are words, without regard to capitals, which say what is lost and what is added, and runs of four words,
which also say whether lines, pages and chapters follow each other as they must.
Peers are needed here alone: `pip install pypdf pdfminer.six pymupdf ebooklib`; one that isn't installed is left out.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path

import click

from winnow.pipeline.standalone import read_documents

WORD = re.compile(r"[^\W_]+")
RUN = 4
Reader = Callable[[Path], str]


def winnow(path: Path) -> str:
    *documents, _ = read_documents([str(path)], source="books", kind="longform")
    return "\n\n".join(text for table in documents for text in table["text"].to_pylist())


def pypdf(path: Path) -> str:
    from pypdf import PdfReader

    return "\n".join(page.extract_text() for page in PdfReader(path).pages)


def pdfminer(path: Path) -> str:
    from pdfminer.high_level import extract_text

    return str(extract_text(path))


def pymupdf(path: Path) -> str:
    import pymupdf

    with pymupdf.open(path) as document:
        return "\n".join(page.get_text() for page in document)


def ebooklib(path: Path) -> str:
    import lxml.html
    from ebooklib import ITEM_DOCUMENT, epub

    book = epub.read_epub(path)
    chapters = (item for name, _ in book.spine if (item := book.get_item_with_id(name)) is not None)
    pages = (chapter.get_content() for chapter in chapters if chapter.get_type() == ITEM_DOCUMENT)
    return "\n".join(lxml.html.document_fromstring(page).body.text_content() for page in pages)


READERS: dict[str, dict[str, Reader]] = {
    ".epub": {"winnow": winnow, "ebooklib": ebooklib},
    ".pdf": {"winnow": winnow, "pypdf": pypdf, "pdfminer": pdfminer, "pymupdf": pymupdf},
}


def words(text: str) -> list[str]:
    return [word.lower() for word in WORD.findall(text)]


def runs(found: Sequence[str]) -> list[tuple[str, ...]]:
    return list(zip(*(found[start:] for start in range(RUN)), strict=False))


def agreement(found: Iterable[object], wanted: Iterable[object]) -> tuple[float, float]:
    """Precision and recall."""
    ours, theirs = Counter(found), Counter(wanted)
    right = (ours & theirs).total()
    return right / max(ours.total(), 1), right / max(theirs.total(), 1)


@click.command(help=__doc__)
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(folder: Path) -> None:
    for text in sorted(folder.glob("*.txt")):
        wanted = words(text.read_text(encoding="utf-8"))
        for suffix, readers in READERS.items():
            book = text.with_suffix(suffix)
            if not book.exists():
                continue
            print(f"{book.name}, {len(wanted):,} words")
            for name, read in readers.items():
                if name != "winnow" and not find_spec(name):
                    print(f"  {name:9} not installed")
                    continue
                start = time.process_time()
                found = words(read(book))
                seconds = time.process_time() - start
                precision, recall = agreement(found, wanted)
                in_order = agreement(runs(found), runs(wanted))
                print(
                    f"  {name:9} words: precision {precision:.3f}, recall {recall:.3f}; runs of {RUN}: "
                    f"precision {in_order[0]:.3f}, recall {in_order[1]:.3f}; {seconds:6.2f} s"
                )


if __name__ == "__main__":
    main()
