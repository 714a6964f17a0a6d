"""The dialects in which conversations are published, each brought to OpenAI's form for `dialogue.check`.

A dialect is known by its fields. Every function takes one record and returns the arguments of `check`, one set for each
conversation in it, or raises `Misfit` naming the field.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stages.dialogues.dialogue import Misfit

Arguments = dict[str, Any]
Dialect = Callable[[Mapping[str, Any]], list[Arguments]]

SHAREGPT_ROLES = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bing": "assistant",
    "bard": "assistant",
    "assistant": "assistant",
    "model": "assistant",
    "system": "system",
    "function_call": "call",
    "observation": "tool",
    "function_response": "tool",
    "tool": "tool",
}


def openai(record: Mapping[str, Any]) -> list[Arguments]:
    """`messages` (or `traj`), with `tools` or the older `functions`; a trajectory's `reward` becomes its score."""
    messages = record.get("messages", record.get("traj"))
    reward = record.get("reward")
    scores = {"reward": float(reward)} if isinstance(reward, int | float) else None
    return [{"messages": messages, "tools": record.get("tools", record.get("functions")), "scores": scores}]


def sharegpt(record: Mapping[str, Any]) -> list[Arguments]:
    """`conversations` of `{from, value}`; a `function_call` holds JSON of one call or a list of them."""
    turns = _list(record["conversations"], "conversations")
    messages = [_turn(turn, f"conversations[{place}]") for place, turn in enumerate(turns)]
    if isinstance(record.get("system"), str) and record["system"].strip():
        messages.insert(0, {"role": "system", "content": record["system"]})
    arguments: Arguments = {"messages": messages, "tools": record.get("tools")}
    if "chosen" in record and "rejected" in record:
        arguments["messages"] = [*messages, _turn(record["chosen"], "chosen")]
        arguments["rejected"] = [_turn(record["rejected"], "rejected")]
    return [arguments]


def alpaca(record: Mapping[str, Any]) -> list[Arguments]:
    """`instruction`, `input`, `output`, with `system` and `history` where given."""
    messages = []
    if isinstance(record.get("system"), str) and record["system"].strip():
        messages.append({"role": "system", "content": record["system"]})
    for place, pair in enumerate(_list(record.get("history") or [], "history")):
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise Misfit(f"history[{place}]", "not a pair")
        messages += [{"role": "user", "content": pair[0]}, {"role": "assistant", "content": pair[1]}]
    asked = _joined(record["instruction"], record.get("input"), "instruction")
    return [{"messages": [*messages, {"role": "user", "content": asked}, _assistant(record["output"])]}]


def seeds(record: Mapping[str, Any]) -> list[Arguments]:
    """Self-instruct's seed tasks: one `instruction` with several `instances` of input and output."""
    conversations = []
    for place, instance in enumerate(_list(record["instances"], "instances")):
        if not isinstance(instance, Mapping) or "output" not in instance:
            raise Misfit(f"instances[{place}].output", "missing")
        asked = _joined(record["instruction"], instance.get("input"), f"instances[{place}].input")
        conversations.append({"messages": [{"role": "user", "content": asked}, _assistant(instance["output"])]})
    return conversations


def preference(record: Mapping[str, Any]) -> list[Arguments]:
    """`chosen` and `rejected`, as answers to `prompt` or as whole conversations that part after a common start."""
    chosen, rejected = _answer(record["chosen"], "chosen"), _answer(record["rejected"], "rejected")
    prompt = record.get("prompt", record.get("question", record.get("instruction")))
    common: list[Any] = _answer(prompt, "prompt", role="user") if prompt is not None else []
    shared = 0
    while shared < min(len(chosen), len(rejected)) and chosen[shared] == rejected[shared]:
        shared += 1
    if shared == len(rejected):
        raise Misfit("rejected", "the same as chosen")
    if shared:
        common, chosen, rejected = chosen[:shared], chosen[shared:], rejected[shared:]
    scores = {
        side: float(record[name])
        for side in ("chosen", "rejected")
        for name in (f"score_{side}", f"{side}_score", f"{side}_rating")
        if isinstance(record.get(name), int | float)
    }
    system = [{"role": "system", "content": record["system"]}] if record.get("system") else []
    return [
        {
            "messages": [*system, *common, *chosen],
            "rejected": rejected,
            "tools": record.get("tools"),
            "scores": scores or None,
        }
    ]


def toolbench(record: Mapping[str, Any]) -> list[Arguments]:
    """The finished path of a tree search: the last of `answer_generation.train_messages`, with its functions."""
    answer = record["answer"]
    found = answer.get("answer_generation") if isinstance(answer, Mapping) else None
    if not isinstance(found, Mapping) or not found.get("valid_data"):
        raise Misfit("answer.answer_generation.valid_data", "the search found no answer")
    paths = _list(found.get("train_messages"), "answer.answer_generation.train_messages")
    if not paths:
        raise Misfit("answer.answer_generation.train_messages", "empty")
    return [{"messages": paths[-1], "tools": found.get("function")}]


