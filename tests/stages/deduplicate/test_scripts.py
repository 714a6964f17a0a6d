"""Copies across the two scripts of Chinese: found, told apart from near-duplicates of one script, and one of them stays."""

from __future__ import annotations

import random
from typing import Any

import opencc
import pyarrow as pa
import pytest
from pydantic import ValidationError

from winnow.stages.deduplicate import minhash, scripts
from winnow.stages.deduplicate.contender import Preference
from winnow.stages.deduplicate.files import deduplicate_files
from winnow.stages.deduplicate.orthography import SIMPLIFIED, TRADITIONAL, UNTOLD, orthographies
from winnow.stages.deduplicate.recipes import MinHashSettings, ScriptSettings
from winnow.stages.document import DOCUMENT, document_id
from winnow.stages.run.workspace import Workspace

SETTINGS = ScriptSettings(bands=20, rows=4, buckets=2)
NAMES = "国学会发书说时长东门车风见话语经济历史头脑网络软硬件数据库云计算机关系统计划图画电视广播"


def passage(seed: int, characters: int = 240) -> str:
    """Simplified characters in an order of no meaning; two seeds share nothing but characters."""
    generator = random.Random(seed)
    return "".join(generator.choice(NAMES) + ("，" if at % 12 == 11 else "") for at in range(characters))


def traditional(text: str) -> str:
    return opencc.OpenCC("s2t").convert(text)


def gone(workspace: Workspace, parts: list[str], stage: str = scripts.STAGE) -> list[tuple[str, int, str]]:
    return [
        (part, row["row"], row["value"])
        for part in parts
        for row in workspace.read_table(f"drops/{stage}/{part}.parquet").to_pylist()
    ]


def test_the_script_of_a_text_is_told_by_what_only_one_writes() -> None:
    texts = {
        "中文维基百科是自由的百科全书": SIMPLIFIED,
        "中文維基百科是自由的百科全書": TRADITIONAL,
        "人在山中": SIMPLIFIED,  # both write so
        "ウィキペディアは自由な百科事典です": UNTOLD,
        "an encyclopaedia": UNTOLD,
        "": UNTOLD,
    }
    assert orthographies(pa.array(texts)).tolist() == list(texts.values())


@pytest.mark.parametrize("rounds", [0, 3])
def test_a_copy_in_the_other_script_goes_and_nothing_else(workspace, lay_out, work, rounds) -> None:
    copied, alone = passage(1), passage(2)
    japanese = "これは" * 40 + passage(3)[:20]
    parts = lay_out(
        {
            "a-00000": [copied, alone, "only English here " * 30, japanese],
            "b-00000": [traditional(copied) + "完", traditional(passage(4)), japanese + "です"],
        }
    )
    settings = SETTINGS.model_copy(update={"component_rounds": rounds})
    counts = work(scripts.plan(parts, settings))
    (found,) = gone(workspace, parts)
    assert found[:2] == ("a-00000", 0)  # the longer stays
    assert counts["deduplicate.scripts.sign.documents"] == 4 and counts["deduplicate.scripts.drop.dropped"] == 1
    work(minhash.plan(parts, MinHashSettings(bands=20, rows=4)))
    assert {part for part, _, _ in gone(workspace, parts, minhash.STAGE)} == {"a-00000"}  # Japanese alone
    assert workspace.list("pairs", ".parquet") and workspace.list("scripts/pairs", ".parquet")


def test_near_duplicates_of_one_script_are_left_to_minhash(workspace, lay_out, work) -> None:
    parts = lay_out(
        {"a-00000": [passage(1), passage(1) + "完", traditional(passage(2)), traditional(passage(2)) + "完"]}
    )
    work(scripts.plan(parts, SETTINGS))
    assert gone(workspace, parts) == []
    assert workspace.read_table("scripts/pairs/a-00000.parquet").num_rows == 0


@pytest.mark.parametrize(("stays", "row"), [("simplified", 1), ("traditional", 0)])
def test_the_manifest_may_say_which_script_stays(workspace, lay_out, work, stays, row) -> None:
    parts = lay_out({"a-00000": [passage(1) + "完" * (stays == "traditional"), traditional(passage(1))]})
    work(scripts.plan(parts, SETTINGS.model_copy(update={"stays": stays})))
    assert [found[1] for found in gone(workspace, parts)] == [row]


def test_a_script_and_a_quality_cannot_both_decide() -> None:
    with pytest.raises(ValidationError, match="can't both decide"):
        ScriptSettings(stays="simplified", preference=Preference(quality="score"))


def test_numbers_count_across_scripts_as_within_one(workspace, lay_out, work) -> None:
    problem = passage(1, 120) + "计算 17 + 25 的结果"
    other = traditional(problem).replace("25", "26")
    parts = lay_out({"a-00000": [problem, other]}, kind={"a-00000": ["mathematics"] * 2})
    work(scripts.plan(parts, SETTINGS))
    assert gone(workspace, parts) == []
    parts = lay_out({"a-00000": [problem, traditional(problem)]}, kind={"a-00000": ["mathematics"] * 2})
    work(scripts.plan(parts, SETTINGS))
    assert len(gone(workspace, parts)) == 1


def test_a_later_run_goes_for_the_copy_of_an_earlier_one(tmp_path) -> None:
    def run(name: str, texts: list[str], settings: ScriptSettings) -> tuple[Workspace, list[str]]:
        place = Workspace(str(tmp_path / name))
        ids = [document_id("t", name, text) for text in texts]
        rows: list[dict[str, Any]] = [
            {"id": one, "text": text, "source": "t", "kind": "tables", "locator": name}
            for one, text in zip(ids, texts, strict=True)
        ]
        place.write_table("documents/p-00000.parquet", pa.Table.from_pylist(rows, schema=DOCUMENT))
        for step, units in scripts.plan(["p-00000"], settings):
            for unit in units:
                step.work(place, unit)
        return place, ids

    remembering = SETTINGS.model_copy(update={"remember": True})
    _, old = run("old", [passage(1)], remembering)
    comparing = SETTINGS.model_copy(update={"known": (str(tmp_path / "old"),)})
    new, _ = run("new", [passage(5), traditional(passage(1)) + "還有", passage(1)], comparing)
    ((_, row, value),) = gone(new, ["p-00000"])
    assert (row, value.split()[0]) == (1, old[0])
    with pytest.raises(FileNotFoundError, match=r"holds no index: no scripts/index"):
        scripts.plan(["p-00000"], SETTINGS.model_copy(update={"known": (str(tmp_path / "new"),)}))


def test_the_level_works_alone_on_files(tmp_path) -> None:
    import json

    file = tmp_path / "pages.jsonl"
    texts = [passage(1), traditional(passage(1)), passage(2)]
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    found = deduplicate_files([str(file)], str(tmp_path / "out"), "scripts", ScriptSettings(stays="simplified"))
    assert (found.documents, found.dropped) == (3, 1)
    kept = Workspace(str(tmp_path / "out"))
    left = [text for name in kept.list("kept") for text in kept.read_table(name)["text"].to_pylist()]
    assert sorted(left) == sorted([texts[0], texts[2]])
