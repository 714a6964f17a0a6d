"""Conversations in the shapes in which data sets publish them: read whole, or refused by the field that doesn't fit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

HERE = Path(__file__).parent
SHAPES = {row.pop("shape"): row for row in yaml.safe_load((HERE / "published.yaml").read_text("utf-8"))}
UNFIT = {row.pop("unfit"): row for row in yaml.safe_load((HERE / "unfit.yaml").read_text("utf-8"))}
TOOL = {"name": "mill", "description": "Grinds", "parameters": {"type": "object", "properties": {"sacks": {}}}}
ASKED = {"role": "user", "content": "Hi"}
ANSWERED = {"role": "assistant", "content": "Hello"}


def write(path: Path, *records: Any) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(list(records)), path)
    else:
        path.write_text("\n".join(json.dumps(record, ensure_ascii=False) for record in records), encoding="utf-8")
    return path


def talk(document: dict[str, Any]) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(document["messages"])
    return value


def told(messages: list[dict[str, Any]]) -> list[list[Any]]:
    """Messages as the files have them: role, reasoning, content, calls."""
    rows = [[message.get(name) for name in ("role", "reasoning", "content", "tool_calls")] for message in messages]
    return [[part for part in row if part is not None] for row in rows]


@pytest.mark.parametrize("name", SHAPES)
def test_each_published_shape_is_read_whole(tmp_path: Path, ingest: Any, name: str) -> None:
    shape = SHAPES[name]
    path = write(tmp_path / "a.jsonl", shape["record"])
    documents, rejections = ingest("conversations", path, columns=shape.get("columns", {}))
    assert [row["value"] for row in rejections] == []
    [document] = documents
    assert told(talk(document)["messages"]) == shape["messages"]
    if "rejected" in shape:
        assert told(talk(document)["rejected"]) == [["assistant", text] for text in shape["rejected"]]


@pytest.mark.parametrize("name", SHAPES)
def test_parquet_tells_the_same_though_nulls_fill_up_what_a_record_lacks(
    tmp_path: Path, ingest: Any, name: str
) -> None:
    shape = SHAPES[name]
    try:
        path = write(tmp_path / "a.parquet", shape["record"])
    except pa.ArrowException:
        pytest.skip("a column of two types, which Parquet doesn't know")
    [document], _ = ingest("conversations", path, columns=shape.get("columns", {}))
    assert told(talk(document)["messages"]) == shape["messages"]


def test_arguments_in_parquet_lose_the_nulls_of_other_calls(tmp_path: Path, ingest: Any) -> None:
    given = [{"x": 1}, {"y": {"z": "2"}}]
    records = [
        {"messages": [ASKED, {"role": "assistant", "tool_calls": [{"name": "mill", "arguments": arguments}]}]}
        for arguments in given
    ]
    documents, _ = ingest("conversations", write(tmp_path / "a.parquet", *records))
    assert [talk(row)["messages"][1]["tool_calls"][0]["arguments"] for row in documents] == given


def test_where_a_conversation_comes_from_is_mapped_or_kept(tmp_path: Path, ingest: Any) -> None:
    record = {
        "instruction": "Hi",
        "output": "Hello",
        "meta": {"link": "https://mill.example/1", "when": "2024-05-01"},
        "topic": "flour",
        "lang": "de-AT",
    }
    [document], _ = ingest(
        "conversations",
        write(tmp_path / "a.jsonl", record),
        columns={"url": "meta.link", "date": "meta.when", "title": "About {topic}"},
        metadata=["topic", "absent"],
    )
    found = [document[name] for name in ("url", "date", "title", "language")]
    assert found == ["https://mill.example/1", "2024-05-01", "About flour", "de-AT"]
    assert json.loads(document["metadata"]) == {"absent": None, "dialect": "alpaca", "topic": "flour"}


def test_language_told_by_name_is_left_to_be_measured(tmp_path: Path, ingest: Any) -> None:
    [document], _ = ingest("conversations", write(tmp_path / "a.jsonl", SHAPES["LMSYS-Chat-1M"]["record"]))
    assert document["language"] is None


def test_label_is_kept_where_it_is_mapped(tmp_path: Path, ingest: Any) -> None:
    shape = SHAPES["a prompt with an answer to check"]
    path = write(tmp_path / "a.jsonl", shape["record"])
    [document], _ = ingest("conversations", path, columns=shape["columns"])
    assert talk(document)["label"] == "3"


def test_tools_as_text_keep_every_field(tmp_path: Path, ingest: Any) -> None:
    more = {"strict": True, "returns": {"type": "number"}}
    as_text = {**TOOL, "parameters": json.dumps(TOOL["parameters"]), **more}
    for tools in (json.dumps([as_text]), [json.dumps({"type": "function", "function": as_text})]):
        path = write(tmp_path / "a.jsonl", {"messages": [ASKED, ANSWERED], "tools": tools})
        [document], _ = ingest("conversations", path)
        assert talk(document)["tools"] == [{**TOOL, **more}]


@pytest.mark.parametrize("flag", [{"train": False}, {"weight": 0}, {"loss": False}, {"step_loss_mask": 0}])
def test_turns_that_are_not_to_be_learned_say_so(tmp_path: Path, ingest: Any, flag: dict[str, Any]) -> None:
    path = write(tmp_path / "a.jsonl", {"messages": [ASKED, ANSWERED | flag, ASKED, ANSWERED]})
    [document], _ = ingest("conversations", path)
    assert [message.get("train", True) for message in talk(document)["messages"]] == [True, False, True, True]


def said(role: str, text: str, rank: int | None, *replies: Any) -> dict[str, Any]:
    """A message of Open Assistant's trees."""
    return {"message_id": text, "text": text, "role": role, "lang": "en", "rank": rank, "replies": list(replies)}


