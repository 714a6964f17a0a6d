"""The one schema of conversations: messages, tools, and what a preference adds.

A message is an object with `role` (`system`, `user`, `assistant`, `tool`) and `content` (a string); an assistant's may
have `reasoning` (a string), `tool_calls`, a list of `{"id"?, "name", "arguments"}` with arguments an object, and
`"train": false` where it isn't to be learned; a tool's may have `tool_call_id`; anyone's a `name`. A tool is `{"name",
"description", "parameters", …}`, parameters a JSON schema. The column `messages` of a document holds `{"messages": […],
"tools": […]}` and, for preferences, `"rejected"`: the messages that would stand in place of the last turn, and
`"scores"`; for prompts whose answer can be checked, `"label"`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from winnow.formats.dialogues.json_values import OBJECTS, Misfit, named, parsed, sequence, sound, unicode_text
from winnow.formats.dialogues.thoughts import told_apart

__all__ = ["Conversation", "Misfit", "check"]

ROLES = ("system", "user", "assistant", "tool")
SPEAKERS = {"system": "System", "user": "User", "assistant": "Assistant", "tool": "Tool"}
REASONINGS = ("reasoning", "reasoning_content", "thinking")
ARGUMENTS = ("arguments", "parameters", "input")
PARAMETERS = ("parameters", "input_schema")
LEARNED = frozenset({"train", "training", "weight", "loss", "loss_weight", "step_loss_mask"})
CALL_PART = "tool_call"
TEXT_PARTS = (None, "text", "input_text", "output_text")
COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False, check_circular=False)
READABLE = json.JSONEncoder(ensure_ascii=False, check_circular=False)
WHERE, SAID = "(where)", "(said)"
"""What dialects tell of a message beside its fields: its path in the record, and that of its content."""


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
        return COMPACT.encode(value)

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

    Arguments given as JSON text are parsed, content given as text parts is joined, what opens an answer between
    `<think>` tags is its reasoning (`thoughts.py`), `function_call` and the role `function` of the older form are
    understood. Calls must name a tool where tools are declared; a tool's message must follow a call; a preference parts
    at the last turn.
    """
    declared = [_tool(tool, f"tools[{place}]") for place, tool in enumerate(sequence(tools, "tools"))]
    names = {tool["name"] for tool in declared}
    fitted = _messages(messages, "messages", names)
    if not fitted:
        raise Misfit("messages", "empty")
    if not any(message["role"] == "user" for message in fitted):
        raise Misfit("messages", "nobody asks: no user message")
    other = _messages(rejected, "rejected", names) if rejected is not None else []
    for place, message in enumerate(other):
        if message["role"] != "assistant":
            raise Misfit(f"rejected[{place}].role", f"{message['role']}: parts from the chosen before the last turn")
    scores = {name: float(sound(score, f"scores.{name}")) for name, score in (scores or {}).items()}
    label = None if label is None else unicode_text(label, "label")
    return Conversation(messages=fitted, tools=declared, rejected=other, scores=scores, label=label)


def _messages(value: Any, path: str, names: set[str]) -> list[dict[str, Any]]:
    fitted: list[dict[str, Any]] = []
    open_calls: list[str | None] = []
    for place, raw in enumerate(sequence(value, path)):
        here = f"{path}[{place}]"
        if not isinstance(raw, OBJECTS):
            raise Misfit(here, f"{type(raw).__name__}, not an object")
        here = raw.get(WHERE, here)
        role = "tool" if raw.get("role") == "function" else raw.get("role")
        if role not in ROLES:
            raise Misfit(f"{here}.role", repr(raw.get("role")))
        if role == "system" and any(message["role"] != "system" for message in fitted):
            raise Misfit(f"{here}.role", "system after the conversation has begun")
        said = raw.get(SAID, f"{here}.content")
        content, reasoning = _content(raw.get("content"), said, structured=role == "tool")
        message: dict[str, Any] = {"role": role, "content": content}
        if role == "assistant":
            open_calls = _assistant(message, raw, reasoning, here, said, names)
        elif role == "tool":
            if not open_calls:
                raise Misfit(f"{here}.role", "tool, but no call is open")
            if (identity := raw.get("tool_call_id")) is not None:
                if any(open_calls) and str(identity) not in open_calls:
                    raise Misfit(f"{here}.tool_call_id", f"{identity!r} answers no call")
                message["tool_call_id"] = unicode_text(str(identity), f"{here}.tool_call_id")
        elif not content.strip():
            raise Misfit(said, "empty")
        if raw.get("name"):
            message["name"] = unicode_text(raw["name"], f"{here}.name")
        if fitted and fitted[-1]["role"] == "tool" and role != "tool":
            _in_order(fitted, path)
        fitted.append(message)
    _in_order(fitted, path)
    return fitted


