"""Thoughts: what an assistant thinks, told apart from what it says where both stand in one text between `<think>` tags."""

from __future__ import annotations

import re

from winnow.formats.dialogues.json_values import Misfit

OPENING, CLOSING = "<think>", "</think>"
_LEADING = re.compile(r"\s*<think>(.*?)</think>\s*", re.DOTALL)
_CODE = re.compile(
    r"(`{3,}|~{3,}).*?(?:\1|\Z)|(`+)[^\n]+?\2", re.DOTALL
)  # fenced blocks and spans: there a tag is a word


def told_apart(content: str, reasoning: str, said: str) -> tuple[str, str]:
    """The reasoning and the content of an assistant's message; `reasoning` is what a field of its own gave.

    Thoughts that open the answer are its reasoning. So is what stands before a closing tag that nothing opened: models
    whose prompt ends with the opening tag write so. Raises `Misfit`, with `said` as the path, for a thought that is
    never closed, begins after the answer, or stands beside another in its own field. Tags inside code are words.
    """
    if OPENING not in content and CLOSING not in content:
        return reasoning, content
    thoughts = []
    while leading := _LEADING.match(content):
        thoughts.append(leading[1].strip())
        content = content[leading.end() :]
    outside = _CODE.sub(lambda code: " " * len(code[0]), content)
    if outside.count(CLOSING) == 1 and OPENING not in outside and not thoughts:
        end = outside.index(CLOSING)
        thoughts.append(content[:end].strip())
        content, outside = content[end + len(CLOSING) :].lstrip(), outside[end + len(CLOSING) :]
    if outside.count(OPENING) > outside.count(CLOSING):
        raise Misfit(said, f"{OPENING} is never closed")
    if CLOSING in outside and OPENING not in outside:
        raise Misfit(said, f"{CLOSING} closes nothing")
    if OPENING in outside:
        raise Misfit(said, f"{OPENING} after the answer has begun")
    thought = "\n\n".join(filter(None, thoughts))
    if reasoning and thought and thought != reasoning.strip():
        raise Misfit(said, f"{OPENING} beside a reasoning in its own field")
    return reasoning or thought, content
