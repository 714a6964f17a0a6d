"""What an archive, a folder or a lone file holds for translations: catalogues and pages as text, tables as bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from glob import escape

from winnow.formats.charset.decision import decode
from winnow.formats.charset.declarations import of_text
from winnow.formats.containers.archives import Member, Reject, ignore, members
from winnow.formats.containers.inflate import Limits
from winnow.formats.containers.packages import LICENSE_FILES, METADATA, Package, describe
from winnow.formats.translations.catalogues import Pair
from winnow.formats.translations.columns import Form, Table, Tables, has_cells
from winnow.formats.translations.file_names import PAGES, Languages, half_endings, halves
from winnow.formats.translations.lines import HEAD_BYTES, Text
from winnow.formats.translations.memories import memory_pairs

LIMITS = Limits(member_bytes=512 << 20)
TEXTS = ("*.po", "*.md", "*.rst", *METADATA, *LICENSE_FILES)


@dataclass
class Contents:
    """The files as a package, the tables among them, halves without their other one, and whether there are memories."""

    package: Package
    tables: Sequence[Table] = ()
    lone: Sequence[tuple[str, str]] = ()
    has_memories: bool = False


@dataclass
class _Gathered:
    """Members as they come."""

    languages: Languages
    reject: Reject
    charset: str | None
    texts: dict[str, str] = field(default_factory=dict)
    tables: dict[str, bytes] = field(default_factory=dict)
    dates: list[str] = field(default_factory=list)

    def take(self, member: Member) -> None:
        name, content = member.name, member.read()
        if name.lower().endswith((".tsv", *half_endings(self.languages))) or _is_text_table(name, content):
            self.tables[name] = content
        else:
            try:
                self.texts[name] = decode(content, declared=of_text(content), option=self.charset).text
            except ValueError as error:
                self.reject(name, "encoding", error)
                return
        self.dates += [member.date] if member.date else []

    def package(self, path: str, beside: Sequence[str] = ()) -> Package:
        """The texts; tables, here or `beside` them, only count for which folder everything lies in."""
        others = {*self.tables, *beside}
        package = describe(path, {**self.texts, **dict.fromkeys(others, "")}, max(self.dates, default=None))
        for name in others:
            del package.files[name.removeprefix(package.root)]
        return package


def open_archive(path: str, languages: Languages, reject: Reject, charset: str | None = None) -> Contents:
    """The contents of an archive or of a lone file, whose tables are in memory. `charset` is the user's option."""
    gathered, has_memories = _Gathered(languages, reject, charset), False
    pages = (f"*{suffix}" for suffix in PAGES)
    wanted = (*TEXTS, *pages, "*.tsv", *(f"*{ending}" for ending in half_endings(languages)), "*.tmx")
    for member in members(path, include=wanted, limits=LIMITS, reject=reject):
        if member.name.endswith(".tmx"):
            has_memories = True
        else:
            gathered.take(member)
    sides = halves(gathered.tables, languages)
    texts = {name: Text(name, content, charset) for name, content in gathered.tables.items()}
    tables = [Table(name, Form.CELLS, text) for name, text in texts.items() if name.endswith((".tsv", ".txt"))]
    tables += [Table(ours, Form.HALVES, texts[ours], texts[theirs], theirs) for ours, theirs in sides.pairs]
    return Contents(gathered.package(path), tables, sides.lone, has_memories)


def open_folder(
    path: str, large: Tables, languages: Languages, reject: Reject, text_bytes: int, charset: str | None = None
) -> Contents:
    """The contents of a folder besides its `large` tables; a `.txt` of more than `text_bytes` may be one of them."""
    gathered = _Gathered(languages, reject, charset)
    taken = {table.name for table in large.found if table.form != Form.MEMORY and table.is_table}
    books = tuple(escape(table.name) for table in large.found if not (table.is_table or table.source.packed))
    small = Limits(member_bytes=text_bytes)
    for member in members(path, include=TEXTS, limits=LIMITS, reject=reject):
        gathered.take(member)
    for include, limits in ((("*.txt",), small), (books, LIMITS)):
        for member in members(path, include=include, limits=limits, reject=ignore) if include else ():
            if member.name not in gathered.texts:  # a licence may end so
                gathered.take(member)
    gathered.texts = dict(sorted(gathered.texts.items()))
    tables = [
        Table(name, Form.CELLS, Text(name, content, charset))
        for name, content in gathered.tables.items()
        if name.endswith(".txt")
    ]
    return Contents(gathered.package(path, sorted(taken | {name for name, _ in large.lone})), tables)


def archived_memories(path: str, languages: Languages, reject: Reject) -> Iterator[tuple[str, Iterator[Pair]]]:
    """The memories of an archive, one in memory at a time; what can't be read was told when it was opened."""
    for member in members(path, include=("*.tmx",), limits=LIMITS, reject=ignore):
        yield member.name, memory_pairs(Text(member.name, member.read()), languages, 0, -1, reject, member.name)


def folder_license(path: str) -> str | None:
    """What a folder's metadata and licence file grant."""
    texts: Mapping[str, str] = {
        member.name: member.read().decode("utf-8", "replace")
        for member in members(path, include=(*METADATA, *LICENSE_FILES), limits=LIMITS)
    }
    return describe(path, dict(texts), None).license


def _is_text_table(name: str, content: bytes) -> bool:
    """Whether a `.txt` is a table, by its first MiB."""
    if not name.endswith(".txt"):
        return False
    head = content[:HEAD_BYTES]
    return has_cells(head if len(content) <= HEAD_BYTES else head[: head.rfind(b"\n") + 1])
