"""Pages of the web: crawl archives (WARC, WET, ARC), Common Crawl by its index or path lists, and plain HTML files.

What an input is follows from its name: `*.warc`, `*.wet`, `*.arc` (also `.gz`, `.zst`) are archives, cut by byte range;
`*.paths` lists archives or indexes; `*.cdx`, `*.cdxj`, `cdx-00000.gz` and a Parquet file with the column `warc_filename`
are indexes, of which only the selected rows are fetched; other tables (Parquet, JSON lines, CSV) hold a page a row;
anything else is a folder, a tar or zip file or a lone page. Archives in a folder, a tar or a zip file (so WACZ too) are
read as archives. A saved site's pages may be called as its addresses were (`view.php?id=3`, `about`): of a name that isn't
HTML's own the bytes tell whether it is a page. Every record, row and page becomes a document or a rejection.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import Field

from winnow.filters.linguist import language_of
from winnow.formats.addresses import filesystem_of, opened
from winnow.formats.charset.marks import utf_16
from winnow.formats.containers.archives import Reject, below, holds_members, member_splits, members
from winnow.formats.containers.commoncrawl import Selection, index_splits, is_index, listed, main_language, selected
from winnow.formats.containers.http import Response, decoded_body, read_response
from winnow.formats.containers.inflate import Broken, Limits
from winnow.formats.containers.member_names import fits, in_any_case
from winnow.formats.containers.records import read_records, record_splits, table_format
from winnow.formats.containers.warc import Fault, Record, records
from winnow.formats.html.extraction import Engine, extract
from winnow.formats.html.saved import DYNAMIC_NAME, LOOKS_LIKE_HTML, SNIFFED_BYTES, is_page, may_be_page
from winnow.formats.splits import SPLIT_BYTES, Split, byte_splits
from winnow.stages.document import Content
from winnow.stages.ingest.source import Builder, SourceSettings
from winnow.stages.ingest.tables import found_in

ARCHIVE = re.compile(r"\.(w?arc|wet|wat)(\.(gz|zst|open|bad))*$", re.IGNORECASE)
PATHS = re.compile(r"\.paths(\.gz)?$", re.IGNORECASE)
HTML_TYPES = frozenset({"text/html", "application/xhtml+xml", "application/vnd.wap.xhtml+xml"})
SAYS_NOTHING = frozenset({"", "application/octet-stream", "text/plain", "unknown/unknown", "unk", "no-type"})
LANGUAGES_OF_PAGES = (None, "HTML", "PHP")  # as names tell them: no `README`, no `Makefile`
PAGES = ("*.html", "*.htm", "*.xhtml")
ARCHIVED = ("*.warc*", "*.arc*", "*.wet*")
ARCHIVED_LIMITS = Limits(
    member_bytes=1 << 30, slack=1 << 30, ratio=1000.0
)  # members are packed once already, or not at all
BINARY = (
    b"%PDF",
    b"\x89PNG",
    b"GIF8",
    b"\xff\xd8\xff",
    b"PK\x03\x04",
    b"\x1f\x8b",
    b"\x7fELF",
    b"RIFF",
    b"Rar!",
    b"OggS",
)
UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
EXTRACTION_ERRORS = (ValueError, TypeError, AttributeError, LookupError, RecursionError, AssertionError)
# 4: a page of a folder has the id that its own name gives it, and threads; 5: a second look where next to nothing is kept
# 6: compressed pages in folders and archives are read; 7: a second look at short pages, too
# 9: less certainty is asked of the blocks of lists and services
# 10: pages of saved sites that aren't called HTML are read, a lone file of any name is a page or a rejection
# 11: a declared charset is heard where UTF-8 is by chance; names in any case
# 12: schema.org is heard in microdata, too, JSON in the text is dropped, what a page has twice is kept once
VERSION = 12
OPTIONAL = ("python_calamine",)  # spreadsheets are rejections without it
CONTENT = Content.WEB


class Settings(SourceSettings):
    """What a profile may say of a web source. Sizes are bytes."""

    engine: Engine = Field(Engine.BLOCKS, description="what tells content from boilerplate")
    links: bool = Field(False, description="keep links as [text](address)")
    mathematics: bool = Field(True, description="keep formulas as LaTeX in $…$ and $$…$$")
    include: tuple[str, ...] = Field(
        PAGES, description="members of folders and archives; by default those, too, that a saved site calls otherwise"
    )
    columns: Mapping[str, str] = Field(
        {"html": "html", "url": "url"}, description="of tables: what holds the `html`, its `url`, `date`, `charset`"
    )
    record_bytes: int = Field(64 << 20, gt=0, description="largest record of an archive, unpacked")
    page_bytes: int = Field(8 << 20, gt=0, description="largest page, its encodings undone")
    truncated: bool = Field(False, description="take pages that the crawler itself cut short (WARC-Truncated)")
    split_bytes: int = Field(SPLIT_BYTES, gt=0, description="size of the pieces that archives are cut into")
    base: str = Field("s3://commoncrawl/", description="what stands before the names in path lists and indexes")
    select: Selection = Field(Selection(), description="which rows of an index are fetched")


def splits(path: str, settings: Settings) -> list[Split]:
    """Archives by byte range, indexes and tables by rows, zip files by members, folders by the files in them."""
    if PATHS.search(path):
        named = (name for name in listed(path, settings.base) if ARCHIVE.search(name) or is_index(name))
        return [split for name in named for split in splits(name, settings)]
    if ARCHIVE.search(path):
        return byte_splits(path, settings.split_bytes)
    if is_index(path):
        return index_splits(path)
    if table_format(path):
        return record_splits(path, settings.split_bytes)
    filesystem, root = filesystem_of(path)
    if not filesystem.isdir(root):
        return member_splits(path, settings.split_bytes)
    return list(_folder(path, below(filesystem, root), len(root.rstrip("/")), settings)) or [Split(path)]


def _folder(path: str, entries: Sequence[tuple[str, Any]], root: int, settings: Settings) -> Iterator[Split]:
    """The files that are asked for, each as if it were named; links and devices as members of the folder, to be rejected."""
    wanted = _wanted(settings)
    odd = -1  # where a run of them has begun
    for index, (full, entry) in enumerate([*entries, ("", {"type": "file"})]):
        name = full[root:]
        archive = ARCHIVE.search(name)
        if not archive and (entry.get("islink") or entry["type"] != "file"):
            odd = index if odd < 0 else odd
            continue
        if odd >= 0:
            yield Split(path, odd, index)
            odd = -1
        if archive or wanted(name.lstrip("/")):
            yield from splits(f"{path.rstrip('/')}{name}", settings)


def _wanted(settings: Settings) -> Callable[[str], bool]:
    """Which files of a folder or an archive are taken for pages: those that `include` names, by default of saved sites, too."""
    asked = in_any_case(settings.include)
    saved = settings.include == PAGES

    def wanted(name: str) -> bool:
        if fits(name, asked):
            return True
        return saved and may_be_page(name) and language_of(name.rpartition("/")[2], "") in LANGUAGES_OF_PAGES

    return wanted


def read(split: Split, settings: Settings, builder: Builder) -> None:
    """Reads the pages of one piece; see the module for what a piece is."""
    if ARCHIVE.search(split.path):
        with opened(split.path) as stream:
            for found in records(stream, split.start, split.stop, limit=settings.record_bytes):
                _take(found, f"{split.path}@{found.place}", settings, builder)
    elif is_index(split.path):
        for locator, found in selected(split, settings.select, settings.base, settings.record_bytes):
            _take(found, locator, settings, builder)
    elif table_format(split.path):
        _read_rows(split, settings, builder)
    else:
        _read_members(split, settings, builder)


def _read_rows(split: Split, settings: Settings, builder: Builder) -> None:
    """The pages of a table, each text or bytes in a column."""

    reject = builder.rejecting(split.path)

    names = settings.columns
    for place, row in read_records(split, reject, sorted({name.split(".")[0] for name in names.values()})):
        said = found_in(row, names)
        content = said.pop("html", None)
        if not isinstance(content, str | bytes):
            reject(place, "column", f"{names['html']}: {type(content).__name__}, neither text nor bytes")
            continue
        content = content.encode("utf-8", "replace") if isinstance(content, str) else content
        if len(content) > settings.page_bytes:
            reject(place, "size", len(content))
            continue
        url, date, charset = (str(said[name]) if said.get(name) else None for name in ("url", "date", "charset"))
        locator = f"{split.path}#{place}"
        _add_page(content, locator, settings, builder, url=url, date=_day(date), charset_hint=charset)


def _read_members(split: Split, settings: Settings, builder: Builder) -> None:
    name = split.path.rstrip("/")

    def reject(member: str, rule: str, value: object) -> None:
        builder.reject(locator=f"{name}!{member}", rule=rule, value=value)

    limits = Limits(member_bytes=settings.page_bytes)
    lone = not holds_members(split.path)
    include, asked = ("*",) if lone else _wanted(settings), in_any_case(settings.include)
    before = builder.documents + len(builder.rejections)
    found = members(split.path, include=include, limits=limits, reject=reject, start=split.start, stop=split.stop)
    for member in found:
        locator = name if lone else f"{name}!{member.name}"
        trusted = fits(member.name, asked) and not DYNAMIC_NAME.search(member.name)
        if not trusted and not is_page(member.content):
            builder.reject(locator=locator, rule="no_page", value=repr(bytes(member.content[:40])))
            continue
        path = None if lone else member.name
        _add_page(member.content, locator, settings, builder, date=member.date, path=path)
    if lone:
        return
    filesystem, root = filesystem_of(split.path)
    if not filesystem.isdir(root):  # whose archives are pieces by themselves
        _read_archived(split, settings, builder, reject)
    if (split.start, split.stop) == (0, -1) and builder.documents + len(builder.rejections) == before:
        builder.reject(locator=name, rule="nothing", value=f"no file like {', '.join(settings.include)}")


def _read_archived(split: Split, settings: Settings, builder: Builder, reject: Reject) -> None:
    """The crawl archives in a zip or tar file, one in memory at a time; WACZ keeps them below `archive/`."""

    def told(member: str, rule: str, value: object) -> None:
        if ARCHIVE.search(member):  # of the others the walk for pages has told
            reject(member, rule, value)

    for member in members(
        split.path, include=ARCHIVED, limits=ARCHIVED_LIMITS, reject=told, start=split.start, stop=split.stop
    ):
        if ARCHIVE.search(member.name):
            for found in records(io.BytesIO(member.content), limit=settings.record_bytes):
                _take(found, f"{split.path}!{member.name}@{found.place}", settings, builder)


def _take(found: Record | Fault, locator: str, settings: Settings, builder: Builder) -> None:
    """One record becomes one document or one rejection."""
    if isinstance(found, Fault):
        builder.reject(locator=locator, rule=found.rule, value=found.value)
        return
    cut = found.headers.get("warc-truncated")
    if cut and not settings.truncated:
        builder.reject(locator=locator, rule="truncated", value=f"by the crawler: {cut}")
        return
    try:
        if found.type == "conversion" and _mime(found) in SAYS_NOTHING:
            _add_converted(found, locator, builder)
        elif found.type in ("response", "resource", "conversion"):
            _add_response(found, locator, settings, builder)
        else:
            builder.reject(locator=locator, rule="type", value=found.type or "none")
    except Broken as broken:
        builder.reject(locator=locator, rule=broken.rule, value=broken.value)


def _add_converted(record: Record, locator: str, builder: Builder) -> None:
    """A record of a WET file: text that somebody else extracted."""
    language = main_language(record.headers.get("warc-identified-content-language"))
    text = record.content.decode("utf-8", "replace").strip()
    builder.add(text=text, locator=locator, url=record.url, date=_day(record.date), language=language)


def _mime(record: Record) -> str:
    return record.headers.get("content-type", "").partition(";")[0].strip().lower()


def _add_response(record: Record, locator: str, settings: Settings, builder: Builder) -> None:
    if record.type == "response" and record.content.startswith(b"HTTP/"):
        response = read_response(record.content)
        if response.status != 200:
            builder.reject(locator=locator, rule="status", value=response.status, threshold="200")
            return
    else:
        response = Response(200, {"content-type": record.headers.get("content-type", "")}, record.content)
    if response.mime not in HTML_TYPES | SAYS_NOTHING and not response.mime.startswith("application/http"):
        builder.reject(locator=locator, rule="mime", value=response.mime)
        return
    content = decoded_body(response, settings.page_bytes)
    if response.mime not in HTML_TYPES and not LOOKS_LIKE_HTML.search(content[:SNIFFED_BYTES]):
        builder.reject(locator=locator, rule="mime", value=response.mime or "none")
        return
    _add_page(
        content, locator, settings, builder, url=record.url, date=_day(record.date), charset_hint=response.charset
    )


def _add_page(
    content: bytes,
    locator: str,
    settings: Settings,
    builder: Builder,
    *,
    url: str | None = None,
    date: str | None = None,
    charset_hint: str | None = None,
    path: str | None = None,
) -> None:
    if content.startswith(BINARY) or (b"\0" in content[:SNIFFED_BYTES] and not _is_wide(content)):
        builder.reject(locator=locator, rule="mislabelled", value=content[:16].hex())
        return
    try:
        page = extract(
            content,
            url=url,
            engine=settings.engine,
            charset_hint=charset_hint,
            links=settings.links,
            mathematics=settings.mathematics,
        )
    except EXTRACTION_ERRORS as error:  # what the peers raise on hostile markup
        builder.reject(locator=locator, rule="extraction", value=f"{type(error).__name__}: {error}")
        return
    builder.add(
        text=page.text,
        locator=locator,
        url=url,
        title=page.title,
        date=page.date or date,
        license=page.license,
        language=page.language,
        path=path,
        metadata={"charset": page.charset, "mathematics": page.mathematics, "captured": date},
    )


def _is_wide(content: bytes) -> bool:
    return content.startswith(UTF_16_MARKS) or utf_16(content) is not None


def _day(date: str | None) -> str | None:
    return date[:10] if date else None
