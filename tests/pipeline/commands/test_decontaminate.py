"""`winnow decontaminate`: what it keeps, what it tells, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
from click.testing import CliRunner

from winnow.pipeline.cli import cli

QUESTION = (
    "A baker sells three loaves every morning and five in the evening; how many loaves does she sell in nine days?"
)
CLEAN = "The museum opens at ten, and its garden may be seen without a ticket on every day but Monday until dusk falls."


def test_the_document_that_holds_an_item_is_dropped_and_shown(tmp_path: Path) -> None:
    texts = {"taken": f"An exercise for beginners. {QUESTION} Write the answer down.", "clean": CLEAN}
    lines = [json.dumps({"id": name, "text": text}) + "\n" for name, text in texts.items()]
    (tmp_path / "pages.jsonl").write_text("".join(lines))
    (tmp_path / "items.jsonl").write_text(json.dumps({"id": "bakery", "question": QUESTION}) + "\n")
    arguments = [*("--in", str(tmp_path / "pages.jsonl"), "--benchmark", str(tmp_path / "items.jsonl"))]
    result = CliRunner().invoke(cli, ["decontaminate", *arguments, "--out", str(tmp_path / "clean"), "--review"])
    assert result.exit_code == 0, result.output
    assert "bakery" in result.output and "decontaminate" in result.output
    kept = sorted((tmp_path / "clean" / "kept").rglob("*.parquet"))
    assert [text for path in kept for text in pq.read_table(path)["text"].to_pylist()] == [CLEAN]
