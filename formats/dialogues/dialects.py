"""The dialects in which conversations are published, each brought to OpenAI's form for `dialogue.check`.

A dialect is known by its fields. Every function takes one record and returns the arguments of `check`, one set for each
conversation in it, or raises `Misfit` naming the field.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from winnow.formats.dialogues.calls import python_call, spoken_calls
from winnow.formats.dialogues.dialogue import SAID, WHERE, Conversation, check
from winnow.formats.dialogues.json_values import Misfit, sequence
from winnow.formats.dialogues.transcripts import is_transcript, spoken_turns, transcript
from winnow.formats.dialogues.trees import ways
from winnow.formats.dialogues.turns import Message, conversation, message, turn, turns, with_system

Arguments = dict[str, Any]
Dialect = Callable[[Mapping[str, Any]], list[Arguments]]

MEDIA = ("image", "images", "video", "videos", "audio", "audios")
REFUSED = ("rejected_response", "rejected_messages")
VERDICTS = ("label", "kto_tag")  # false: an answer that nobody wants


def chat(record: Mapping[str, Any], *, field: str) -> list[Arguments]:
    """A list of turns, with `tools` or the older `functions`; a trajectory's `reward` becomes its score.

    LLaMA-Factory keeps the two answers of a preference beside the turns, as `chosen` and `rejected`; ms-swift what would
    stand in place of the last turn, as `rejected_response` (a text) or `rejected_messages` (a whole conversation).
    """
    messages = conversation(record, field)
    arguments: Arguments = {"messages": messages, "tools": _tools(record), "scores": _scores(record)}
    if all(isinstance(record.get(side), str | Mapping) for side in ("chosen", "rejected")):
        arguments["messages"] = [*messages, *_answer(record["chosen"], "chosen")]
        arguments["rejected"] = _answer(record["rejected"], "rejected")
    elif refused := next((name for name in REFUSED if record.get(name) is not None), None):
        arguments["rejected"] = _answer(record[refused], refused)
        if arguments["rejected"][:1] == [] or arguments["rejected"][0]["role"] != "assistant":
            return preference({**record, "chosen": messages, "rejected": record[refused]})
    return [arguments]


def alpaca(record: Mapping[str, Any]) -> list[Arguments]:
    """`instruction`, `input`, `output`, with `system` and `history` where given.

    An output that lists two texts is LLaMA-Factory's older preference: the chosen answer, then the rejected one.
    """
    answers = record["output"]
    if isinstance(answers, list) and answers and all(isinstance(answer, str) for answer in answers):
        if len(answers) > 2:
            raise Misfit("output", f"{len(answers)} answers: which is meant?")
        if len(answers) == 2:
            beside = {name: value for name, value in record.items() if name != "prompt"}
            return preference({**beside, "chosen": answers[0], "rejected": answers[1]})
        record = {**record, "output": answers[0]}
    answer = message("assistant", record["output"], "output")
    return [
        {
            "messages": with_system(record, [*_asked(record, ("instruction",)), answer]),
            "tools": _tools(record),
            "scores": _scores(record),
        }
    ]


def seeds(record: Mapping[str, Any]) -> list[Arguments]:
    """Self-instruct's seed tasks: one `instruction` with several `instances` of input and output."""
    conversations = []
    for place, instance in enumerate(sequence(record["instances"], "instances")):
        here = f"instances[{place}]"
        if not isinstance(instance, Mapping) or "output" not in instance:
            raise Misfit(f"{here}.output", "missing")
        asked = _joined(record["instruction"], instance.get("input"), f"{here}.input")
        answer = message("assistant", instance["output"], f"{here}.output")
        conversations.append({"messages": [message("user", asked, "instruction"), answer]})
    return conversations


