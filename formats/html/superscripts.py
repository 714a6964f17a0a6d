"""Formulas of plain `<sub>` and `<sup>`: what carries them, a number, a letter, an element, a unit or a bracket, as LaTeX.

Footnotes, ordinals (1<sup>st</sup>) and years with a note stay as they are. Runs are one formula: C₆H₁₂O₆.
"""

from __future__ import annotations

import re
from html import escape, unescape

from winnow.formats.formulas.mathml import symbols

_WRAP = r"</?(?i:i|em|b|strong|var|span)\b[^>]{0,200}>"
_SCRIPT = rf"<su[bp]\b[^>]{{0,200}}>(?:[^<>]|{_WRAP}){{1,120}}</su[bp]>"
SCRIPTS = re.compile(f"{_SCRIPT}(?:{_SCRIPT})*")
ONE_SCRIPT = re.compile(rf"<su([bp])\b[^>]{{0,200}}>((?:[^<>]|{_WRAP}){{1,120}})</su[bp]>")
CAPITALS = re.compile(r"<(/?)SU([BP])\b")
NESTED = re.compile(r"<su[bp]\b[^<>]{0,200}>[^<>]{0,80}\$[^<>]{0,80}</su[bp]>")
DEEPEST = 3  # scripts of scripts of scripts
NO_SCRIPT = re.compile(r"st|nd|rd|th|er|e|TM|SM|®|©|™|\[.*\]|[*†‡§]+|\s*", re.IGNORECASE)
ORDINAL = re.compile(r"\d+ [a-zà-ÿ]{2,4}")
YEAR = re.compile(r"(?:1[5-9]|20)\d\d \d{1,2}")
CHARGE = re.compile(r"\d?[+\-−–]")
EXPONENT = re.compile(r"[\-−–]?[1-9]")
MARKUP = re.compile(r"<[^>]{0,210}+>")
BASE_REACH = 60
LONGEST = 400  # characters of a formula that another still joins

_ELEMENTS = r"(?:[A-Z][a-z]?){1,6}"
_UNIT = r"(?:[kcdmnpfµμMGTh]?(?:m|s|g|W|V|A|J|N|K|L|l|Pa|Hz|eV|mol)|in|ft|mi|yd|sec|min|rad|sr)"
_FUNCTION = r"(?:arc)?(?:sin|cos|tan|cot|sec|csc)h?|log|ln|lim|max|min|exp|sup|inf|det"
_LETTER = r"\d+(?:\.\d+)?|[A-Za-z]|[A-Z]{2}|[\u0370-\u03ff]"
_BRACKET = r"[A-Za-z]?[(\[](?![^()\[\]]*[A-Za-z]{3})(?=[^()\[\]]*[A-Za-z])[^()\[\]<>$]{1,40}[)\]]"
_OPEN, _CLOSE = (rf"(?:<{slash}(?i:i|em|b|strong|var)>)?" for slash in ("", "/"))
BASE = re.compile(
    rf"(?<![\w.])(?:{_OPEN}(?P<letter>{_LETTER}){_CLOSE}|(?P<elements>{_ELEMENTS})|(?P<function>{_FUNCTION})"
    rf"|(?P<unit>{_UNIT})|(?P<bracket>{_BRACKET}))\Z|(?P<end>(?:(?<=[^\w][)\]}}])|(?<=[^\w]\w[)\]}}])|(?<=[^\w]\w\w[)\]}}])))\Z"
)
TAIL = re.compile(r"(?:[A-Z][a-z]?){1,4}(?![A-Za-z<])")


def with_scripts(page: str) -> str:
    """The page with such formulas between dollar signs, innermost scripts first."""
    if "<SU" in page:
        page = CAPITALS.sub(lambda tag: tag[0].lower(), page)
    for _ in range(DEEPEST):
        before = page
        page = _once(page)
        if page is before or not NESTED.search(page):
            break
    return page


def _once(page: str) -> str:
    pieces: list[str] = []
    at = 0
    for found in SCRIPTS.finditer(page):
        base = BASE.search(page, max(at, found.start() - BASE_REACH), found.start())
        scripts = [
            (kind.lower(), unescape(MARKUP.sub("", text)).strip()) for kind, text in ONE_SCRIPT.findall(found[0])
        ]
        if base is None or not _is_formula(base, scripts):
            continue
        formula, end = _latex(base, scripts), found.end()
        if _is_chemical(base, scripts) and (tail := TAIL.match(page, end)):
            formula, end = formula + tail[0], tail.end()
        formula = escape(formula, quote=False)
        if pieces and base.start() == at and len(pieces[-1]) < LONGEST:
            pieces[-1] = f"{pieces[-1][:-1]}{formula}$"
        else:
            pieces += (page[at : base.start()], f"${formula}$")
        at = end
    return "".join([*pieces, page[at:]]) if pieces else page


def _is_formula(base: re.Match[str], scripts: list[tuple[str, str]]) -> bool:
    said = MARKUP.sub("", base[0])
    kind, text = scripts[0]
    if any(NO_SCRIPT.fullmatch(text) for _, text in scripts) or ORDINAL.fullmatch(f"{said} {text}"):
        return False
    if base["elements"]:
        return text.isdigit() if kind == "b" else CHARGE.fullmatch(text) is not None
    if base["unit"]:
        return kind == "p" and EXPONENT.fullmatch(text) is not None
    return not (kind == "p" and YEAR.fullmatch(f"{said} {text}"))


def _is_chemical(base: re.Match[str], scripts: list[tuple[str, str]]) -> bool:
    return MARKUP.sub("", base[0])[:1].isupper() and all(kind == "b" and text.isdigit() for kind, text in scripts)


def _latex(base: re.Match[str], scripts: list[tuple[str, str]]) -> str:
    said = unescape(MARKUP.sub("", base[0]))
    marks = "".join(f"{'_' if kind == 'b' else '^'}{{{_inner(text)}}}" for kind, text in scripts)
    return f"\\{said}{marks}" if base["function"] else symbols(said) + marks


def _inner(text: str) -> str:
    """A script's own text; formulas in it are LaTeX already."""
    parts = text.split("$")
    return "".join(part if number % 2 else symbols(part) for number, part in enumerate(parts))