def _assistant(
    message: dict[str, Any], raw: Mapping[str, Any], thought: str, here: str, said: str, names: set[str]
) -> list[str | None]:
    """Adds reasoning, calls and whether it is learned to an assistant's message; returns the ids of the calls."""
    given = next((name for name in REASONINGS if raw.get(name)), None)
    reasoning = thought if given is None else _content(raw[given], f"{here}.{given}")[0]
    reasoning, message["content"] = told_apart(message["content"], reasoning, said)
    if reasoning:
        message["reasoning"] = reasoning
    calls = sequence(raw.get("tool_calls"), f"{here}.tool_calls") or _calls_among(raw.get("content"))
    if not calls and raw.get("function_call"):
        calls = [raw["function_call"]]
    fitted = [_call(call, f"{here}.tool_calls[{place}]", names) for place, call in enumerate(calls)]
    if fitted:
        message["tool_calls"] = fitted
    elif not message["content"].strip():
        message["content"], _ = _content(raw.get("refusal"), f"{here}.refusal")
        if not message["content"].strip():
            raise Misfit(said, "empty")
    if not LEARNED.isdisjoint(raw):
        _mark_unlearned(message, raw, here)
    return [call.get("id") for call in fitted]


def _calls_among(content: Any) -> list[Any]:
    """The calls among the parts of a content, as LLaMA-Factory v1 keeps them; their parts say nothing else."""
    parts = content if isinstance(content, list) else ()
    return [part.get("value") for part in parts if isinstance(part, OBJECTS) and part.get("type") == CALL_PART]


def _in_order(fitted: list[dict[str, Any]], path: str) -> None:
    """Puts the results of parallel calls that name their calls into the order of the calls, by which they are rendered.

    Raises `Misfit` where a call has no result but one behind it has: by its place it would be the other's.
    """
    at = len(fitted)
    while at and fitted[at - 1]["role"] == "tool":
        at -= 1
    results, calls = fitted[at:], fitted[at - 1].get("tool_calls", ()) if at else ()
    identities = [call.get("id") for call in calls]
    answered = [result.get("tool_call_id") for result in results]
    if None in identities or None in answered or len({*identities}) < len(calls) or len({*answered}) < len(answered):
        identities, answered = [call["name"] for call in calls], [result.get("name") for result in results]
        if len({*identities}) < len(calls) or len({*answered}) < len(answered):
            return
    if not results or not {*answered} <= {*identities}:
        return
    if {*answered} != {*identities[: len(answered)]}:
        missing = next(place for place, name in enumerate(identities) if name not in answered)
        raise Misfit(f"{path}[{at - 1}].tool_calls[{missing}]", "has no result, but one behind it has")
    fitted[at:] = sorted(results, key=lambda result: identities.index(answered[results.index(result)]))


def _mark_unlearned(message: dict[str, Any], raw: Mapping[str, Any], here: str) -> None:
    for name in LEARNED & raw.keys():
        if raw[name] not in (None, 0, 1):
            raise Misfit(f"{here}.{name}", f"{raw[name]!r}: a turn is learned or it isn't")
        if raw[name] == 0:
            message["train"] = False


