"""Conversations written down as one text, each turn begun by the speaker's name and a colon."""

from __future__ import annotations

import re

from stages.dialogues.turns import Message, message
from stages.dialogues.values import Misfit

ROLES = {"human": "user", "user": "user", "assistant": "assistant", "system": "system", "function response": "tool"}
SPEAKER = re.compile(
    r"(?:\A\s*|(?<=\n\n))(Human|User|Assistant|System):|(?:\A\s*|(?<=\n))(HUMAN|USER|ASSISTANT|SYSTEM|FUNCTION RESPONSE):"
)
ENDS = ("<|endoftext|>", "</s>")


def is_transcript(text: str) -> bool:
    """Whether the text begins with a speaker: `Human: …` as people write it, a blank line before each, or `USER: …`."""
    return SPEAKER.match(text) is not None


def transcript(text: str, here: str) -> list[Message]:
    """The turns of a transcript; a last one in which nothing is said yet isn't one. Raises `Misfit`."""
    speakers = list(SPEAKER.finditer(text))
    if not speakers or speakers[0].start():
        raise Misfit(here, "begins with no speaker")
    ends = [*(following.start() for following in speakers[1:]), len(text)]
    messages = []
    for number, (found, end) in enumerate(zip(speakers, ends, strict=True)):
        said = text[found.end() : end].strip()
        for mark in ENDS:
            said = said.removesuffix(mark).rstrip()
        messages.append(message(ROLES[(found[1] or found[2]).lower()], said, f"{here}, turn {number}"))
    return messages if messages[-1]["content"] else messages[:-1]