def preference(record: Mapping[str, Any]) -> list[Arguments]:
    """`chosen` and `rejected`, as answers to what was asked or as whole conversations that part at the last turn."""
    chosen, rejected = _answer(record["chosen"], "chosen"), _answer(record["rejected"], "rejected")
    shared = 0
    while shared < min(len(chosen), len(rejected)) and _equal(chosen[shared], rejected[shared]):
        shared += 1
    for side, answer in (("rejected", rejected), ("chosen", chosen)):
        if shared == len(answer):
            raise Misfit(side, "the same as the other answer, or its beginning")
    while shared and chosen[shared - 1]["role"] == "assistant":
        shared -= 1  # the last turn may begin with equal messages
    for other in chosen[shared:]:
        if other["role"] != "assistant":
            raise Misfit(other[WHERE], f"{other['role']}: parts from the rejected before the last turn")
    whole = any(said["role"] == "user" for said in chosen[:shared])
    asked = [] if whole else _asked(record, ("prompt", "question", "instruction"))
    scores = {
        side: float(record[name])
        for side in ("chosen", "rejected")
        for name in (f"score_{side}", f"{side}_score", f"{side}_rating")
        if isinstance(record.get(name), int | float)
    }
    return [
        {
            "messages": with_system(record, [*asked, *chosen]),
            "rejected": rejected[shared:],
            "tools": _tools(record),
            "scores": scores or None,
        }
    ]


def calls(record: Mapping[str, Any]) -> list[Arguments]:
    """A `query` and the calls that answer it, as a list or its JSON text."""
    made = sequence(record["answers"], "answers")
    if not made:
        raise Misfit("answers", "empty")
    called = {"role": "assistant", "content": None, "tool_calls": made, WHERE: "answers", SAID: "answers"}
    messages = with_system(record, [message("user", record["query"], "query"), called])
    return [{"messages": messages, "tools": _tools(record)}]


def spoken(record: Mapping[str, Any]) -> list[Arguments]:
    """A whole `chat` as one text, with `system` before it; MOSS-003's is an object of its turns."""
    if isinstance(record["chat"], Mapping):
        instruction = {"system": record["meta_instruction"]} if record.get("meta_instruction") else record
        return [{"messages": with_system(instruction, spoken_turns(record["chat"], "chat")), "tools": _tools(record)}]
    if not isinstance(record["chat"], str):
        raise Misfit("chat", f"{type(record['chat']).__name__}, not a string")
    system = record.get("system")
    prompt = {"system": system.removeprefix("SYSTEM:").strip()} if isinstance(system, str) else {}
    messages = with_system(prompt, spoken_calls(transcript(record["chat"], "chat")))
    return [{"messages": messages, "tools": _tools(record)}]


def tree(record: Mapping[str, Any]) -> list[Arguments]:
    """Open Assistant's trees: a `prompt` with `replies`, which have replies."""
    return [{"messages": with_system(record, way)} for way in ways(record["prompt"], "prompt")]


def toolbench(record: Mapping[str, Any]) -> list[Arguments]:
    """The finished path of a tree search: the last of `answer_generation.train_messages`, with its functions."""
    answer = record["answer"]
    found = answer.get("answer_generation") if isinstance(answer, Mapping) else None
    if not isinstance(found, Mapping) or not found.get("valid_data"):
        raise Misfit("answer.answer_generation.valid_data", "the search found no answer")
    paths = sequence(found.get("train_messages"), "answer.answer_generation.train_messages")
    if not paths:
        raise Misfit("answer.answer_generation.train_messages", "empty")
    return [{"messages": paths[-1], "tools": found.get("function")}]


def function_calling(record: Mapping[str, Any]) -> list[Arguments]:
    """BFCL: `question` (turns of messages), `function`, and `ground_truth`, whose first allowed values are the call."""
    asked_turns = sequence(record["question"], "question")
    truth = record.get("ground_truth")
    if not truth:
        raise Misfit("ground_truth", "missing: nothing to learn from")
    per_turn = truth if len(asked_turns) > 1 else [truth]
    if len(per_turn) != len(asked_turns):
        raise Misfit("ground_truth", f"{len(per_turn)} turns, the question has {len(asked_turns)}")
    messages: list[Any] = []
    for place, (asked, answer) in enumerate(zip(asked_turns, per_turn, strict=True)):
        messages += sequence(asked, f"question[{place}]")
        here = f"ground_truth[{place}]"
        fitted = [_true_call(call, here) for call in sequence(answer, here)]
        if fitted:
            messages.append({"role": "assistant", "content": None, "tool_calls": fitted, WHERE: here})
    return [{"messages": messages, "tools": record.get("function")}]


