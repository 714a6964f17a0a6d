"""Mathematics as sources: papers and books in LaTeX, pages with formulas, problems with solutions, formal proofs.

Archives of LaTeX are projects, as arXiv keeps them: every file with a `\\documentclass` is a document, joined with what
it inputs; a file that no document inputs is one of its own. Tables hold problems (question, solution, answer) or texts.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Any, NamedTuple

from stages.containers.archives import Member, Reject, members, unpack
from stages.containers.packages import LICENSE_FILES, METADATA, describe
from stages.containers.records import Record, read_records, record_splits, table_format
from stages.dialogues.dialogue import Misfit, check
from stages.dialogues.implementations import module_name, parse_module
from stages.dialogues.manuals import NO_PAGE, module_page, page_markdown
from stages.ingest.source import SPLIT_BYTES, Builder, SourceSettings, Split
from stages.ingest.tables import look_up
from stages.markup.latex import read_latex
from stages.markup.macros import Macro, take_macros
from stages.markup.markdown import render_section
from stages.markup.verbatim import parts, without_comments

LATEX = (".tex", ".ltx", ".latex")
PREAMBLES = (".sty", ".cls", ".def")
FORMAL = {".mm": "metamath", ".lean": "lean", ".v": "coq", ".agda": "agda", ".thy": "isabelle", ".lagda": "agda"}
PACKED = (".gz", ".tar", ".tgz", ".zip", ".bz2", ".xz", ".zst")
INPUT = re.compile(
    r"\\(?:input|include|subfile|subfileinclude|olimport(?:\[[^\]]*\])?|import\{[^{}]*\})(?![A-Za-z])"
    r"\s*(?:\{([^{}]+)\}|([\w./-]+))"
)
MAIN = re.compile(r"\\document(?:class|style)\s*[\[{]")
BODY = re.compile(r"\\begin\{document\}(.*)\\end\{document\}", re.DOTALL)
FORMULA = re.compile(r"\$\$|(?<![\\$\w])\$[^$\n]+\$(?!\w)")
DESCRIBING = re.compile(r"(^|/)(PKG-INFO|METADATA|(?i:licen[sc]e|copying)[^/]*)$")
PROJECT_CHARACTERS = 64 << 20
INPUT_DEPTH = 12
CALCULATOR = re.compile(r"<<[^<>]*>>")  # GSM8K's calculator notes, which no reader writes
FINAL = re.compile(r"\n?#### *(.+?)\s*$")


class Settings(SourceSettings):
    """`columns`: where a table keeps `problem`, `solution`, `answer`, `latex`, `text`, `title`, `license` …

    `formulas`: how many a page of Markdown or reStructuredText must have. `docstrings`: whether those of Python modules
    with formulas are pages too.
    """

    include: tuple[str, ...] = ("*.tex", "*.ltx", "*.latex", "*.md", "*.rst", *(f"*{suffix}" for suffix in FORMAL))
    columns: Mapping[str, str] = {}
    least_characters: int = 200
    formulas: int = 0
    docstrings: bool = False
    split_bytes: int = SPLIT_BYTES


GUESSES = {
    "problem": ("problem", "question", "query", "题目", "prompt"),
    "solution": ("solution", "rationale", "chain_of_thought", "cot", "response", "解答"),
    "answer": ("answer", "final_answer", "correct", "golden", "答案"),
    "latex": ("tex", "latex"),
    "text": ("text", "content", "markdown"),
    "title": ("title", "path"),
    "license": ("license", "licence"),
    "language": ("language", "lang"),
}


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

    def reject(name: str, rule: str, value: object) -> None:
        builder.reject(locator=f"{split.path}!{name}", rule=rule, value=value)

    wanted = (*settings.include, *METADATA, *LICENSE_FILES, *(f"*{suffix}" for suffix in (*PREAMBLES, *PACKED)))
    wanted = (*wanted, "*.py") if settings.docstrings else wanted
    files: dict[str, Member] = {}
    for member in members(split.path, include=wanted, reject=reject):
        if member.name.lower().endswith(PACKED):  # arXiv's bulk archives hold one archive a paper
            inner = unpack(BytesIO(member.read()), member.name, reject=reject)
            _add_all(_named(inner), f"{split.path}!{member.name}", settings, builder)
        else:
            files[member.name] = member
    _add_all(files, split.path, settings, builder)


def _named(inner: Iterator[Member]) -> dict[str, Member]:
    """The files of a paper; a lone compressed file, which has lost its suffix, is its LaTeX."""
    files = {member.name: member for member in inner}
    if len(files) == 1 and "." not in next(iter(files)):
        [(name, member)] = files.items()
        files = {f"{name}.tex": member}
    return files


def _add_all(files: Mapping[str, Member], path: str, settings: Settings, builder: Builder) -> None:
    """Documents of one archive; shorter than `least_characters`, or a page of fewer formulas, is a rejection."""
    texts = {name: decode(member.read()) for name, member in files.items()}
    dates = [member.date for member in files.values() if member.date]
    package = describe(
        path, {name: text for name, text in texts.items() if DESCRIBING.search(name)}, max(dates, default=None)
    )
    for name, work in _works(texts, package.root):
        count = len(FORMULA.findall(work.text))
        if len(work.text) < settings.least_characters:
            builder.reject(locator=f"{path}!{name}", rule="short", value=len(work.text))
        elif work.page and count < settings.formulas:
            builder.reject(locator=f"{path}!{name}", rule="formulas", value=count, threshold=f"≥ {settings.formulas}")
        else:
            builder.add(
                text=work.text,
                locator=f"{path}!{name}",
                title=work.title,
                date=files[name].date,
                license=package.license,
                metadata={"proof": work.proof} if work.proof else None,
            )


class _Work(NamedTuple):
    text: str
    title: str | None = None
    proof: str | None = None
    page: bool = False


def _works(texts: Mapping[str, str], root: str) -> Iterator[tuple[str, _Work]]:
    for name, text in texts.items():
        suffix = posixpath.splitext(name)[1].lower()
        if suffix in FORMAL:
            yield name, _Work(text, proof=FORMAL[suffix])
        elif suffix in (".md", ".rst") and not NO_PAGE.search(name):
            page = page_markdown(name, text)
            heading = re.search(r"^#+ (.+)$", page, re.MULTILINE)
            yield name, _Work(page, heading[1] if heading else None, page=True)
        elif suffix == ".py" and not NO_PAGE.search(name) and (tree := parse_module(text)) is not None:
            described = module_page(name, module_name(name.removeprefix(root)), tree)
            if described is not None and FORMULA.search(body := "\n\n".join(map(render_section, described.sections))):
                yield name, _Work(f"# {described.title}\n\n{body}\n", described.title, page=True)
    papers = {name: text for name, text in texts.items() if name.lower().endswith((*LATEX, *PREAMBLES))}
    for name, source, macros in projects(papers):
        paper = read_latex(source, macros)
        yield name, _Work(paper.text, paper.title)


def decode(content: bytes) -> str:
    """LaTeX files are UTF-8, or Latin-1 where they aren't: older papers say so in a package no one needs to load."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def projects(texts: Mapping[str, str]) -> Iterator[tuple[str, str, Mapping[str, Macro]]]:
    """`(file, joined source, macros of its preambles)` for each document among the files of one archive."""
    sources = {name: text for name, text in texts.items() if name.lower().endswith(LATEX)}
    shared: dict[str, Macro] = {}
    for name, text in texts.items():
        if name.lower().endswith(PREAMBLES):
            shared.update(take_macros(without_comments(text))[1])
    mains = [name for name, text in sources.items() if MAIN.search(_tex(text))]
    uses: dict[str, set[str]] = {name: set() for name in mains}
    joined = [(name, _join(name, sources, uses[name], (name,))) for name in mains]
    used = {inner for inners in uses.values() for inner in inners}
    parts_of = {name: [main for main in mains if name in uses[main]] for name in used & set(mains)}
    joined = [(name, source) for name, source in joined if uses[name].issuperset(parts_of.get(name, ()))]
    alone = [name for name in sources if name not in used and name not in mains]
    for name in alone:
        shared.update(take_macros(without_comments(sources[name]))[1] if _is_preamble(sources[name]) else {})
    for name, source in [*joined, *((name, _join(name, sources, set(), (name,))) for name in alone)]:
        if not _is_preamble(source):
            yield name, source, shared


