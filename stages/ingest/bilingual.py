"""Bilingual sources: translations in pairs, and documents in one of two languages.

Pairs are TMX memories, PO catalogues, tab-separated lines (`.tsv`, or `.txt` with as many tabs in every line), Moses files
(`corpus.en` beside `corpus.zh`), tables with two columns, and trees of pages in folders named after languages (`en/`,
`zh-cn/`) or files that carry one (`README.zh.md`), in a folder or any archive. Every pair is checked; one that fails is
a rejection with what was measured.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from stages.containers.archives import members
from stages.containers.inflate import Limits
from stages.containers.packages import Package, open_package
from stages.containers.records import read_records, record_splits, table_format
from stages.dialogues.manuals import NO_PAGE, page_markdown, read_page
from stages.ingest.source import SPLIT_BYTES, Builder, SourceSettings, Split
from stages.ingest.tables import look_up
from stages.translations.catalogues import Pair, read_po, read_tmx, unmarked
from stages.translations.pairing import (
    Direction,
    Rendering,
    han_share,
    is_backward,
    misfit,
    render_pages,
    render_segments,
)

ALIASES = {
    "en": ("en", "en-us", "en_us", "en-gb", "eng", "english"),
    "zh": ("zh", "zh-cn", "zh_cn", "zh-hans", "zh_hans", "zh-hans-cn", "cn", "zho", "chs", "chinese", "zhs"),
}
PAGES = (".md", ".rst", ".txt")


class Settings(SourceSettings):
    """Languages, checks and renderings. `columns` names a table's two columns.

    `length_ratio` bounds characters of the source, East Asian ones three times, for each of the target. `pairs` is how
    many segments make a document. `monolingual` lists the languages (`en`, `zh`) whose pages without a counterpart are
    kept too.
    """

    source_language: str = "en"
    target_language: str = "zh"
    rendering: Rendering = Rendering.INTERLEAVED
    direction: Direction = Direction.HASH
    length_ratio: tuple[float, float] = (0.4, 3.0)
    check_language: bool = True
    monolingual: tuple[str, ...] = ()
    pairs: int = 64
    least_characters: int = 200
    columns: Mapping[str, str] = {}
    split_bytes: int = SPLIT_BYTES


def splits(path: str, settings: Settings) -> list[Split]:
    """Tables by rows or bytes; anything else is one piece, since pairs may lie anywhere in it."""
    if settings.columns and table_format(path):
        return record_splits(path, settings.split_bytes)
    return [Split(path)]


def read(split: Split, settings: Settings, builder: Builder) -> None:
    """One document for each run of `pairs` segments of a file, for each pair of pages, and each page by itself."""
    reader = _Reader(split.path, settings, builder)
    if settings.columns and table_format(split.path):
        reader.table(split)
    else:
        reader.files()


class _Reader:
    """What one input needs: its checks, its rejections and its licence."""

    def __init__(self, path: str, settings: Settings, builder: Builder) -> None:
        self.path = path
        self.settings = settings
        self.builder = builder
        self.languages = (settings.source_language, settings.target_language)
        self.package = Package(path)

    def table(self, split: Split) -> None:
        columns = self.settings.columns
        if set(columns) != {"source", "target"}:
            raise ValueError(f"bilingual columns are `source` and `target`, found {sorted(columns)}")
        pairs = []
        for place, record in read_records(split, self.reject_place):
            try:
                source, target = (str(look_up(record, columns[side])) for side in ("source", "target"))
            except KeyError as error:
                self.reject_place(place, "column", error.args[0])
                continue
            pairs.append(Pair(source, target, place))
        self.segments("", pairs)

    def files(self) -> None:
        """Every file of the input that may hold pairs: segments at once, pages when all are known."""
        patterns = ("*.po", "*.tsv", *(f"*{suffix}" for suffix in PAGES))
        moses = [f"*.{name}" for language in self.languages for name in self._aliases(language) if len(name) < 6]
        self.package = open_package(
            self.path, include=(*patterns, *moses), reject=self.reject, limits=Limits(member_bytes=512 << 20)
        )
        files, root = self.package.files, self.package.root
        tables = {name for name, text in files.items() if name.endswith(".tsv") or _is_table(name, text)}
        for name, text in files.items():
            if name.endswith(".po") and self._is_target_catalogue(name):
                self.catalogue(root + name, unmarked(read_po(text)))
            elif name in tables:
                self.segments(root + name, list(self._tsv(root + name, text)))
        for source, target in self._pages([name for name in files if name not in tables]):
            self.pages(source, target)
        for source, target in self._moses_files(files, tuple(pattern[1:] for pattern in moses)):
            self.segments(root + source, list(self._moses(source, target)))
        for member in members(self.path, include=("*.tmx",), reject=lambda *_: None):
            self.catalogue(member.name, read_tmx(member.read(), *self.languages))

    def catalogue(self, name: str, found: Iterable[Pair]) -> None:
        """The pairs of a catalogue or memory, of a damaged one those before the damage; none at all are a rejection."""
        pairs: list[Pair] = []
        try:
            pairs.extend(found)  # what came before an error stays
        except ValueError as error:
            self.reject(name, "tmx", error)
        else:
            if not pairs:
                self.reject(name, "no_pairs", f"no entry in {' and '.join(self.languages)}")
        self.segments(name, pairs)

    def segments(self, name: str, pairs: Sequence[Pair]) -> None:
        """Checks each pair, then writes documents of `settings.pairs` of them."""
        kept = [pair for pair in pairs if self._fits(name, pair)]
        for start in range(0, len(kept), self.settings.pairs):
            group = kept[start : start + self.settings.pairs]
            locator = self._locator(name, group[0].place)
            backward = is_backward(self.settings.direction, self.builder.below_root(locator))
            self._add(
                locator, name, render_segments(group, self.settings.rendering, backward), backward, len(group), True
            )

    def pages(self, source: str, target: str) -> None:
        """Two pages that are translations of each other."""
        first, second = (page_markdown(name, self.package.files[name]) for name in (source, target))
        wrong = misfit(first, second, self.languages, self.settings.length_ratio, self.settings.check_language)
        if wrong is not None:
            locator = self._locator(self.package.root + target)
            self.builder.reject(locator=locator, rule=wrong.rule, value=wrong.value, threshold=wrong.threshold)
            return
        locator = self._locator(self.package.root + source)
        backward = is_backward(self.settings.direction, self.builder.below_root(locator))
        text, interleaved = render_pages(first, second, self.settings.rendering, backward)
        self._add(locator, source, text, backward, 1, interleaved)

    def monolingual(self, name: str) -> None:
        """A page by itself, where its language is wanted; in a package only what has a heading is a page."""
        source = self.package.files[name]
        language = "zh" if han_share(source) >= 0.2 else "en"
        if language not in self.settings.monolingual or (self.package.version and read_page(name, source) is None):
            return
        text = page_markdown(name, source)
        if len(text) >= self.settings.least_characters:
            self.builder.add(
                text=text,
                title=match[1] if (match := re.search(r"^#+ (.+)$", text, re.MULTILINE)) else None,
                locator=self._locator(self.package.root + name),
                language=language,
                date=self.package.date,
                license=self.package.license,
            )

    def reject(self, name: str, rule: str, value: object) -> None:
        self.builder.reject(locator=f"{self.path}!{name}", rule=rule, value=value)

    def reject_place(self, place: str, rule: str, value: object) -> None:
        self.builder.reject(locator=f"{self.path}#{place}", rule=rule, value=value)

    def _fits(self, name: str, pair: Pair) -> bool:
        wrong = misfit(
            pair.source, pair.target, self.languages, self.settings.length_ratio, self.settings.check_language
        )
        if wrong is not None:
            locator = self._locator(name, pair.place)
            self.builder.reject(locator=locator, rule=wrong.rule, value=wrong.value, threshold=wrong.threshold)
        return wrong is None

    def _add(self, locator: str, name: str, text: str, backward: bool, pairs: int, interleaved: bool) -> None:
        order = self.languages[::-1] if backward else self.languages
        rendering = Rendering.INTERLEAVED if interleaved else Rendering.SOURCE_THEN_TARGET
        if self.settings.rendering == Rendering.SOURCE_THEN_TARGET:
            rendering = Rendering.SOURCE_THEN_TARGET
        self.builder.add(
            text=text,
            locator=locator,
            title=name.removeprefix(self.package.root) or None,
            language=self.settings.target_language,
            date=self.package.date,
            license=self.package.license,
            metadata={"languages": "-".join(order), "pairs": pairs, "rendering": rendering.value},
        )

    def _locator(self, name: str, place: str = "") -> str:
        inside = f"{self.path}!{name}" if name else self.path
        return f"{inside}#{place}" if place else inside

    def _aliases(self, language: str) -> tuple[str, ...]:
        return ALIASES.get(language.split("-")[0].lower(), (language.lower(),))

    def _is_target_catalogue(self, name: str) -> bool:
        aliases = "|".join(map(re.escape, self._aliases(self.settings.target_language)))
        found = re.search(rf"(?:^|[/._-])(?:{aliases})(?:/LC_MESSAGES/[^/]+|/[^/]+)?\.po$", name, re.IGNORECASE)
        return found is not None or "/" not in name

    def _tsv(self, name: str, text: str) -> Iterator[Pair]:
        for number, line in enumerate(text.split("\n"), 1):  # `splitlines` also cuts at signs that stand in texts
            cells = line.rstrip("\r").split("\t")
            if len(cells) >= 2:
                yield Pair(cells[0], cells[1], str(number))
            elif line.strip():
                self.reject(f"{name}#{number}", "columns", len(cells))

    def _moses(self, source: str, target: str) -> Iterator[Pair]:
        ours, theirs = (self.package.files[name].split("\n") for name in (source, target))
        while ours and not ours[-1]:
            ours.pop()
        while theirs and not theirs[-1]:
            theirs.pop()
        if len(ours) != len(theirs):
            self.reject(target, "lines", f"{len(theirs)}, {source} has {len(ours)}")
            return
        for number, (first, second) in enumerate(zip(ours, theirs, strict=True), 1):
            yield Pair(first.strip(), second.strip(), str(number))

    def _moses_files(self, files: Iterable[str], endings: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Files that differ only in the language at their end; one without its other half is a rejection."""
        halves: dict[str, list[str | None]] = {}
        for name in files:
            if name.lower().endswith(tuple(endings)):
                stem, _, ending = name.rpartition(".")
                is_target = ending.lower() in self._aliases(self.languages[1])
                halves.setdefault(stem, [None, None])[is_target] = name
        for source, target in halves.values():
            if source and target:
                yield source, target
            else:
                self.reject(
                    self.package.root + (source or target or ""), "counterpart", "no file of the other language"
                )

    def _pages(self, files: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Pages of the target language with their counterparts; Chinese or English ones without one stay alone."""
        pages = [name for name in files if name.lower().endswith(PAGES) and not NO_PAGE.search(name)]
        keyed = {self._key(name, self.settings.source_language): name for name in pages}
        plain = set(pages)
        paired: set[str] = set()
        for name in pages:
            key = self._key(name, self.settings.target_language)
            counterpart = keyed.get(key) if key != name else None
            if counterpart is None and key is not None and key.replace("\0/", "").replace("\0", "") in plain:
                counterpart = key.replace("\0/", "").replace("\0", "")
            if key != name and counterpart is not None and counterpart != name:
                paired |= {name, counterpart}
                yield counterpart, name
        if self.settings.monolingual:
            for name in pages:
                if name not in paired:
                    self.monolingual(name)

    def _key(self, name: str, language: str) -> str:
        """The name with the language in it blanked: `docs/zh-cn/a.md` and `docs/en/a.md` have one key."""
        aliases = "|".join(map(re.escape, self._aliases(language)))
        return re.sub(
            rf"(?:(?<=/)|^)(?:{aliases})(?=/)|(?<=[\w])[._-](?:{aliases})(?=\.\w+$|$)", "\0", name, count=1, flags=re.I
        )


def _is_table(name: str, text: str) -> bool:
    """Whether a text file is tab-separated pairs, as Tatoeba's are published: as many tabs, not none, in every line."""
    if not name.endswith(".txt") or "\t" not in text.partition("\n")[0]:
        return False
    return len({line.count("\t") for line in text.split("\n") if line}) == 1
