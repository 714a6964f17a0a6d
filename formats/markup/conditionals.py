r"""What TeX doesn't typeset because a test says so: `\iffalse … \else … \fi`, switches of `\newif`, toggles, `\ifthenelse`.

A switch has the value that was last set before it in the source, false at first, as in TeX. Tests that can't be told
here (of lengths, modes, engines that aren't named below) count as true, so that one branch stays, not both. A `\fi` in
another group than its `\if` is left alone: it belongs to a definition.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from winnow.formats.markup.macros import Source

NEW_SWITCH = re.compile(r"\\newif\s*\\if([A-Za-z@]+)")
TOKEN = re.compile(r"\\newif\s*\\if[A-Za-z@]+|\\([A-Za-z@]+)|\\[^A-Za-z@]|[{}]", re.DOTALL)
TESTS = {
    "if", "ifx", "ifnum", "ifdim", "ifodd", "ifcase", "ifcat", "ifdefined", "ifcsname", "ifmmode", "ifvmode", "ifhmode",
    "ifinner",
    "ifvoid", "ifhbox", "ifvbox", "ifeof", "iftrue", "iffalse", "ifpdf", "ifxetex", "ifluatex", "ifPDFTeX", "ifXeTeX",
    "ifLuaTeX",
}  # fmt: skip
"""Beside what the document itself makes with `\\newif`: `\\iff` and many an `\\if…` of a package are none."""
FALSE = {
    "iffalse", "ifmmode", "ifvmode", "ifinner", "ifxetex", "ifluatex", "ifXeTeX", "ifLuaTeX", "ifvoid", "ifeof",
    "ifdraft",
}  # fmt: skip
TWO_TOKENS = re.compile(r"\s*(\\[A-Za-z@]+\s?|\\.|[^\s\\])\s*(\\[A-Za-z@]+\s?|\\.|[^\s\\])[ \t]*", re.DOTALL)
ONE_TOKEN = re.compile(r"\s*(\\[A-Za-z@]+)[ \t]*")
NUMBERS = re.compile(r"\s*(-?\d+)\s*([<=>])\s*(-?\d+)\s?")
NUMERIC = re.compile(
    r"[^\\\n{}]*(?:\\[A-Za-z@]+(?:\{[^{}\n]*\})?\s*)?[<=>]\s*(?:-?[\d.]+\s*[a-z]{0,2}|\\[A-Za-z@]+)\s?"
)
CHOICE = re.compile(
    r"\\(iftoggle|ifbool|ifthenelse|ifdef|ifundef|ifblank|ifstrempty|ifstrequal|IfFileExists)(?![A-Za-z@])\s*(?=\{)"
)
SETTING = re.compile(
    r"\\(?:(toggle|bool)(true|false)|setbool|settoggle|setboolean)\s*\{([^{}]*)\}(?:\s*\{(true|false)\})?"
)
BOOLEAN = re.compile(r"\s*+(\\(?:not|NOT)\s*+)?\\(?:boolean|value)?\{?+\s*+\{?+([A-Za-z@]+)\}?+\s*+\}?+\s*+")
EQUAL = re.compile(r"\s*(\\(?:not|NOT)\s*)?\\equal\s*\{([^{}]*)\}\s*\{([^{}]*)\}\s*")
MOST_CHOICES = 10_000


@dataclass
class _Open:
    """A test whose `\\fi` hasn't come: where its branches lie in the pieces written, and which of them stays."""

    at: int
    truth: bool
    otherwise: int | None = None


def chosen(source: str) -> str:
    """The source with one branch of every test whose ends stand in one group."""
    if "\\if" not in source:
        return source
    return _choices(_primitives(source))


