"""Fewer bits: what llm-compressor and llama.cpp wrote is what was asked for, and perplexity is what it says."""

from __future__ import annotations

import json
import math
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from safetensors.torch import load_file

from tests.tokenizer.conftest import CHINESE
from tests.trainer.serving.conftest import ROOT, needed, program
from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.shard import INDEX, ShardIndex
from winnow.tokenizer.load import load
from winnow.tokenizer.train import train_model
from winnow.trainer.batch import make_batch
from winnow.trainer.config import ModelConfig
from winnow.trainer.curriculum import plan_steps
from winnow.trainer.evaluate import one_document
from winnow.trainer.export import import_checkpoint
from winnow.trainer.held_out import Split
from winnow.trainer.schedule import Schedule
from winnow.trainer.serving.gguf import convert
from winnow.trainer.serving.quantize import SHORTEST, held_out_windows, perplexity, table, training_windows

TARGET = "make quantize-test"


def test_the_table_compares_with_bf16() -> None:
    rows = {
        "bf16": {"perplexity": 200.0, "bytes": 2_000_000},
        "gguf q8_0": {"perplexity": 201.0, "bytes": 1_062_500, "tokens_per_second": 1234.5},
        "int4": {"perplexity": 190.0, "bytes": 500_000},
    }
    lines = table({"rows": rows, "left_out": {"fp8": "no environment"}}).splitlines()
    assert lines[2] == "| bf16 | 2.0 | 1.00 | 200.00 | +0.00 % | – |"
    assert lines[3] == "| gguf q8_0 | 1.1 | 0.53 | 201.00 | +0.50 % | 1,234 |"
    assert lines[4] == "| int4 | 0.5 | 0.25 | 190.00 | -5.00 % | – |"
    assert lines[5] == "fp8: left out, no environment"


def test_windows_are_of_unread_documents_and_hold_no_special_token(shards: Workspace, tiny: ModelConfig) -> None:
    shards.write_bytes("tokenizer/tokenizer.model", train_model(["a few words to learn letters from " * 40], 340))
    index = ShardIndex.from_json(shards.read_bytes(INDEX))
    index = replace(index, tokenizer={**index.tokenizer, "path": "tokenizer"})
    steps = plan_steps(index, tiny, Schedule(steps=2), batch_tokens=128, held_out=0.5)
    split = Split(workspace=shards, index_path=shards.path(INDEX), index=index, steps=tuple(steps), share=0.5)
    special = set(load(shards.path("tokenizer")).special.values())
    windows = list(held_out_windows(split, 10**6))
    rows = [row for phase in split.phases() for row in split.unread(phase, split.read())]
    unread = [
        "".join(map(chr, row.input_ids[0, at : at + n]))
        for row in rows
        for at, n in zip(row.positions, row.lengths, strict=True)
    ]
    assert windows and all(len(window) >= SHORTEST and not set(window) & special for window in windows)
    assert all(any("".join(map(chr, window)) in text for text in unread) for window in windows)
    assert len(list(held_out_windows(split, 1))) == 1
    assert [len(row) for row in training_windows(split, 3)] == [32] * 3


@pytest.fixture(scope="module")
def windows(source: Path) -> list[list[int]]:
    """Text of which some characters are only bytes to the tokenizer."""
    texts = [*CHINESE, "def f(x):\n    return x + 1  # 🦊 ﷺ\n", "The pipeline writes shards; nobody reads them twice."]
    encoder = load(str(source))
    return [encoder.encode(pa.array([text], pa.large_string())).ids.tolist() for text in texts]


@pytest.fixture
def written(windows: list[list[int]], tmp_path: Path) -> Path:
    (tmp_path / "windows.jsonl").write_text("".join(json.dumps(window) + "\n" for window in windows))
    return tmp_path / "windows.jsonl"


def told_by(*command: str | Path) -> dict[str, Any]:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(done.stdout.splitlines()[-1]))


def test_perplexity_is_that_of_whole_logits(source: Path, windows: list[list[int]]) -> None:
    model = import_checkpoint(source).eval()
    nats = []
    for window in windows:
        with torch.no_grad():
            logits = model.logits(make_batch(one_document(np.array(window)))).double().log_softmax(-1)
        nats += [-float(logits[at, token]) for at, token in enumerate(window[1:])]
    assert perplexity(model, windows) == pytest.approx(math.exp(sum(nats) / len(nats)), rel=1e-5)


@pytest.mark.slow  # make quantize-test
def test_llama_cpp_tells_the_perplexity_of_the_trainer(
    source: Path, windows: list[list[int]], written: Path, tmp_path: Path
) -> None:
    """To what its halves in attention cost; a byte whose character isn't whole yet counts, too."""
    convert(source, tmp_path / "model.gguf", ROOT / ".venv-llama/llama.cpp", "f32")
    told = told_by(
        needed(".venv-llama/bin/python", TARGET), program("llama"), "score", tmp_path / "model.gguf", written
    )
    assert told["perplexity"] == pytest.approx(perplexity(import_checkpoint(source).eval(), windows), rel=0.02)
    assert told["tokens"] == sum(len(window) - 1 for window in windows) and told["tokens_per_second"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["fp8", "int8", "int4"])
def test_llm_compressor_rounds_every_expert_and_no_router(
    source: Path, windows: list[list[int]], written: Path, tmp_path: Path, scheme: str
) -> None:
    python = needed(".venv-compress/bin/python", TARGET)
    out = tmp_path / scheme
    told = told_by(
        python, program("compress"), source, out, "--scheme", scheme, "--windows", written, "--calibration", written
    )
    model = import_checkpoint(source).to(torch.bfloat16).eval()
    assert told["perplexity"] == pytest.approx(perplexity(model, windows), rel=0.2)
    assert told["bytes"] == (out / "model.safetensors").stat().st_size
    before, after = (load_file(folder / "model.safetensors") for folder in (source, out))
    matrices = [name for name in before if name.endswith("_proj.weight") and ".layers.3." not in name]
    assert len(matrices) > 3 * 8 * 2
    for name in matrices:
        if scheme == "int4":
            assert after[f"{name}_packed"].numel() * 8 == before[name].numel()  # eight weights in 32 bits
            continue
        assert after[name].dtype == (torch.int8 if scheme == "int8" else torch.float8_e4m3fn)
        scale = after[f"{name}_scale"].float()
        error = (after[name].float() * scale - before[name]).abs()
        step = scale if scheme == "int8" else before[name].abs() / 8 + scale / 256  # three bits behind the point
        assert bool((error <= 0.55 * step + before[name].abs() / 128).all()), name  # and what bf16 took before
    for layer in (1, 2):
        gate = f"model.layers.{layer}.mlp.gate"
        assert torch.equal(after[f"{gate}.weight"], before[f"{gate}.weight"].to(torch.bfloat16))
        assert torch.equal(after[f"{gate}.e_score_correction_bias"], before[f"{gate}.e_score_correction_bias"])
    assert (out / "tokenizer.json").read_bytes() == (source / "tokenizer.json").read_bytes()
