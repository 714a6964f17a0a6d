"""The outputs for reinforcement learning, and rejection sampling before fine-tuning."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest

from winnow.stages import preferences, rejection_sampling
from winnow.stages.document import DOCUMENT, document_id
from winnow.stages.rejection_sampling import RejectionSamplingSettings, prompt_key
from winnow.stages.run.drops import DROP, write_drops
from winnow.stages.run.workspace import Workspace

CALL = {"id": "c1", "name": "weather", "arguments": {"city": "北京", "days": 2}}
TOOL = {"name": "weather", "description": "", "parameters": {"type": "object", "properties": {}}}
ASKED = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "天气?"}]
CHECKED = {
    "messages": [
        *ASKED,
        {"role": "assistant", "content": "", "tool_calls": [CALL]},
        {"role": "tool", "content": "晴", "tool_call_id": "c1"},
        {"role": "assistant", "content": "晴。"},
    ],
    "tools": [TOOL],
    "label": "晴",
}
PAIR = {
    "messages": [*ASKED, {"role": "assistant", "content": "晴。", "reasoning": "look"}],
    "tools": [],
    "rejected": [{"role": "assistant", "content": "no idea"}],
    "scores": {"chosen": 4.5, "rejected": 1.0},
}


def answer(text: str, reward: float | None, asked: str = "2 + 2?") -> dict[str, Any]:
    messages = [{"role": "user", "content": asked}, {"role": "assistant", "content": text}]
    return {"messages": messages, "tools": [], **({} if reward is None else {"scores": {"reward": reward}})}


def write_part(workspace: Workspace, part: str, talks: list[dict[str, Any] | None]) -> pa.Table:
    rows = []
    for place, talk in enumerate(talks):
        text = f"{part} {place}"
        rows.append(
            {
                "id": document_id("chat", text, text),
                "text": text,
                "source": "chat",
                "kind": "conversations",
                "locator": text,
                "messages": None if talk is None else json.dumps(talk),
            }
        )
    table = pa.Table.from_pylist(rows, schema=DOCUMENT)
    workspace.write_table(f"documents/{part}.parquet", table)
    write_drops(workspace, "decide", part, DROP.empty_table())
    return table


@pytest.fixture
def emitted(workspace: Workspace) -> Workspace:
    write_part(workspace, "chat-00000", [CHECKED, PAIR, None, answer("4", None)])
    (unit,) = preferences.preference_units(["chat-00000"], seed=1, stages=["decide"])
    counts = preferences.PREFERENCES_STEP.work(workspace, unit)
    assert counts == {"prompts": 3, "labelled": 1, "pairs": 1}
    return workspace


def test_prompts_are_in_slimes_form(emitted: Workspace) -> None:
    lines = [json.loads(line) for line in emitted.read_bytes("rl/prompts/chat-00000.jsonl").splitlines()]
    (checked,) = [line for line in lines if line["label"]]
    assert checked["label"] == "晴" and checked["metadata"]["source_name"] == "chat"
    assert checked["tools"] == [{"type": "function", "function": TOOL}]
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": CALL["arguments"]}}
    assert checked["prompt"] == [
        *ASKED,
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "晴", "tool_call_id": "c1"},
    ]


def test_parquet_holds_the_same_prompts(emitted: Workspace) -> None:
    lines = [json.loads(line) for line in emitted.read_bytes("rl/prompts/chat-00000.jsonl").splitlines()]
    rows = emitted.read_table("rl/prompts/chat-00000.parquet").to_pylist()
    for line, row in zip(lines, rows, strict=True):
        assert (row["label"], row["metadata"]) == (line["label"], line["metadata"])
        assert json.loads(row["tools"] or "null") == line["tools"]
        for plain, typed in zip(line["prompt"], row["prompt"], strict=True):
            calls = [
                {**call, "function": {**call["function"], "arguments": json.loads(call["function"]["arguments"])}}
                for call in typed.pop("tool_calls") or []
            ]
            assert plain == {name: value for name, value in typed.items() if value is not None} | (
                {"tool_calls": calls} if calls else {}
            )


def test_pairs_part_after_the_prompt(emitted: Workspace) -> None:
    (pair,) = emitted.read_table("rl/pairs/chat-00000.parquet").to_pylist()
    assert [message["content"] for message in pair["prompt"]] == ["Be brief.", "天气?"]
    assert [(m["content"], m["reasoning_content"]) for m in pair["chosen"]] == [("晴。", "look")]
    assert [message["content"] for message in pair["rejected"]] == ["no idea"]
    assert pair["margin"] == 3.5


def test_prompts_without_a_label_can_be_left_out(workspace: Workspace) -> None:
    write_part(workspace, "chat-00000", [CHECKED, answer("4", None)])
    (unit,) = preferences.preference_units(["chat-00000"], seed=1, labelled=True)
    assert preferences.PREFERENCES_STEP.work(workspace, unit)["prompts"] == 1


def test_of_several_answers_the_best_stays_across_parts(workspace: Workspace) -> None:
    first = [answer("5", 0.0), answer("4", 1.0), answer("hm", None), None]
    second = [answer("four", 0.5), answer("7", 0.1, asked="3 + 4?"), answer("8", 0.0, asked="3 + 4?")]
    tables = {part: write_part(workspace, part, talks) for part, talks in (("a-0", first), ("b-0", second))}
    for step, units in rejection_sampling.plan(list(tables), RejectionSamplingSettings(buckets=2), ["decide"]):
        for unit in units:
            step.work(workspace, unit)
    best = tables["a-0"]["id"][1].as_py()
    dropped = {part: workspace.read_table(f"drops/rejection_sampling/{part}.parquet").to_pylist() for part in tables}
    assert [row["row"] for row in dropped["a-0"]] == [0]
    assert [row["row"] for row in dropped["b-0"]] == [0, 2]
    assert dropped["a-0"][0]["value"].startswith(best) and dropped["b-0"][0]["value"].startswith(best)
    assert {row["rule"] for rows in dropped.values() for row in rows} == {"lower_score"}


def test_other_tools_sources_or_questions_are_other_prompts() -> None:
    talk = answer("4", 1.0)
    key = prompt_key(talk, "chat")
    assert key == prompt_key(answer("5", 0.0), "chat")
    assert key != prompt_key(talk, "other")
    assert key != prompt_key({**talk, "tools": [TOOL]}, "chat")
    assert key != prompt_key(answer("4", 1.0, asked="2 + 3?"), "chat")
