"""Content MathML to LaTeX: operators with their arguments, brackets only where precedence asks for them.

W3C MathML 3, chapter 4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

DEEPEST = 200  # nested elements; deeper ones are read as their text
Presented = Callable[[Any, int], str]
"""The LaTeX of an element of presentation MathML, at a depth."""

SUM, PRODUCT, POWER, ATOM = 30, 40, 50, 100
INFIX: Mapping[str, tuple[str, int]] = {
    "implies": (r"\Rightarrow", 5), "equivalent": (r"\equiv", 5), "or": (r"\lor", 10), "xor": (r"\oplus", 10),
    "and": (r"\land", 12), "eq": ("=", 20), "neq": (r"\ne", 20), "lt": ("<", 20), "gt": (">", 20), "leq": (r"\le", 20),
    "geq": (r"\ge", 20), "approx": (r"\approx", 20), "in": (r"\in", 20), "notin": (r"\notin", 20),
    "subset": (r"\subseteq", 20), "prsubset": (r"\subset", 20), "notsubset": (r"\not\subseteq", 20),
    "notprsubset": (r"\not\subset", 20), "tendsto": (r"\to", 20), "factorof": (r"\mid", 20), "union": (r"\cup", 25),
    "intersect": (r"\cap", 25), "setdiff": (r"\setminus", 25), "plus": ("+", SUM), "minus": ("-", SUM),
    "times": (r"\cdot", PRODUCT), "rem": (r"\bmod", PRODUCT), "cartesianproduct": (r"\times", PRODUCT),
    "vectorproduct": (r"\times", PRODUCT), "scalarproduct": (r"\cdot", PRODUCT), "outerproduct": (r"\otimes", PRODUCT),
    "compose": (r"\circ", PRODUCT),
}  # fmt: skip
"""How an operator is written between its arguments, and how strongly it binds them."""
NOT_ASSOCIATIVE = {"minus", "implies", "setdiff", "rem"}
BIG = {"sum": r"\sum", "product": r"\prod", "int": r"\int", "limit": r"\lim"}
AROUND = {
    "abs": ("|", "|"), "card": ("|", "|"), "floor": (r"\lfloor ", r"\rfloor"), "ceiling": (r"\lceil ", r"\rceil"),
    "conjugate": (r"\overline{", "}"), "mean": (r"\bar{", "}"), "exp": ("e^{", "}"),
}  # fmt: skip
BEFORE = {
    "not": r"\neg ", "grad": r"\nabla ", "divergence": r"\nabla\cdot ", "curl": r"\nabla\times ",
    "laplacian": r"\nabla^{2} ", "real": r"\Re ", "imaginary": r"\Im ", "determinant": r"\det ",
}  # fmt: skip
BEHIND = {"factorial": "!", "transpose": "^{T}", "inverse": "^{-1}"}
QUANTIFIERS = {"forall": r"\forall", "exists": r"\exists"}
FUNCTIONS = {
    "sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh", "coth", "arcsin", "arccos", "arctan", "log", "ln",
    "max", "min", "gcd", "arg", "sup", "inf", "lim", "det", "dim", "ker",
}  # fmt: skip
NAMED = {
    "lcm", "variance", "sdev", "median", "mode", "arcsinh", "arccosh", "arctanh", "arccot", "arcsec", "arccsc", "sech",
    "csch", "domain", "codomain", "image",
}  # fmt: skip
CONSTANTS = {
    "pi": r"\pi", "infinity": r"\infty", "exponentiale": "e", "imaginaryi": "i", "emptyset": r"\emptyset",
    "eulergamma": r"\gamma", "true": r"\text{true}", "false": r"\text{false}", "notanumber": r"\text{NaN}",
    "reals": r"\mathbb{R}", "integers": r"\mathbb{Z}", "naturalnumbers": r"\mathbb{N}", "rationals": r"\mathbb{Q}",
    "complexes": r"\mathbb{C}", "primes": r"\mathbb{P}", "ident": r"\operatorname{id}",
}  # fmt: skip
INTERVALS = {"open": ("(", ")"), "open-closed": ("(", "]"), "closed-open": ("[", ")")}
CONSTRUCTORS = {"set", "list", "vector", "matrix", "interval", "piecewise", "lambda"}
CONTENT = {"apply", "bind", "ci", "cn", "csymbol", *CONSTANTS, *CONSTRUCTORS}
"""The elements that `content_latex` reads."""
QUALIFIERS = {"bvar", "lowlimit", "uplimit", "condition", "domainofapplication", "degree", "logbase", "momentabout"}


def content_latex(element: Any, depth: int, presented: Presented) -> str:
    """The LaTeX of one element of content MathML, whose tag is in `CONTENT`; `presented` writes all others."""
    return _Content(presented).term(element, depth)[0]


def _name(element: Any) -> str:
    return str(element.tag).rpartition(":")[2].lower()


def _children(element: Any) -> list[Any]:
    return [child for child in element if isinstance(child.tag, str)]


class _Content:
    """Writes terms; each comes with how strongly it holds together, so that its place can put brackets around it."""

    def __init__(self, presented: Presented) -> None:
        self.presented = presented

    def term(self, element: Any, depth: int) -> tuple[str, int]:
        name, children = _name(element), _children(element)
        if depth > DEEPEST:
            return self.presented(element, depth), ATOM
        if name in ("apply", "bind") and children:
            return self._applied(children, depth + 1)
        if name in CONSTANTS:
            return CONSTANTS[name], ATOM
        if name in CONSTRUCTORS:
            return self._constructed(element, name, children, depth + 1)
        if name == "cn":
            return self._number(element)
        if name in ("ci", "csymbol") and not children:
            return self._symbol((element.text or "").strip(), element, depth), ATOM
        if name in ("ci", "csymbol", "semantics") and children:
            return self.presented(children[0], depth + 1), ATOM
        return (self.presented(element, depth + 1), ATOM) if name not in CONTENT else ("", ATOM)

    def text(self, element: Any, depth: int, above: int = 0) -> str:
        """A term in a place that wants it to bind more strongly than `above`."""
        text, level = self.term(element, depth)
        return text if level > above else f"({text})"

    def _symbol(self, text: str, element: Any, depth: int) -> str:
        if text in FUNCTIONS:
            return f"\\{text}"
        return (
            rf"\mathrm{{{text}}}" if len(text) > 1 and text.isascii() and text.isalpha() else self._plain(text, depth)
        )

    def _plain(self, text: str, depth: int) -> str:
        from lxml import html

        identifier = html.Element("mn")
        identifier.text = text
        return self.presented(identifier, depth)

    def _number(self, element: Any) -> tuple[str, int]:
        parts = [part.strip() for part in (element.text or "", *(child.tail or "" for child in element))]
        if len(parts) == 2 and element.get("type") == "rational":
            return rf"\frac{{{parts[0]}}}{{{parts[1]}}}", ATOM
        if len(parts) == 2 and element.get("type") == "e-notation":
            return rf"{parts[0]} \times 10^{{{parts[1]}}}", PRODUCT
        if len(parts) == 2 and element.get("type") == "complex-cartesian":
            return f"{parts[0]} + {parts[1]} i", SUM
        return parts[0].replace("−", "-"), SUM if parts[0][:1] in ("-", "−") else ATOM

    def _applied(self, children: list[Any], depth: int) -> tuple[str, int]:
        operator, *rest = children
        name = _name(operator)
        told = {_name(child): child for child in rest if _name(child) in QUALIFIERS}
        bound = [child for child in rest if _name(child) == "bvar"]
        arguments = [child for child in rest if _name(child) not in QUALIFIERS]
        if name in BIG:
            return self._big(name, told, arguments, depth), PRODUCT - 1
        if name in ("diff", "partialdiff"):
            return self._derivative(name, bound, arguments, depth), PRODUCT
        if name in QUANTIFIERS:
            variables = ", ".join(self._inside(variable, depth) for variable in bound)
            conditions = [self._inside(told["condition"], depth)] if "condition" in told else []
            said = ", ".join([*conditions, *(self.text(argument, depth) for argument in arguments)])
            return f"{QUANTIFIERS[name]} {variables}, {said}", 1
        if name in INFIX and arguments:
            return self._infix(name, arguments, depth)
        if arguments:
            return self._function(name, operator, told, arguments, depth)
        return self.text(operator, depth) if name in CONTENT else name, ATOM

    def _infix(self, name: str, arguments: list[Any], depth: int) -> tuple[str, int]:
        sign, level = INFIX[name]
        if len(arguments) == 1:
            return (
                (f"-{self.text(arguments[0], depth, SUM)}", SUM) if name == "minus" else self.term(arguments[0], depth)
            )
        first = self.text(arguments[0], depth, level - 1)
        after = level if name in NOT_ASSOCIATIVE else level - 1
        others = [self.text(argument, depth, after) for argument in arguments[1:]]
        joined = "".join(
            f" - {other[1:]}" if sign == "+" and other.startswith("-") else f" {sign} {other}" for other in others
        )
        return first + joined, level

    def _function(
        self, name: str, operator: Any, told: Mapping[str, Any], arguments: list[Any], depth: int
    ) -> tuple[str, int]:
        first, *others = arguments
        if name == "divide" and others:
            return rf"\frac{{{self.text(first, depth)}}}{{{self.text(others[0], depth)}}}", ATOM - 1
        if name == "quotient" and others:
            return rf"\lfloor \frac{{{self.text(first, depth)}}}{{{self.text(others[0], depth)}}}\rfloor", ATOM
        if name == "power" and others:
            return f"{self.text(first, depth, ATOM - 1)}^{{{self.text(others[0], depth)}}}", POWER
        if name == "selector" and others:
            places = ",".join(self.text(other, depth) for other in others)
            return f"{self.text(first, depth, ATOM - 1)}_{{{places}}}", ATOM
        if name == "root":
            degree = self._inside(told["degree"], depth) if "degree" in told else "2"
            return rf"\sqrt{'' if degree == '2' else f'[{degree}]'}{{{self.text(first, depth)}}}", ATOM
        if name in AROUND:
            opening, closing = AROUND[name]
            return f"{opening}{self.text(first, depth)}{closing}", ATOM
        if name in BEFORE:
            return f"{BEFORE[name]}{self.text(first, depth, PRODUCT)}", PRODUCT
        if name in BEHIND:
            return f"{self.text(first, depth, POWER)}{BEHIND[name]}", POWER
        inside = ", ".join(self.text(argument, depth) for argument in arguments)
        if name == "log" and "logbase" in told:
            return rf"\log_{{{self._inside(told['logbase'], depth)}}}({inside})", POWER
        if name in FUNCTIONS:
            return f"\\{name}({inside})", POWER
        if name in NAMED:
            return rf"\operatorname{{{name}}}({inside})", POWER
        function, level = self.term(operator, depth)
        return f"{function if level > POWER - 1 else f'({function})'}({inside})", POWER

    def _big(self, name: str, told: Mapping[str, Any], arguments: list[Any], depth: int) -> str:
        variable = self._inside(told["bvar"], depth) if "bvar" in told else ""
        low, high = (self._inside(told[end], depth) if end in told else "" for end in ("lowlimit", "uplimit"))
        intervals = [argument for argument in arguments if _name(argument) == "interval"]
        body = " ".join(self.text(one, depth, SUM - 1) for one in arguments if one not in intervals)
        if intervals and not low:
            low, high = [*(self.text(end, depth) for end in _children(intervals[0])), "", ""][:2]
        condition = told.get("condition", told.get("domainofapplication"))
        if name == "limit":
            under = self._inside(condition, depth) if condition is not None else rf"{variable} \to {low}"
            return rf"\lim_{{{under}}} {body}"
        if name != "int" and variable and low:
            low = f"{variable} = {low}"
        if condition is not None:
            low = self._inside(condition, depth)
        bounds = "".join(f"{sign}{{{bound}}}" for sign, bound in (("_", low), ("^", high)) if bound)
        end = rf" \, d{variable}" if name == "int" and variable else ""
        return f"{BIG[name]}{bounds} {body}{end}"

    def _derivative(self, name: str, bound: list[Any], arguments: list[Any], depth: int) -> str:
        body = " ".join(self.text(one, depth, SUM) for one in arguments)
        if not bound:
            return f"{body}'"
        sign = r"\partial " if name == "partialdiff" else "d"
        below, order = [], []
        for variable in bound:
            degree = next((child for child in _children(variable) if _name(child) == "degree"), None)
            power = self._inside(degree, depth) if degree is not None else "1"
            below.append(f"{sign}{self._inside(variable, depth)}{'' if power == '1' else f'^{{{power}}}'}")
            order.append(power)
        total = str(sum(map(int, order))) if all(power.isdigit() for power in order) else " + ".join(order)
        above = f"{sign.strip()}{'' if total == '1' else f'^{{{total}}}'}"
        return rf"\frac{{{above}}}{{{' '.join(below)}}} {body}"

    def _inside(self, qualifier: Any, depth: int) -> str:
        """What a qualifier holds, the degree of a bound variable apart."""
        inside = [child for child in _children(qualifier) if _name(child) != "degree"]
        return " ".join(self.text(child, depth + 1) for child in inside)

    def _constructed(self, element: Any, name: str, children: list[Any], depth: int) -> tuple[str, int]:
        plain = [child for child in children if _name(child) not in QUALIFIERS]
        bound = [self._inside(child, depth) for child in children if _name(child) == "bvar"]
        conditions = [self._inside(child, depth) for child in children if _name(child) == "condition"]
        if name == "piecewise":
            return self._cases(children, depth), ATOM
        if name == "matrix":
            rows = (" & ".join(self.text(cell, depth) for cell in _children(row)) for row in children)
            return r"\begin{pmatrix}" + r" \\ ".join(rows) + r"\end{pmatrix}", ATOM
        inside = [self.text(child, depth) for child in plain]
        if name == "vector":
            return r"\begin{pmatrix}" + r" \\ ".join(inside) + r"\end{pmatrix}", ATOM
        if name == "lambda":
            return rf"{', '.join(bound)} \mapsto {' '.join(inside)}", 1
        if name == "interval":
            opening, closing = INTERVALS.get(element.get("closure", ""), ("[", "]"))
            return f"{opening}{', '.join(inside)}{closing}", ATOM
        listed = ", ".join(inside or bound)
        if conditions:
            listed += rf" \mid {', '.join(conditions)}"
        return (rf"\{{{listed}\}}" if name == "set" else f"[{listed}]"), ATOM

    def _cases(self, pieces: list[Any], depth: int) -> str:
        lines = []
        for piece in pieces:
            terms = [self.text(child, depth) for child in _children(piece)]
            when = rf"\text{{if }} {terms[1]}" if len(terms) > 1 else r"\text{otherwise}"
            lines.append(f"{terms[0] if terms else ''} & {when}")
        return r"\begin{cases}" + r" \\ ".join(lines) + r"\end{cases}"
