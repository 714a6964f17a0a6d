"""Pairs written down: each is checked, and those that fit become documents, or rejections name what was measured."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice

from winnow.formats.containers.inflate import Broken
from winnow.formats.containers.packages import Package
from winnow.formats.dialogues.manuals import page_markdown
from winnow.formats.translations.catalogues import Pair
from winnow.formats.translations.checks import Checks, Misfit, P
from winnow.formats.translations.renderings import Direction, Rendering, is_backward, render_pages, render_segments
from winnow.stages.ingest.source import Builder


@dataclass(frozen=True)
class PagePair(Pair):
    """Two pages as Markdown; `place` is the file of the target."""

    source_file: str = ""


@dataclass(frozen=True)
class Writer:
    """What writes the pairs of one input, `length` segments a document. `package` tells licence and date."""

    package: Package
    builder: Builder
    checks: Checks
    rendering: Rendering
    direction: Direction
    length: int

    def segments(self, name: str, pairs: Iterable[Pair]) -> None:
        """A document for each `length` pairs that fit."""
        kept = self._fitting(name, pairs)
        while group := list(islice(kept, self.length)):
            self._document(name, group)

    def runs(self, name: str, pairs: Iterable[Pair]) -> None:
        """A document for what fits of each run of `length` lines: so none depends on another, nor on how a file is cut."""
        for _, group in groupby(self._fitting(name, pairs), lambda pair: (int(pair.place) - 1) // self.length):
            self._document(name, list(group))

    def catalogue(self, name: str, found: Iterable[Pair], *, first: bool = True) -> None:
        """The pairs of a catalogue or memory, of a damaged one those before the damage.

        None at all are a rejection, unless it is a piece of a memory other than the `first`.
        """

        def sound() -> Iterator[Pair]:
            empty = True
            try:
                for pair in found:
                    empty = False
                    yield pair
            except Broken as broken:
                self.reject(name, broken.rule, broken.value)
            except ValueError as error:
                self.reject(name, "tmx", error)
            else:
                if empty and first:
                    self.reject(name, "no_pairs", f"no entry in {' and '.join(self.checks.languages)}")

        self.segments(name, sound())

    def pages(self, names: Iterable[tuple[str, str]]) -> None:
        """A document for each two pages of the package that are translations of each other."""
        root, files = self.package.root, self.package.files
        read = (
            PagePair(page_markdown(source, files[source]), page_markdown(target, files[target]), target, "", source)
            for source, target in names
        )
        for pair, wrong in self.checks.judged(read):
            if wrong is not None:
                self._misfit(self._locator(root + pair.place), wrong)
                continue
            locator = self._locator(root + pair.source_file)
            backward = is_backward(self.direction, self.builder.below_root(locator))
            text, interleaved = render_pages(pair.source, pair.target, self.rendering, backward)
            rendering = Rendering.INTERLEAVED if interleaved else Rendering.SOURCE_THEN_TARGET
            self._add(text, locator, pair.source_file, backward, 1, rendering)

    def reject(self, name: str, rule: str, value: object) -> None:
        self.builder.reject(locator=self._locator(name), rule=rule, value=value)

    def _fitting(self, name: str, pairs: Iterable[P]) -> Iterator[P]:
        for pair, wrong in self.checks.judged(pairs):
            if wrong is None:
                yield pair
            else:
                self._misfit(self._locator(name, pair.place), wrong)

    def _document(self, name: str, group: Sequence[Pair]) -> None:
        locator = self._locator(name, group[0].place)
        backward = is_backward(self.direction, self.builder.below_root(locator))
        text = render_segments(group, self.rendering, backward)
        self._add(text, locator, name.removeprefix(self.package.root), backward, len(group), self.rendering)

    def _add(self, text: str, locator: str, title: str, backward: bool, pairs: int, rendering: Rendering) -> None:
        languages = self.checks.languages[::-1] if backward else self.checks.languages
        self.builder.add(
            text=text,
            locator=locator,
            title=title or None,
            language=self.checks.languages[1],
            date=self.package.date,
            license=self.package.license,
            metadata={"languages": "-".join(languages), "pairs": pairs, "rendering": rendering.value},
        )

    def _misfit(self, locator: str, wrong: Misfit) -> None:
        self.builder.reject(locator=locator, rule=wrong.rule, value=wrong.value, threshold=wrong.threshold)

    def _locator(self, name: str, place: str = "") -> str:
        inside = f"{self.package.path}!{name}" if name else self.package.path
        return f"{inside}#{place}" if place else inside
