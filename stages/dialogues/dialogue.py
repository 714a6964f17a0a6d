"""The one schema of conversations: messages, tools, and what a preference adds.

A message is an object with `role` (`system`, `user`, `assistant`, `tool`) and `content` (a string); an assistant's may
have `reasoning` (a string) and `tool_calls`, a list of `{"id"?, "name", "arguments"}` with arguments an object; a
tool's may have `tool_call_id`. A tool is `{"name", "description", "parameters"}`, parameters a JSON schema. The column
`messages` of a document holds `{"messages": […], "tools": […]}` and, for preferences, `"rejected"`: the messages that
would stand in place of the last turn, and `"scores"`; for prompts whose answer can be checked, `"label"`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

ROLES = ("system", "user", "assistant", "tool")
SPEAKERS = {"system": "System", "user": "User", "assistant": "Assistant", "tool": "Tool"}
SURROGATE = re.compile("[\ud800-\udfff]")


class Misfit(Exception):
    """A record that is no conversation: the path of the field, and what is wrong with it."""

    def __init__(self, field: str, found: str) -> None:
        super().__init__(f"{field}: {found}")


@dataclass(frozen=True, kw_only=True)
class Conversation:
    """Checked messages with the tools they may call; build it with `check`."""

    messages: Sequence[Mapping[str, Any]]
    tools: Sequence[Mapping[str, Any]] = ()
    rejected: Sequence[Mapping[str, Any]] = ()
    scores: Mapping[str, float] = field(default_factory=dict)
    label: str | None = None

    def json(self) -> str:
        """The value of the column `messages`: compact, keys in a fixed order."""
        value: dict[str, Any] = {"messages": list(self.messages), "tools": list(self.tools)}
        if self.rejected:
            value["rejected"] = list(self.rejected)
        if self.scores:
            value["scores"] = dict(sorted(self.scores.items()))
        if self.label is not None:
            value["label"] = self.label
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def text(self) -> str:
        """A readable rendering, for filters and de-duplication; tools and rejected answers aren't part of it."""
        return "\n\n".join(_render(message) for message in self.messages)


def check(
    messages: Any,
    tools: Any = None,
    *,
    rejected: Any = None,
    scores: Mapping[str, float] | None = None,
    label: str | None = None,
) -> Conversation:
    """Brings messages in OpenAI's form to the schema. Raises `Misfit` with the path of the first field that doesn't.

    Arguments given as JSON text are parsed, content given as text parts is joined, `function_call` and the role
    `function` of the older form are understood. Calls must name a tool where tools are declared; a tool's message must
    follow a call.
    """
    declared = [
        _tool(tool, f"tools[{place}]") for place, tool in enumerate(_sequence(_parsed(tools, "tools"), "tools"))
    ]
    names = {tool["name"] for tool in declared}
    fitted = _messages(messages, "messages", names)
    if not fitted:
        raise Misfit("messages", "empty")
    if not any(message["role"] == "user" for message in fitted):
        raise Misfit("messages", "nobody asks: no user message")
    other = _messages(rejected, "rejected", names, after=fitted) if rejected is not None else []
    return Conversation(messages=fitted, tools=declared, rejected=other, scores=scores or {}, label=label)


def _messages(value: Any, path: str, names: set[str], after: Sequence[Mapping[str, Any]] = ()) -> list[dict[str, Any]]:
    fitted: list[dict[str, Any]] = []
    open_calls: list[str | None] = []
    for place, raw in enumerate(_sequence(_parsed(value, path), path)):
        here = f"{path}[{place}]"
        if not isinstance(raw, Mapping):
            raise Misfit(here, f"{type(raw).__name__}, not an object")
        role = "tool" if raw.get("role") == "function" else raw.get("role")
        if role not in ROLES:
            raise Misfit(f"{here}.role", repr(raw.get("role")))
        if role == "system" and any(message["role"] != "system" for message in fitted):
            raise Misfit(f"{here}.role", "system after the conversation has begun")
        message: dict[str, Any] = {"role": role, "content": _content(raw.get("content"), f"{here}.content")}
        if role == "assistant":
            open_calls = _assistant(message, raw, here, names)
        elif role == "tool":
            if not open_calls and not after:
                raise Misfit(f"{here}.role", "tool, but no call is open")
            if (identity := raw.get("tool_call_id")) is not None:
                if any(open_calls) and identity not in open_calls:
                    raise Misfit(f"{here}.tool_call_id", f"{identity!r} answers no call")
                message["tool_call_id"] = str(identity)
        elif not message["content"].strip():
            raise Misfit(f"{here}.content", "empty")
        fitted.append(message)
    return fitted