def _call(call: Any, here: str, names: set[str]) -> dict[str, Any]:
    call = parsed(call, here)
    if not isinstance(call, OBJECTS):
        raise Misfit(here, f"{type(call).__name__}, not an object")
    function = call.get("function") or call
    if not isinstance(function, OBJECTS):
        raise Misfit(f"{here}.function", f"{type(function).__name__}, not an object")
    name = function.get("name")
    if not isinstance(name, str) or not name:
        raise Misfit(f"{here}.name", repr(name))
    if names and name not in names:
        raise Misfit(f"{here}.name", f"{name!r} is no declared tool")
    given = named(function, ARGUMENTS)
    arguments = parsed(function.get(given), f"{here}.{given}")
    if not (arguments is None or isinstance(arguments, OBJECTS)):
        raise Misfit(f"{here}.{given}", f"{type(arguments).__name__}, not an object")
    fitted: dict[str, Any] = {
        "name": unicode_text(name, f"{here}.name"),
        "arguments": sound(arguments or {}, f"{here}.{given}"),
    }
    identity = call.get("id")
    return fitted if identity is None else {"id": unicode_text(str(identity), f"{here}.id"), **fitted}


def _tool(tool: Any, here: str) -> dict[str, Any]:
    """A tool; fields of other makes (what it returns, whether it is strict) stay beside ours."""
    tool = parsed(tool, here)
    function = (tool.get("function") or tool) if isinstance(tool, OBJECTS) else tool
    if not isinstance(function, OBJECTS) or not isinstance(function.get("name"), str):
        raise Misfit(f"{here}.name", "missing")
    given = named(function, PARAMETERS)
    parameters = parsed(function.get(given), f"{here}.{given}")
    if not (parameters is None or isinstance(parameters, OBJECTS)):
        raise Misfit(f"{here}.{given}", f"{type(parameters).__name__}, not an object")
    ours = ("type", "name", "description", *PARAMETERS)
    beside = {key: value for key, value in function.items() if key not in ours and value is not None}
    fitted = {
        "name": function["name"],
        "description": str(function.get("description") or ""),
        "parameters": dict(parameters) if parameters else {"type": "object", "properties": {}},
        **beside,
    }
    return {name: sound(value, f"{here}.{name}") for name, value in fitted.items()}


def _content(value: Any, here: str, structured: bool = False) -> tuple[str, str]:
    """What a message says and, where its parts tell them apart, what it thinks. A tool may say a `structured` value."""
    if value is None:
        return "", ""
    if isinstance(value, str):
        return unicode_text(value, here), ""
    if structured and not _has_text_parts(value):
        return READABLE.encode(sound(value, here)), ""
    said, thought = [], []
    if isinstance(value, list) and len(value) > 1 and all(isinstance(part, str) for part in value):
        raise Misfit(here, f"{len(value)} texts: which is meant?")
    for place, part in enumerate(value if isinstance(value, list) else [value]):
        at = f"{here}[{place}]" if isinstance(value, list) else here
        if isinstance(part, OBJECTS):
            kind = part.get("type")
            if kind == CALL_PART:
                continue
            if kind in ("thinking", "reasoning"):
                thought.append(unicode_text(part.get(kind, part.get("text", part.get("value"))), at))
                continue
            text = part.get("text", part.get("value"))  # LLaMA-Factory v1 calls it `value`
            if kind not in TEXT_PARTS or not isinstance(text, str):
                raise Misfit(at, f"{kind or 'an object'}, not text")
            part = text
        said.append(unicode_text(part, at))
    return "".join(said), "".join(thought)


def _has_text_parts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(p, OBJECTS) and "type" in p for p in value)


def _render(message: Mapping[str, Any]) -> str:
    parts = [message.get("reasoning"), message["content"]]
    parts += [f"{call['name']}({_arguments(call['arguments'])})" for call in message.get("tool_calls", ())]
    return f"{SPEAKERS[message['role']]}: " + "\n".join(filter(None, parts))


def _arguments(arguments: Mapping[str, Any]) -> str:
    return ", ".join([f"{name}={READABLE.encode(value)}" for name, value in arguments.items()])
