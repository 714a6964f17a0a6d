"""Mathematics as sources: papers and books in LaTeX, pages with formulas, problems with solutions, formal proofs.

Archives of LaTeX are projects, as arXiv keeps them: every file with a `\\documentclass` is a document, joined with what
it inputs; a file that no document inputs is one of its own. Every file of a kind that is read here is a document or a
rejection, one that stands in another's document or only defines macros too. Tables hold problems (question, solution,
answer) or texts.
"""

from __future__ import annotations

import glob
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from typing import Any, NamedTuple

from winnow.formats.charset.decision import UnknownCharset, decode
from winnow.formats.charset.declarations import of_latex, of_text
from winnow.formats.charset.labels import known
from winnow.formats.containers.archives import PACKED_SUFFIX, Member, members, unpack
from winnow.formats.containers.member_names import fits, in_any_case
from winnow.formats.containers.packages import LICENSE_FILES, METADATA, describe
from winnow.formats.containers.records import Record, read_records, record_splits, table_format
from winnow.formats.dialogues.implementations import module_name, parse_module
from winnow.formats.dialogues.json_values import Misfit
from winnow.formats.dialogues.manuals import NO_PAGE, module_page, page_markdown
from winnow.formats.dialogues.problems import problem
from winnow.formats.markup.latex import read_latex
from winnow.formats.markup.markdown import render_section
from winnow.formats.markup.projects import LATEX, PREAMBLES, Aside, projects
from winnow.formats.splits import SPLIT_BYTES, Split
from winnow.stages.document import Content
from winnow.stages.ingest.source import Builder, Charset, SourceSettings
from winnow.stages.ingest.tables import look_up

PAGES = (".md", ".rst")
FORMAL = {".mm": "metamath", ".lean": "lean", ".v": "coq", ".agda": "agda", ".thy": "isabelle", ".lagda": "agda"}
PACKED = (".gz", ".tar", ".tgz", ".zip", ".bz2", ".xz", ".zst")
FORMULA = re.compile(r"\$\$|(?<![\\$\w])\$[^$\n]+\$(?!\w)")
DESCRIBING = re.compile(r"(^|/)(PKG-INFO|METADATA|(?i:licen[sc]e|copying)[^/]*)$")
NO_SUFFIX = re.compile(r"[^.]+(\.\d[^.]*)*")
PAPER = re.compile(
    rb"\\document(?:class|style)\b|\\begin\s*\{document\}|^\s*\\(?:magnification|hsize|input|font|def|bye|end)\b",
    re.MULTILINE,
)
ARCHIVE_DEPTH = 3
COMMENT = re.compile(rb"(?<!\\)%[^\n]*")
# 2: a row above 64 MiB and a file that swells are rejected; 3: options of commands end at the next bracket
# 4: compressed files in folders and archives are read; 5: environments that show a preamble are listings
# 6: a compressed file without a suffix is LaTeX by its commands
# 7: charsets of Albanian, Greek and French are told apart
# 9: changed wordings of permissive licences are unknown
VERSION = 10  # 10: a declared charset is heard where UTF-8 is by chance; names in any case
OPTIONAL = ("python_calamine",)  # spreadsheets are rejections without it
CONTENT = Content.MATHEMATICS


class Settings(SourceSettings):
    """`columns`: where a table keeps `problem`, `solution`, `answer`, `statement`, `proof`, `latex`, `text`, `url` …

    `formulas`: how many a page of Markdown or reStructuredText must have. `docstrings`: whether those of Python modules
    with formulas are pages too.
    """

    include: tuple[str, ...] = ("*.tex", "*.ltx", "*.latex", "*.md", "*.rst", *(f"*{suffix}" for suffix in FORMAL))
    columns: Mapping[str, str] = {}
    least_characters: int = 200
    formulas: int = 0
    docstrings: bool = False
    split_bytes: int = SPLIT_BYTES
    charset: Charset = None


GUESSES = {
    "problem": ("problem", "question", "query", "题目", "prompt"),
    "solution": ("solution", "rationale", "chain_of_thought", "cot", "response", "解答"),
    "answer": ("answer", "final_answer", "correct", "golden", "答案"),
    "statement": ("formal_statement",),
    "proof": ("formal_proof", "formal_ground_truth"),
    "latex": ("tex", "latex"),
    "text": ("text", "content", "markdown"),
    "title": ("title", "path"),
    "url": ("url",),
    "license": ("license", "licence"),
    "language": ("language", "lang"),
}
ANSWERS = ("solution", "answer", "statement", "proof")


