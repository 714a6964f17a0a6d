"""The package `algorithm2e`: its keywords, which take what they govern as groups, and those that a document declares.

Source: its manual, Christophe Fiorio, version 5.2. Of each block there are three: `\\If` with its end, `\\uIf` without,
`\\lIf` on one line.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from winnow.formats.markup.macros import Source
from winnow.formats.markup.pseudocode import Keyword, Keywords
from winnow.formats.markup.skipping import BLANK

ENVIRONMENTS = {"algorithm", "algorithm2e", "procedure", "function"}
SETTING = re.compile(
    r"\A(?:Set(?:Kw|Al|Nl|Func|Arg|Data|Comment|Prog|Block|Ind|Start|Cust|Side|Endchar|Line|Vline|NoFill|Fill)\w*"
    r"|(?:Inc|Dec)Margin|RestyleAlgo|nllabel|nlset|lnl)$"
)
"""Commands that only set something up: they and their groups go."""
DECLARATION = re.compile(r"\\SetKw(Input|InOut|Data|Function|Array|Comment|Prog|For|IF|Repeat|Block|Switch|)\s*(?=\{)")


def _input(name: str, label: str) -> dict[str, Keyword]:
    return {name: Keyword(f"\n{label.rstrip(' :')}: #1\n")}


def _word(name: str, word: str) -> dict[str, Keyword]:
    return {name: Keyword(f" {word} ", "#1")}


def _data(name: str, word: str) -> dict[str, Keyword]:
    return {name: Keyword(word, "(#1)")}


def _function(name: str, word: str) -> dict[str, Keyword]:
    return {name: Keyword(word, "(#1)", "()")}


def _array(name: str, word: str) -> dict[str, Keyword]:
    return {name: Keyword(word, "[#1]")}


def _comment(name: str, opening: str, closing: str) -> dict[str, Keyword]:
    return {name: Keyword(f" {opening} #1 {closing}", remark=True)}


def _loop(name: str, begin: str, do: str, end: str) -> dict[str, Keyword]:
    head = f"\n{begin} #1{do if do[:1] in (':', ',') else f' {do}'}"
    return {
        name: Keyword(f"{head}#0\n#2\n{end}\n"),
        f"u{name}": Keyword(f"{head}#0\n#2\n"),
        f"l{name}": Keyword(f"{head} #2#0\n"),
    }


def _block(name: str, begin: str, end: str) -> dict[str, Keyword]:
    return {
        name: Keyword(f"\n{begin}#0\n#1\n{end}\n"),
        f"u{name}": Keyword(f"\n{begin}#0\n#1\n"),
        f"l{name}": Keyword(f"\n{begin} #1#0\n"),
    }


def _choice(
    name: str, other: str, last: str, begin: str, then: str, or_else: str, otherwise: str, end: str
) -> dict[str, Keyword]:
    head = f"\n{begin} #1 {then}"
    return {
        **_loop(name, begin, then, end),
        **_loop(other, or_else, then, end),
        **_block(last, otherwise, end),
        f"e{name}": Keyword(f"{head}#0\n#2\n{otherwise}\n#3\n{end}\n"),
        f"le{name}": Keyword(f"{head} #2 {otherwise} #3#0\n"),
    }


def _repeat(name: str, begin: str, until: str) -> dict[str, Keyword]:
    return {name: Keyword(f"\n{begin}#0\n#2\n{until} #1\n"), f"l{name}": Keyword(f"\n{begin} #2 {until} #1#0\n")}


def _switch(
    name: str, case: str, other: str, begin: str, do: str, case_begin: str, otherwise: str, case_end: str, end: str
) -> dict[str, Keyword]:
    cases = _loop(case, case_begin, do, case_end)
    return {**_loop(name, begin, do, end), **cases, **_block(other, otherwise, case_end)}


FORMS: dict[str, tuple[int, Callable[..., dict[str, Keyword]]]] = {
    "Input": (2, _input),
    "InOut": (2, _input),
    "": (2, _word),
    "Data": (2, _data),
    "Function": (2, _function),
    "Array": (2, _array),
    "Comment": (3, _comment),
    "Prog": (4, _loop),
    "For": (4, _loop),
    "IF": (8, _choice),
    "Repeat": (3, _repeat),
    "Block": (3, _block),
    "Switch": (9, _switch),
}
"""By the end of a declaring command's name: how many groups it takes, and the keywords that they make."""

KEYWORDS: Keywords = {
    **_input("KwIn", "Input"),
    **_input("KwOut", "Output"),
    **_input("KwData", "Data"),
    **_input("KwResult", "Result"),
    **_word("KwTo", "to"),
    **_word("KwRet", "return"),
    **_word("Return", "return"),
    **_comment("tcc", "/*", "*/"),
    **_comment("tcp", "//", ""),
    **_choice("If", "ElseIf", "Else", "if", "then", "else if", "else", "end if"),
    **_switch("Switch", "Case", "Other", "switch", "do", "case", "otherwise", "end case", "end switch"),
    **_loop("For", "for", "do", "end for"),
    **_loop("ForEach", "for each", "do", "end for"),
    **_loop("ForAll", "for all", "do", "end for"),
    **_loop("While", "while", "do", "end while"),
    **_repeat("Repeat", "repeat", "until"),
    **_block("Begin", "begin", "end"),
    "BlankLine": Keyword("\n"),
}


def keywords(source: str, read: Callable[[str], str]) -> Keywords:
    """The package's keywords and those that a source without comments declares; `read` makes text of what they say."""
    found = dict(KEYWORDS)
    text = Source(source)
    for declaration in DECLARATION.finditer(source):
        count, make = FORMS[declaration[1]]
        groups = _groups(text, declaration.end(), count)
        if len(groups) == count:
            name = groups[0].strip().lstrip("\\")  # some write it with its backslash
            found |= make(name, *(group if group.isalpha() else read(group) for group in groups[1:]))
    return found


def is_written_in(body: str, known: Keywords) -> bool:
    """Whether an algorithm uses these keywords; one with `algorithmic` in it doesn't."""
    if "\\begin{algorithmic}" in body:
        return False
    return any(name == ";" or name in known for name in re.findall(r"\\([A-Za-z]+|;)", body))


def _groups(source: Source, position: int, count: int) -> list[str]:
    groups: list[str] = []
    while len(groups) < count:
        blank = BLANK.match(source, position)
        found = source.group(blank.end()) if blank else None
        if found is None:
            break
        groups.append(found[0])
        position = found[1]
    return groups
