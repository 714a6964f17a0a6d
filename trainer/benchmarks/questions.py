"""Items of benchmarks as questions: what is asked, and by what an answer is judged. A kind is known by its items' keys.

| kind | keys, as the benchmark's authors publish them | benchmarks |
|---|---|---|
| completion | `prompt`, `test`, `entry_point` | HumanEval |
| program | `text` or `prompt`, `test_list`, (`test_setup_code`, `test_imports`) | MBPP |
| choice | `Question`, `Correct Answer`, `Incorrect Answer 1` to `3` | GPQA |
| formula | `question` or `problem`, `answer` or `solution` (after `####`, in `\\boxed{}`, or whole) | GSM8K, MATH, AIME |
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from winnow.stages.decontaminate.items import identified
from winnow.stages.decontaminate.settings import Benchmark
from winnow.stages.generate.finals import boxed
from winnow.stages.handoff.labels import asking
from winnow.trainer.config import TrainingError

LETTERS = "ABCD"
WRONG = ("Incorrect Answer 1", "Incorrect Answer 2", "Incorrect Answer 3")
FENCED = "\n\nAnswer with one Python program between ```python and ```."


class Kind(StrEnum):
    """How an answer is judged."""

    COMPLETION = "completion"
    """Python that goes on where the question ends, by tests."""
    PROGRAM = "program"
    """Python, by tests."""
    CHOICE = "choice"
    """A letter."""
    FORMULA = "formula"
    """A number or a formula."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """`asked` in plain text, which a model goes on with, and `told`, of a conversation; the right answer or the tests."""

    benchmark: str
    item: str
    kind: Kind
    asked: str
    told: str
    answer: str = ""
    tests: str = ""
    stops: tuple[str, ...] = ()
    """Where an answer to `asked` ends."""


def questions(benchmark: Benchmark) -> Iterator[Question]:
    """The questions of a file. Raises `TrainingError` naming file, line and keys of an item of no kind."""
    for number, item, keys in identified(benchmark):
        where = f"{benchmark.path}, line {number + 1}"
        named = {"benchmark": benchmark.name, "item": item}
        if {"prompt", "test", "entry_point"} <= keys.keys():
            yield _completion(keys, named)
        elif "test_list" in keys:
            yield _program(keys, named)
        elif "Correct Answer" in keys:
            yield _choice(keys, named, where)
        else:
            yield _formula(keys, named, where)


def _completion(keys: Mapping[str, Any], named: Mapping[str, str]) -> Question:
    return Question(
        **named,
        kind=Kind.COMPLETION,
        asked=keys["prompt"],
        told=f"Complete this program.\n\n```python\n{keys['prompt'].rstrip()}\n```{FENCED}",
        tests=f"{keys['test']}\ncheck({keys['entry_point']})",
        stops=("\nclass", "\ndef", "\n#", "\nif", "\nprint", "\n```"),
    )


def _program(keys: Mapping[str, Any], named: Mapping[str, str]) -> Question:
    setup = str(keys.get("test_setup_code") or "\n".join(_texts(keys.get("test_imports"))))
    tests = _texts(keys["test_list"])
    told = f"{str(keys.get('text') or keys.get('prompt')).strip()}\n\nThese tests must pass:\n" + "\n".join(tests)
    return Question(
        **named,
        kind=Kind.PROGRAM,
        asked=f'"""\n{told}\n"""\n',
        told=told + FENCED,
        tests="\n".join(part for part in (setup, *tests) if part),
        stops=('\n"""', "\nassert", "\nprint", "\n#", "\n```"),
    )


def _choice(keys: Mapping[str, Any], named: Mapping[str, str], where: str) -> Question:
    right = str(keys["Correct Answer"]).strip()
    missing = [key for key in ("Question", *WRONG) if not keys.get(key)]
    if missing:
        raise TrainingError(f"{where}: no {' and no '.join(missing)}")
    given = [right, *(str(keys[key]).strip() for key in WRONG)]
    shown = sorted(given, key=lambda text: hashlib.sha256(f"{named['item']}\0{text}".encode()).digest())
    lines = "\n".join(f"({letter}) {text}" for letter, text in zip(LETTERS, shown, strict=True))
    question = f"{str(keys['Question']).strip()}\n{lines}"
    return Question(
        **named,
        kind=Kind.CHOICE,
        asked=f"{question}\nAnswer: (",
        told=asking(f"{question}\n\nAnswer with one letter."),
        answer=LETTERS[shown.index(right)],
        stops=("\n",),
    )


def _formula(keys: Mapping[str, Any], named: Mapping[str, str], where: str) -> Question:
    asked = next((str(keys[key]) for key in ("problem", "question", "Problem", "Question") if keys.get(key)), None)
    given = next(
        (str(keys[key]) for key in ("answer", "Answer", "solution", "Solution") if keys.get(key) is not None), None
    )
    if asked is None or given is None:
        raise TrainingError(f"{where}: keys {', '.join(keys)} are of no benchmark that can be graded: see `--help`")
    final = boxed(given)
    return Question(
        **named,
        kind=Kind.FORMULA,
        asked=f"Question: {asked.strip()}\nAnswer:",
        told=asking(asked.strip()),
        answer=(given.rpartition("####")[2] if final is None else final).strip(),
        stops=("\nQuestion:",),
    )


def _texts(value: Any) -> Sequence[str]:
    """A list of texts, or the lines of one."""
    return [] if value is None else value.splitlines() if isinstance(value, str) else [str(each) for each in value]
