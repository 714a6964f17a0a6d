"""Presentation MathML to LaTeX, for formulas of which nobody kept the source; content MathML by `content_mathml`.

W3C MathML 3, chapter 3.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from html import unescape
from typing import Any

from winnow.formats.formulas.alphabets import style, styled
from winnow.formats.formulas.content_mathml import CONTENT, DEEPEST, content_latex
from winnow.formats.formulas.signs import GREEK, SYMBOLS

SELF_CLOSED = re.compile(r"<([\w:-]++)((?:[^<>\"']|\"[^\"<]*\"|'[^'<]*')*)/>")

ACCENTS = {
    "^": r"\hat", "ˆ": r"\hat", "¯": r"\bar", "‾": r"\overline", "_": r"\underline", "→": r"\vec", "⃗": r"\vec",
    "~": r"\tilde", "˜": r"\tilde", "˙": r"\dot", "¨": r"\ddot", "⏞": r"\overbrace", "⏟": r"\underbrace",
    "ˇ": r"\check", "˘": r"\breve", "´": r"\acute", "`": r"\grave", "⟶": r"\overrightarrow", "←": r"\overleftarrow",
}  # fmt: skip
COMBINING = {
    "\u0300": r"\grave", "\u0301": r"\acute", "\u0302": r"\hat", "\u0303": r"\tilde", "\u0304": r"\bar",
    "\u0305": r"\overline", "\u0306": r"\breve", "\u0307": r"\dot", "\u0308": r"\ddot", "\u030a": r"\mathring",
    "\u030c": r"\check", "\u0331": r"\underline", "\u0332": r"\underline", "\u20d7": r"\vec", "\u20db": r"\dddot",
    "\u0338": r"\not", "\u20d2": r"\not",
}  # fmt: skip
ENCLOSED = {
    "box": r"\boxed", "roundedbox": r"\boxed", "updiagonalstrike": r"\cancel", "downdiagonalstrike": r"\bcancel",
    "top": r"\overline", "bottom": r"\underline", "radical": r"\sqrt", "longdiv": r"\overline",
}  # fmt: skip
"""Notations of `menclose`; of both strikes together the command is xcancel."""
VARIANTS = {
    "bold": r"\mathbf", "double-struck": r"\mathbb", "script": r"\mathcal", "fraktur": r"\mathfrak",
    "sans-serif": r"\mathsf", "monospace": r"\mathtt", "bold-italic": r"\boldsymbol",
    "bold-script": r"\boldsymbol{\mathcal",
    "bold-fraktur": r"\boldsymbol{\mathfrak", "bold-sans-serif": r"\boldsymbol{\mathsf",
    "sans-serif-italic": r"\mathsf",
}  # fmt: skip
FUNCTIONS = frozenset(
    [
        "sin",
        "cos",
        "tan",
        "cot",
        "sec",
        "csc",
        "arcsin",
        "arccos",
        "arctan",
        "sinh",
        "cosh",
        "tanh",
        "log",
        "ln",
        "lg",
        "exp",
        "lim",
        "max",
        "min",
        "sup",
        "inf",
        "det",
        "dim",
        "gcd",
        "ker",
    ]
)


ONE_SIGN = re.compile(r".|\\[A-Za-z]+|\\math\w+\{.\}")
WIDE = {r"\hat": r"\widehat", r"\tilde": r"\widetilde", r"\bar": r"\overline", r"\vec": r"\overrightarrow"}
"""What stands over more than one sign."""
ESCAPES = {"%": r"\%", "#": r"\#", "&": r"\&", "$": r"\$", "_": r"\_", "{": r"\{", "}": r"\}"}
_TABLE = r"\\begin\{matrix\}((?:(?!\\begin).)*?)\\end\{matrix\}"
_BINOMIAL = r"\((\\binom(?:\{[^{}]*\}){2})\)"  # a fraction without a line has its brackets in its command
FENCED = (
    (re.compile(_BINOMIAL), r"\1"),
    (re.compile(rf"\\\{{{_TABLE}\\\}}"), r"\\begin{Bmatrix}\1\\end{Bmatrix}"),
)
FENCED_TABLES = (
    (re.compile(rf"\({_TABLE}\)"), "pmatrix"),
    (re.compile(rf"\[{_TABLE}\]"), "bmatrix"),
    (re.compile(rf"\|{_TABLE}\|"), "vmatrix"),
    (re.compile(rf"\\\{{{_TABLE}(?!\s*\\\}})"), "cases"),
)


def latex_of(mathml: str) -> str:
    """The LaTeX of one `<math>` element, without dollar signs. Broken markup gives what can be read of it."""
    from lxml import html

    markup = SELF_CLOSED.sub(r"<\1\2></\1>", mathml).replace("<m:", "<").replace("</m:", "</")
    markup = markup.replace("<mml:", "<").replace("</mml:", "</")
    try:
        root = html.fragment_fromstring(markup, create_parent="div")
    except (ValueError, html.etree.ParserError):
        return ""
    latex = re.sub(r"\s+", " ", _row(root, 0)).strip()
    for pattern, written in FENCED:
        latex = pattern.sub(written, latex)
    for pattern, environment in FENCED_TABLES:
        latex = pattern.sub(rf"\\begin{{{environment}}}\1\\end{{{environment}}}", latex)
    return latex


def _row(element: Any, depth: int) -> str:
    parts = [_latex(child, depth + 1) for child in element if isinstance(child.tag, str)]
    return _join(parts)


def _join(parts: list[str]) -> str:
    """Side by side, with a space only where a command would otherwise swallow the letter after it."""
    text = ""
    for part in filter(None, parts):
        glued = re.search(r"\\[A-Za-z]+$", text) and part[0].isalpha()
        text += f" {part}" if glued else part
    return text


def _latex(element: Any, depth: int) -> str:
    name = element.tag.rpartition(":")[2].lower()
    if depth > DEEPEST:
        return symbols("".join(element.itertext()))
    if name in ("annotation", "annotation-xml", "mphantom", "none", "mprescripts"):
        return ""
    if name in CONTENT:
        return content_latex(element, depth, _latex)
    children = [child for child in element if isinstance(child.tag, str)]
    convert = _CONVERT.get(name)
    if convert and len(children) >= _ARITY.get(name, 0):
        return convert(element, children, depth)
    return _row(element, depth) if children else symbols(unescape(element.text or "").strip())


def symbols(text: str) -> str:
    """Text of a formula as LaTeX: operators and Greek letters as commands, styled letters in their style."""
    parts: list[str] = []
    for sign in text:
        if sign in COMBINING and parts:
            parts.append(_marked(parts.pop(), COMBINING[sign]))
        elif sign in SYMBOLS:
            parts.append(SYMBOLS[sign])
        elif sign in GREEK:
            parts.append(f"\\{GREEK[sign]}")
        elif (letter := style(sign)) is not None:
            command, plain = letter
            if plain in GREEK and command == r"\mathbf":
                command = r"\boldsymbol"  # \mathbf has no Greek letters
            parts.append(styled(command, symbols(plain)))
        else:
            parts.append(unicodedata.normalize("NFKC", sign))
    return _join(parts)


def _marked(letter: str, command: str) -> str:
    """A sign with the mark that Unicode sets behind it, in LaTeX before it: a stroke through it, or an accent."""
    if command == r"\not":
        return rf"\not{letter}" if letter.startswith("\\") or len(letter) == 1 else rf"\not{{{letter}}}"
    return f"{command}{{{letter}}}"


def _group(element: Any, depth: int) -> str:
    """As an argument: always in braces."""
    return f"{{{_latex(element, depth + 1)}}}"


def _base(element: Any, depth: int) -> str:
    """As what carries a script: in braces unless it is one letter, number or command."""
    text = _latex(element, depth + 1)
    return (
        text
        if re.fullmatch(r"\w+|\\[A-Za-z]+|[)\]|]|\([^()]*\)|\\(?:math(?:bb|bf|cal|frak|sf|tt)|boldsymbol)\{\w\}", text)
        else f"{{{text}}}"
    )


def _identifier(element: Any, children: list[Any], depth: int) -> str:
    text = (element.text or "").strip()
    if text in FUNCTIONS:
        return f"\\{text}"
    variant = VARIANTS.get(element.get("mathvariant", ""))
    if variant and not any(style(sign) for sign in text):  # else the letters have their style already
        return styled(variant, symbols(text))
    return f"\\operatorname{{{text}}}" if len(text) > 1 and text.isascii() and text.isalpha() else symbols(text)


def _over(element: Any, children: list[Any], depth: int) -> str:
    accent = ACCENTS.get("".join(children[1].itertext()).strip())
    if accent:
        base = _latex(children[0], depth + 1)
        return f"{accent if ONE_SIGN.fullmatch(base) else WIDE.get(accent, accent)}{{{base}}}"
    base = _latex(children[0], depth + 1)
    if base.startswith((r"\sup", r"\inf", r"\sum", r"\prod", r"\int", r"\lim", r"\max", r"\min")):
        return f"{base}{'^' if element.tag.endswith('mover') else '_'}{_group(children[1], depth)}"
    command = r"\overset" if element.tag.endswith("mover") else r"\underset"
    return f"{command}{_group(children[1], depth)}{{{base}}}"


def _table(element: Any, children: list[Any], depth: int) -> str:
    rows = []
    for row in children:
        cells = [cell for cell in row if isinstance(cell.tag, str)]
        labelled = row.tag.endswith("mlabeledtr")
        rows.append(" & ".join(_row(cell, depth + 2) for cell in cells[labelled:]))
    return r"\begin{matrix}" + r" \\ ".join(rows) + r"\end{matrix}"


def _fenced(element: Any, children: list[Any], depth: int) -> str:
    separator = (element.get("separators", ",").strip() or " ")[0]
    inner = separator.join(_latex(child, depth + 1) for child in children)
    return f"{symbols(element.get('open', '('))}{inner}{symbols(element.get('close', ')'))}"


def _enclosed(element: Any, children: list[Any], depth: int) -> str:
    text = _row(element, depth)
    notations = element.get("notation", "longdiv").split()
    if {"updiagonalstrike", "downdiagonalstrike"} <= set(notations):
        return rf"\xcancel{{{text}}}"
    for notation in notations:
        text = f"{ENCLOSED[notation]}{{{text}}}" if notation in ENCLOSED else text
    return text


def _superscript(element: Any, children: list[Any], depth: int) -> str:
    base, script = _base(children[0], depth), _latex(children[1], depth + 1)
    return f"{base}{script}" if script and not script.strip("'") else f"{base}^{{{script}}}"


def _fraction(element: Any, children: list[Any], depth: int) -> str:
    above, below = (_group(child, depth) for child in children[:2])
    bare = re.match(r"0+(\.0*)?[a-z%]*$", element.get("linethickness", ""))
    return rf"\binom{above}{below}" if bare else rf"\frac{above}{below}"


def _scripts_around(element: Any, children: list[Any], depth: int) -> str:
    """`mmultiscripts`: scripts behind the base in pairs, then those before it."""
    names = [child.tag.rpartition(":")[2].lower() for child in children]
    at = names.index("mprescripts") if "mprescripts" in names else len(children)
    before = _pairs(children[at + 1 :], depth)
    return f"{'{}' + before if before else ''}{_base(children[0], depth)}{_pairs(children[1:at], depth)}"


def _pairs(scripts: list[Any], depth: int) -> str:
    marks = (
        f"{'_^'[number % 2]}{{{text}}}" for number, script in enumerate(scripts) if (text := _latex(script, depth + 1))
    )
    return "".join(marks)


def _text(element: Any, children: list[Any], depth: int) -> str:
    text = "".join(ESCAPES.get(sign, sign) for sign in unescape(element.text or "").replace("\u00a0", " "))
    return rf"\text{{{text}}}" if text.strip() else " "


def _operator(element: Any, children: list[Any], depth: int) -> str:
    text = (element.text or "").strip()
    return f"\\{text}" if text in FUNCTIONS else symbols(text)


Convert = Callable[[Any, list[Any], int], str]
_CONVERT: Mapping[str, Convert] = {
    "mi": _identifier,
    "mo": _operator,
    "mtext": _text,
    "ms": _text,
    "mspace": lambda e, c, d: " ",
    "mfrac": _fraction,
    "mmultiscripts": _scripts_around,
    "semantics": lambda e, c, d: _latex(c[0], d + 1),
    "maction": lambda e, c, d: _latex(c[0], d + 1),
    "msqrt": lambda e, c, d: rf"\sqrt{{{_row(e, d)}}}",
    "mroot": lambda e, c, d: rf"\sqrt[{_latex(c[1], d + 1)}]{_group(c[0], d)}",
    "msup": _superscript,
    "msub": lambda e, c, d: f"{_base(c[0], d)}_{_group(c[1], d)}",
    "msubsup": lambda e, c, d: f"{_base(c[0], d)}_{_group(c[1], d)}^{_group(c[2], d)}",
    "munderover": lambda e, c, d: f"{_base(c[0], d)}_{_group(c[1], d)}^{_group(c[2], d)}",
    "mover": _over,
    "munder": _over,
    "mtable": _table,
    "mfenced": _fenced,
    "menclose": _enclosed,
}
_ARITY = {
    "mfrac": 2, "mroot": 2, "msup": 2, "msub": 2, "msubsup": 3, "munderover": 3, "mover": 2, "munder": 2,
    "mmultiscripts": 1, "semantics": 1, "maction": 1,
}  # fmt: skip