def function_calling(record: Mapping[str, Any]) -> list[Arguments]:
    """BFCL: `question` (turns of messages), `function`, and `ground_truth`, whose first allowed values are the call."""
    turns = _list(record["question"], "question")
    truth = record.get("ground_truth")
    if not truth:
        raise Misfit("ground_truth", "missing: nothing to learn from")
    per_turn = truth if len(turns) > 1 else [truth]
    if len(per_turn) != len(turns):
        raise Misfit("ground_truth", f"{len(per_turn)} turns, the question has {len(turns)}")
    messages: list[Any] = []
    for place, (asked, calls) in enumerate(zip(turns, per_turn, strict=True)):
        messages += _list(asked, f"question[{place}]")
        fitted = [_true_call(call, f"ground_truth[{place}]") for call in _list(calls, f"ground_truth[{place}]")]
        if fitted:
            messages.append({"role": "assistant", "content": None, "tool_calls": fitted})
    return [{"messages": messages, "tools": record.get("function")}]


DIALECTS: Mapping[str, tuple[Sequence[str], Dialect]] = {
    "preference": (("chosen", "rejected"), preference),
    "sharegpt": (("conversations",), sharegpt),
    "openai": (("messages",), openai),
    "trajectory": (("traj",), openai),
    "toolbench": (("answer.tree",), toolbench),
    "bfcl": (("question", "ground_truth"), function_calling),
    "seeds": (("instruction", "instances"), seeds),
    "alpaca": (("instruction", "output"), alpaca),
}
"""Each dialect with the fields it is known by, the most telling first."""


def recognise(record: Mapping[str, Any]) -> str | None:
    """The dialect of a record by its fields; a ShareGPT record may carry a preference, which it understands itself."""
    if "conversations" in record:
        return "sharegpt"
    for name, (fields, _) in DIALECTS.items():
        if all(_has(record, field) for field in fields):
            return name
    return None


def _has(record: Mapping[str, Any], field: str) -> bool:
    outer, _, inner = field.partition(".")
    value = record.get(outer)
    return value is not None and (not inner or (isinstance(value, Mapping) and inner in value))


def _turn(turn: Any, here: str) -> dict[str, Any]:
    if not isinstance(turn, Mapping) or not ("from" in turn or "role" in turn):
        raise Misfit(here, "has no `from`")
    speaker, value = turn.get("from", turn.get("role")), turn.get("value", turn.get("content"))
    role = SHAREGPT_ROLES.get(speaker) if isinstance(speaker, str) else None
    if role is None:
        raise Misfit(f"{here}.from", repr(speaker))
    if role != "call":
        return {"role": role, "content": value}
    try:
        calls = json.loads(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise Misfit(f"{here}.value", f"no JSON call: {error}") from error
    return {"role": "assistant", "content": None, "tool_calls": calls if isinstance(calls, list) else [calls]}


def _answer(value: Any, here: str, role: str = "assistant") -> list[Any]:
    if isinstance(value, str):
        return [{"role": role, "content": value}]
    if isinstance(value, Mapping):
        return [_turn(value, here)]
    turns = enumerate(_list(value, here))
    return [
        _turn(turn, f"{here}[{at}]") if isinstance(turn, Mapping) and "from" in turn else turn for at, turn in turns
    ]


def _assistant(content: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content}


def _joined(instruction: Any, extra: Any, here: str) -> str:
    if not isinstance(instruction, str) or not isinstance(extra, str | None):
        raise Misfit(here, "not a string")
    return f"{instruction}\n\n{extra}" if extra and extra.strip() else instruction


def _list(value: Any, here: str) -> Sequence[Any]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise Misfit(here, f"not JSON: {error}") from error
    if not isinstance(value, list | tuple):
        raise Misfit(here, f"{type(value).__name__}, not a list")
    return value


def _true_call(call: Any, here: str) -> dict[str, Any]:
    """A ground truth as a call: `{name: {argument: [allowed, …]}}` or Python text such as `cd(folder='x')`."""
    if isinstance(call, Mapping) and len(call) == 1:
        [(name, allowed)] = call.items()
        if isinstance(allowed, Mapping):
            given = {
                key: values[0] if isinstance(values, list) and values else values for key, values in allowed.items()
            }
            return {"name": name, "arguments": {key: value for key, value in given.items() if value != ""}}
    if isinstance(call, str):
        try:
            expression = ast.parse(call, mode="eval").body
            if isinstance(expression, ast.Call) and not expression.args:
                arguments = {str(item.arg): ast.literal_eval(item.value) for item in expression.keywords}
                return {"name": ast.unparse(expression.func), "arguments": arguments}
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise Misfit(here, f"no call: {error}") from error
    raise Misfit(here, "a call whose arguments have no names" if isinstance(call, str) else "no call")