def _is_preamble(source: str) -> bool:
    """A file of definitions: more commands that define than paragraphs that say."""
    definitions = len(re.findall(r"\\(?:(?:re)?newcommand|def|DeclareMathOperator|usepackage|newtheorem)", source))
    return definitions > 5 and definitions * 400 > len(source)


def _join(name: str, sources: Mapping[str, str], used: set[str], above: tuple[str, ...]) -> str:
    """The file with what it inputs in place; a file is never put into itself."""
    if len(above) > INPUT_DEPTH:
        return without_comments(sources[name])

    def put(match: re.Match[str]) -> str:
        target = (match[1] or match[2]).strip()
        for path in (target, f"{target}.tex", posixpath.join(posixpath.dirname(name), target)):
            for candidate in (posixpath.normpath(path), posixpath.normpath(path) + ".tex"):
                if candidate in sources and candidate not in above:
                    used.add(candidate)
                    inner = _join(candidate, sources, used, (*above, candidate))
                    body = BODY.search(inner) if MAIN.search(_tex(inner)) else None
                    return f"\n{body[1] if body else inner}\n"
        return ""

    joined = "".join(text if code else INPUT.sub(put, text) for text, code in parts(sources[name]))
    return joined[:PROJECT_CHARACTERS]


def _tex(source: str) -> str:
    """The source without comments and what stands verbatim."""
    return "".join(text for text, code in parts(source) if code is None)


