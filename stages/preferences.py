"""The outputs of the `rl` stage: prompts for reinforcement learning and pairs for a reward model.

Prompts are written in the form that slime reads (`prompt` as messages, `label`, `metadata`, `tools`), once as JSON
lines and once as Parquet; pairs in the form that preference trainers read (`prompt`, `chosen`, `rejected` as
messages). Messages are OpenAI's: calls are `{"type": "function", "function": {"name", "arguments"}}`; in JSON lines
arguments are objects, in Parquet, which has one type a column, their JSON text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from winnow.stages.run.chance import draws
from winnow.stages.run.drops import drops_of, surviving
from winnow.stages.run.unit import Counts, File, Files, Step, Unit, Units
from winnow.stages.run.workspace import Workspace

_FUNCTION = pa.struct([pa.field("name", pa.string()), pa.field("arguments", pa.string())])
_CALL = pa.struct([pa.field("id", pa.string()), pa.field("type", pa.string()), pa.field("function", _FUNCTION)])
MESSAGES = pa.list_(
    pa.struct(
        [
            pa.field("role", pa.string(), nullable=False),
            pa.field("content", pa.string(), nullable=False),
            pa.field("reasoning_content", pa.string()),
            pa.field("tool_calls", pa.list_(_CALL)),
            pa.field("tool_call_id", pa.string()),
        ]
    )
)
METADATA = pa.struct(
    [pa.field("source_name", pa.string()), pa.field("id", pa.string()), pa.field("language", pa.string())]
)
PROMPTS = pa.schema(
    [
        pa.field("prompt", MESSAGES, nullable=False),
        pa.field("label", pa.string()),  # what a right answer is; null where only a reward model can tell
        pa.field("metadata", METADATA, nullable=False),
        pa.field("tools", pa.string()),  # JSON text of OpenAI's list of tools
    ]
)
PAIRS = pa.schema(
    [
        pa.field("prompt", MESSAGES, nullable=False),
        pa.field("chosen", MESSAGES, nullable=False),
        pa.field("rejected", MESSAGES, nullable=False),
        pa.field("margin", pa.float64()),  # score of the chosen less that of the rejected, where both have one
        pa.field("metadata", METADATA, nullable=False),
        pa.field("tools", pa.string()),
    ]
)


@dataclass(frozen=True, kw_only=True)
class EmitPart:
    """A part of conversations; `labelled`: only prompts whose answer can be checked."""

    documents: File
    drops: Files
    seed: int
    labelled: bool


def emit_part(workspace: Workspace, unit: Unit[EmitPart]) -> Counts:
    """Writes `rl/prompts/<part>.jsonl`, `rl/prompts/<part>.parquet` and `rl/pairs/<part>.parquet`, rows in drawn order."""
    asked = unit.asked
    columns = ["id", "source", "language", "messages"]
    documents = workspace.read_table(asked.documents, columns=columns)
    kept = documents.filter(pa.array(surviving(workspace, documents.num_rows, asked.drops)))
    kept = kept.filter(kept["messages"].is_valid())
    kept = kept.take(pa.array(np.argsort(draws(kept["id"], asked.seed, "preferences"), kind="stable")))
    talks = [(row, json.loads(row["messages"])) for row in kept.to_pylist()]
    pairs = [_pair(row, talk) for row, talk in talks if talk.get("rejected")]
    prompts = [_prompt(row, talk) for row, talk in talks if talk.get("label") is not None or not asked.labelled]
    prompts = [prompt for prompt in prompts if prompt["prompt"]]
    lines = "".join(json.dumps(prompt, ensure_ascii=False) + "\n" for prompt in prompts)
    workspace.write_bytes(f"rl/prompts/{unit.name}.jsonl", lines.encode())
    for name, rows, schema in (("prompts", prompts, PROMPTS), ("pairs", pairs, PAIRS)):
        table = pa.Table.from_pylist([_typed(row) for row in rows], schema=schema)
        workspace.write_table(f"rl/{name}/{unit.name}.parquet", table)
    return {"prompts": len(prompts), "labelled": sum(p["label"] is not None for p in prompts), "pairs": len(pairs)}


def _prompt(row: Mapping[str, Any], talk: Mapping[str, Any]) -> dict[str, Any]:
    """The conversation up to the last turn of anyone but the assistant."""
    messages = list(talk["messages"])
    while messages and messages[-1]["role"] == "assistant":
        messages.pop()
    label = talk.get("label")
    return {
        "prompt": [openai_message(message) for message in messages],
        "label": None if label is None else str(label),
        **_origin(row, talk),
    }


def _pair(row: Mapping[str, Any], talk: Mapping[str, Any]) -> dict[str, Any]:
    """`rejected` stands in place of the messages after the last turn that isn't the assistant's."""
    messages = talk["messages"]
    border = max(place for place, message in enumerate(messages) if message["role"] != "assistant") + 1
    scores = talk.get("scores", {})
    margin = scores["chosen"] - scores["rejected"] if {"chosen", "rejected"} <= set(scores) else None
    return {
        "prompt": [openai_message(message) for message in messages[:border]],
        "chosen": [openai_message(message) for message in messages[border:]],
        "rejected": [openai_message(message) for message in talk["rejected"]],
        "margin": margin,
        **_origin(row, talk),
    }


def _origin(row: Mapping[str, Any], talk: Mapping[str, Any]) -> dict[str, Any]:
    tools = [{"type": "function", "function": tool} for tool in talk.get("tools", ())]
    metadata = {"source_name": row["source"], "id": row["id"], "language": row["language"]}
    return {"metadata": metadata, "tools": tools or None}


def openai_message(message: Mapping[str, Any]) -> dict[str, Any]:
    """A message of ours as OpenAI's API and the chat templates have it."""
    fields = {"role": message["role"], "content": message.get("content") or ""}
    if message.get("reasoning"):
        fields["reasoning_content"] = message["reasoning"]
    if message.get("tool_calls"):
        fields["tool_calls"] = [
            {
                **({"id": call["id"]} if "id" in call else {}),
                "type": "function",
                "function": {"name": call["name"], "arguments": call["arguments"]},
            }
            for call in message["tool_calls"]
        ]
    if message.get("tool_call_id"):
        fields["tool_call_id"] = message["tool_call_id"]
    return fields


def _typed(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row for Parquet: what has no fixed type as JSON text."""
    typed = dict(row)
    typed["tools"] = json.dumps(row["tools"], ensure_ascii=False) if row["tools"] else None
    for name in ("prompt", "chosen", "rejected"):
        if name in row:
            typed[name] = [_typed_message(message) for message in row[name]]
    return typed


def _typed_message(message: Mapping[str, Any]) -> dict[str, Any]:
    calls = [
        {
            **call,
            "function": {
                **call["function"],
                "arguments": json.dumps(call["function"]["arguments"], ensure_ascii=False),
            },
        }
        for call in message.get("tool_calls", ())
    ]
    return {**message, "tool_calls": calls or None}


PREFERENCES_STEP = Step(name="preferences", version=1, work=emit_part)


def preference_units(
    parts: Sequence[str], *, seed: int, stages: Sequence[str] = (), labelled: bool = False
) -> Sequence[Unit[EmitPart]]:
    """One unit a part of documents."""
    return Units(
        parts,
        lambda _, part: EmitPart(
            documents=File(f"documents/{part}.parquet"),
            drops=drops_of(part, stages),
            seed=seed,
            labelled=labelled,
        ),
    )
