"""Conversations made of what a package documents: its pages, docstrings, sessions, code and translations.

Nothing is invented and nothing is run: questions are headings, answers are the text below them, a tool's output is what
the page prints. Forms:

- `sections`: consecutive sections of a page, heading as question, body as answer;
- `sessions`: the same where a section shows a session: each statement a call of `python`, `shell` or `sql`, each answer
  its observation, one page's chain kept together;
- `safety`: the same for pages about security;
- `code`: signature and docstring as the task, the function as the solution;
- `notebooks`: Jupyter notebooks, their text as what is said, each cell of Python a call, its output the observation;
- `translations`: entries of PO catalogues, English to Chinese;
- `prompts`: what an example prints, as a question with a label to check;
- `preferences`: the same question with the right answer preferred to another example's answer of the same type.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from pydantic import Field

from winnow.formats.containers.packages import Package, open_package
from winnow.formats.dialogues.dialogue import Conversation, check
from winnow.formats.dialogues.implementations import Function, functions, module_name, parse_module
from winnow.formats.dialogues.manuals import Page, module_page, notebook_pages, pages
from winnow.formats.dialogues.questions import pick
from winnow.formats.dialogues.talks import talks
from winnow.formats.dialogues.verifiable import Placed, puzzle_talks, puzzles
from winnow.formats.splits import Split
from winnow.formats.translations.catalogues import read_po
from winnow.stages.document import Content
from winnow.stages.ingest.source import Builder, Charset, SourceSettings

Form = Literal["sections", "sessions", "safety", "code", "notebooks", "translations", "prompts", "preferences"]
TALKS = frozenset({"sections", "sessions", "safety"})
PUZZLES = frozenset({"prompts", "preferences"})
OF_PAGES = TALKS | PUZZLES  # what asks for the pages to be read
OF_MODULES = OF_PAGES | {"code"}  # … and for the modules to be parsed
INCLUDE = ("*.rst", "*.txt", "*.md", "*.py", "*.po")
NO_MODULE = re.compile(
    r"(^|/)(tests?|testing|fixtures|test_[^/]*|_?vendor(ed)?|conftest\.py|setup\.py|docs?|examples?|node_modules)(/|$)"
)
CHINESE_CATALOGUE = re.compile(r"(^|/)zh(_Hans|_CN|-CN)?(/|\.po$)", re.IGNORECASE)
ENTRIES = 12
IMPLEMENT = (
    "Implement this function from {package}'s module `{module}`.\n\n```python\n{signature}\n```\n\n{docstring}",
    "Write the body of this Python code ({package}, `{module}`).\n\n```python\n{signature}\n```\n\n{docstring}",
    "Here is a signature and its documentation from {package}. Complete the code.\n\n```python\n{signature}\n```\n\n"
    "{docstring}",
)
DOCUMENT = (
    "Write a docstring for this code from {package}'s module `{module}`.\n\n```python\n{code}\n```",
    "What does this code from {package} do? Document it.\n\n```python\n{code}\n```",
)
TRANSLATE = (
    "Translate this user-interface text into Simplified Chinese:\n\n{text}",
    "How would you say this in Chinese?\n\n{text}",
    "请把下面的界面文字译成简体中文：\n\n{text}",
    "翻译成中文：{text}",
)
DESCRIBED = (True, False, False, False)  # one function in four is asked the other way round: the docstring is wanted
# 4: words beside what is documented from code
# 2: an attribute list ends at the next brace; 3: compressed files in folders and archives are read
# 5: charsets of Albanian, Greek and French are told apart
# 7: changed wordings of permissive licences are unknown
VERSION = 8  # 8: a declared charset is heard where UTF-8 is by chance
CONTENT = Content.TEMPLATED


class Settings(SourceSettings):
    """`forms`: which conversations to make. `characters`: where a talk over one page is cut, at a section's end."""

    forms: tuple[Form, ...] = Field(
        ("sections", "sessions", "safety", "code", "translations"), description="which conversations to make"
    )
    characters: int = Field(16_000, gt=0, description="where a talk over one page is cut, at a section's end")
    section_characters: int = Field(160, ge=0, description="shortest section that answers anything")
    charset: Charset = None