def splits(path: str, settings: Settings) -> list[Split]:
    """Tables by rows or bytes; an archive is one piece, since any file may input any other."""
    if table_format(path):
        return record_splits(path, settings.split_bytes)
    return [Split(path)]


def read(split: Split, settings: Settings, builder: Builder) -> None:
    """One document a paper, page, proof file or problem."""
    if table_format(split.path):
        _read_table(split, settings, builder)
        return
    archive = _Archive(split.path, split.path.rstrip("/").rpartition("/")[2], settings, builder)
    archive.read(members(split.path, include=archive.wanted(), reject=archive.reject))


class _Archive(NamedTuple):
    """One archive, perhaps in another: arXiv's bulk archives hold one archive a paper."""

    path: str
    name: str
    settings: Settings
    builder: Builder
    depth: int = 1

    def wanted(self) -> tuple[str, ...]:
        """What is looked at: files that are read or describe others, archives, and a lone compressed file."""
        python = ("*.py",) if self.settings.docstrings else ()
        files = (*self.settings.include, *python, *(f"*{suffix}" for suffix in (*PREAMBLES, *PACKED)))
        return (*in_any_case(files), *METADATA, *LICENSE_FILES, glob.escape(self._alone()))

    def read(self, found: Iterable[Member]) -> None:
        """All documents of what is found; an archive of nothing that is read is a rejection itself."""
        before = self.builder.documents + len(self.builder.rejections)
        files: dict[str, Member] = {}
        for member in found:
            if not member.name.lower().endswith(PACKED):
                files[member.name] = member
            elif self.depth == ARCHIVE_DEPTH:
                self.reject(member.name, "depth", f"an archive in {ARCHIVE_DEPTH} others")
            else:
                inner = self._replace(path=f"{self.path}!{member.name}", name=member.name, depth=self.depth + 1)
                packed = BytesIO(member.read())
                inner.read(unpack(packed, member.name, include=inner.wanted(), reject=inner.reject))
        self._add_all(self._named(files))
        if self.builder.documents + len(self.builder.rejections) == before:
            self.reject(self.name, "nothing", "no file of a kind that is read")

    def reject(self, name: str, rule: str, value: object, threshold: str | None = None) -> None:
        locator = self.path if name == self.name else f"{self.path}!{name}"
        self.builder.reject(locator=locator, rule=rule, value=value, threshold=threshold)

    def _alone(self) -> str:
        return PACKED_SUFFIX.sub("", self.name)

    def _named(self, files: dict[str, Member]) -> dict[str, Member]:
        """The files; a lone compressed one, which has lost its suffix (`2401.00001`), is LaTeX where TeX's commands say so."""
        alone = files.get(self._alone())
        if alone is None or len(files) > 1 or not NO_SUFFIX.fullmatch(posixpath.basename(alone.name)):
            return files
        return {f"{alone.name}.tex": alone} if PAPER.search(alone.read()) else {}

    def _add_all(self, files: Mapping[str, Member]) -> None:
        """Documents; shorter than `least_characters`, or a page of fewer formulas, is a rejection."""
        texts = self._decoded({name: member.read() for name, member in files.items()})
        dates = [member.date for member in files.values() if member.date]
        describing = {name: text for name, text in texts.items() if DESCRIBING.search(name)}
        package = describe(self.path, describing, max(dates, default=None))
        for name, work in _works(texts, package.root, self.settings):
            if isinstance(work, Aside):
                self.reject(name, work.rule, work.value)
            elif len(work.text) < self.settings.least_characters:
                self.reject(name, "short", len(work.text), f"≥ {self.settings.least_characters}")
            elif work.formulas is not None and work.formulas < (least := max(self.settings.formulas, work.least)):
                self.reject(name, "formulas", work.formulas, f"≥ {least}")
            else:
                self.builder.add(
                    text=work.text,
                    locator=f"{self.path}!{name}",
                    title=work.title,
                    date=files[name].date,
                    license=package.license,
                    metadata={"proof": work.proof} if work.proof else None,
                )

    def _decoded(self, contents: Mapping[str, bytes]) -> dict[str, str]:
        """The files as text. One of LaTeX that names no charset has the one that the others of its archive name."""
        labels = {
            name: tuple(of_latex(content) if name.lower().endswith((*LATEX, *PREAMBLES)) else of_text(content))
            for name, content in contents.items()
        }
        papers = [labels[name] for name in contents if name.lower().endswith(LATEX)]
        shared = {charset for said in papers for charset in map(known, said) if charset not in (None, "utf-8")}
        texts = {}
        for name, content in contents.items():
            declared = labels[name] or (tuple(shared) if len(shared) == 1 and name.lower().endswith(LATEX) else ())
            try:
                texts[name] = _text(name, content, declared, self.settings.charset)
            except ValueError as error:
                self.reject(name, "encoding", error)
        return texts


