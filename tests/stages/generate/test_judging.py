"""Answers read, graded and chosen, of each recipe: the best kept, every other a rejection by name."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.conftest import Ingest
from winnow.stages.document import DOCUMENT, document_id
from winnow.stages.generate.asking import ANSWER
from winnow.stages.generate.judging import JUDGE, judge_units
from winnow.stages.generate.settings import Generation
from winnow.stages.run.unit import Unworkable
from winnow.stages.run.workspace import Workspace

PART = "chat-00000"
QUESTION = {"role": "user", "content": "How much is 1/4 + 1/4?"}


def asked(**given: Any) -> Generation:
    return Generation.model_validate({"server": "local", "model": "m", "answers": 1, "tokens": 9, **given})


def judged(
    workspace: Workspace, generation: Generation, answers: Sequence[str | Mapping[str, Any]], **document: Any
) -> tuple[list[dict[str, Any]], Counter[str]]:
    """The records that come of one document's answers, and the rules that the others fell by."""
    text = document.pop("text", "a text about pears")
    row = {"id": document_id("s", "l", text), "text": text, "source": "s", "kind": "tables", "locator": "l", **document}
    workspace.write_table(f"documents/{PART}.parquet", pa.Table.from_pylist([row], schema=DOCUMENT))
    plain = {"status": "answered", "detail": "", "text": "", "reasoning": "", "finish": "stop", "model": "served"}
    plain |= {"prompt_tokens": 1, "completion_tokens": 2}
    rows = [
        {
            "parent": row["id"],
            "number": number,
            "seed": number,
            **plain,
            **({"text": each} if isinstance(each, str) else each),
        }
        for number, each in enumerate(answers)
    ]
    workspace.write_table(f"answers/{PART}.parquet", pa.Table.from_pylist(rows, schema=ANSWER))
    (unit,) = judge_units([PART], generation)
    counts = JUDGE.work(workspace, unit)
    records = [json.loads(line) for line in workspace.read_bytes(f"generated/{PART}.jsonl").splitlines()]
    found = workspace.read_table(f"rejections/generate/{PART}.parquet")["rule"].to_pylist()
    rules = Counter(rule.removeprefix("generate.") for rule in found)
    assert counts["records"] == len(records) and sum(counts["rejected"].values()) == len(found)
    assert len(records) + len(found) == len(answers) == counts["answers"]
    return records, rules


def conversation(label: str | None = None, *answers: str) -> str:
    talk = {"messages": [QUESTION, *({"role": "assistant", "content": each} for each in answers)], "tools": []}
    return json.dumps({**talk, **({} if label is None else {"label": label})})


def test_of_answers_graded_by_the_label_the_first_right_one_is_kept(workspace: Workspace, ingest: Ingest) -> None:
    generation = asked(recipe="rejection_sampling", grade="label", answers=5)
    answers = [
        "it is \\boxed{2/8}",
        "so \\boxed{0.5}",
        "<think>half</think>\\boxed{\\frac{1}{2}}",
        "one half",
        {"status": "refused"},
    ]
    (record,), rules = judged(workspace, generation, answers, messages=conversation("1/2", "old"))
    assert record["messages"] == [QUESTION, {"role": "assistant", "content": "so \\boxed{0.5}"}]
    assert record["reward"] == 1.0 and record["generation"]["number"] == 1
    assert rules == {"grade": 2, "not_best": 1, "refused": 1}
    path = workspace.path(f"generated/{PART}.jsonl")
    read = ingest("conversations", path, metadata=["generation"])
    assert not read.rejections
    talk = json.loads(read.documents[0]["messages"])
    assert talk["messages"] == record["messages"] and talk["scores"] == {"reward": 1.0}
    assert json.loads(read.documents[0]["metadata"])["generation"]["parent"] == record["generation"]["parent"]


def test_a_conversation_without_a_label_can_not_be_graded_by_it(workspace: Workspace) -> None:
    generation = asked(recipe="rejection_sampling", grade="label")
    records, rules = judged(workspace, generation, ["\\boxed{1}"], messages=conversation())
    assert not records and rules == {"no_label": 1}


def test_consistency_is_the_share_of_all_answers_that_say_the_same(workspace: Workspace) -> None:
    answers = ["\\boxed{3}", "\\boxed{0.5}", "\\boxed{1/2}", "no box", {"finish": "length", "text": "\\boxed{1/2}"}]
    for minimum, kept in ((0.4, 1), (0.5, 0)):
        generation = asked(recipe="rejection_sampling", grade="consistency", answers=5, minimum=minimum)
        records, rules = judged(workspace, generation, answers, messages=conversation())
        assert len(records) == kept
        assert rules == Counter(
            {"grade": 3 - 2 * kept, "not_best": kept, "unparsed": 1, "cut": 1} | {"grade": 1 if kept else 3}
        )
        assert not kept or (records[0]["reward"] == 0.4 and records[0]["generation"]["number"] == 1)


def test_a_grade_of_ones_own_sees_the_messages_and_the_answer(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_reward.py").write_text(
        "def longest(messages, answer):\n    assert messages[-1]['role'] == 'user'\n    return len(answer)\n"
        "def nothing(messages, answer):\n    return float('nan')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    generation = asked(recipe="rejection_sampling", grade="own_reward:longest", minimum=5, prompt="solve", answers=3)
    (record,), rules = judged(workspace, generation, ["short", "no", "the longest"])
    assert record["messages"][-1]["content"] == "the longest" and record["reward"] == 11.0
    assert "a text about pears" in record["messages"][0]["content"] and rules == {"not_best": 1, "grade": 1}
    with pytest.raises(Unworkable, match="a grade is a finite number"):
        judged(workspace, asked(recipe="rejection_sampling", grade="own_reward:nothing", prompt="solve"), ["a"])


def test_a_text_told_anew_is_a_record_unless_it_is_the_old_one_or_a_second_time_the_same(workspace: Workspace) -> None:
    answers = [" a text about pears\n", "of pears", "of pears", "<think>never closed", "<think>so</think>Pears."]
    records, rules = judged(
        workspace, asked(recipe="rephrase", prompt="article", answers=5), answers, language="en", url="u"
    )
    assert [record["text"] for record in records] == ["of pears", "Pears."]
    assert rules == {"unchanged": 1, "repeated": 1, "thoughts": 1}
    assert (
        len({record["id"] for record in records}) == 2 and records[0]["language"] == "en" and records[0]["url"] == "u"
    )


@pytest.mark.parametrize(
    ("answers", "label", "rules"),
    [
        (["good", "**Good.**", "bad"], "good", {"agreeing": 1, "outvoted": 1}),
        (["Label: very good", "It teaches.\nvery good", "x"], "very good", {"agreeing": 1, "unparsed": 1}),
        (["not good", "good or bad", "good, I think"], None, {"unparsed": 3}),
        (["good", "bad", "very good"], None, {"disagreement": 3}),
    ],
)
def test_a_label_is_what_enough_answers_are_and_nothing_that_only_holds_its_word(
    workspace: Workspace, answers: list[str], label: str | None, rules: dict[str, int]
) -> None:
    generation = asked(recipe="label", prompt="quality", labels=["bad", "good", "very good"], answers=3)
    records, found = judged(workspace, generation, answers)
    assert [record["label"] for record in records] == ([label] if label else []) and found == rules
    assert all(record["text"] == "a text about pears" for record in records)
