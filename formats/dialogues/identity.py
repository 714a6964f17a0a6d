"""What a conversation teaches, as one text: two that teach the same have the same, and no others.

Every message with its role, who says it, what it thinks, its calls, and whether it is learned; the tools; the rejected
turns; the label. Not the ids of calls, which are drawn anew each time and teach nothing, nor the scores.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

FIELD, RECORD = "\x1f", "\x1e"  # the separators of ASCII: no text that was written has them
_COMPACT = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), check_circular=False)


class Identity(NamedTuple):
    """`asked`: the messages with the tools; `taught`: what is to be learned of them beside (rejected turns, label)."""

    asked: str
    taught: str
    label: str | None


def identity(messages: str) -> Identity:
    """The identity of a conversation as the column `messages` holds it."""
    talk = json.loads(messages)
    if isinstance(talk, list):  # messages alone, as tables of others have them
        talk = {"messages": talk}
    asked = RECORD.join(_message(message) for message in talk.get("messages") or ())
    tools = _COMPACT.encode(talk["tools"]) if talk.get("tools") else ""
    rejected = RECORD.join(_message(message) for message in talk.get("rejected") or ())
    label = talk.get("label")
    return Identity(f"{tools}{RECORD}{asked}", rejected, None if label is None else str(label))


def _message(message: Mapping[str, Any]) -> str:
    return FIELD.join(_fields(message))


def _fields(message: Mapping[str, Any]) -> Iterator[str]:
    yield str(message.get("role"))
    yield str(message.get("name") or "")
    yield str(message.get("reasoning") or "").rstrip()
    yield str(message.get("content") or "").rstrip()
    for call in message.get("tool_calls") or ():
        yield _COMPACT.encode([call.get("name"), call.get("arguments")])
    if message.get("train") is False:
        yield "unlearned"