def _read_table(split: Split, settings: Settings, builder: Builder) -> None:
    def reject(place: str, rule: str, value: object) -> None:
        builder.reject(locator=f"{split.path}#{place}", rule=rule, value=value)

    for place, record in read_records(split, reject):
        found = {field: _field(record, settings, field) for field in GUESSES}
        locator = f"{split.path}#{place}"
        kept: dict[str, Any] = {name: found[name] for name in ("title", "license", "language")}
        if found["problem"] and (found["solution"] or found["answer"]):
            _add_problem(builder, locator, found, kept, reject, place)
        elif found["latex"]:
            paper = read_latex(found["latex"])
            builder.add(text=paper.text, locator=locator, **{**kept, "title": paper.title or kept["title"]})
        elif found["text"]:
            builder.add(text=found["text"], locator=locator, **kept)
        else:
            reject(place, "column", f"no problem, latex or text among {', '.join(sorted(record))}")


def _add_problem(
    builder: Builder,
    locator: str,
    found: Mapping[str, str | None],
    kept: Mapping[str, Any],
    reject: Reject,
    place: str,
) -> None:
    """A problem as text and as a conversation; the answer, where it stands apart, is the label to check against."""
    problem, solution, answer = found["problem"] or "", found["solution"], found["answer"]
    if solution is None:
        solution, answer = answer or "", None
    solution = CALCULATOR.sub("", solution)
    if answer is None and (final := FINAL.search(solution)):
        answer, solution = final[1], solution[: final.start()]
    worked = solution.strip()
    if answer and answer not in worked:
        worked = (
            f"{worked}\n\n答案：{answer}" if re.search(r"[\u4e00-\u9fff]", problem) else f"{worked}\n\nAnswer: {answer}"
        )
    try:
        asked = [{"role": "user", "content": problem}, {"role": "assistant", "content": worked.strip()}]
        conversation = check(asked, label=answer)
    except Misfit as misfit:
        reject(place, "field", misfit)
        return
    builder.add(text=f"{problem}\n\n{worked.strip()}", locator=locator, messages=conversation.json(), **kept)


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
