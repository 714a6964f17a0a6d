"""Conversations written down as one text, each turn begun by the speaker's name and a colon."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from winnow.formats.dialogues.json_values import Misfit
from winnow.formats.dialogues.turns import Message, message

ROLES = {"human": "user", "user": "user", "assistant": "assistant", "system": "system", "function response": "tool"}
SPEAKERS = (  # from the surest way of writing to the least: what begins a turn in one is an answer's own line in another
    re.compile(r"(?:\A\s*|(?<=\n\n))(Human|User|Assistant|System):"),
    re.compile(r"(?:\A\s*|(?<=\n))[ \t]?(HUMAN|USER|ASSISTANT|SYSTEM|FUNCTION RESPONSE):"),
    re.compile(r"(?:\A\s*|(?<=\n))[ \t]?(Human|User|Assistant|System):"),
)
MOSS_MARKS = re.compile(r"\A\s*<\|[A-Za-z ]+\|>:?|<eo[hmtcr]>\s*\Z")
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


def spoken_turns(turns: Mapping[str, Any], here: str) -> list[Message]:
    """MOSS-003's object: `turn_1`, `turn_2` …, each with what `Human` and `MOSS` say, between marks of their own.

    Raises `Misfit` for a turn without them, and for one in which a tool was used: its commands name no arguments.
    """
    messages = []
    for name in sorted(turns, key=lambda name: int("".join(filter(str.isdigit, name)) or 0)):
        turn = turns[name]
        if not isinstance(turn, Mapping):
            raise Misfit(f"{here}.{name}", f"{type(turn).__name__}, not a turn")
        if (command := _unmarked(turn.get("Commands"))) not in ("", "None"):
            raise Misfit(f"{here}.{name}.Commands", f"a tool is used: {command[:40]}")
        for speaker, role in (("Human", "user"), ("MOSS", "assistant")):
            if not isinstance(turn.get(speaker), str):
                raise Misfit(f"{here}.{name}.{speaker}", "missing")
            messages.append(message(role, _unmarked(turn[speaker]), f"{here}.{name}.{speaker}"))
    return messages


def _unmarked(said: Any) -> str:
    return MOSS_MARKS.sub("", said).strip() if isinstance(said, str) else ""


def _speakers(text: str) -> list[re.Match[str]]:
    """Where somebody begins to speak, in the first of the ways that tells more than one turn."""
    found: list[re.Match[str]] = []
    for pattern in SPEAKERS:
        if pattern.match(text) and len(found) < 2:
            found = list(pattern.finditer(text))
    return found
