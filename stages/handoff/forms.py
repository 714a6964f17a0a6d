"""A row as each trainer wants it. A form gives the JSON object, or the reason why the trainer couldn't use the row.

messages        OpenAI's: `messages`, `tools`; a turn that isn't learned has `"weight": 0`, as its fine-tuning format has
slime           prompts: `prompt`, `label`, `metadata` with `rm_type`; conversations: `messages`, `step_loss_mask` on turns
trl             `messages`, or `prompt` with `chosen` and `rejected`: conversational data sets; `train` on turns reaches
                the chat template, whose generation blocks make the mask (`assistant_only_loss=True`)
llama-factory   ShareGPT: `conversations` from human, gpt, function_call and observation in turn, `system`, `tools`
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from winnow.stages.handoff.labels import asking, grader
from winnow.stages.handoff.rows import Messages, Row

Told = dict[str, Any] | str
"""The object for the trainer, or why there is none."""


def messages(row: Row) -> Told:
    return _without_empty(
        messages=[_renamed(message, "weight", 0) for message in row.messages],
        chosen=row.chosen,
        rejected=row.rejected,
        label=row.label,
        tools=list(row.tools),
        metadata=dict(row.metadata),
    )


def slime(row: Row) -> Told:
    if row.chosen is not None:
        return "a pair: slime trains on prompts and conversations"
    metadata = {name: value for name, value in row.metadata.items() if value is not None}
    if _answered(row.messages):
        if not any(message["role"] == "assistant" and message.get("train", True) for message in row.messages):
            return "no turn to learn"
        turns = [_renamed(message, "step_loss_mask", 0) for message in row.messages]
        return _without_empty(messages=turns, tools=list(row.tools), metadata=metadata)
    if row.label is None:
        return "no label: only a reward model could judge the answer"
    rm_type = grader(row.label)
    if rm_type is None:
        return "a label that none of its graders credits"
    turns = [dict(message) for message in row.messages]
    last = max((place for place, turn in enumerate(turns) if turn["role"] == "user"), default=None)
    if last is None:
        return "no question"
    turns[last]["content"] = asking(turns[last]["content"])
    return _without_empty(
        prompt=turns, label=row.label, tools=list(row.tools), metadata={**metadata, "rm_type": rm_type}
    )


def trl(row: Row) -> Told:
    tools = list(row.tools)
    if row.chosen is not None:
        return _without_empty(prompt=row.messages, chosen=row.chosen, rejected=row.rejected, tools=tools)
    if _answered(row.messages):
        return _without_empty(messages=row.messages, tools=tools)
    return _without_empty(prompt=row.messages, label=row.label, tools=tools)


def llama_factory(row: Row) -> Told:
    turns = list(row.messages)
    system = turns.pop(0)["content"] if turns and turns[0]["role"] == "system" else None
    told: list[dict[str, str]] = []
    for turn in turns:
        if turn.get("train") is False:
            return "a turn that isn't learned, which the form can't say"
        if not (parts := _shared(turn)):
            return "a system message in the middle"
        for part in parts:
            if told and told[-1]["from"] == part["from"] == "observation":
                told[-1]["value"] += "\n" + part["value"]
            else:
                told.append(part)
    asking_sides = ("human", "observation")
    wrong = any((part["from"] in asking_sides) != (place % 2 == 0) for place, part in enumerate(told))
    wanted = 0 if row.chosen is None else 1
    if wrong or len(told) % 2 != wanted:
        return "turns that don't alternate"
    sides = {}
    for name, answer in (("chosen", row.chosen), ("rejected", row.rejected)):
        if answer is not None:
            if len(answer) != 1 or len(shared := _shared(answer[0])) != 1:
                return "an answer of several turns"
            sides[name] = shared[0]
    schemas = [tool.get("function", tool) for tool in row.tools]
    tools = json.dumps(schemas, ensure_ascii=False) if schemas else None
    return _without_empty(conversations=told, system=system, tools=tools, **sides)


FORMS: Mapping[str, Callable[[Row], Told]] = {
    "messages": messages,
    "slime": slime,
    "trl": trl,
    "llama-factory": llama_factory,
}

ABOUT = {
    "messages": "OpenAI's messages and tools",
    "slime": "prompts with labels and graders, or conversations",
    "trl": "conversational data sets of TRL, prompts or pairs",
    "llama-factory": "ShareGPT, and dataset_info.json",
}
"""What each form is, in a few words."""


def _answered(turns: Messages) -> bool:
    return bool(turns) and turns[-1]["role"] == "assistant"


def _renamed(message: Mapping[str, Any], name: str, value: int) -> dict[str, Any]:
    """The message, with what says that it isn't learned under the trainer's name."""
    told = {key: said for key, said in message.items() if key != "train"}
    return {**told, name: value} if message.get("train") is False else told


def _shared(turn: Mapping[str, Any]) -> list[dict[str, str]]:
    """A turn of ShareGPT; of an assistant that calls, the call alone stands for the turn, its words before it."""
    role, content = turn["role"], turn.get("content") or ""
    if role == "user":
        return [{"from": "human", "value": content}]
    if role == "tool":
        return [{"from": "observation", "value": content}]
    if role != "assistant":
        return []
    if turn.get("reasoning_content"):
        content = f"<think>\n{turn['reasoning_content']}\n</think>\n\n{content}"
    calls = [
        {"name": call["function"]["name"], "arguments": call["function"]["arguments"]}
        for call in turn.get("tool_calls", ())
    ]
    if calls:
        value = json.dumps(calls if len(calls) > 1 else calls[0], ensure_ascii=False)
        return [{"from": "function_call", "value": content + value}]
    return [{"from": "gpt", "value": content}]


def _without_empty(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in (None, [], {})}
