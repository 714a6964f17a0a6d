"""Turns in the forms in which they are published, as OpenAI's messages: whose word it is, what is said, what is called.

A turn is an object (`role` and `content`, `from` and `value`, `role` and `text` …), one of a list of texts in which two
take turns, or a question with its answer. Whatever else an object holds goes on to `dialogue.check`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from winnow.formats.dialogues.calls import answered, spoken_calls
from winnow.formats.dialogues.dialogue import SAID, WHERE
from winnow.formats.dialogues.json_values import LISTS, OBJECTS, Misfit, named, parsed, sequence

ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "prompter": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bing": "assistant",
    "bard": "assistant",
    "bot": "assistant",
    "ai": "assistant",
    "model": "assistant",
    "tool": "tool",
    "function": "tool",
    "observation": "tool",
    "function_response": "tool",
    "tool_response": "tool",
    "ipython": "tool",
    "function_call": "call",
    "tool_call": "call",
}
SAYINGS = ("content", "value", "text", "system_prompt")
PAIRS = (("human", "assistant"), ("user", "assistant"), ("input", "output"), ("prompt", "response"))
SYSTEMS = ("system", "system_prompt", "system_message")

STOPS = ("###STOP###", "###TRANSFER###", "###OUT-OF-SCOPE###")  # τ-bench's

Message = dict[str, Any]


def conversation(record: Mapping[str, Any], field: str) -> list[Message]:
    """The messages of a field, below the system prompt that the record keeps apart, calls that stand in words made
    calls.
    """
    return with_system(record, spoken_calls(ended(turns(record.get(field), field))))


def ended(messages: list[Message]) -> list[Message]:
    """The messages without a last word of the user's that only ends the talk, as simulated users are told to say it.

    So the end of an agent's trace is told from an answer that is missing.
    """
    last = messages[-1] if messages else {}
    said = last.get("content")
    if last.get("role") == "user" and isinstance(said, str) and said.rstrip().endswith(STOPS):
        return messages[:-1]
    return messages


def turns(value: Any, here: str) -> list[Message]:
    """A list of turns, or its JSON text, as messages. Raises `Misfit` naming the turn."""
    listed = sequence(value, here)
    if listed and all(isinstance(given, str) for given in listed):
        return [message(("user", "assistant")[at % 2], text, f"{here}[{at}]") for at, text in enumerate(listed)]
    return [made for at, given in enumerate(listed) for made in turn(given, f"{here}[{at}]")]


def message(role: str, content: Any, where: str) -> Message:
    """A message that is a field of its own, and is named by it."""
    return {"role": role, "content": content, WHERE: where, SAID: where}


def with_system(record: Mapping[str, Any], messages: list[Message]) -> list[Message]:
    """The messages below the system prompt in a column of its own, where they don't begin with that very prompt."""
    for name in SYSTEMS:
        given = record.get(name)
        if isinstance(given, str) and given.strip():
            first = messages[0] if messages else {}
            same = first.get("role") == "system" and first.get("content") == given
            return messages if same else [message("system", given, name), *messages]
    return messages


def turn(given: Any, here: str) -> list[Message]:
    """One turn as its messages: two for a question with its answer, several for a tool that answers several calls."""
    if not isinstance(given, OBJECTS):
        if not isinstance(given, LISTS) or len(given) != 2:
            raise Misfit(here, f"{type(given).__name__}, not a turn")
        given = dict(zip(PAIRS[0], given, strict=True))
    speaks = "role" if given.get("from") is None else "from"
    speaker = given.get(speaks)
    if speaker is None:
        return _pair(given, here)
    role = (ROLES.get(speaker) or ROLES.get(speaker.strip().lower())) if isinstance(speaker, str) else None
    if role is None:
        raise Misfit(f"{here}.{speaks}", repr(speaker))
    said = named(given, SAYINGS)
    made = {**given, "role": role, "content": given.get(said), WHERE: here, SAID: f"{here}.{said}"}
    if role == "call":
        calls = parsed(given.get(said), f"{here}.{said}")
        made |= {"role": "assistant", "content": None, "tool_calls": calls if isinstance(calls, list) else [calls]}
    return answered(made) if role in ("tool", "user") else [made]


def _pair(given: Mapping[str, Any], here: str) -> list[Message]:
    for asked, answer in PAIRS:
        if asked in given and answer in given:
            return [
                message(role, given[name], f"{here}.{name}") for role, name in (("user", asked), ("assistant", answer))
            ]
    raise Misfit(here, "has no `from` and no `role`")
