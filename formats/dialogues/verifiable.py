"""Prompts whose answer can be checked, from examples printed in documentation: what does this code print?

An example is taken only when its answer is a Python literal and every name in it is bound by the lines before it, an
import or the language itself, and nothing is read from outside, so that the answer follows from what is shown.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from winnow import python_syntax
from winnow.formats.dialogues.dialogue import Conversation, check
from winnow.formats.dialogues.implementations import parse_module
from winnow.formats.dialogues.questions import pick
from winnow.formats.dialogues.sessions import Step

BUILTINS = frozenset(dir(builtins))
ANSWER_CHARACTERS = 200
NOTED = re.compile(r"(?:^|  )#", re.MULTILINE)  # a remark beside the output, which nobody would print
OUTSIDE = re.compile(r"open\(|https?://|[\"'](?:/|[A-Z]:\\\\)|random|today|now\(|urlopen|requests\.|\bpath\b|generate")
CONTEXT_CHARACTERS = 2000
ASK = {
    "en": "What does the last line of this session print? Answer with the output alone.\n\n```python\n{code}\n```",
    "zh": "下面这段 Python 会话的最后一行会输出什么？只回答输出内容。\n\n```python\n{code}\n```",
}


@dataclass(frozen=True)
class Puzzle:
    """Code, what its last line prints, and the type of that value: the kind within which answers can be confused."""

    code: str
    answer: str
    kind: str


class Placed(NamedTuple):
    """A puzzle with the place it was found in and the language of that page."""

    place: str
    language: str
    puzzle: Puzzle


def puzzles(examples: Sequence[Step]) -> Iterator[Puzzle]:
    """The examples of one session (a statement each) that can be answered from what is shown."""
    bound: set[str] = set()
    shown: list[str] = []
    for example in examples:
        tree = parse_module(example.code)
        if tree is None:
            return
        free = _loaded(tree) - bound - BUILTINS
        kind = _literal_kind(example.output)
        code = "\n".join([*shown, example.code])
        if (
            kind
            and not free
            and bound
            and len(code) <= CONTEXT_CHARACTERS
            and not _is_literal(tree)
            and not OUTSIDE.search(code)
        ):
            yield Puzzle(code, example.output, kind)
        if not free:
            bound |= _stored(tree)
            if not example.output:
                shown.append(example.code)


def puzzle_talks(found: Sequence[Placed]) -> Iterator[tuple[str, str, str, Conversation]]:
    """`(place, form, language, conversation)`: each puzzle as a prompt with its label and, where another puzzle has an
    answer of its kind, as a preference of the right answer to that one."""
    answers: dict[str, set[str]] = {}
    for placed in found:
        answers.setdefault(placed.puzzle.kind, set()).add(placed.puzzle.answer)
    choices = {kind: sorted(values) for kind, values in answers.items()}
    for place, language, puzzle in found:
        asked = {"role": "user", "content": ASK[language].format(code=puzzle.code)}
        yield f"{place}.prompt", "prompts", language, check([asked], label=puzzle.answer)
        others = choices[puzzle.kind]
        if len(others) > 1:
            wrong = pick(others, place)
            wrong = wrong if wrong != puzzle.answer else others[others.index(wrong) - 1]
            messages = [asked, {"role": "assistant", "content": puzzle.answer}]
            rejected = [{"role": "assistant", "content": wrong}]
            scores = {"chosen": 1.0, "rejected": 0.0}
            yield f"{place}.preference", "preferences", language, check(messages, rejected=rejected, scores=scores)


def _loaded(tree: ast.AST) -> set[str]:
    own = {argument.arg for argument in ast.walk(tree) if isinstance(argument, ast.arg)}
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    return names - own - _stored(tree)


def _stored(tree: ast.AST) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
    return found


def _literal_kind(answer: str) -> str | None:
    if not answer or len(answer) > ANSWER_CHARACTERS or "..." in answer or NOTED.search(answer):
        return None
    try:
        return type(python_syntax.literal(answer)).__name__
    except ValueError:
        return None


def _is_literal(tree: ast.Module) -> bool:
    """Whether the statement is a bare value, whose echo would be no question."""
    statement = tree.body[0] if tree.body else None
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant | ast.Name)
