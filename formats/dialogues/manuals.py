"""The pages of a package: its documentation files and the docstrings of its modules, as sections in Markdown."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from winnow.formats.containers.packages import Package
from winnow.formats.dialogues.implementations import definitions
from winnow.formats.dialogues.questions import language_of
from winnow.formats.dialogues.sessions import Step, python_examples
from winnow.formats.markup.markdown import Block, Section, clean, sections
from winnow.formats.markup.notebooks import notebook_sections
from winnow.formats.markup.rst import to_markdown

PAGE = re.compile(r"\.(rst|txt|md)$")
NO_PAGE = re.compile(
    r"(^|/)(tests?|testing|testdata|fixtures|examples_output|[\w.-]*egg-info|[\w.-]*dist-info|locale|node_modules|_build)/"
    r"|(^|/)(requirements|constraints|SOURCES|top_level|PKG-INFO|METADATA|AUTHORS|CONTRIBUTORS|THANKS|MAINTAINERS)[^/]*$"
    r"|(^|/)(LICEN[SC]E|COPYING|NOTICE|FILES|MANIFEST|robots|CODE_OF_CONDUCT)[^/]*$",
    re.IGNORECASE,
)
SECURITY = re.compile(r"secur|vulnerab|csrf|xss|clickjack|injection|password|安全|漏洞", re.IGNORECASE)
DOCSTRING_CHARACTERS = 200


@dataclass(frozen=True)
class Page:
    """One page: the file it stands in, its title, `en` or `zh`, its sections, and whether it is about security."""

    file: str
    title: str
    language: str
    sections: list[Section]
    safety: bool = False

    def sessions(self) -> Iterator[list[Step]]:
        """The `>>> ` sessions of the page, a section's blocks joined, one step a statement."""
        for section in self.sections:
            text = "\n\n".join(block.text for block in section.blocks if block.language is not None)
            if ">>> " in text and (found := python_examples(text)):
                yield found


def pages(package: Package) -> Iterator[Page]:
    """The documentation files of a package that have a heading, in the archive's order."""
    for file, text in package.files.items():
        if PAGE.search(file) and not NO_PAGE.search(file) and (page := read_page(file, text)) is not None:
            yield page


def page_markdown(file: str, text: str) -> str:
    """A documentation file as Markdown: `.md` cleaned, all else read as reStructuredText."""
    return clean(text) if file.endswith(".md") else to_markdown(text)


def read_page(file: str, text: str) -> Page | None:
    """A documentation file; None when it has no heading, as lists and data files haven't."""
    markdown = page_markdown(file, text)
    found = sections(markdown)
    titled = [section for section in found if section.title]
    if not titled:
        return None
    title = titled[0].title
    return Page(file, title, language_of(markdown), found, bool(SECURITY.search(f"{file} {title}")))


def notebook_pages(package: Package) -> Iterator[Page]:
    """The notebooks of a package, each a page; one without a heading goes by the name of its file."""
    for file, text in package.files.items():
        if file.endswith(".ipynb") and not NO_PAGE.search(file) and (found := notebook_sections(text)) is not None:
            parts, _ = found
            title = next((section.title for section in parts if section.title), "")
            prose = "\n".join(block.text for section in parts for block in section.blocks if block.language is None)
            yield Page(file, title, language_of(prose), parts, bool(SECURITY.search(f"{file} {title}")))


def module_page(file: str, module: str, tree: ast.Module) -> Page | None:
    """The longer docstrings of a module's public names, each a section under its dotted name."""
    found = []
    for definition in definitions(tree, module):
        if len(definition.docstring) >= DOCSTRING_CHARACTERS:
            parts = sections(to_markdown(definition.docstring))
            found.append(Section(2, f"`{definition.name}`", list(_with_titles(parts))))
    if not found:
        return None
    everything = "\n".join(section.body() for section in found)
    return Page(file, f"`{module}`", language_of(everything), found)


def _with_titles(parts: list[Section]) -> Iterator[Block]:
    """The blocks of a docstring's own sections (Parameters, Examples …), their titles in bold."""
    for part in parts:
        if part.title and part.blocks:
            yield Block(f"**{part.title}**")
        yield from part.blocks
