"""The final answer of a worked solution, and whether two final answers are equal."""

from __future__ import annotations

import re
from fractions import Fraction

BOX = "\\boxed{"
_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d{1,3})?(/\d+)?")
_FRACTION = re.compile(r"\\[dt]?frac\{([-+]?\d+)\}\{(\d+)\}")
_SPACING = re.compile(r"\\[,;!: ]|[\s$]|\\(left|right)(?![a-z])")


def boxed(answer: str) -> str | None:
    """What the last `\\boxed{}` after the thinking holds, braces in it balanced; None without one."""
    said = answer.rpartition("</think>")[2]
    start = said.rfind(BOX)
    if start < 0:
        return None
    depth = 1
    for place in range(start + len(BOX), len(said)):
        depth += {"{": 1, "}": -1}.get(said[place], 0)
        if depth == 0:
            return said[start + len(BOX) : place]
    return None


def equal(given: str | None, wanted: str) -> bool:
    """Whether two answers are the same number, exactly, or the same text but for spacing."""
    return given is not None and form(given) == form(wanted)


def form(answer: str) -> Fraction | str:
    """What equal answers share: their number, or their text without spacing."""
    found = _number(answer)
    return _SPACING.sub("", answer) if found is None else found


def _number(text: str) -> Fraction | None:
    plain = _FRACTION.sub(r"\1/\2", _SPACING.sub("", text).replace("\\%", "%"))
    share = plain.endswith("%")
    plain = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", plain.removesuffix("%"))
    if not _NUMBER.fullmatch(plain):
        return None
    top, _, bottom = plain.partition("/")
    if bottom and not int(bottom):
        return None
    return Fraction(top) / int(bottom or 1) / (100 if share else 1)