def _primitives(source: str) -> str:
    switches = dict.fromkeys(NEW_SWITCH.findall(source), False)
    tests = TESTS | {f"if{name}" for name in switches}
    out: list[str] = []
    groups: list[list[_Open]] = [[]]
    at = 0
    for token in TOKEN.finditer(source):
        if token.start() < at:
            continue
        out.append(source[at : token.start()])
        at = token.end()
        name = token[1]
        opened = groups[-1]
        if token[0] == "{":
            groups.append([])
        elif token[0] == "}" and len(groups) > 1:
            groups.pop()
        elif name in tests:
            truth, at = _truth(name, source, at, switches)
            opened.append(_Open(len(out), truth))
            out.append(source[token.start() : at])
            continue
        elif name == "else" and opened:
            opened[-1].otherwise = len(out)
        elif name == "fi" and opened:
            _close(opened.pop(), out)
            if source[at : at + 1] == " ":
                at += 1
            continue
        elif name and name.endswith(("true", "false")):
            switch = name.removesuffix("true").removesuffix("false")
            if switch in switches and len(groups) == 1 and not any(not test.truth for test in opened):
                switches[switch] = name.endswith("true")
        out.append(token[0])
    return "".join([*out, source[at:]])


def _close(test: _Open, out: list[str]) -> None:
    middle = len(out) if test.otherwise is None else test.otherwise
    kept = out[test.at + 1 : middle] if test.truth else out[middle + 1 :]
    del out[test.at :]
    text = "".join(kept)
    out.append(text.removeprefix(" ") if not test.truth else text)


def _truth(name: str, source: str, at: int, switches: Mapping[str, bool]) -> tuple[bool, int]:
    """Whether a test holds, and where what it tests ends."""
    if name.removeprefix("if") in switches:
        return switches[name.removeprefix("if")], _blank(source, at)
    if name in ("if", "ifx", "ifcat") and (pair := TWO_TOKENS.match(source, at)):
        return pair[1].strip() == pair[2].strip(), pair.end()
    if name == "ifdefined" and (token := ONE_TOKEN.match(source, at)):
        return re.search(rf"(?:def|command)\*?\s*\{{?\{token[1]}(?![A-Za-z@])", source) is not None, token.end()
    if name == "ifcsname" and (end := source.find("\\endcsname", at)) >= 0:
        return False, end + len("\\endcsname")
    if name in ("ifnum", "ifdim") and (numbers := NUMBERS.match(source, at)):
        left, sign, right = int(numbers[1]), numbers[2], int(numbers[3])
        return {"<": left < right, "=": left == right, ">": left > right}[sign], numbers.end()
    if name in ("ifnum", "ifdim") and (tested := NUMERIC.match(source, at)):
        return True, tested.end()
    return name not in FALSE, _blank(source, at)


def _blank(source: str, at: int) -> int:
    return at + (source[at : at + 1] == " ")


def _choices(source: str) -> str:
    """The branches of tests written as groups: `\\iftoggle{draft}{a}{b}`."""
    if not CHOICE.search(source):
        return source
    values: dict[str, bool] = {}
    pieces: list[str] = []
    text, at = Source(source), 0
    for _ in range(MOST_CHOICES):
        found = CHOICE.search(text, at)
        stop = found.start() if found else len(text)
        for setting in SETTING.finditer(text, at, stop):
            values[setting[3].strip()] = (setting[2] or setting[4]) == "true"
        pieces.append(text[at:stop])
        if found is None:
            return "".join(pieces)
        groups, at = [], found.end()
        for _ in range(4 if found[1] == "ifstrequal" else 3):
            blank = re.compile(r"\s*(?=\{)").match(text, at)
            group = text.group(blank.end()) if blank else None
            if group is None:
                break
            groups.append(group[0])
            at = group[1]
        if len(groups) < 3:
            pieces.append(found[0])
            at = found.end()
            continue
        text, at = Source(groups[-2 if _holds(found[1], groups, values) else -1] + text[at:]), 0
    return "".join([*pieces, text[at:]])


def _holds(name: str, groups: list[str], values: Mapping[str, bool]) -> bool:
    tested = groups[0].strip()
    if name in ("iftoggle", "ifbool"):
        return values.get(tested, False)
    if name in ("ifblank", "ifstrempty"):
        return not tested
    if name == "ifstrequal":
        return tested == groups[1].strip()
    if name in ("ifdef", "IfFileExists"):
        return False
    if name == "ifundef":
        return True
    if equal := EQUAL.fullmatch(groups[0]):
        return (equal[2].strip() == equal[3].strip()) != bool(equal[1])
    if (boolean := BOOLEAN.fullmatch(groups[0])) and "boolean" in groups[0]:
        return values.get(boolean[2], False) != bool(boolean[1])
    return True
