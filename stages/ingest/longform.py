"""Books, manuals, laws and papers: whole works in reading order, without what is not the work.

A file is a work: EPUB (chapters in the order of the spine), plain text (Project Gutenberg's frame, page numbers,
running headers and hard line ends removed), Markdown, R Markdown and Quarto, reStructuredText, XHTML, notebooks, mail (of
a mailbox each message, whatever the file is called), subtitles (what is said), PDF (with the extra `pdf`), office text,
manual pages and other markup (with the extra `pandoc`); a file of any other name that `include` asks for is plain text, if
its bytes are text. In a folder or an archive the pages that a table of contents joins (Sphinx, mkdocs, mdBook) are one
work, in its order; every other file is its own. Every file that is asked for is a work or a rejection, one that stands in
another's work too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from itertools import chain

from winnow.filters.linguist import language_of as language_of_file
from winnow.formats.addresses import opened
from winnow.formats.charset.decision import decode
from winnow.formats.charset.declarations import of_text
from winnow.formats.containers.archives import Member, Reject, members
from winnow.formats.containers.bounds import TooLarge, check_markup
from winnow.formats.containers.inflate import Limits
from winnow.formats.containers.member_names import fits, in_any_case
from winnow.formats.containers.packages import Package, open_package
from winnow.formats.dialogues.manuals import NO_PAGE, read_page
from winnow.formats.dialogues.questions import language_of
from winnow.formats.markup.boilerplate import reflow, strip_gutenberg, unpaginate
from winnow.formats.markup.epub import read_epub
from winnow.formats.markup.mail import holds_mail, is_mail, letters
from winnow.formats.markup.markdown import chunked, clean, front_matter
from winnow.formats.markup.notebooks import notebook_text
from winnow.formats.markup.pandoc import OFFICE, form_of, is_manual, read_by_pandoc
from winnow.formats.markup.pdf import read_pdf
from winnow.formats.markup.reading_order import books
from winnow.formats.markup.rst import to_markdown as rst_to_markdown
from winnow.formats.markup.subtitles import is_subtitles, spoken
from winnow.formats.markup.xhtml import to_markdown as xhtml_to_markdown
from winnow.formats.splits import Split
from winnow.stages.document import Content
from winnow.stages.ingest.source import Builder, Charset, SourceSettings

TITLE = re.compile(r"^#{1,2} ++(\S.*)$", re.MULTILINE)
CONTENTS_FILES = ("*mkdocs.yml", "*mkdocs.yaml")
TEXT_SUFFIXES = (".txt", ".md", ".rst")
MARKUP_SUFFIXES = (".xhtml", ".html", ".htm", ".xml")
CHUNK_SUFFIXES = (".rmd", ".qmd")
OTHER_MARKUP = (
    *(".rss", ".atom", ".rdoc", ".texi", ".texinfo", ".ps", ".eps", ".sgml", ".me", ".ms", ".mm", ".po"),
    *(".doc", ".ods", ".odp", ".ppt", ".xls", ".xlsx", ".pages", ".key"),
)
LANGUAGES = {"english": "en", "chinese": "zh", "german": "de", "french": "fr", "spanish": "es"}
# 6: mail is read by its messages; feeds are no text; 5: manual pages that define macros
# 4: notebooks, R Markdown, Quarto, office text, manual pages and other markup are read
# 3: files of other names are text where their bytes are; compressed ones in folders and archives are read
# 7: charsets of Albanian, Greek and French are told apart
# 9: changed wordings of permissive licences are unknown
# 10: mail and subtitles in text files, and subtitles by name, are read as what they say
# 11: few signs of mail are in the charset that it names, where they may be UTF-8 by chance
# 12: XML, POD, AsciiDoc and manual pages are heard, and so is any declaration; names in any case
VERSION = 13  # 13: captions behind an empty line are read, missing chapters told
# 2: a title is no line of number signs and blanks; options of commands end at the next bracket
OPTIONAL = ("pypdfium2", "pypandoc")  # PDF files, and what pandoc reads, are rejections without them
CONTENT = Content.BOOKS


class Settings(SourceSettings):
    """`include`: the files that are works. `join`: whether tables of contents make one work of many pages."""

    include: tuple[str, ...] = (
        *("*.txt", "*.md", "*.rst", "*.epub", "*.xhtml", "*.html", "*.htm", "*.pdf"),
        *("*.Rmd", "*.qmd", "*.ipynb", "*.docx", "*.odt", "*.eml", "*.mbox", "*.srt", "*.vtt"),
    )
    join: bool = True
    reflow: bool = True
    least_characters: int = 2_000
    member_bytes: int = 256 << 20
    charset: Charset = None


@dataclass
class Work:
    """One text, the file it is named after, and what is known of it."""

    name: str
    text: str
    title: str | None = None
    language: str | None = None
    date: str | None = None
    license: str | None = None
    metadata: dict[str, str | int] = field(default_factory=dict)


def splits(path: str, settings: Settings) -> list[Split]:
    """One piece: a table of contents may join any two pages of an input."""
    return [Split(path)]


def read(split: Split, settings: Settings, builder: Builder) -> None:
    """One document a work; what is shorter than `least_characters` is a rejection."""
    told: set[tuple[str, str]] = set()
    before = builder.documents + len(builder.rejections)

    def reject(name: str, rule: str, value: object, threshold: str | None = None) -> None:
        if (name, rule) not in told:  # an archive is walked twice, once for texts and once for books
            told.add((name, rule))
            locator = split.path if name == split.path else f"{split.path}!{name}"
            builder.reject(locator=locator, rule=rule, value=value, threshold=threshold)

    limits = Limits(member_bytes=settings.member_bytes)
    asked = settings.include
    texts = in_any_case(pattern for pattern in asked if pattern.lower().endswith(TEXT_SUFFIXES))
    others = in_any_case(pattern for pattern in asked if not pattern.lower().endswith(TEXT_SUFFIXES))
    package = Package(split.path)
    works: Iterator[Work]
    if split.path.lower().endswith((".epub", *OFFICE)):  # zip files, which by themselves would be taken for archives
        works = _books(_lone(split.path, limits, reject), package, settings, reject)
    else:
        wanted = (*texts, *CONTENTS_FILES)
        package = open_package(
            split.path,
            include=wanted,
            reject=reject,
            limits=limits,
            charset=settings.charset,
            holds_others=_holds_mail,
        )
        binaries = members(split.path, include=others, limits=limits, reject=reject)
        works = chain(_texts(package, texts, settings, reject), _books(binaries, package, settings, reject))
    for work in works:
        if len(work.text) < settings.least_characters:
            reject(work.name, "short", len(work.text), f"≥ {settings.least_characters}")
            continue
        builder.add(
            text=work.text,
            locator=split.path if work.name == split.path else f"{split.path}!{work.name}",
            title=work.title or (match[1].rstrip() if (match := TITLE.search(work.text)) else None),
            date=work.date or package.date,
            license=work.license or package.license,
            language=work.language or ("zh" if language_of(work.text) == "zh" else None),
            repository=package.name if package.version else None,
            metadata=work.metadata or None,
        )
    if builder.documents + len(builder.rejections) == before:
        reject(split.path, "nothing", f"no file like {', '.join(settings.include)}")


def _texts(package: Package, patterns: Sequence[str], settings: Settings, reject: Reject) -> Iterator[Work]:
    """Trees joined by their tables of contents, then the pages that are in none."""
    joined: set[str] = set()
    for pages in books(package.files) if settings.join else ():
        joined |= set(pages)
        chapters = [_page(name, package.files[name]) for name in pages]
        text = "\n\n".join(chapter for chapter in chapters if chapter.strip())
        for name in pages[1:]:
            reject(package.root + name, "joined", f"stands in {package.root}{pages[0]}")
        yield Work(package.root + pages[0], text, metadata={"pages": len(pages)})
    for name, text in package.files.items():
        if name in joined or not fits(package.root + name, patterns):
            continue
        if package.version and NO_PAGE.search(name):
            reject(package.root + name, "page", "tests, metadata or a licence")
        elif package.version and read_page(name, text) is None:
            reject(package.root + name, "page", "no heading")
        elif name.lower().endswith(".txt") and is_subtitles(name, text):
            yield from _subtitles(package.root + name, text, None, reject)
        elif name.lower().endswith(".txt") and not package.version:
            yield _plain(package.root + name, text, settings)
        else:
            yield Work(package.root + name, _page(name, text), _title(name, text))
    for name, content in package.undecoded.items():
        if package.version and NO_PAGE.search(name):
            reject(package.root + name, "page", "tests, metadata or a licence")
        elif fits(package.root + name, patterns):
            yield from _letters(package.root + name, content, reject)


def _holds_mail(name: str, content: bytes) -> bool:
    return (is_mail(name) or name.lower().endswith(".txt")) and holds_mail(content)


def _letters(name: str, content: bytes, reject: Reject) -> Iterator[Work]:
    for letter in letters(content, name, reject):
        yield Work(letter.name, letter.text, letter.title, date=letter.date)


def _subtitles(name: str, text: str, date: str | None, reject: Reject) -> Iterator[Work]:
    said = spoken(text, name)
    if said is None:
        reject(name, "subtitles", "nothing in it has a time")
    else:
        yield Work(name, said, date=date)


def _page(name: str, text: str) -> str:
    if name.lower().endswith(CHUNK_SUFFIXES):
        return clean(chunked(text))
    return clean(text) if name.lower().endswith(".md") else rst_to_markdown(text)


def _title(name: str, text: str) -> str | None:
    """What the front matter of Markdown calls the page."""
    return None if name.lower().endswith(".rst") else front_matter(text).get("title")


def _plain(name: str, text: str, settings: Settings) -> Work:
    body, fields = strip_gutenberg(text.replace("\r\n", "\n"))
    body = unpaginate(body)
    said: dict[str, str | int] = {key: fields[key] for key in ("author", "translator") if key in fields}
    language = LANGUAGES.get(fields.get("language", "").lower())
    return Work(name, reflow(body) if settings.reflow else body, fields.get("title"), language, metadata=said)


def _books(found: Iterator[Member], package: Package, settings: Settings, reject: Reject) -> Iterator[Work]:
    for member in found:
        suffix = member.name.lower().rpartition(".")[2]
        if suffix == "epub":
            yield from _epub_work(member.read(), member.name, reject)
        elif suffix == "pdf":
            paper = read_pdf(member.read(), member.name, reject)
            if paper is not None:
                text = unpaginate(paper[0])
                yield Work(member.name, reflow(text) if settings.reflow else text, paper[1], date=member.date)
        elif package.version and NO_PAGE.search(member.name):
            reject(member.name, "page", "tests, metadata or a licence")
        elif not member.name.lower().endswith(MARKUP_SUFFIXES):
            yield from _other(member, settings, reject)
        elif package.version:
            reject(member.name, "page", "HTML of a package: a template, test data or its manual built once more")
        else:
            try:
                check_markup(member.read())
            except TooLarge as error:
                reject(member.name, "size", error)
                continue
            body, fields = strip_gutenberg(xhtml_to_markdown(member.read()))
            yield Work(member.name, body, fields.get("title"), date=member.date)


def _other(member: Member, settings: Settings, reject: Reject) -> Iterator[Work]:
    """A file of another markup, or one whose name says nothing, `README` or `NEWS.Debian`: plain text, if it is text."""
    name, content = member.name, member.read()
    form = form_of(name)
    marked_up = name.lower().endswith((".md", ".rst", *CHUNK_SUFFIXES))
    plain = form is None and not marked_up and not name.lower().endswith(".ipynb") and not other_markup(name)
    if is_mail(name) or (plain and holds_mail(content)):
        yield from _letters(name, content, reject)
        return
    if other_markup(name):
        reject(name, "format", name.rpartition(".")[2])
        return
    if name.lower().endswith(tuple(OFFICE)):
        yield from _works(name, read_by_pandoc(content, name, reject), member)
        return
    if name.lower().endswith(".ipynb"):
        cells = notebook_text(content)
        if cells is None:
            reject(name, "notebook", "no notebook in JSON")
        yield from _works(name, cells and clean(cells), member)
        return
    try:
        text = decode(content, declared=of_text(content), option=settings.charset).text
    except ValueError as error:
        reject(name, "encoding" if b"\0" not in content else "format", error)
        return
    if plain and is_subtitles(name, text):
        yield from _subtitles(name, text, member.date, reject)
        return
    if form is not None and (form != "man" or is_manual(text)):
        yield from _works(name, read_by_pandoc(text.encode(), name, reject), member)
        return
    yield Work(name, _page(name, text), _title(name, text)) if marked_up else _plain(name, text, settings)


def _works(name: str, text: str | None, member: Member) -> Iterator[Work]:
    if text is not None:
        yield Work(name, text, date=member.date)


def other_markup(name: str) -> bool:
    """Whether a name tells of a markup or programming language that isn't read here: its text isn't the file's own."""
    if name.lower().endswith((*CHUNK_SUFFIXES, ".ipynb")) or form_of(name) is not None:
        return False
    known = language_of_file(name, "")
    return name.lower().endswith(OTHER_MARKUP) or known not in (None, "Text", "Markdown", "reStructuredText")


def _lone(path: str, limits: Limits, reject: Reject) -> Iterator[Member]:
    with opened(path) as stream:
        content = stream.read(limits.member_bytes + 1)
    if len(content) > limits.member_bytes:
        reject(path, "size", f"> {limits.member_bytes}")
    else:
        yield Member(path, len(content), None, content)


def _epub_work(content: bytes, name: str, reject: Reject) -> Iterator[Work]:
    book = read_epub(BytesIO(content), name, reject)
    if book is not None:
        language = book.language.split("-")[0].lower() if book.language else None
        said: dict[str, str | int] = {"chapters": len(book.chapters)}
        if book.rights:
            said["rights"] = book.rights
        yield Work(name, "\n\n".join(book.chapters), book.title, language, book.date, metadata=said)
