"""Every block of docs/training-elsewhere.md trains on each document by itself: its first loss is that of one by one."""

from __future__ import annotations

import json
import re
import subprocess
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

from tests.feeds.conftest import LONG, SHORT, VOCABULARY, export_model, packed
from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.exporters import parquet
from winnow.stages.shards.shard import Phase, build_index, write_shard
from winnow.torch import ShardRows

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "training-elsewhere.md"
APART = {"Accelerate": "recipes", "Lightning": "recipes", "transformers' Trainer": "recipes", "TRL": "recipes"}
"""Sections whose block needs libraries of its own, and the environment of `make readers-test` that has them."""


def blocks() -> list[tuple[str, str]]:
    """Section and code of every block of Python."""
    found, section = [], ""
    for heading, code in re.findall(
        r"^## (.*?)$|^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    ):
        section = heading or section
        if code:
            found.append((section, code))
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the page calls `runs/mid` and `plain`: four rows a phase, so that a batch is all of one, and a small model."""
    folder = tmp_path_factory.mktemp("elsewhere")
    workspace = Workspace(str(folder / "runs" / "mid"))
    phases = []
    for name, length in (("length-4096", SHORT), ("length-32768", LONG)):
        write_shard(workspace, f"shards/{name}/0.parquet", packed(0, 4, length, mask=True))
        phases.append(Phase(name=name, length=length, rotary_base=1e4))
    tokenizer = {"path": "tokenizer", "digest": "t0", "vocabulary_size": VOCABULARY, "end": 0}
    build_index(workspace, stage="sft", dtype=np.uint16, tokenizer=tokenizer, phases=phases)
    parquet.export(workspace.path("shards/index.json"), "length-4096", str(folder / "plain"))
    model = folder / "runs" / "mid" / "model" / "export"
    export_model(model)
    words = Tokenizer(WordLevel({f"w{number}": number for number in range(VOCABULARY)}, unk_token="w1"))
    PreTrainedTokenizerFast(tokenizer_object=words, eos_token="w0", pad_token="w0").save_pretrained(model)
    return folder


@pytest.fixture(scope="module")
def one_by_one(folder: Path) -> float:
    """The mean loss of the learned tokens of the first phase, every document alone through the model."""
    torch.set_num_threads(1)
    model = AutoModelForCausalLM.from_pretrained(folder / "runs/mid/model/export", dtype=torch.float32).eval()
    losses: list[float] = []
    for row in ShardRows(str(folder / "runs/mid/shards/index.json"), "length-4096"):
        for start, stop in pairwise(row["cu_seqlens"].tolist()[:-1]):
            with torch.no_grad():
                guesses = model(input_ids=row["input_ids"][None, start:stop]).logits[0].log_softmax(-1)
            learned = [place for place in range(start + 1, stop) if row["labels"][place] >= 0]
            losses += [-float(guesses[place - start - 1, row["input_ids"][place]]) for place in learned]
    return float(np.mean(losses))


def test_the_page_has_a_block_for_every_trainer() -> None:
    assert [section for section, _ in blocks()] == [
        "The data sets",
        "A plain loop",
        *APART,
        "torchtitan, nanotron",
        "torchtitan, nanotron",
        "`datasets` alone",
    ]


def test_the_data_set_of_the_page_gives_every_phase_and_its_state(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    found: dict[str, object] = {"__name__": "recipe"}
    exec(blocks()[0][1], found)
    assert found["step"] == 2 and found["state"]["taken"] == {"length-4096": 4, "length-32768": 4}  # type: ignore[index]


@pytest.mark.parametrize("number", [n for n, (section, _) in enumerate(blocks()) if n and section not in APART])
def test_a_block_trains_on_each_document_by_itself(
    folder: Path, one_by_one: float, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HF_HOME", str(folder / "cache"))
    found: dict[str, torch.Tensor] = {}
    exec(blocks()[number][1], found)
    assert abs(float(found["loss"]) - one_by_one) <= 1e-6 * max(1, one_by_one)


@pytest.mark.slow
@pytest.mark.parametrize("section", APART)
def test_a_block_with_libraries_of_its_own_does(folder: Path, one_by_one: float, section: str) -> None:
    python = ROOT / ".venv-readers" / APART[section] / "bin" / "python"
    assert python.exists(), f"{python} is missing: run `make readers-test`"
    done = subprocess.run(
        [python, ROOT / "tests/readers/recipes.py"],
        input=dict(blocks())[section],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT / "src"), "HF_HOME": str(folder / "cache"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert abs(json.loads(done.stdout.splitlines()[-1]) - one_by_one) <= 1e-4
