"""Rewards that need no model: is the mathematics right, does the code pass, does the answer keep to the form?

Each takes answers as TRL hands them over (messages or text) with the columns of their prompts, and gives one number from 0
to 1 for each answer, or None where it can't judge that prompt. They are logged apart, under their names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from winnow.stages.generate.finals import BOX, boxed, equal
from winnow.trainer.alignment.trial import passes

Completion = str | Sequence[Mapping[str, Any]]
_FENCE = re.compile(r"```(?:python|py)?\n(.*?)```", re.DOTALL)


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
    """1 for an answer whose last fenced program passes the prompt's `tests` (Python) in the sandbox."""
    asked = tests if tests is not None else [None] * len(completions)
    return [
        None if test is None else float(_last_passes(text_of(answer), test))
        for answer, test in zip(completions, asked, strict=True)
    ]


def text_of(completion: Completion) -> str:
    """What was answered, of messages the assistant's words one after another."""
    if isinstance(completion, str):
        return completion
    return "\n".join(str(message.get("content") or "") for message in completion)


def _form(answer: str) -> float:
    opened, closed = answer.count("<think>"), answer.count("</think>")
    thought = (opened, closed) == (0, 0) or ((opened, closed) == (1, 1) and answer.lstrip().startswith("<think>"))
    return 0.5 * thought + 0.5 * (answer.rpartition("</think>")[2].count(BOX) == 1 and boxed(answer) is not None)


def programs(answer: str) -> list[str]:
    """The programs that stand between fences, after the thinking."""
    return _FENCE.findall(answer.rpartition("</think>")[2])


def _last_passes(answer: str, tests: str) -> bool:
    found = programs(answer)
    return bool(found) and passes(found[-1], tests)