def splits(path: str, settings: Settings) -> list[Split]:
    """A package is one piece: its metadata, its pages and its code belong together."""
    return [Split(path)]


def read(split: Split, settings: Settings, builder: Builder) -> None:
    """One document a conversation, each with the file and heading it comes from."""

    def reject(name: str, rule: str, value: object) -> None:
        builder.reject(locator=f"{split.path}!{name}", rule=rule, value=value)

    include = (*INCLUDE, "*.ipynb") if "notebooks" in settings.forms else INCLUDE
    package = open_package(split.path, include=include, reject=reject, charset=settings.charset)
    for made in _conversations(package, settings):
        if made.form in settings.forms:
            builder.add(
                text=made.conversation.text(),
                locator=package.locator(made.place),
                title=made.title,
                date=package.date,
                license=package.license,
                language=made.language,
                repository=package.name,
                path=made.place.partition("#")[0],
                messages=made.conversation.json(),
                metadata={"form": made.form, "package": package.name, "version": package.version},
            )


class _Made(NamedTuple):
    place: str
    form: str
    title: str
    language: str
    conversation: Conversation


def _conversations(package: Package, settings: Settings) -> Iterator[_Made]:
    """Pages first, then modules one by one, so that one syntax tree is held at a time; catalogues and puzzles last."""
    found: list[Placed] = []
    asked = set(settings.forms)
    for page in pages(package) if asked & OF_PAGES else ():
        yield from _page(page, package, settings, found)
    for file, source in package.files.items():
        if (
            not asked & OF_MODULES
            or not file.endswith(".py")
            or NO_MODULE.search(file)
            or (tree := parse_module(source)) is None
        ):
            continue
        module = module_name(file)
        described = module_page(file, module, tree) if asked & OF_PAGES else None
        if described is not None:
            yield from _page(described, package, settings, found)
        for function in functions(source, tree) if "code" in asked else ():
            place = f"{file}#{function.name}"
            yield _Made(place, "code", function.name, "en", _task(function, package.name, module, place))
    for page in notebook_pages(package) if "notebooks" in asked else ():
        for anchor, _, talk in talks(page, package.name, settings.characters, settings.section_characters):
            yield _Made(page.file + anchor, "notebooks", page.title, page.language, talk)
    for place, talk in _translations(package) if "translations" in asked else ():
        yield _Made(place, "translations", package.name, "zh", talk)
    for place, form, language, talk in puzzle_talks(found):
        yield _Made(place, form, package.name, language, talk)


def _page(page: Page, package: Package, settings: Settings, found: list[Placed]) -> Iterator[_Made]:
    plain = settings.characters, settings.section_characters
    for anchor, form, talk in talks(page, package.name, *plain) if TALKS.intersection(settings.forms) else ():
        yield _Made(page.file + anchor, form, page.title, page.language, talk)
    for number, session in enumerate(page.sessions() if PUZZLES.intersection(settings.forms) else ()):
        for place, puzzle in enumerate(puzzles(session)):
            found.append(Placed(f"{page.file}#session-{number}.{place}", page.language, puzzle))


def _task(function: Function, package: str, module: str, key: str) -> Conversation:
    described = pick(DESCRIBED, f"share {key}")
    fields = {"package": package, "module": module, "signature": function.signature, "code": function.code}
    asked = pick(DOCUMENT if described else IMPLEMENT, key).format(docstring=function.docstring, **fields)
    answer = function.docstring if described else f"```python\n{function.code}\n```"
    return check([{"role": "user", "content": asked}, {"role": "assistant", "content": answer}])


def _translations(package: Package) -> Iterator[tuple[str, Conversation]]:
    for file, text in package.files.items():
        if not file.endswith(".po") or not CHINESE_CATALOGUE.search(file):
            continue
        pairs = [pair for pair in read_po(text) if pair.source.strip() != pair.target.strip()]
        for start in range(0, len(pairs), ENTRIES):
            group = pairs[start : start + ENTRIES]
            ask = pick(TRANSLATE, f"{file}{start}")
            messages = []
            for place, pair in enumerate(group):
                asked = ask.format(text=pair.source) if place == 0 else pair.source
                messages += [{"role": "user", "content": asked}, {"role": "assistant", "content": pair.target}]
            yield f"{file}#{group[0].place}", check(messages)