def test_tree_gives_each_way_and_learns_each_answer_once(tmp_path: Path, ingest: Any) -> None:
    unanswered = said("prompter", "?", None)
    better = said("assistant", "Hello", 0, said("prompter", "And?", None, said("assistant", "Well.", 0)), unanswered)
    prompt = said("prompter", "Hi", None, said("assistant", "Yes?", 1), better)
    tree = {"message_tree_id": "t", "tree_state": "ready_for_export", "prompt": prompt}
    documents, rejections = ingest("conversations", write(tmp_path / "a.jsonl", tree))
    assert rejections == []
    ways = [[message["content"] for message in talk(row)["messages"]] for row in documents]
    assert ways == [["Hi", "Hello", "And?", "Well."], ["Hi", "Yes?"]]
    assert [row["locator"].rpartition("#")[2] for row in documents] == ["byte 0", "byte 0.1"]

    unanswered["replies"] = [said("assistant", "What?", 0)]
    documents, _ = ingest("conversations", write(tmp_path / "b.jsonl", tree))
    second = [(message["content"], message.get("train", True)) for message in talk(documents[1])["messages"]]
    assert second == [("Hi", True), ("Hello", False), ("?", True), ("What?", True)]


@pytest.mark.parametrize("name", UNFIT)
def test_what_does_not_fit_is_named_as_the_record_names_it(tmp_path: Path, ingest: Any, name: str) -> None:
    documents, [rejection] = ingest("conversations", write(tmp_path / "a.jsonl", UNFIT[name]["record"]))
    assert documents == []
    assert rejection["value"].startswith(UNFIT[name]["why"])


def test_depths_and_numbers_that_nobody_reads_are_refused(tmp_path: Path, ingest: Any) -> None:
    def called(arguments: str) -> dict[str, Any]:
        return {"messages": [ASKED, {"role": "assistant", "tool_calls": [{"name": "f", "arguments": arguments}]}]}

    path = write(
        tmp_path / "a.jsonl",
        called('{"a": ' + "[" * 900 + "]" * 900 + "}"),
        called('{"a": -Infinity}'),
        called("[" * 100_000),
        {"messages": [ASKED, ANSWERED], "tools": "[" * 100_000},
    )
    with path.open("a") as lines:
        lines.write('\n{"messages": NaN}\n' + '{"messages": ' + "[" * 2000 + "]" * 2000 + "}")
    documents, rejections = ingest("conversations", path)
    assert documents == []
    assert len(rejections) == 6


def test_ten_thousand_turns_and_huge_answers_arrive_whole(tmp_path: Path, ingest: Any) -> None:
    hostile = ("[" + "a (" * 3_000_000 + ")]", "<tool_call>" * 100_000 + " " * 1_000_000, "\n" * 1_000_000 + "x")
    path = write(
        tmp_path / "a.jsonl",
        {"messages": [ASKED, ANSWERED] * 5_000},
        {"messages": [ASKED, *({"role": "assistant", "content": text} for text in hostile)]},
        {"prompt": "Hi", "chosen": "\n" * 1_000_000 + "Human", "rejected": "Hm: \n\n" * 100_000},
    )
    (long, wide, pair), _ = ingest("conversations", path)
    assert len(talk(long)["messages"]) == 10_000
    assert [message["content"] for message in talk(wide)["messages"][1:]] == list(hostile)
    assert talk(pair)["rejected"]
