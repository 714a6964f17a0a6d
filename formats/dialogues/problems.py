"""Problems with their solutions: in words, with an answer to check against, and formally, in Lean."""

from __future__ import annotations

import re
from typing import NamedTuple

from winnow.formats.dialogues.dialogue import Conversation, check
from winnow.formats.markup.markdown import Block, render

CALCULATOR = re.compile(r"<<[^<>]*>>")  # GSM8K's calculator notes, which no reader writes
FINAL = re.compile(r"\n?#### *+([^\n]++)")
BOXED = re.compile(r"\\boxed\s*\{")
BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
NO_ANSWER = frozenset({"proof", "notfound", "unknown"})  # NuminaMath, where there is nothing to compare
DECLARATION = re.compile(r"^(?:import|open|theorem|lemma|example|def|noncomputable|private|@\[)", re.MULTILINE)
OPEN_END = re.compile(r"(?<!\s)\s*+\bsorry\s*+\Z")
SORRY = re.compile(r"\bsorry\b")
CHINESE = re.compile(r"[\u4e00-\u9fff]")


class Problem(NamedTuple):
    """A problem as text; as a conversation, where somebody answers; and whether a formal proof is in it."""

    text: str
    conversation: Conversation | None
    proven: bool


def problem(
    asked: str,
    solution: str | None = None,
    answer: str | None = None,
    statement: str | None = None,
    proof: str | None = None,
) -> Problem:
    """The problem, what is said of it in words, then the Lean; a formal statement without proof answers nothing.

    The answer, where it stands apart or is marked in the solution (`####`, `\\boxed`), is the label to check against.
    Raises `Misfit`.
    """
    words, label = _worked(asked, solution, answer)
    lean = _lean(statement, proof)
    proven = bool(lean) and not SORRY.search(lean)
    block = render(Block(lean, "lean")) if lean else ""
    answered = "\n\n".join(filter(None, (words, block if proven else "")))
    messages = [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}]
    return Problem(
        text="\n\n".join(filter(None, (asked, words, block))),
        conversation=check(messages, label=label) if answered or not block else None,
        proven=proven,
    )


def _worked(asked: str, solution: str | None, answer: str | None) -> tuple[str, str | None]:
    """The solution in words, which ends in the answer, and the answer where it is known by itself."""
    if answer and answer.strip().lower() in NO_ANSWER:
        answer = None
    if solution is None:
        solution, answer = answer or "", None
    solution = CALCULATOR.sub("", solution)
    if answer is None:
        solution = solution.rstrip()
        if final := FINAL.search(solution, max(solution.rfind("\n"), 0)):  # in the last line alone
            answer, solution = final[1], solution[: final.start()]
    words = solution.strip()
    answer = answer or _boxed(words)
    if answer and answer not in words:
        words = f"{words}\n\n{'答案：' if CHINESE.search(asked) else 'Answer: '}{answer}"
    return words.strip(), answer


def _boxed(words: str) -> str | None:
    """What stands in the last `\\boxed{…}`."""
    boxes = list(BOXED.finditer(words))
    depth = 1
    for sign in BRACE.finditer(words, boxes[-1].end()) if boxes else ():
        depth += (sign[0] == "{") - (sign[0] == "}")
        if depth == 0:
            return words[boxes[-1].end() : sign.start()].strip() or None
    return None


def _lean(statement: str | None, proof: str | None) -> str:
    """Statement and proof as one text: the proof alone where it says the statement again."""
    if statement is None or proof is None:
        return (proof or statement or "").strip()
    if DECLARATION.search(proof):
        return proof.strip()
    goal, steps = OPEN_END.sub("", statement).strip(), proof.strip("\n").rstrip()
    return f"{goal}\n{steps}"
