"""Small is fine: one document, five, fifty; one language, one source: shards, or one sentence why not."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

MANIFEST = """\
stage: pretrain
seed: 1
mixture: {sources: {notes: 100}}
packing: PACKING
curriculum: [{length: 128, share: 100}]
deduplicate: {exact: {}}
"""


def run(winnow, folder: Path, texts: list[str], packing: str = "best_fit"):
    (folder / "rows.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    (folder / "own.yaml").write_text(MANIFEST.replace("PACKING", packing))
    (folder / "where.yaml").write_text(
        "buckets: 1\nsources:\n  notes: [{kind: tables, content: prose, paths: [rows.jsonl]}]\n"
    )
    asked = ("--stage", folder / "own.yaml", "--profile", folder / "where.yaml", "--out", folder / "run")
    return winnow("run", *asked, "--workers", "1")


@pytest.mark.parametrize("documents", [1, 50])
def test_so_many_documents_give_shards(winnow, tmp_path: Path, english: list[str], documents: int) -> None:
    answer = run(winnow, tmp_path, english[:documents])
    assert answer.status == 0
    assert re.search(r"the text has pieces for a vocabulary of [\d,]+, not for the 151,552 asked", answer.said)
    told = re.search(r"length-128 128 (\d+) ([\d,]+)", answer.said)
    assert told and int(told[1]) > 0
    index = json.loads((tmp_path / "run" / "shards" / "index.json").read_text())
    assert sum(phase["tokens"] for phase in index["phases"]) == int(told[2].replace(",", ""))


def test_no_sequence_at_all_is_an_error_in_one_sentence(winnow, tmp_path: Path, english: list[str]) -> None:
    answer = run(winnow, tmp_path, ["Four words of text."], packing="concatenate")
    assert answer.status == 1
    assert "no sequence came of" in answer.said and "the shortest phase has sequences of 128" in answer.said
    assert "built %" not in answer.said
