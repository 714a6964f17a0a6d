"""Going on with a model: its tokenizer must be the shards', its context grows, its optimizers' state may come along."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from safetensors import safe_open
from transformers import AutoConfig

from winnow.stages.run.workspace import Workspace, digest_file
from winnow.stages.shards.sequences import Sequences
from winnow.stages.shards.shard import Phase, build_index, write_shard
from winnow.tokenizer.train import train_model
from winnow.trainer.checkpoint import complete
from winnow.trainer.export import export_run
from winnow.trainer.train import main

VOCABULARY = 512
Packer = Callable[..., Sequences]
Stage = Callable[..., Workspace]


def text(seed: int) -> list[str]:
    words = np.random.default_rng(seed).integers(97, 123, (400, 6))
    return [" ".join("".join(map(chr, word)) for word in words)]


@pytest.fixture
def stage(tmp_path: Path, pack: Packer) -> Stage:
    """A finished run of one phase, with a real tokenizer made from the seed."""

    def make(name: str, length: int, base: float, seed: int = 0) -> Workspace:
        workspace = Workspace(str(tmp_path / name))
        workspace.write_bytes("tokenizer/tokenizer.model", train_model(text(seed), VOCABULARY))
        write_shard(workspace, "shards/p/00000.parquet", pack([[length // 2, length // 2]] * 16, learnable=True))
        tokenizer = {
            "path": "tokenizer/tokenizer.model",
            "digest": digest_file(workspace, "tokenizer/tokenizer.model"),
            "vocabulary_size": VOCABULARY,
        }
        phases = [Phase(name="p", length=length, rotary_base=base)]
        build_index(workspace, stage=name, dtype=np.uint16, tokenizer=tokenizer, phases=phases)
        workspace.write_bytes("lock.json", json.dumps({"manifest": {"stage": name}}).encode())
        return workspace

    return make


def train(run: Workspace, out: Path, *options: str) -> Result:
    place = ["--run", run.path(""), "--out", str(out), "--device", "cpu", "--preset", "tiny", "--steps", "2"]
    result = CliRunner().invoke(main, [*place, "--batch-tokens", "64", "--no-export", *options])
    if result.exit_code == 0:
        export_run(run.path(""), out)  # without evaluation and report, which take longer than the training
    return result


def test_a_longer_stage_starts_from_an_export_and_keeps_its_line(stage: Stage, tmp_path: Path) -> None:
    short, long = stage("pretrain", 32, 1e4), stage("mid", 128, 1e6)
    assert train(short, tmp_path / "one").exit_code == 0
    exported = tmp_path / "one" / "huggingface"
    assert AutoConfig.from_pretrained(exported).max_position_embeddings == 32
    result = train(long, tmp_path / "two", "--weights", str(exported))
    assert result.exit_code == 0, result.output
    assert "context extended from 32 to 128 positions" in result.output
    told = AutoConfig.from_pretrained(tmp_path / "two" / "huggingface")
    assert (told.max_position_embeddings, told.rope_parameters["rope_theta"]) == (128, 1e6)
    line = json.loads((tmp_path / "two" / "huggingface" / "winnow.json").read_text())
    assert [entry["stage"] for entry in line["stages"]] == ["pretrain", "mid"]
    assert line["tokenizer"] == digest_file(long, "tokenizer/tokenizer.model")
    # a shorter stage afterwards takes nothing away
    result = train(stage("sft", 64, 1e4), tmp_path / "three", "--weights", str(tmp_path / "two"))
    assert result.exit_code == 0 and "rotary base 1e+06, which the weights have come to, for p, too" in result.output
    told = AutoConfig.from_pretrained(tmp_path / "three" / "huggingface")
    assert (told.max_position_embeddings, told.rope_parameters["rope_theta"]) == (128, 1e6)
    assert {json.loads(line)["rotary_base"] for line in (tmp_path / "three" / "steps.jsonl").open()} == {1e6}


def test_a_model_of_another_tokenizer_of_the_same_size_is_refused(stage: Stage, tmp_path: Path) -> None:
    first, other = stage("pretrain", 32, 1e4, seed=0), stage("mid", 32, 1e4, seed=1)
    assert train(first, tmp_path / "one").exit_code == 0
    for folder in (tmp_path / "one", tmp_path / "one" / "huggingface"):
        result = train(other, tmp_path / "two", "--weights", str(folder))
        assert result.exit_code == 1 and "was trained with a tokenizer of digest" in result.output, result.output
        assert str(other.path("")) not in result.output and not (tmp_path / "two").exists()
    for file in (tmp_path / "one" / "huggingface").glob("tokenizer*"):
        file.unlink()
    result = train(first, tmp_path / "two", "--weights", str(tmp_path / "one" / "huggingface"))
    assert result.exit_code == 1 and "holds no tokenizer that can be read" in result.output


def test_the_optimizers_state_goes_on_where_asked(stage: Stage, tmp_path: Path) -> None:
    run = stage("pretrain", 32, 1e4)
    assert train(run, tmp_path / "one").exit_code == 0
    assert train(run, tmp_path / "two", "--weights", str(tmp_path / "one"), "--optimizer-state").exit_code == 0
    assert train(run, tmp_path / "three", "--weights", str(tmp_path / "one")).exit_code == 0

    def steps_of_adamw(out: Path) -> float:
        with safe_open(complete(out / "checkpoints")[-1] / "tensors-00000.safetensors", framework="np") as file:
            counts = [name for name in file.keys() if name.endswith(".step@")]  # noqa: SIM118
            return max(float(file.get_tensor(name)) for name in counts)

    assert steps_of_adamw(tmp_path / "two") == 4 and steps_of_adamw(tmp_path / "three") == 2
    weights = str(tmp_path / "two" / "huggingface")
    result = train(run, tmp_path / "four", "--weights", weights, "--optimizer-state")
    assert result.exit_code == 1 and "holds weights alone" in result.output


def test_as_many_prediction_layers_as_asked_are_trained_exported_and_gone_on_with(stage: Stage, tmp_path: Path) -> None:
    run = stage("pretrain", 32, 1e4)
    assert train(run, tmp_path / "one", "--prediction-layers", "2").exit_code == 0
    notes = [json.loads(line) for line in (tmp_path / "one" / "steps.jsonl").open()]
    for note in notes:
        assert note["loss_ahead"] == pytest.approx(sum(note["losses_ahead"]) / 2) and len(note["losses_ahead"]) == 2
        assert len(note["loads"]) == 2 + 2  # sparse layers and prediction layers
    for weights in (tmp_path / "one", tmp_path / "one" / "huggingface"):
        out = tmp_path / f"from-{weights.name}"
        assert train(run, out, "--weights", str(weights)).exit_code == 0
        assert AutoConfig.from_pretrained(out / "huggingface").num_nextn_predict_layers == 2
    result = train(run, tmp_path / "two", "--weights", str(tmp_path / "one"), "--prediction-layers", "3")
    assert result.exit_code == 1 and "has 2, and goes on with those" in result.output
