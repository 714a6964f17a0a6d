"""The documents among the LaTeX files of one archive: what inputs what, and the macros that all of them share."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from winnow.formats.markup.listings import Listings
from winnow.formats.markup.macros import Macro, take_macros
from winnow.formats.markup.verbatim import listings_of, parts, tex, without_comments

LATEX = (".tex", ".ltx", ".latex")
PREAMBLES = (".sty", ".cls", ".def")
INPUT = re.compile(
    r"\\(?:input|include|subfile|subfileinclude|InputIfFileExists|olimport(?:\[[^\]]*\])?"
    r"|(?:sub)?(?:import|inputfrom|includefrom)\*?\s*\{(?P<folder>[^{}]*)\})(?![A-Za-z])"
    r"\s*(?:\{(?P<file>[^{}]+)\}|(?P<bare>[\w./-]+))"
)
MAIN = re.compile(r"\\document(?:class|style)\s*[\[{]")
BEGIN, END = "\\begin{document}", "\\end{document}"
DEFINITION = re.compile(r"\\(?:(?:re)?newcommand|def|DeclareMathOperator|usepackage|newtheorem)")
PROJECT_CHARACTERS = 64 << 20
INPUT_DEPTH = 12


@dataclass(frozen=True)
class Project:
    """One document: the file it begins in, its source with all that it inputs, and what its preambles define."""

    name: str
    source: str
    macros: Mapping[str, Macro]
    listings: Listings


@dataclass(frozen=True)
class Aside:
    """A file that is no document of its own, by which rule, and what was found."""

    name: str
    rule: str
    value: object


def projects(texts: Mapping[str, str]) -> Iterator[Project | Aside]:
    """Of the LaTeX files among `texts` each is a document, or an aside: it stands in one, or only defines."""
    preambles = [name for name in texts if name.lower().endswith(PREAMBLES)]
    sources = {name: text for name, text in texts.items() if name.lower().endswith(LATEX)}
    listings = listings_of([*(texts[name] for name in preambles), *sources.values()])
    macros: dict[str, Macro] = {}
    for name in preambles:
        defined = take_macros(without_comments(texts[name]))[1]
        macros |= defined
        yield Aside(name, "macros", len(defined))
    mains = [name for name, text in sources.items() if MAIN.search(tex(text, listings))]
    uses: dict[str, set[str]] = {name: set() for name in mains}
    joined = {name: _join(name, sources, uses[name], (name,), listings) for name in mains}
    within = {name: [main for main in mains if name in uses[main] and main != name] for name in sources}
    for name in sources:
        if name not in uses and not within[name] and _only_defines(sources[name]):
            macros |= take_macros(without_comments(sources[name]))[1]
    for name in sources:
        above = within[name]
        if above and not uses.get(name, set()).issuperset(above):  # of two that input each other both are documents
            outermost = next((main for main in above if not within[main]), above[0])
            yield Aside(name, "joined", f"stands in {outermost}")
            continue
        source = joined[name] if name in uses else _join(name, sources, set(), (name,), listings)
        if definitions := _only_defines(source):
            yield Aside(name, "macros", definitions)
        else:
            yield Project(name, source, macros, listings)
        if len(source) == PROJECT_CHARACTERS:
            yield Aside(name, "size", f"> {PROJECT_CHARACTERS} characters with what it inputs")


def _only_defines(source: str) -> int:
    """How many definitions a file of definitions has, one that defines more than it says; 0 for any other file."""
    if BEGIN in source:
        return 0
    definitions = len(DEFINITION.findall(source))
    return definitions if definitions > 5 and definitions * 400 > len(source) else 0


def _join(name: str, sources: Mapping[str, str], used: set[str], above: tuple[str, ...], listings: Listings) -> str:
    """The file with what it inputs in place; a file is never put into itself."""
    if len(above) > INPUT_DEPTH:
        return without_comments(sources[name])

    def put(match: re.Match[str]) -> str:
        target = posixpath.join((match["folder"] or "").strip(), (match["file"] or match["bare"]).strip().strip('"'))
        for candidate in _candidates(target, name, sources):
            if candidate in sources and candidate not in above:
                used.add(candidate)
                inner = _join(candidate, sources, used, (*above, candidate), listings)
                return f"\n{_body(inner) if MAIN.search(tex(inner, listings)) else inner}\n"
        return ""

    joined = "".join(text if code else INPUT.sub(put, text) for text, code in parts(sources[name], listings))
    return joined[:PROJECT_CHARACTERS]


def _body(document: str) -> str:
    """What stands between the first `\\begin{document}` and the last `\\end{document}`; without them, all."""
    start = document.find(BEGIN) + len(BEGIN)
    stop = document.rfind(END)
    return document[start:stop] if len(BEGIN) <= start <= stop else document


def _candidates(target: str, name: str, sources: Mapping[str, str]) -> Iterator[str]:
    """The files that a name may mean: from where TeX runs, from the file that inputs it and the folders above that."""
    folder = posixpath.dirname(name)
    folders = ["", folder]
    while folder := posixpath.dirname(folder):
        folders.append(folder)
    for above in folders:
        path = posixpath.normpath(posixpath.join(above, target))
        yield from (path, f"{path}.tex")
    ending = f"/{posixpath.normpath(target).removeprefix('../')}"
    same = [source for source in sources if f"/{source}".endswith((ending, f"{ending}.tex"))]
    if len(same) == 1:
        yield same[0]
