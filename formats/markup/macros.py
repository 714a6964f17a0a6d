"""Macros of a LaTeX preamble: which are simple, and their expansion within bounds.

Simple is `\\newcommand` and its kin, `\\def` with plain parameters and `\\DeclareMathOperator`, with a body of bounded
size that tests nothing. Expansion is bounded in depth and in growth: a nest of macros costs no more than a long one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

BODY_CHARACTERS = 1000
DEPTH = 8
GROWTH = 3
SLACK = 100_000
DEFINITION = re.compile(
    r"\\(?:(?P<new>(?:re)?newcommand|providecommand|DeclareRobustCommand)\*?+\s*+(?:\{\s*+\\(?P<a>[A-Za-z]++)\s*+\}|\\(?P<b>[A-Za-z]++))"
    r"\s*+(?:\[(?P<count>\d)\])?+\s*+(?:\[(?P<default>[^\]]{0,100}+)\])?+\s*+(?=\{)"
    r"|def\s*+\\(?P<c>[A-Za-z]++)(?P<parameters>(?:#\d)*+)\s*+(?=\{)"
    r"|DeclareMathOperator(?P<star>\*?+)\s*+\{\s*+\\(?P<d>[A-Za-z]++)\s*+\}\s*+(?=\{))"
)
UNSAFE = re.compile(
    r"\\(?:if\w*|else|fi|@\w*|csname|expandafter|let|def|gdef|edef|newcommand|catcode|global|begingroup|loop)(?![A-Za-z])|@"
)
COMMAND = re.compile(r"\\([A-Za-z]+)")
BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
PARAMETER = re.compile(r"#([1-9])")
FIRST_OPTION = re.compile(r"\s*+\[([^\[\]]*+)\]")
BEFORE_ARGUMENT = re.compile(r"[ \t]*+\n?+[ \t]*+")
ONE_SIGN = re.compile(r"\\[A-Za-z]+|\\.|[^\s{}\\]")


@dataclass(frozen=True)
class Macro:
    """What a command stands for: how many arguments it takes, the default of the first, and its body with `#1` …"""

    arguments: int
    default: str | None
    body: str


class Source(str):
    """LaTeX text that knows where each of its braces closes; found once, in one pass, when first asked."""

    @cached_property
    def closings(self) -> dict[int, int]:
        open_braces: list[int] = []
        closings: dict[int, int] = {}
        for match in BRACE.finditer(self):
            if match[0] == "{":
                open_braces.append(match.start())
            elif match[0] == "}" and open_braces:
                closings[open_braces.pop()] = match.start()
        return closings

    def group(self, start: int) -> tuple[str, int] | None:
        """The content of the braces that open at `start`, and where the text goes on; None when they never close."""
        stop = self.closings.get(start)
        return None if stop is None else (self[start + 1 : stop], stop + 1)


def take_macros(text: str) -> tuple[str, dict[str, Macro]]:
    """The text without its simple definitions, and the definitions; the last of a name counts."""
    text = Source(text)
    macros: dict[str, Macro] = {}
    kept = []
    position = 0
    while (match := DEFINITION.search(text, position)) is not None:
        body = text.group(match.end())
        if body is None:
            break
        name = match["a"] or match["b"] or match["c"] or match["d"]
        kept.append(text[position : match.start()])
        position = body[1]
        macro = _macro(match, body[0])
        if macro is None or re.search(rf"\\{name}(?![A-Za-z])", macro.body):
            macros.pop(name, None)
            kept.append(text[match.start() : position] if macro is None else "")
        else:
            macros[name] = macro
    kept.append(text[position:])
    return "".join(kept), macros


def _macro(match: re.Match[str], body: str) -> Macro | None:
    if len(body) > BODY_CHARACTERS or UNSAFE.search(body):
        return None
    if match["d"]:
        return Macro(0, None, rf"\operatorname{match['star']}{{{body}}}")
    count = int(match["count"] or 0) if match["new"] else len(match["parameters"] or "") // 2
    return Macro(count, match["default"], body)


def expand(text: str, macros: Mapping[str, Macro]) -> str:
    """The text with every use of the macros replaced; a use whose arguments can't be found stays as it is."""
    if not macros:
        return text
    names = "|".join(sorted(map(re.escape, macros), key=len, reverse=True))
    used = re.compile(rf"\\({names})(?![A-Za-z])")
    limit = len(text) * GROWTH + SLACK
    for _ in range(DEPTH):
        expanded = _expand_once(Source(text), macros, used, limit)
        if expanded == text or len(expanded) > limit:
            break
        text = expanded
    return text


def _expand_once(text: Source, macros: Mapping[str, Macro], used: re.Pattern[str], limit: int) -> str:
    parts = []
    position = size = 0
    while (match := used.search(text, position)) is not None:
        macro = macros[match[1]]
        found = _arguments(text, match.end(), macro)
        parts.append(text[position : match.start()])
        if found is None:
            parts.append(match[0])
            position = match.end()
            continue
        values, position = found
        replaced = _filled(macro.body, values)
        parts.append(_joined(replaced, text[position : position + 1]))
        size += len(replaced)
        if size > limit:
            return text
    parts.append(text[position:])
    return "".join(parts)


def _filled(body: str, values: Sequence[str]) -> str:
    return PARAMETER.sub(lambda slot: values[int(slot[1]) - 1] if int(slot[1]) <= len(values) else "", body)


def _joined(replaced: str, following: str) -> str:
    """A command at the end of a body must not swallow the letter that follows its use."""
    if following.isalpha() and re.search(r"\\[A-Za-z]+$", replaced):
        return replaced + " "
    return replaced


def _arguments(text: Source, position: int, macro: Macro) -> tuple[list[str], int] | None:
    """The arguments of a use that ends at `position`: groups, single commands or single signs."""
    values: list[str] = []
    if macro.arguments == 0:
        after = re.compile(r"\{\}").match(text, position)
        return values, after.end() if after else position
    if macro.default is not None:
        optional = FIRST_OPTION.match(text, position)
        values.append(optional[1] if optional else macro.default)
        position = optional.end() if optional else position
    while len(values) < macro.arguments:
        blank = BEFORE_ARGUMENT.match(text, position)
        position = blank.end() if blank else position
        if text[position : position + 1] == "{":
            found = text.group(position)
            if found is None:
                return None
            value, position = found
        else:
            single = ONE_SIGN.match(text, position)
            if single is None:
                return None
            value, position = single[0], single.end()
        values.append(value)
    return values, position
