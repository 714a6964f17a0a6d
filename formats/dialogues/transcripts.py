"""Conversations written down as one text, each turn begun by the speaker's name and a colon."""

from __future__ import annotations

import re

from winnow.formats.dialogues.json_values import Misfit
from winnow.formats.dialogues.turns import Message, message

ROLES = {"human": "user", "user": "user", "assistant": "assistant", "system": "system", "function response": "tool"}
SPEAKERS = (  # from the surest way of writing to the least: what begins a turn in one is an answer's own line in another
    re.compile(r"(?:\A\s*|(?<=\n\n))(Human|User|Assistant|System):"),
    re.compile(r"(?:\A\s*|(?<=\n))[ \t]?(HUMAN|USER|ASSISTANT|SYSTEM|FUNCTION RESPONSE):"),
    re.compile(r"(?:\A\s*|(?<=\n))[ \t]?(Human|User|Assistant|System):"),
)
ENDS = ("<|endoftext|>", "</s>")


def is_transcript(text: str) -> bool:
    """Whether the text begins with a speaker and has another."""
    return len(_speakers(text)) > 1


def transcript(text: str, here: str) -> list[Message]:
    """The turns of a transcript; a last one in which nothing is said yet isn't one. Raises `Misfit`."""
    speakers = _speakers(text)
    if not speakers:
        raise Misfit(here, "begins with no speaker")
    ends = [*(following.start() for following in speakers[1:]), len(text)]
    messages = []
    for number, (found, end) in enumerate(zip(speakers, ends, strict=True)):
        said = text[found.end() : end].strip()
        for mark in ENDS:
            said = said.removesuffix(mark).rstrip()
        messages.append(message(ROLES[found[1].lower()], said, f"{here}, turn {number}"))
    return messages if messages[-1]["content"] else messages[:-1]


def _speakers(text: str) -> list[re.Match[str]]:
    """Where somebody begins to speak, in the first of the ways that tells more than one turn."""
    found: list[re.Match[str]] = []
    for pattern in SPEAKERS:
        if pattern.match(text) and len(found) < 2:
            found = list(pattern.finditer(text))
    return found
