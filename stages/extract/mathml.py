"""MathML, presentation or content, to LaTeX, for formulas of which nobody kept the source. W3C MathML 3."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from html import unescape
from typing import Any

SELF_CLOSED = re.compile(r"<([\w:-]+)((?:[^<>\"']|\"[^\"<]*\"|'[^'<]*')*)/>")
DEEPEST = 200  # nested elements; deeper ones are read as their text

SYMBOLS = {
    "−": "-", "⋅": r"\cdot", "·": r"\cdot", "×": r"\times", "÷": r"\div", "±": r"\pm", "∓": r"\mp", "≤": r"\le",
    "≥": r"\ge", "≠": r"\ne", "≈": r"\approx", "≡": r"\equiv", "∼": r"\sim", "∝": r"\propto", "→": r"\to",
    "←": r"\leftarrow", "⇒": r"\Rightarrow", "⇔": r"\Leftrightarrow", "↦": r"\mapsto", "∈": r"\in", "∉": r"\notin",
    "⊂": r"\subset", "⊆": r"\subseteq", "∪": r"\cup", "∩": r"\cap", "∖": r"\setminus", "∅": r"\emptyset",
    "∀": r"\forall", "∃": r"\exists", "¬": r"\neg", "∧": r"\land", "∨": r"\lor", "∞": r"\infty", "∂": r"\partial",
    "∇": r"\nabla", "∑": r"\sum", "∏": r"\prod", "∫": r"\int", "∮": r"\oint", "√": r"\sqrt", "…": r"\dots",
    "⋯": r"\cdots", "⋮": r"\vdots", "⋱": r"\ddots", "′": "'", "″": "''", "⟨": r"\langle", "⟩": r"\rangle",
    "⌊": r"\lfloor", "⌋": r"\rfloor", "⌈": r"\lceil", "⌉": r"\rceil", "‖": r"\|", "∥": r"\parallel", "⊥": r"\perp",
    "⊕": r"\oplus", "⊗": r"\otimes", "∘": r"\circ", "∗": "*", "ℝ": r"\mathbb{R}", "ℕ": r"\mathbb{N}",
    "ℤ": r"\mathbb{Z}", "ℚ": r"\mathbb{Q}", "ℂ": r"\mathbb{C}", "ℓ": r"\ell", "ℏ": r"\hbar", "°": r"^\circ",
    "\u2061": "", "\u2062": "", "\u2063": "", "\u2064": "", "\u00a0": " ", "{": r"\{", "}": r"\}", "%": r"\%",
    "#": r"\#", "&": r"\&", "∣": r"\mid",
}  # fmt: skip
GREEK = dict(
    zip(
        "αβγδεζηθικλμνξπρςστυφχψωΓΔΘΛΞΠΣΥΦΨΩϕϵϑ",
        [
            "alpha",
            "beta",
            "gamma",
            "delta",
            "varepsilon",
            "zeta",
            "eta",
            "theta",
            "iota",
            "kappa",
            "lambda",
            "mu",
            "nu",
            "xi",
            "pi",
            "rho",
            "varsigma",
            "sigma",
            "tau",
            "upsilon",
            "varphi",
            "chi",
            "psi",
            "omega",
            "Gamma",
            "Delta",
            "Theta",
            "Lambda",
            "Xi",
            "Pi",
            "Sigma",
            "Upsilon",
            "Phi",
            "Psi",
            "Omega",
            "phi",
            "epsilon",
            "vartheta",
        ],
        strict=True,
    )
)
ACCENTS = {
    "^": r"\hat", "ˆ": r"\hat", "¯": r"\bar", "‾": r"\overline", "_": r"\underline", "→": r"\vec", "⃗": r"\vec",
    "~": r"\tilde", "˜": r"\tilde", "˙": r"\dot", "¨": r"\ddot", "⏞": r"\overbrace", "⏟": r"\underbrace",
}  # fmt: skip
VARIANTS = {
    "bold": r"\mathbf", "double-struck": r"\mathbb", "script": r"\mathcal", "fraktur": r"\mathfrak",
    "sans-serif": r"\mathsf", "monospace": r"\mathtt",
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
INFIX = {
    "plus": "+", "minus": "-", "times": r"\cdot", "eq": "=", "neq": r"\ne", "lt": "<", "gt": ">", "leq": r"\le",
    "geq": r"\ge", "in": r"\in", "union": r"\cup", "intersect": r"\cap", "and": r"\land", "or": r"\lor",
    "implies": r"\Rightarrow", "subset": r"\subseteq", "approx": r"\approx", "equivalent": r"\equiv",
}  # fmt: skip
CONSTANTS = {"pi": r"\pi", "infinity": r"\infty", "exponentiale": "e", "imaginaryi": "i", "emptyset": r"\emptyset"}


def latex_of(mathml: str) -> str:
    """The LaTeX of one `<math>` element, without dollar signs. Broken markup gives what can be read of it."""
    from lxml import html

    markup = SELF_CLOSED.sub(r"<\1\2></\1>", mathml).replace("<m:", "<").replace("</m:", "</")
    markup = markup.replace("<mml:", "<").replace("</mml:", "</")
    try:
        root = html.fragment_fromstring(markup, create_parent="div")
    except (ValueError, html.etree.ParserError):
        return ""
    return re.sub(r"\s+", " ", _row(root, 0)).strip()


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
        return _symbols("".join(element.itertext()))
    if name in ("annotation", "annotation-xml", "mphantom", "none", "mprescripts"):
        return ""
    children = [child for child in element if isinstance(child.tag, str)]
    convert = _CONVERT.get(name)
    if convert and len(children) >= _ARITY.get(name, 0):
        return convert(element, children, depth)
    return _row(element, depth) if children else _symbols(unescape(element.text or "").strip())


def _symbols(text: str) -> str:
    parts = []
    for sign in text:
        if sign in SYMBOLS:
            parts.append(SYMBOLS[sign])
        elif sign in GREEK:
            parts.append(f"\\{GREEK[sign]}")
        else:
            parts.append(unicodedata.normalize("NFKC", sign))  # mathematical italics and the like to plain letters
    return _join(parts)


def _group(element: Any, depth: int) -> str:
    """As an argument: always in braces."""
    return f"{{{_latex(element, depth + 1)}}}"


def _base(element: Any, depth: int) -> str:
    """As what carries a script: in braces unless it is one letter, number or command."""
    text = _latex(element, depth + 1)
    return text if re.fullmatch(r"\w+|\\[A-Za-z]+|[)\]|]|\\mathbb\{\w\}", text) else f"{{{text}}}"


def _identifier(element: Any, children: list[Any], depth: int) -> str:
    text = (element.text or "").strip()
    if text in FUNCTIONS:
        return f"\\{text}"
    variant = VARIANTS.get(element.get("mathvariant", ""))
    if variant:
        return f"{variant}{{{_symbols(text)}}}"
    return f"\\operatorname{{{text}}}" if len(text) > 1 and text.isascii() and text.isalpha() else _symbols(text)


def _over(element: Any, children: list[Any], depth: int) -> str:
    accent = ACCENTS.get("".join(children[1].itertext()).strip())
    if accent:
        return f"{accent}{_group(children[0], depth)}"
    base = _latex(children[0], depth + 1)
    if base.startswith((r"\sum", r"\prod", r"\int", r"\lim", r"\max", r"\min")):
        return f"{base}{'^' if element.tag.endswith('mover') else '_'}{_group(children[1], depth)}"
    command = r"\overset" if element.tag.endswith("mover") else r"\underset"
    return f"{command}{_group(children[1], depth)}{{{base}}}"


def _table(element: Any, children: list[Any], depth: int) -> str:
    rows = (" & ".join(_row(cell, depth + 2) for cell in row) for row in children)
    return r"\begin{matrix}" + r" \\ ".join(rows) + r"\end{matrix}"


def _fenced(element: Any, children: list[Any], depth: int) -> str:
    separator = (element.get("separators", ",").strip() or " ")[0]
    inner = separator.join(_latex(child, depth + 1) for child in children)
    return f"{_symbols(element.get('open', '('))}{inner}{_symbols(element.get('close', ')'))}"


def _apply(element: Any, children: list[Any], depth: int) -> str:
    """Content MathML: an operator and its arguments."""
    operator, *arguments = children
    name = operator.tag.rpartition(":")[2].lower()
    values = [_latex(argument, depth + 1) for argument in arguments]
    if name == "divide" and len(values) == 2:
        return rf"\frac{{{values[0]}}}{{{values[1]}}}"
    if name == "power" and len(values) == 2:
        return f"{_base(arguments[0], depth)}^{{{values[1]}}}"
    if name == "root":
        return rf"\sqrt{{{values[-1]}}}"
    if name == "minus" and len(values) == 1:
        return f"-{values[0]}"
    if name in INFIX:
        nested = (child.tag.endswith("apply") and name == "times" and _is_sum(child) for child in arguments)
        terms = (f"({value})" if inner else value for value, inner in zip(values, nested, strict=True))
        return f" {INFIX[name]} ".join(terms)
    function = f"\\{name}" if name in FUNCTIONS else _latex(operator, depth + 1) or name
    return f"{function}({', '.join(values)})"


def _is_sum(element: Any) -> bool:
    return len(element) > 2 and element[0].tag.rpartition(":")[2].lower() in ("plus", "minus")


Convert = Callable[[Any, list[Any], int], str]
_CONVERT: Mapping[str, Convert] = {
    "mi": _identifier,
    "ci": _identifier,
    "mtext": lambda e, c, d: rf"\text{{{(e.text or '').strip()}}}" if (e.text or "").strip() else " ",
    "mspace": lambda e, c, d: " ",
    "mfrac": lambda e, c, d: rf"\frac{_group(c[0], d)}{_group(c[1], d)}",
    "msqrt": lambda e, c, d: rf"\sqrt{{{_row(e, d)}}}",
    "mroot": lambda e, c, d: rf"\sqrt[{_latex(c[1], d + 1)}]{_group(c[0], d)}",
    "msup": lambda e, c, d: f"{_base(c[0], d)}^{_group(c[1], d)}",
    "msub": lambda e, c, d: f"{_base(c[0], d)}_{_group(c[1], d)}",
    "msubsup": lambda e, c, d: f"{_base(c[0], d)}_{_group(c[1], d)}^{_group(c[2], d)}",
    "munderover": lambda e, c, d: f"{_base(c[0], d)}_{_group(c[1], d)}^{_group(c[2], d)}",
    "mover": _over,
    "munder": _over,
    "mtable": _table,
    "mfenced": _fenced,
    "apply": _apply,
    **{name: (lambda text: lambda e, c, d: text)(latex) for name, latex in CONSTANTS.items()},
}
_ARITY = {
    "mfrac": 2, "mroot": 2, "msup": 2, "msub": 2, "msubsup": 3, "munderover": 3, "mover": 2, "munder": 2, "apply": 1,
}  # fmt: skip
