"""What the commands of LaTeX's packages for algorithms say in plain words, and those of `algorithmic`, `algpseudocode`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from winnow.formats.markup.macros import Source
from winnow.formats.markup.skipping import BLANK, skip_options

PLACE = re.compile(r"#(\d)")
REMARK = re.compile(r"\s*\(((?:[^(){}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\)(?=\s*\{)")
WITHIN_LINE = re.compile(r"[fh]")


@dataclass(frozen=True)
class Keyword:
    """`says`: the words, with `#1` … for the groups that follow and `#0` for a remark in parentheses before them.

    `given`: what a group adds behind a keyword that needs none, and `empty` what an empty group adds. `remark`: whether
    it is a comment, which ends its line unless its option says that it stands within one.
    """

    says: str
    given: str = ""
    empty: str = ""
    remark: bool = False

    @cached_property
    def arguments(self) -> int:
        return max((int(place) for place in PLACE.findall(self.says)), default=0)


Keywords = Mapping[str, Keyword]


def said(keyword: Keyword, source: Source, position: int, convert: Callable[[str], str]) -> tuple[str, int]:
    """What a keyword that ends at `position` says with the groups behind it, and where they end."""
    after = skip_options(source, position) if keyword.remark else position
    option, position = source[position:after], after
    values = [""]
    for _ in range(keyword.arguments):
        if "#0" in keyword.says and (remark := REMARK.match(source, position)):
            values[0] += convert(remark[1])
            position = remark.end()
        blank = BLANK.match(source, position)
        found = source.group(blank.end()) if blank else None
        values.append(convert(found[0]).strip() if found else "")
        position = found[1] if found else position
    words = _filled(keyword.says, values)
    if keyword.given and (found := source.group(position)) is not None:
        value, position = convert(found[0]).strip(), found[1]
        words += _filled(keyword.given, ["", value]) if value else keyword.empty
    return words + ("\n" if keyword.remark and not WITHIN_LINE.search(option) else ""), position


def _filled(words: str, values: Sequence[str]) -> str:
    return PLACE.sub(lambda place: values[int(place[1])], words)


_LINES = {"state": "", "statex": "", "if": "if #1 then", "elsif": "else if #1 then", "elseif": "else if #1 then"}
_LINES |= {"else": "else", "endif": "end if", "for": "for #1 do", "forall": "for all #1 do", "endfor": "end for"}
_LINES |= {"while": "while #1 do", "endwhile": "end while", "repeat": "repeat", "until": "until #1", "loop": "loop"}
_LINES |= {"endloop": "end loop", "require": "Require: ", "ensure": "Ensure: ", "procedure": "procedure #1(#2)"}
_LINES |= {"endprocedure": "end procedure", "function": "function #1(#2)", "endfunction": "end function"}
_WORDS = {"return": "return ", "print": "print ", "comment": "// #1", "call": "#1(#2)"}
_WORDS |= {"to": " to ", "and": " and ", "or": " or ", "not": "not ", "true": "true", "false": "false"}
_ALONE = {"RETURN", "PRINT"}
"""Words that `algorithmic` sets on a line of their own; in `algpseudocode` they stand after `\\State`."""


def algorithmic(command: str) -> Keyword | None:
    """What a command of `algorithmic` or `algpseudocode` says; the two differ in capitals."""
    name = command.lower()
    if name in _LINES or command in _ALONE:
        return Keyword("\n" + _LINES.get(name, _WORDS.get(name, "")))
    return Keyword(_WORDS[name]) if name in _WORDS else None