class _Work(NamedTuple):
    """A text to become a document; how many `formulas` it has, where they count, and must have at `least`."""

    text: str
    title: str | None = None
    proof: str | None = None
    formulas: int | None = None
    least: int = 0


def _works(texts: Mapping[str, str], root: str, settings: Settings) -> Iterator[tuple[str, _Work | Aside]]:
    """Each file that is asked for, and each of LaTeX's, with what it became."""
    papers = {}
    asked = in_any_case(settings.include)
    for name, text in texts.items():
        suffix = posixpath.splitext(name)[1].lower()
        if suffix in (*LATEX, *PREAMBLES):
            papers[name] = text
        elif suffix == ".py" and settings.docstrings:
            yield name, _docstrings(name, text, root)
        elif not fits(name, asked):
            continue  # read for what it says of the others
        elif suffix in FORMAL:
            yield name, _Work(text, proof=FORMAL[suffix])
        elif suffix not in PAGES:
            yield name, Aside(name, "format", suffix)
        elif NO_PAGE.search(name):
            yield name, Aside(name, "page", "tests, metadata or a licence")
        else:
            page = page_markdown(name, text)
            heading = re.search(r"^#+ (.+)$", page, re.MULTILINE)
            yield name, _Work(page, heading[1] if heading else None, formulas=len(FORMULA.findall(page)))
    for found in projects(papers):
        if isinstance(found, Aside):
            yield found.name, found
        else:
            paper = read_latex(found.source, found.macros, found.listings)
            yield found.name, _Work(paper.text, paper.title)


def _docstrings(name: str, text: str, root: str) -> _Work | Aside:
    """The longer docstrings of a module as a page, where they have formulas."""
    if NO_PAGE.search(name):
        return Aside(name, "page", "tests, metadata or a licence")
    tree = parse_module(text)
    described = tree and module_page(name, module_name(name.removeprefix(root)), tree)
    if not described:
        return Aside(name, "docstrings", "none long enough" if tree else "no Python")
    body = "\n\n".join(map(render_section, described.sections))
    count = len(FORMULA.findall(body))
    return _Work(f"# {described.title}\n\n{body}\n", described.title, formulas=count, least=1)


def _text(name: str, content: bytes, declared: tuple[str, ...], option: str | None) -> str:
    """A file's text. In LaTeX the charset of comments doesn't matter, and definitions have hardly anything else."""
    try:
        return decode(content, declared=declared, option=option).text
    except UnknownCharset:
        if name.lower().endswith(PREAMBLES):
            return content.decode("latin-1")
        if not name.lower().endswith(LATEX):
            raise
        bare = COMMENT.sub(b"", content)
        if bare == content:
            raise
        return decode(bare).text


def _read_table(split: Split, settings: Settings, builder: Builder) -> None:
    reject = builder.rejecting(split.path)

    for place, record in read_records(split, reject, charset=settings.charset):
        found = {field: _field(record, settings, field) for field in GUESSES}
        locator = f"{split.path}#{place}"
        kept: dict[str, Any] = {name: found[name] for name in ("title", "url", "license", "language")}
        if found["problem"] and any(found[name] for name in ANSWERS):
            try:
                made = problem(found["problem"], *(found[name] for name in ANSWERS))
            except Misfit as misfit:
                reject(place, "field", misfit)
                continue
            kept["messages"] = made.conversation and made.conversation.json()
            builder.add(text=made.text, locator=locator, metadata={"proof": "lean"} if made.proven else None, **kept)
        elif found["latex"]:
            paper = read_latex(found["latex"])
            builder.add(text=paper.text, locator=locator, **{**kept, "title": paper.title or kept["title"]})
        elif found["text"]:
            builder.add(text=found["text"], locator=locator, **kept)
        else:
            reject(place, "column", f"no problem, latex or text among {', '.join(sorted(record))}")


def _field(record: Record, settings: Settings, field: str) -> str | None:
    names = (settings.columns[field],) if field in settings.columns else GUESSES[field]
    for name in names:
        try:
            value = look_up(record, name)
        except KeyError:
            continue
        if isinstance(value, str | int | float) and str(value).strip():
            return str(value)
    return None
