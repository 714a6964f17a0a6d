"""Bilingual sources: translations in pairs, and documents in one of two languages.

Pairs are TMX memories, PO catalogues, tab-separated lines (`.tsv`, or `.txt` with as many tabs in every line), Moses files
(`corpus.en` beside `corpus.zh`), tables with two columns, and trees of pages in folders named after languages (`en/`,
`zh-cn/`) or files that carry one (`README.zh.md`), in a folder or any archive. Every pair is checked; one that fails is
a rejection with what was measured.

A folder's tables, memories and Moses files are cut into pieces of `split_bytes`, and so is a table or memory that is an
input by itself. There they may be packed (`.gz`, `.zst` …), each in one piece; none of them is ever in memory as a whole.
Tables and Moses files give the same documents for pieces of any size; of a memory, and of a table with `columns`, a
document ends with the piece.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from pydantic import Field, model_validator

from winnow.formats.containers.archives import Reject
from winnow.formats.containers.packages import Package
from winnow.formats.containers.records import read_records, record_splits, table_format
from winnow.formats.dialogues.json_values import Misfit
from winnow.formats.dialogues.manuals import page_markdown, read_page
from winnow.formats.splits import SPLIT_BYTES, Split
from winnow.formats.translations.catalogues import Pair, language_of_po, read_po, unmarked
from winnow.formats.translations.checks import Checks, han_share
from winnow.formats.translations.columns import Form, Table, find_tables
from winnow.formats.translations.contents import Contents, archived_memories, folder_license, open_archive, open_folder
from winnow.formats.translations.file_names import is_catalogue_of, is_page, page_pairs
from winnow.formats.translations.memories import memory_pairs
from winnow.formats.translations.renderings import Direction, Rendering
from winnow.stages.document import Content
from winnow.stages.ingest.pairs import Writer
from winnow.stages.ingest.source import Builder, Charset, SourceSettings
from winnow.stages.ingest.tables import look_up, text_of

# 2: a row of Parquet or Arrow above 64 MiB is rejected, and a file that swells; 3: any record above a bound
# 5: words beside what is documented from code; 4: compressed files in folders and archives are read
# 7: changed wordings of permissive licences are unknown
# 8: one decision on charsets for catalogues, pages, tables and memories; broken letters are rejections
VERSION = 9  # 9: entries that can't be read are rejections, one behind an obsolete fuzzy one is read
OPTIONAL = ("python_calamine",)  # spreadsheets are rejections without it
CONTENT = Content.TRANSLATIONS


class Settings(SourceSettings):
    """Languages, checks and renderings."""

    source_language: str = Field("en", description="the language translated from")
    target_language: str = Field("zh", description="the language translated into")
    rendering: Rendering = Field(Rendering.INTERLEAVED, description="pair by pair, or all of one text before the other")
    direction: Direction = Field(Direction.HASH, description="which language comes first, or either by a hash")
    length_ratio: tuple[float, float] = Field(
        (0.4, 3.0), description="characters of the source, East Asian ones three times, for each of the target"
    )
    check_language: bool = Field(True, description="reject a text that can't be in its language, by its script")
    embedder: str | None = Field(
        None,
        description="`sentence-transformers:FOLDER` or `package.module:function`: embeds both texts of each pair that "
        "passes the other checks",
    )
    least_similarity: float | None = Field(
        None,
        ge=-1,
        le=1,
        description="least cosine of the two embeddings; without default, since each model has its own scale",
    )
    monolingual: tuple[str, ...] = Field((), description="languages (`en`, `zh`) whose pages without counterpart stay")
    pairs: int = Field(
        64, ge=1, description="segments of a document; of a table or Moses files, lines that it may hold"
    )
    least_characters: int = Field(200, description="shortest page without a counterpart")
    columns: Mapping[str, str] = Field({}, description="`source` and `target`: the two columns of a table")
    split_bytes: int = Field(SPLIT_BYTES, gt=0, description="size of the pieces that tables and memories are cut into")
    charset: Charset = None

    @property
    def languages(self) -> tuple[str, str]:
        return self.source_language, self.target_language

    @model_validator(mode="after")
    def _similarity_is_said_whole(self) -> Settings:
        if (self.embedder is None) != (self.least_similarity is None):
            raise ValueError("embedder and least_similarity need each other: name the model and its least cosine")
        return self


def splits(path: str, settings: Settings) -> list[Split]:
    """Tables and memories by rows or bytes; an archive, a catalogue and what is compressed are one piece."""
    if settings.columns and table_format(path):
        return record_splits(path, settings.split_bytes)
    tables = find_tables(path, settings.languages, settings.split_bytes, settings.charset)
    return tables.splits(path, settings.split_bytes)


def read(split: Split, settings: Settings, builder: Builder) -> None:
    """One document for each run of `pairs` segments of a file, for each pair of pages, and each page by itself."""
    reader = _Reader(split, settings, builder)
    if settings.columns and table_format(split.path):
        reader.columns()
    else:
        reader.files()


class _Reader:
    """One piece of one input."""

    def __init__(self, split: Split, settings: Settings, builder: Builder) -> None:
        self.split = split
        self.path = split.path
        self.settings = settings
        self.languages = settings.languages
        self.builder = builder
        how = settings.rendering, settings.direction, settings.pairs
        self.writer = Writer(Package(self.path), builder, _checks(settings), *how)

    def columns(self) -> None:
        """A table's rows."""
        columns = self.settings.columns
        if set(columns) != {"source", "target"}:
            raise ValueError(f"bilingual columns are `source` and `target`, found {sorted(columns)}")

        reject = self.builder.rejecting(self.path)

        def pairs() -> Iterator[Pair]:
            for place, record in read_records(self.split, reject, charset=self.settings.charset):
                try:
                    source, target = (text_of(look_up(record, columns[side])) for side in ("source", "target"))
                except Misfit as misfit:
                    reject(place, "column", misfit)
                except KeyError as error:
                    reject(place, "column", error.args[0])
                else:
                    yield Pair(source, target, place)

        self.writer.segments("", pairs())

    def files(self) -> None:
        """The tables that the piece has a share of; in the first piece also all that isn't cut."""
        charset = self.settings.charset
        tables = find_tables(self.path, self.languages, self.settings.split_bytes, charset)
        shares = [share for share in tables.within(self.split) if share[0].is_table]
        if self.split.start == 0:
            for name, why in tables.lone:
                self.writer.reject(name, "counterpart", why)
            if tables.in_folder:
                text_bytes = self.settings.split_bytes
                self.contents(open_folder(self.path, tables, self.languages, self.writer.reject, text_bytes, charset))
            elif not shares and not tables.lone:
                self.contents(open_archive(self.path, self.languages, self.writer.reject, charset))
        granted = folder_license(self.path) if tables.in_folder and shares else None
        writer = replace(self.writer, package=Package(self.path, license=granted))
        for table, start, stop in shares:
            self.table(table, writer, start, stop)

    def contents(self, found: Contents) -> None:
        """Catalogues, tables, pages and memories, in this order."""
        package, files = found.package, found.package.files
        writer = replace(self.writer, package=package)
        wanted = self.settings.target_language
        for name, text in files.items():
            if name.endswith(".po") and is_catalogue_of(name, wanted, language_of_po(text)):
                writer.catalogue(package.root + name, unmarked(read_po(text, _by_line(writer, package.root + name))))
        for name, why in found.lone:
            writer.reject(name, "counterpart", why)
        for table in found.tables:
            self.table(table, writer)
        pages = [name for name in files if is_page(name)]
        paired = list(page_pairs(pages, self.languages))
        writer.pages(paired)
        alone = set(pages).difference(*paired) if self.settings.monolingual else set()
        for name in (name for name in pages if name in alone):
            self.monolingual(package, name)
        if found.has_memories:
            for name, pairs in archived_memories(self.path, self.languages, writer.reject):
                writer.catalogue(name, pairs)

    def table(self, table: Table, writer: Writer, start: int = 0, stop: int = -1) -> None:
        """What a piece has of one table."""
        if table.form == Form.MEMORY:
            found = memory_pairs(table.source, self.languages, start, stop, writer.reject, table.name)
            writer.catalogue(table.name, found, first=start == 0)
        else:
            writer.runs(table.name, table.pairs(start, stop, self.settings.pairs, writer.reject))

    def monolingual(self, package: Package, name: str) -> None:
        """A page by itself, where its language is wanted; in a package only what has a heading is a page."""
        source = package.files[name]
        language = "zh" if han_share(source) >= 0.2 else "en"
        if language not in self.settings.monolingual or (package.version and read_page(name, source) is None):
            return
        text = page_markdown(name, source)
        if len(text) >= self.settings.least_characters:
            self.builder.add(
                text=text,
                title=match[1] if (match := re.search(r"^#+ (.+)$", text, re.MULTILINE)) else None,
                locator=f"{self.path}!{package.root}{name}",
                language=language,
                date=package.date,
                license=package.license,
            )


def _by_line(writer: Writer, name: str) -> Reject:
    """Tells of entries of a catalogue by their lines."""

    def reject(line: str, rule: str, value: object) -> None:
        writer.reject(f"{name}#{line}", rule, value)

    return reject


def _checks(settings: Settings) -> Checks:
    checks = Checks(settings.languages, settings.length_ratio, settings.check_language)
    if settings.embedder is None or settings.least_similarity is None:
        return checks
    from winnow.formats.translations.similarity import cosines  # only where asked for: it brings a model

    return replace(checks, cosines=cosines(settings.embedder), least=settings.least_similarity)
