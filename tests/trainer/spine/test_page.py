"""The page of the chain: what retention, the reward model and GRPO say stands on it, and nothing that wasn't worked."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from winnow.trainer.spine.chain import LEDGER, Entry, Ledger, Spine
from winnow.trainer.spine.page import verdicts, write_spine_page

LOSSES = {
    "mid": {"mid": {"tokens": 1000, "loss": 4.0}, "sft": {"tokens": 500, "loss": 5.0}},
    "sft": {"mid": {"tokens": 1000, "loss": 4.04}, "sft": {"tokens": 500, "loss": 4.5}},
}
JUDGED = {"pairs": 40, "accuracy": 0.625, "accuracy_of_heads": [0.6, 0.65], "calibration_error": 0.1, "variance": 0.02}
GRPO = {"held_out": 16, "before": {"rewards/form/mean": 0.25}, "after": {"rewards/form/mean": 0.5}, "kl": 0.0123}
EVIL = "</text><script>alert(1)</script>"


@pytest.fixture
def spine(tmp_path: Path) -> Spine:
    return Spine(out=tmp_path, stages=("mid", "sft", "rl"), profile="spine", preset="tiny")


def write(path: Path, told: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(told))


def cells(page: str) -> list[list[str]]:
    """The rows of all tables."""
    tables = [f"<table>{part[: part.index('</table>')]}</table>" for part in page.split("<table>")[1:]]
    return [["".join(cell.itertext()) for cell in row] for table in tables for row in ElementTree.fromstring(table)]


def test_a_verdict_tells_what_a_stage_learned_and_what_it_cost_the_one_before() -> None:
    assert verdicts(LOSSES, ["mid", "sft"]) == [
        "sft: its own held-out text -10.0 % against the model before, mid's +1.0 %"
    ]
    assert verdicts({"mid": LOSSES["mid"]}, ["mid", "sft"]) == []


@pytest.mark.parametrize("way", ["GRPO", "PPO"])
def test_the_page_tells_what_came_of_alignment(spine: Spine, way: str) -> None:
    write(
        spine.model("reward") / "reward.json", {"learned": 160, "before": JUDGED, "after": {**JUDGED, "accuracy": 0.7}}
    )
    write(spine.model("rl") / f"{way.lower()}.json", GRPO)
    steps = [{"step": step, "reward": 0.2, f"rewards/{EVIL}/mean": 0.1, "kl": 0.01} for step in (1, 2)]
    (spine.model("rl") / "steps.jsonl").write_text("".join(json.dumps(step) + "\n" for step in steps))
    ledger = Ledger(spine.out / LEDGER)
    ledger.note("rl: GRPO", Entry(fingerprint="f", finished=True, seconds=12.0, processor_seconds=20.0))
    page = write_spine_page(spine, ledger, {}).read_text()
    found = cells(page)
    assert ["after", "40", "0.700", "0.600, 0.650", "0.100", "0.0200"] in found
    assert ["form", "0.250", "0.500"] in found and "KL divergence at the end 0.0123" in page
    assert f"Reinforcement ({way}): rewards" in page
    assert found[-2:] == [["rl: GRPO", "12", "20"], ["all", "12", "20"]]
    assert "<script" not in page and page.count("<svg") == 2


def test_the_page_tells_what_the_served_model_refuses(spine: Spine) -> None:
    share = {"count": 3, "share": 0.75, "interval": [0.3006, 0.9544]}
    figures = {"items": 4, "refused": share, "withheld": {**share, "count": 4, "share": 1.0, "interval": [0.51, 1.0]}}
    write(spine.out / "safety" / "safety.json", {"rates": {"refusal": {f"red: {EVIL}": figures}}})
    page = write_spine_page(spine, Ledger(spine.out / LEDGER), {}).read_text()
    assert ["refusal", f"red: {EVIL}", "4", "75.0% (30.1% to 95.4%)", "100.0% (51.0% to 100.0%)"] in cells(page)
    assert "<script" not in page


def test_each_run_stands_with_its_parent_and_what_earlier_runs_took(spine: Spine) -> None:
    counts = {"ingest": {"documents": 1200}, "deduplicate.minhash.choose": {"dropped": 7}}
    counts["deduplicate.minhash.drop"] = {"dropped": 7}
    steps = [{"step": step, "counts": told} for step, told in counts.items()]
    write(spine.run("mid") / "lock.json", {"steps": steps})
    write(spine.run("sft") / "lock.json", {"steps": steps, "after": [{"stage": "mid", "lock": "0123456789abcdef"}]})
    found = cells(write_spine_page(spine, Ledger(spine.out / LEDGER), {}).read_text())
    assert [[row[0], *row[2:]] for row in found[1:3]] == [
        ["mid", "–", "1,200", "7", "–"],
        ["sft", "mid 01234567", "1,200", "7", "–"],
    ]


def test_a_chain_that_has_not_begun_has_a_page_without_charts(spine: Spine) -> None:
    page = write_spine_page(spine, Ledger(spine.out / LEDGER), {}).read_text()
    assert "mid → sft → rl. 0 steps, 0 tokens." in page and "<svg" not in page
