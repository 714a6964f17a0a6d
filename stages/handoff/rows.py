"""What a run has to give: each conversation that survived, or the prompts and pairs of a stage of preferences, once.

Shards repeat and pack conversations; a trainer of conversations draws and packs by itself, so it gets each of them once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from winnow.stages.preferences import openai_message
from winnow.stages.run.chance import draws
from winnow.stages.run.drops import surviving
from winnow.stages.run.workspace import Workspace

Messages = list[dict[str, Any]]
DROPS, DOCUMENTS, PROMPTS, PAIRS = "drops", "documents", "rl/prompts", "rl/pairs"


@dataclass(frozen=True, kw_only=True)
class Row:
    """A conversation: messages as OpenAI has them, the assistant's with `"train": false` where they aren't learned.

    A prompt has no answer and may have a `label`; of a pair, `chosen` and `rejected` follow the messages.
    """

    messages: Messages
    tools: Sequence[Mapping[str, Any]] = ()
    metadata: Mapping[str, Any]
    label: str | None = None
    chosen: Messages | None = None
    rejected: Messages | None = None


def conversations(workspace: Workspace, seed: int = 0) -> Iterator[Row]:
    """The conversations of a run of shards that no stage dropped, part by part, in drawn order."""
    stages = sorted({path.rpartition("/")[0] for path in workspace.list(DROPS, ".parquet")})
    for path in workspace.list(DOCUMENTS, ".parquet"):
        part = path.removeprefix(f"{DOCUMENTS}/")
        drops = [f"{stage}/{part}" for stage in stages if workspace.exists(f"{stage}/{part}")]
        table = workspace.read_table(path, columns=["id", "source", "language", "messages"])
        kept = table.filter(pa.array(surviving(workspace, table.num_rows, drops)))
        kept = kept.filter(kept["messages"].is_valid())
        kept = kept.take(pa.array(np.argsort(draws(kept["id"], seed, "handoff"), kind="stable")))
        for row in kept.to_pylist():
            talk = json.loads(row["messages"])
            yield Row(
                messages=[_message(message) for message in talk["messages"]],
                tools=[{"type": "function", "function": tool} for tool in talk.get("tools", ())],
                metadata={"source_name": row["source"], "id": row["id"], "language": row["language"]},
                label=None if talk.get("label") is None else str(talk["label"]),
            )


def prompts(workspace: Workspace) -> Iterator[Row]:
    """The prompts of a stage of preferences, each once: one that stands there with a label hides those without it."""
    rows = [row for path in workspace.list(PROMPTS, ".parquet") for row in _read(workspace, path)]
    labelled = {_key(row) for row in rows if row.label is not None}
    seen = set()
    for row in rows:
        key = (_key(row), row.label)
        if key not in seen and (row.label is not None or _key(row) not in labelled):
            seen.add(key)
            yield row


def pairs(workspace: Workspace) -> Iterator[Row]:
    """The pairs of a stage of preferences."""
    for path in workspace.list(PAIRS, ".parquet"):
        yield from _read(workspace, path)


def is_of_preferences(workspace: Workspace) -> bool:
    """Whether the run's output is prompts and pairs in place of shards."""
    return bool(workspace.list(PROMPTS, ".parquet"))


def _read(workspace: Workspace, path: str) -> Iterator[Row]:
    for row in workspace.read_table(path).to_pylist():
        found = Row(
            messages=[_untyped(message) for message in row["prompt"]],
            tools=json.loads(row["tools"]) if row["tools"] else (),
            metadata={name: value for name, value in row["metadata"].items() if value is not None},
            label=row.get("label"),
        )
        if "chosen" in row:
            chosen, rejected = ([_untyped(message) for message in row[side]] for side in ("chosen", "rejected"))
            found = replace(found, chosen=chosen, rejected=rejected)
        yield found


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    told = openai_message(message)
    return {**told, "train": False} if message.get("train") is False else told


def _untyped(message: Mapping[str, Any]) -> dict[str, Any]:
    """A message of Parquet, with its calls' arguments as objects again and without what it hasn't got."""
    told = {name: value for name, value in message.items() if value is not None}
    for call in told.get("tool_calls", ()):
        call["function"]["arguments"] = json.loads(call["function"]["arguments"])
        if call.get("id") is None:
            call.pop("id", None)
    return told


def _key(row: Row) -> str:
    return json.dumps([row.messages, list(row.tools)], sort_keys=True, ensure_ascii=False)
