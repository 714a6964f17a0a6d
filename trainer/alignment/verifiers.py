"""Rewards that need no model: is the mathematics right, does the code pass, does the answer keep to the form?

Each takes answers as TRL hands them over (messages or text) with the columns of their prompts, and gives one number from 0
to 1 for each answer, or None where it can't judge that prompt. They are logged apart, under their names.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from winnow.trainer.alignment import sandbox

BOX = "\\boxed{"
Completion = str | Sequence[Mapping[str, Any]]
_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d{1,3})?(/\d+)?")
_FRACTION = re.compile(r"\\[dt]?frac\{([-+]?\d+)\}\{(\d+)\}")
_FENCE = re.compile(r"```(?:python|py)?\n(.*?)```", re.DOTALL)
_SPACING = re.compile(r"\\[,;!: ]|[\s$]|\\(left|right)(?![a-z])")


def mathematics(completions: Sequence[Completion], label: Sequence[str | None], **_: Any) -> list[float | None]:
    """1 for an answer whose last box holds the label: the same number, or the same formula but for spacing."""
    return [
        None if wanted is None else float(equal(boxed(text_of(answer)), wanted))
        for answer, wanted in zip(completions, label, strict=True)
    ]


def form(completions: Sequence[Completion], **_: Any) -> list[float | None]:
    """Half for exactly one finished thought at the beginning, or none at all; half for exactly one box after it."""
    return [_form(text_of(answer)) for answer in completions]


def code(completions: Sequence[Completion], tests: Sequence[str | None] | None = None, **_: Any) -> list[float | None]:
    """1 for an answer whose last fenced program passes the prompt's `tests` (Python, appended) in the sandbox."""
    asked = tests if tests is not None else [None] * len(completions)
    return [
        None if test is None else float(_passes(text_of(answer), test))
        for answer, test in zip(completions, asked, strict=True)
    ]


def text_of(completion: Completion) -> str:
    """What was answered, of messages the assistant's words one after another."""
    if isinstance(completion, str):
        return completion
    return "\n".join(str(message.get("content") or "") for message in completion)


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
    if given is None:
        return False
    ours, theirs = _number(given), _number(wanted)
    if ours is not None and theirs is not None:
        return ours == theirs
    return _SPACING.sub("", given) == _SPACING.sub("", wanted)


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


def _form(answer: str) -> float:
    opened, closed = answer.count("<think>"), answer.count("</think>")
    thought = (opened, closed) == (0, 0) or ((opened, closed) == (1, 1) and answer.lstrip().startswith("<think>"))
    return 0.5 * thought + 0.5 * (answer.rpartition("</think>")[2].count(BOX) == 1 and boxed(answer) is not None)


def _passes(answer: str, tests: str) -> bool:
    """Whether the tests came to their end: a program that leaves before them, with whatever status, hasn't passed."""
    programs = _FENCE.findall(answer.rpartition("</think>")[2])
    mark = secrets.token_hex(16)
    return bool(programs) and sandbox.run(f"{programs[-1]}\n{tests}\nprint({mark!r})\n").printed.rstrip().endswith(mark)