def _assistant(message: dict[str, Any], raw: Mapping[str, Any], here: str, names: set[str]) -> list[str | None]:
    """Adds reasoning and calls to an assistant's message; returns the ids of the calls."""
    reasoning = raw.get("reasoning", raw.get("reasoning_content"))
    if reasoning:
        message["reasoning"] = _content(reasoning, f"{here}.reasoning")
    calls = raw.get("tool_calls")
    if calls is None and raw.get("function_call"):
        calls = [raw["function_call"]]
    fitted = [_call(call, f"{here}.tool_calls[{place}]", names) for place, call in enumerate(_sequence(calls, here))]
    if fitted:
        message["tool_calls"] = fitted
    elif not message["content"].strip():
        raise Misfit(f"{here}.content", "empty")
    return [call.get("id") for call in fitted]


def _call(call: Any, here: str, names: set[str]) -> dict[str, Any]:
    if not isinstance(call, Mapping):
        raise Misfit(here, f"{type(call).__name__}, not an object")
    function = call.get("function", call)
    if not isinstance(function, Mapping):
        raise Misfit(f"{here}.function", f"{type(function).__name__}, not an object")
    name = function.get("name")
    if not isinstance(name, str) or not name:
        raise Misfit(f"{here}.name", repr(name))
    if names and name not in names:
        raise Misfit(f"{here}.name", f"{name!r} is no declared tool")
    arguments = _parsed(function.get("arguments", {}), f"{here}.arguments")
    if not isinstance(arguments, Mapping):
        raise Misfit(f"{here}.arguments", f"{type(arguments).__name__}, not an object")
    fitted: dict[str, Any] = {"name": name, "arguments": dict(arguments)}
    return {"id": str(call["id"]), **fitted} if call.get("id") is not None else fitted


def _tool(tool: Any, here: str) -> dict[str, Any]:
    function = tool.get("function", tool) if isinstance(tool, Mapping) else tool
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise Misfit(f"{here}.name", "missing")
    parameters = function.get("parameters")
    if not isinstance(parameters, Mapping):
        parameters = {"type": "object", "properties": {}}
    return {
        "name": function["name"],
        "description": str(function.get("description") or ""),
        "parameters": dict(parameters),
    }


def _content(value: Any, here: str) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        if not all(isinstance(part, Mapping) and isinstance(part.get("text"), str) for part in value):
            raise Misfit(here, "has parts that aren't text")
        value = "".join(part["text"] for part in value)
    if not isinstance(value, str):
        raise Misfit(here, f"{type(value).__name__}, not a string")
    if SURROGATE.search(value):
        raise Misfit(here, "invalid Unicode")
    return value


def _parsed(value: Any, here: str) -> Any:
    """A value, or what its JSON text says: data sets store lists and arguments either way."""
    if not isinstance(value, str):
        return value
    if not value.strip():
        return {} if here.endswith("arguments") else []
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise Misfit(here, f"not JSON: {error}") from error


def _sequence(value: Any, here: str) -> Sequence[Any]:
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        raise Misfit(here, f"{type(value).__name__}, not a list")
    return value


def _render(message: Mapping[str, Any]) -> str:
    parts = [message.get("reasoning", ""), message["content"]]
    parts += [f"{call['name']}({_arguments(call['arguments'])})" for call in message.get("tool_calls", ())]
    return f"{SPEAKERS[message['role']]}: " + "\n".join(part for part in parts if part)


def _arguments(arguments: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in arguments.items())
