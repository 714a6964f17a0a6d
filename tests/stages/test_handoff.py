"""What goes to trainers of conversations: nothing twice, nothing that they would refuse, everything left out is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.stages import preferences
from winnow.stages.document import DOCUMENT, document_id
from winnow.stages.handoff.forms import FORMS
from winnow.stages.handoff.labels import ASK, grader
from winnow.stages.handoff.rows import Row
from winnow.stages.handoff.writing import HandoffError, hand_off
from winnow.stages.run.drops import DROP, write_drops
from winnow.stages.run.workspace import Workspace

CALL = {"id": "c1", "name": "weather", "arguments": {"city": "北京", "days": 2}}
TOOL = {"name": "weather", "description": "", "parameters": {"type": "object", "properties": {}}}
TOOLED = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "天气?"},
        {"role": "assistant", "content": "", "reasoning": "ask", "tool_calls": [CALL]},
        {"role": "tool", "content": "晴", "tool_call_id": "c1"},
        {"role": "assistant", "content": "晴。"},
    ],
    "tools": [TOOL],
}
Write = Callable[..., Workspace]


def talk(question: str, answer: str, **more: Any) -> dict[str, Any]:
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer, **more.pop("turn", {})}]
    return {"messages": turns, "tools": [], **more}


@pytest.fixture
def write(workspace: Workspace) -> Write:
    """Parts of conversations as a run leaves them; `dropped` rows of each are out, `rl` makes prompts and pairs of them."""

    def parts(*talks: list[dict[str, Any]], dropped: tuple[int, ...] = (), rl: bool = False) -> Workspace:
        for number, part in enumerate(talks):
            name = f"chat-{number:05d}"
            rows = [
                {"id": document_id("chat", name, str(i)), "text": "t", "source": "chat", "kind": "conversations",
                 "locator": str(i), "messages": json.dumps(said)}
                for i, said in enumerate(part)
            ]  # fmt: skip
            table = pa.Table.from_pylist(rows, schema=DOCUMENT)
            workspace.write_table(f"documents/{name}.parquet", table)
            out = [{**rows[i], "stage": "decide", "rule": "r", "value": "", "threshold": "", "row": i} for i in dropped]
            write_drops(
                workspace, "decide", name, pa.Table.from_pylist(out, schema=DROP) if out else DROP.empty_table()
            )
        if rl:
            names = [f"chat-{number:05d}" for number in range(len(talks))]
            for unit in preferences.preference_units(names, seed=1, stages=["decide"]):
                preferences.emit_part(workspace, unit)
        return workspace

    return parts


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_slime_gets_one_file_of_prompts_that_it_can_grade(write: Write, tmp_path: Path) -> None:
    labelled = [talk("2 + 2?", "4", label="4"), talk("Sort?", "[1, 2]", label="[1, 2]")]
    repeated = [talk("2 + 2?", "4", rejected=[{"role": "assistant", "content": "5"}]), talk("Why?", "So.")]
    bad = [talk("Braces?", "}{", label="}{"), talk("Tools?", "x", label="x", tools=[TOOL])]
    run = write(labelled, repeated, [], bad, rl=True)
    count, left_out = hand_off(run, "slime", str(tmp_path / "prompts.jsonl"))
    rows = lines(tmp_path / "prompts.jsonl")
    assert count == len(rows) == 3
    assert left_out == {
        "no label: only a reward model could judge the answer": 1,
        "a label that none of its graders credits": 1,
    }
    assert sum("2 + 2?" in row["prompt"][-1]["content"] for row in rows) == 1
    assert all(row["prompt"][-1]["content"].endswith(ASK) and row["metadata"]["rm_type"] == "math" for row in rows)
    assert ["tools" in row for row in rows].count(True) == 1
    assert None not in [value for row in rows for value in row.values()]


def test_each_trainer_gets_its_own_form_of_a_conversation_with_calls(write: Write, tmp_path: Path) -> None:
    unlearned = talk("Q", "A", turn={"train": False})
    unlearned["messages"] += talk("R", "B")["messages"]
    run = write([TOOLED, unlearned, talk("gone", "x")], dropped=(2,))
    for form in FORMS:
        hand_off(run, form, str(tmp_path / f"{form}.jsonl"))
    rows = {
        form: {len(row.get("messages", row.get("conversations"))): row for row in lines(tmp_path / f"{form}.jsonl")}
        for form in FORMS
    }
    assert set(rows["messages"]) == set(rows["slime"]) == set(rows["trl"]) == {5, 4}
    call = rows["messages"][5]["messages"][2]
    assert call["tool_calls"][0]["function"] == {"name": "weather", "arguments": CALL["arguments"]}
    assert call["reasoning_content"] == "ask" and rows["trl"][5]["tools"][0]["function"] == TOOL
    masks = [(form, name) for form, name in (("messages", "weight"), ("slime", "step_loss_mask"))]
    for form, name in masks:
        assert [turn.get(name) for turn in rows[form][4]["messages"]] == [None, 0, None, None]
    assert [turn.get("train") for turn in rows["trl"][4]["messages"]] == [None, False, None, None]
    assert set(rows["llama-factory"]) == {4}  # the other has a turn that isn't learned
    shared = rows["llama-factory"][4]
    assert [turn["from"] for turn in shared["conversations"]] == ["human", "function_call", "observation", "gpt"]
    assert shared["system"] == "Be brief." and json.loads(shared["tools"]) == [TOOL]
    assert shared["conversations"][1]["value"].startswith("<think>\nask\n</think>")
    info = json.loads((tmp_path / "dataset_info.json").read_text())
    assert info["llama-factory"]["formatting"] == "sharegpt"


def test_pairs_go_to_those_who_train_on_pairs(write: Write, tmp_path: Path) -> None:
    run = write([talk("Q", "good", rejected=[{"role": "assistant", "content": "bad"}])], rl=True)
    hand_off(run, "trl", str(tmp_path / "trl.jsonl"))
    assert lines(tmp_path / "trl.jsonl") == [
        {"prompt": [{"role": "user", "content": "Q"}], "chosen": [{"role": "assistant", "content": "good"}],
         "rejected": [{"role": "assistant", "content": "bad"}]}
    ]  # fmt: skip
    hand_off(run, "llama-factory", str(tmp_path / "ranked.jsonl"))
    assert lines(tmp_path / "ranked.jsonl")[0]["rejected"] == {"from": "gpt", "value": "bad"}
    assert json.loads((tmp_path / "dataset_info.json").read_text())["ranked"]["ranking"]
    with pytest.raises(HandoffError, match=r"nothing of .* can go to slime: no label"):
        hand_off(run, "slime", str(tmp_path / "slime.jsonl"))
    assert not (tmp_path / "slime.jsonl").exists()
    with pytest.raises(HandoffError, match="is there already"):
        hand_off(run, "trl", str(tmp_path / "trl.jsonl"))


def boxed(answer: str) -> str | None:
    """What lies in the last box of an answer, by counting braces from it on, as graders of mathematics do."""
    start = answer.rfind("\\boxed")
    depth = 0
    for place in range(start, len(answer)):
        depth += {"{": 1, "}": -1}.get(answer[place], 0)
        if answer[place] == "}" and depth == 0:
            return answer[start + len("\\boxed{") : place]
    return None


@given(st.text(alphabet="ab{}\\ 1\n", max_size=12))
def test_a_label_with_a_grader_can_be_read_back_from_its_box(label: str) -> None:
    if grader(label) is not None:
        assert boxed(f"So it is \\boxed{{{label}}}.") == label
    elif label.strip() and "\\boxed" not in label and "\n" not in label:
        assert boxed(f"\\boxed{{{label}}}") != label


def test_every_form_takes_or_refuses_with_a_reason() -> None:
    empty = Row(messages=[{"role": "system", "content": "s"}], metadata={})
    for form, make in FORMS.items():
        told = make(empty)
        assert isinstance(told, str) == (form in ("slime", "llama-factory")) or told