DIALECTS: Mapping[str, tuple[Sequence[str], Dialect]] = {
    "sharegpt": (("conversations",), partial(chat, field="conversations")),
    "preference": (("chosen", "rejected"), preference),
    "openai": (("messages",), partial(chat, field="messages")),
    "conversation": (("conversation",), partial(chat, field="conversation")),
    "trajectory": (("traj",), partial(chat, field="traj")),
    "toolbench": (("answer.tree",), toolbench),
    "bfcl": (("question", "ground_truth"), function_calling),
    "calls": (("query", "answers"), calls),
    "seeds": (("instruction", "instances"), seeds),
    "tree": (("prompt.replies",), tree),
    "transcript": (("chat",), spoken),
    "alpaca": (("instruction", "output"), alpaca),
}
"""Each dialect with the fields it is known by, the most telling first."""
SCORES = ("score_chosen", "score_rejected", "reward")
BESIDE = frozenset({"tools", "functions", "system", "input", "history", "prompt", *SCORES, *VERDICTS})
FIELDS = BESIDE | frozenset(REFUSED) | {field.partition(".")[0] for fields, _ in DIALECTS.values() for field in fields}
"""What dialects read."""


def recognise(record: Mapping[str, Any]) -> str | None:
    """The dialect of a record by its fields."""
    for name, (fields, _) in DIALECTS.items():
        for field in fields:
            if not _has(record, field):
                break
        else:
            return name
    return None


def conversations(record: Mapping[str, Any], dialect: str, label: str | None = None) -> list[Conversation]:
    """The checked conversations of a record. Raises `Misfit`, also for one about pictures or with an unwanted answer."""
    fields, read = DIALECTS[dialect]
    for field in fields:
        if not _has(record, field):
            raise Misfit(field, "missing")
    for name in MEDIA:
        if record.get(name):
            raise Misfit(name, "the conversation is about what isn't text")
    for name in VERDICTS:
        if record.get(name) is False:
            raise Misfit(name, "false: an answer that nobody wants")
    return [check(**arguments, label=label) for arguments in read(record)]


def _has(record: Mapping[str, Any], field: str) -> bool:
    if "." not in field:
        return record.get(field) is not None
    outer, _, inner = field.partition(".")
    value = record.get(outer)
    return isinstance(value, Mapping) and inner in value


def _tools(record: Mapping[str, Any]) -> Any:
    return record["tools"] if record.get("tools") is not None else record.get("functions")


def _scores(record: Mapping[str, Any]) -> dict[str, float] | None:
    reward = record.get("reward")
    return {"reward": float(reward)} if isinstance(reward, int | float) else None


def _asked(record: Mapping[str, Any], names: Sequence[str]) -> list[Message]:
    """What is said before the answer: `history`, then the first of the fields that the record has."""
    messages = turns(record.get("history"), "history")
    asked = next((name for name in names if record.get(name) is not None), None)
    if asked == "instruction":
        messages += _answer(_joined(record[asked], record.get("input"), asked), asked, role="user")
    elif asked is not None:
        messages += _answer(record[asked], asked, role="user")
    return messages


def _answer(value: Any, here: str, role: str = "assistant") -> list[Message]:
    """One side of a preference: a text, a transcript, a turn or a list of turns."""
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
        [value] = value
    if isinstance(value, str):
        return transcript(value, here) if is_transcript(value) else [message(role, value, here)]
    return turn(value, here) if isinstance(value, Mapping) else turns(value, here)


def _equal(one: Message, other: Message) -> bool:
    beside = (WHERE, SAID)
    return {key: one[key] for key in one if key not in beside} == {
        key: other[key] for key in other if key not in beside
    }


def _joined(instruction: Any, extra: Any, here: str) -> str:
    if not isinstance(instruction, str) or not isinstance(extra, str | None):
        raise Misfit(here, "not a string")
    return f"{instruction}\n\n{extra}" if extra and extra.strip() else instruction


def _true_call(call: Any, here: str) -> dict[str, Any]:
    """A ground truth as a call: `{name: {argument: [allowed, …]}}` or Python text such as `cd(folder='x')`."""
    if isinstance(call, Mapping) and len(call) == 1:
        [(name, allowed)] = call.items()
        if isinstance(allowed, Mapping):
            given = {
                key: values[0] if isinstance(values, list) and values else values for key, values in allowed.items()
            }
            return {"name": name, "arguments": {key: value for key, value in given.items() if value != ""}}
    made = python_call(call) if isinstance(call, str) else None
    if made is None:
        raise Misfit(here, "a call whose arguments have no names" if isinstance(call, str) else "no call")
    return made
