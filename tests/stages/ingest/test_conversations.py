"""Every dialect ends in one schema, and what doesn't fit is named by record and field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.formats.dialogues.dialects import DIALECTS, FIELDS, conversations, recognise
from winnow.formats.dialogues.dialogue import Misfit, check

CALL = {"id": "c1", "type": "function", "function": {"name": "grind", "arguments": '{"sacks": 2}'}}
TOOL = {"type": "function", "function": {"name": "grind", "parameters": {"type": "object", "properties": {}}}}
TALK = [
    {"role": "system", "content": "You run a mill."},
    {"role": "user", "content": [{"type": "text", "text": "Grind "}, {"type": "text", "text": "two sacks."}]},
    {"role": "assistant", "content": None, "reasoning_content": "Two.", "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c1", "content": "done"},
    {"role": "assistant", "content": "Ground."},
]
ASKED = {"role": "user", "content": "Grind two sacks."}
ANSWERED = {"role": "assistant", "content": "Ground."}


def write(path: Path, *records: Any) -> Path:
    path.write_text("\n".join(json.dumps(record, ensure_ascii=False) for record in records), encoding="utf-8")
    return path


def test_openai_messages_are_brought_to_the_schema() -> None:
    talk = check(TALK, [TOOL])
    assert json.loads(talk.json()) == {
        "messages": [
            {"role": "system", "content": "You run a mill."},
            {"role": "user", "content": "Grind two sacks."},
            {
                "role": "assistant",
                "content": "",
                "reasoning": "Two.",
                "tool_calls": [{"id": "c1", "name": "grind", "arguments": {"sacks": 2}}],
            },
            {"role": "tool", "content": "done", "tool_call_id": "c1"},
            {"role": "assistant", "content": "Ground."},
        ],
        "tools": [{"name": "grind", "description": "", "parameters": {"type": "object", "properties": {}}}],
    }
    assert talk.text() == (
        "System: You run a mill.\n\nUser: Grind two sacks.\n\nAssistant: Two.\ngrind(sacks=2)\n\nTool: done\n\n"
        "Assistant: Ground."
    )


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"role": "narrator"}, "messages[1].role"),
        ({"role": "user", "content": ""}, "messages[1].content"),
        ({"role": "user", "content": 7}, "messages[1].content"),
        ({"role": "user", "content": [{"type": "image_url"}]}, "messages[1].content[0]"),
        ({"role": "user", "content": "\ud800"}, "messages[1].content"),
        ({"role": "tool", "content": "x"}, "messages[1].role"),
        ({"role": "assistant", "content": ""}, "messages[1].content"),
        ({"role": "assistant", "tool_calls": [{"name": "fly", "arguments": {}}]}, "messages[1].tool_calls[0].name"),
        (
            {"role": "assistant", "tool_calls": [{"name": "grind", "arguments": "{"}]},
            "messages[1].tool_calls[0].arguments",
        ),
        (
            {"role": "assistant", "tool_calls": [{"name": "grind", "arguments": "[1]"}]},
            "messages[1].tool_calls[0].arguments",
        ),
        ({"role": "assistant", "tool_calls": [7]}, "messages[1].tool_calls[0]"),
        ({"role": "system", "content": "late"}, "messages[1].role"),
        (7, "messages[1]"),
    ],
)
def test_misfit_names_the_first_field_that_does_not_fit(change: Any, field: str) -> None:
    with pytest.raises(Misfit) as caught:
        check([ASKED, change], [TOOL])
    assert str(caught.value).startswith(f"{field}: ")


def test_answer_to_a_call_that_was_never_made_is_a_misfit() -> None:
    with pytest.raises(Misfit, match=r"messages\[2\]\.tool_call_id: 'c9' answers no call"):
        check([ASKED, TALK[2], {"role": "tool", "tool_call_id": "c9", "content": "x"}])


SAME = {"messages": [ASKED, ANSWERED], "tools": []}


@pytest.mark.parametrize(
    ("dialect", "record", "expected"),
    [
        ("openai", {"messages": [ASKED, ANSWERED]}, SAME),
        ("openai", {"messages": json.dumps([ASKED, ANSWERED])}, SAME),
        (
            "sharegpt",
            {"conversations": [{"from": "human", "value": "Grind two sacks."}, {"from": "gpt", "value": "Ground."}]},
            SAME,
        ),
        ("alpaca", {"instruction": "Grind two sacks.", "input": "", "output": "Ground."}, SAME),
        ("seeds", {"instruction": "Grind two sacks.", "instances": [{"input": "", "output": "Ground."}]}, SAME),
        (
            "alpaca",
            {"instruction": "Again", "input": "now", "output": "Yes", "system": "Mill.", "history": [["Hi", "Hello"]]},
            {
                "messages": [
                    {"role": "system", "content": "Mill."},
                    {"role": "user", "content": "Hi"},
                    {"role": "assistant", "content": "Hello"},
                    {"role": "user", "content": "Again\n\nnow"},
                    {"role": "assistant", "content": "Yes"},
                ],
                "tools": [],
            },
        ),
        (
            "preference",
            {
                "prompt": "Grind two sacks.",
                "chosen": "Ground.",
                "rejected": "No.",
                "score_chosen": 5,
                "score_rejected": 1.5,
            },
            {
                **SAME,
                "rejected": [{"role": "assistant", "content": "No."}],
                "scores": {"chosen": 5.0, "rejected": 1.5},
            },
        ),
        (
            "preference",
            {"chosen": [ASKED, ANSWERED], "rejected": [ASKED, {"role": "assistant", "content": "No."}]},
            {**SAME, "rejected": [{"role": "assistant", "content": "No."}]},
        ),
        ("trajectory", {"traj": [ASKED, ANSWERED], "reward": 1}, {**SAME, "scores": {"reward": 1.0}}),
        (
            "bfcl",
            {
                "question": [[ASKED]],
                "function": [TOOL],
                "ground_truth": [{"grind": {"sacks": [2, "two"], "fine": ["", True]}}],
            },
            {
                "messages": [
                    ASKED,
                    {"role": "assistant", "content": "", "tool_calls": [{"name": "grind", "arguments": {"sacks": 2}}]},
                ],
                "tools": [{"name": "grind", "description": "", "parameters": {"type": "object", "properties": {}}}],
            },
        ),
    ],
)
def test_each_dialect_is_known_by_its_fields_and_read(dialect: str, record: dict[str, Any], expected: Any) -> None:
    assert recognise(record) == dialect
    [arguments] = DIALECTS[dialect][1](record)
    assert json.loads(check(**arguments).json()) == expected


def test_records_that_do_not_fit_are_counted_by_place_and_field(tmp_path: Path, ingest: Any) -> None:
    path = write(
        tmp_path / "talks.jsonl",
        {"messages": [ASKED, ANSWERED], "license": "MIT", "lang": "en"},
        {"messages": [ASKED, {"role": "narrator", "content": "x"}]},
        {"conversations": [{"from": "martian", "value": "x"}]},
        {"chosen": "same", "rejected": "same", "prompt": "p"},
        {"poem": "x"},
    )
    documents, rejections = ingest("conversations", path)
    assert [(row["text"], row["license"], row["language"]) for row in documents] == [
        ("User: Grind two sacks.\n\nAssistant: Ground.", "MIT", "en")
    ]
    assert [(row["rule"], row["value"]) for row in rejections] == [
        ("conversations.field", "messages[1].role: 'narrator'"),
        ("conversations.field", "conversations[0].from: 'martian'"),
        ("conversations.field", "rejected: the same as the other answer, or its beginning"),
        ("conversations.dialect", "unknown, say by `columns` what is what: poem"),
    ]
    assert all("#byte " in row["locator"] for row in rejections)


GOLD = {  # documents and rejections of each gold file, and why the rejected can't be kept
    "tau_bench_airline_trajectories": (100, 0),
    "glaive_toolcall_en_zh": (300, 0),
    "seed_tasks_en_zh": (350, 0),
    "toolbench_answers": (12, 3),  # two searches found no answer, one calls a function that isn't declared
    "bfcl_tool_calls": (1135, 263),  # 240 without a call to learn, 23 whose arguments have no names
    "mt_bench_questions": (0, 80),  # questions alone
}


@pytest.mark.parametrize("name", sorted(GOLD))
def test_gold_files_are_read_and_every_record_accounted_for(corpora: Path, ingest: Any, gold: Any, name: str) -> None:
    documents, rejections = ingest("conversations", corpora / "instruct" / f"{name}.jsonl.zst")
    assert len(documents) + len(rejections) == sum(1 for _ in gold(f"instruct/{name}"))
    assert (len(documents), len(rejections)) == GOLD[name]
    for row in documents:
        talk = json.loads(row["messages"])
        again = check(talk["messages"], talk["tools"], rejected=talk.get("rejected"), scores=talk.get("scores"))
        assert again.json() == row["messages"]


def test_trajectories_keep_every_call_and_answer_in_order(corpora: Path, ingest: Any, gold: Any) -> None:
    documents, _ = ingest("conversations", corpora / "instruct" / "tau_bench_airline_trajectories.jsonl.zst")
    for row, record in zip(documents, gold("instruct/tau_bench_airline_trajectories"), strict=True):
        talk = json.loads(row["messages"])
        assert talk["scores"] == {"reward": record["reward"]}
        said = [message["role"] for message in record["messages"]]
        stops = str(record["messages"][-1]["content"]).endswith("###STOP###")
        assert [message["role"] for message in talk["messages"]] == said[: len(said) - stops]
        calls = [call for message in talk["messages"] for call in message.get("tool_calls", ())]
        given = [call for message in record["messages"] for call in message.get("tool_calls") or ()]
        assert [(call["name"], call["arguments"]) for call in calls] == [
            (call["function"]["name"], json.loads(call["function"]["arguments"])) for call in given
        ]


texts = st.text(st.characters(), max_size=8) | st.sampled_from(
    [
        "user",
        "gpt",
        "tool",
        "Human: a\n\nAssistant: b",
        "<tool_call>",
        "[f(x=1)]",
        '{"name": "f"}',
        "[]",
        "<think>x</think>",
    ]
)
keys = st.sampled_from(["role", "content", "from", "value", "tool_calls", "name", "arguments", "replies", "train", "x"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner),
    max_leaves=8,
)
fields = st.sampled_from(sorted(FIELDS))


@settings(max_examples=300)
@given(st.dictionaries(fields, json_values))
def test_any_record_is_read_or_a_misfit_and_what_is_read_reads_the_same_again(record: dict[str, Any]) -> None:
    dialect = recognise(record)
    if dialect is None:
        return
    try:
        talks = conversations(record, dialect)
    except Misfit:
        return
    for talk in talks:
        stored = json.loads(talk.json(), parse_constant=pytest.fail)
        stored_again = check(**stored)
        assert stored_again.json() == talk.json()
        assert talk.json().encode()
        assert talk.text() == stored_again.text()


messages = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "\ud83d", "gpt", "tool", "function_call", "system"]), "content": json_values},
        optional={"tool_calls": json_values, "reasoning": texts, "weight": st.sampled_from([0, 1, 0.5])},
    ),
    max_size=5,
)


@settings(max_examples=300)
@given(messages, json_values)
def test_any_turns_are_read_or_a_misfit_and_none_is_left_out(turns: list[dict[str, Any]], tools: Any) -> None:
    try:
        [talk] = conversations({"messages": turns, "tools": tools}, "openai")
    except Misfit:
        return
    assert len(talk.messages) >= len(turns)
    assert check(**json.loads(talk.json())).json() == talk.json()
