"""Calls that stand in what the assistant says, as models were taught before there was a field for them.

- `<tool_call>{"name": …, "arguments": …}</tool_call>`, one or several, or a list in one;
- `<functioncall> {"name": …, "arguments": '{…}'}`;
- `[name(argument=value, …), …]`, the whole answer, in conversations in which a tool speaks.

What can't be read as a call stays what was said. The prompt that asks for that form stays too.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from typing import Any

from winnow import python_syntax

Message = dict[str, Any]

# Each pattern reads on from where it began, never back: answers may be megabytes of anything.
TAGGED = re.compile(
    r"<tool_call>(?P<tool>(?:(?!<tool_call>).)*?)</tool_call>|<functioncall>(?P<function>.*?)(?:</functioncall>|\Z)",
    re.DOTALL,
)
QUOTED = re.compile(r"\A((?>.*?\"arguments\":\s*+(?=')))'(.*)'(\s*+\})\Z", re.DOTALL)
RESPONSE = re.compile(r"<tool_response>((?:(?!<tool_response>).)*?)</tool_response>", re.DOTALL)
NAME = re.compile(r"([^()\[\]=,'\"]+)\(")
WORDS = {"true": True, "false": False, "null": None}  # values as JSON writes them


def spoken_calls(messages: list[Message]) -> list[Message]:
    """The messages with the calls that the assistant put into words, where no message has any of its own."""
    if any(message.get("tool_calls") or message.get("function_call") for message in messages):
        return messages
    with_tools = any(message["role"] == "tool" for message in messages)
    return [
        _with_calls(message, with_tools)
        if message["role"] == "assistant" and isinstance(message["content"], str)
        else message
        for message in messages
    ]


def answered(message: Message) -> list[Message]:
    """What a tool answers, one message for each `<tool_response>`, which some write in the user's name."""
    content = message["content"]
    if not isinstance(content, str) or "<tool_response>" not in content:
        return [message]
    responses = RESPONSE.findall(content)
    if not responses or RESPONSE.sub("", content).strip():
        return [message]
    return [{**message, "role": "tool", "content": response.strip()} for response in responses]


def python_call(text: str) -> dict[str, Any] | None:
    """`cd(folder='x')` as a call; None for what is none, or has arguments without names."""
    calls = _listed_calls(f"[{text}]")
    return calls[0] if calls and len(calls) == 1 else None


def _with_calls(message: Message, with_tools: bool) -> Message:
    content = message["content"].removesuffix("<|endoftext|>")
    calls: list[Any] = []
    for tagged in TAGGED.finditer(content) if "call>" in content else ():
        call = _value((tagged["tool"] or tagged["function"] or "").strip())
        if call is None:
            return message
        calls += call if isinstance(call, list) else [call]
    if calls:
        return {**message, "content": TAGGED.sub("", content).strip(), "tool_calls": calls}
    listed = _listed_calls(content.strip()) if with_tools else None
    return {**message, "content": "", "tool_calls": listed} if listed else message


def _value(text: str) -> Any:
    """An object or list of objects with names, from JSON or Python's way to write it; None for anything else."""
    text = QUOTED.sub(lambda found: found[1] + json.dumps(found[2]) + found[3], text)
    for read in (json.loads, python_syntax.literal):
        try:
            value = read(text)
        except (ValueError, RecursionError):
            continue
        listed = value if isinstance(value, list) else [value]
        if listed and all(isinstance(call, Mapping) and isinstance(call.get("name"), str) for call in listed):
            return value
    return None


def _listed_calls(text: str) -> list[dict[str, Any]] | None:
    """`[name(argument=value, …), …]`: names may have spaces, values are Python's or JSON's."""
    if not (text.startswith("[") and text.endswith(")]")):
        return None
    calls = []
    at = 1
    while named := NAME.match(text, at):
        end = _closing(text, named.end())
        arguments = _arguments(text[named.end() : end])
        if arguments is None:
            return None
        calls.append({"name": named[1].strip(), "arguments": arguments})
        at = end + 1
        if text[at:] == "]":
            return calls
        if text[at : at + 1] != ",":
            return None
        at += 1
    return None


def _closing(text: str, at: int) -> int:
    """Where the bracket opened before `at` closes, strings aside; the last bracket where it never does."""
    depth, quote = 1, ""
    while at < len(text):
        sign = text[at]
        if quote:
            at += sign == "\\"
            quote = "" if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        else:
            depth += (sign in "([{") - (sign in ")]}")
            if depth == 0:
                return at
        at += 1
    return len(text) - 2


def _arguments(text: str) -> dict[str, Any] | None:
    call = python_syntax.expression(f"_({text})")
    if not isinstance(call, ast.Call) or call.args or any(item.arg is None for item in call.keywords):
        return None
    try:
        return {str(item.arg): python_syntax.literal(_Words().visit(item.value)) for item in call.keywords}
    except (ValueError, RecursionError):
        return None


class _Words(ast.NodeTransformer):
    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Constant(WORDS[node.id]) if node.id in WORDS else node
