"""Whether an answer is right: the same number or formula, the right letter, or a program that passes in the sandbox."""

from __future__ import annotations

import re

from winnow.stages.generate.finals import boxed, equal
from winnow.trainer.alignment.trial import passes
from winnow.trainer.alignment.verifiers import programs
from winnow.trainer.benchmarks.questions import Kind, Question

_MARKED = re.compile(r"(?:####|[Aa]nswer is:?|[Aa]nswer:)\s*(\S[^\n]*)")
_NUMBER = re.compile(r"[-+]?(?:\d[\d,]*(?:\.\d+)?|\.\d+)(?:/\d+)?%?")
_LETTER = re.compile(r"\(?([A-D])(?:[).:,]|\s*$)", re.MULTILINE)


def right(question: Question, answer: str) -> bool:
    """Whether an answer to `asked` or `told` is right. Raises `NoSandbox` where programs can't be run."""
    said = answer.rpartition("</think>")[2]
    match question.kind:
        case Kind.FORMULA:
            return any(equal(found, question.answer) for found in _finals(_up_to(said, question.stops)))
        case Kind.CHOICE:
            letter = _LETTER.match((boxed(said) or (_MARKED.findall(said) or [said])[-1]).strip())
            return letter is not None and letter[1] == question.answer
        case _:
            return passes(_program(question, said), question.tests)


def _finals(said: str) -> list[str]:
    """The final answer, in the first of these ways that was used: a box, after a mark, the last number."""
    box = boxed(said)
    if box is not None:
        return [box]
    marked = _MARKED.findall(said)
    if marked:
        whole = marked[-1].strip().rstrip(".").removeprefix("$").removesuffix("$")
        return [whole, *(number for number in _NUMBER.findall(whole)[:1])]
    return _NUMBER.findall(said)[-1:]


def _program(question: Question, said: str) -> str:
    """The last program between fences; else what was said, up to where it stops being one, behind what was asked."""
    fenced = programs(said)
    said = fenced[-1] if fenced else _up_to(said, question.stops)
    if question.kind is Kind.PROGRAM:
        return said
    name = question.tests.rpartition("check(")[2].rstrip(")")
    whole = re.search(rf"^def {re.escape(name)}\b", said, re.MULTILINE)
    return f"{question.asked}\n{said}" if fenced and whole else said if whole else question.asked + said


def _up_to(said: str, stops: tuple[str, ...]) -> str:
    return said[: min((place for stop in stops if (place := said.find(stop)) >= 0), default=len(said))]
