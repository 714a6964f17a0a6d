"""The plan of a cluster: counts agree with the model itself, the founding plan's example comes out, Megatron loads the layout."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from winnow.trainer import budget
from winnow.trainer.budget import Layout, Parameters
from winnow.trainer.command import main
from winnow.trainer.config import PRESETS, ModelConfig, TrainingError
from winnow.trainer.model import Transformer
from winnow.trainer.pipeline_parallel import Stage


def counted(model: ModelConfig, stage: int = 0, stages: int = 1) -> Parameters:
    """Of a model, or of a stage of it, that is made, on no device."""
    with torch.device("meta"):
        made = Transformer(model)
    if stages > 1:
        made = Stage(made, stage, stages)
    kinds = {"matrices": 0, "experts": 0, "tables": 0, "vectors": 0}
    for name, parameter in made.named_parameters():
        table = name.startswith(("embed_tokens", "lm_head"))
        kind = (
            "tables"
            if table
            else "experts"
            if parameter.ndim == 3
            else "matrices"
            if parameter.ndim == 2
            else "vectors"
        )
        kinds[kind] += parameter.numel()
    return Parameters(**kinds)


@pytest.mark.parametrize("name", PRESETS)
def test_parameters_are_the_models(name: str) -> None:
    model = PRESETS[name]
    assert budget.parameters(model) == counted(model)
    for pipeline in (2, 3):
        split = [held for held, _, _ in budget.stages(model, pipeline)]
        assert split == [counted(model, stage, pipeline) for stage in range(pipeline)]
        copied = model.vocab_size * model.hidden_size  # the last stage's embedding
        assert sum(held.total for held in split) == counted(model).total + copied


def test_activations_are_what_the_backward_pass_is_given() -> None:
    """Every product's and norm's input of one layer, counted by hand at a size where each is another number."""
    model = ModelConfig(
        vocab_size=10, hidden_size=1_000, intermediate_size=30, moe_intermediate_size=7, num_hidden_layers=2,
        first_k_dense_replace=1, num_nextn_predict_layers=0, num_attention_heads=4, num_key_value_heads=2, head_dim=100,
        n_routed_experts=8, num_experts_per_tok=3,
    )  # fmt: skip
    attention = 1_000 + 1_000 + 400 + 200 + 200 + 400
    assert budget.token_bytes(model, sparse=False) == 2 * (attention + 1_000 + 1_000 + 3 * 30)
    assert budget.token_bytes(model, sparse=True) == 2 * (attention + 1_000 + 1_000 + 3 * (1_000 + 1_000 + 21) + 21)
    assert budget.cache_bytes(model, 50) == 2 * 2 * 2 * 100 * 2 * 50


def test_each_kind_of_parallelism_takes_its_share_of_the_memory() -> None:
    model = PRESETS["glm-4.6"]
    one = budget.memory(model, Layout(gpus=1))
    assert one.parameters == 2 * budget.parameters(model).total and one.gradients == 2 * one.parameters
    assert budget.memory(model, Layout(gpus=64)).states == pytest.approx(one.states / 64)
    assert budget.memory(model, Layout(gpus=160, expert=160)).parameters < one.parameters / 15
    assert budget.memory(model, Layout(gpus=8, tensor=8)).activations == pytest.approx(one.activations / 8)
    piped = budget.memory(model, Layout(gpus=4, pipeline=4))
    assert one.parameters / 4.2 < piped.parameters < one.parameters / 3.7
    long = budget.memory(model, Layout(gpus=4, pipeline=4, length=1 << 17))  # the first stage is the fullest
    layers = 3 * budget.token_bytes(model, sparse=False) + 20 * budget.token_bytes(model, sparse=True)
    assert long.activations == pytest.approx(4 * layers * (1 << 17))  # a quarter of the layers, four times in flight
    assert budget.memory(model, Layout(gpus=1, recompute=True)).activations < one.activations / 20
    with pytest.raises(TrainingError, match="160 experts aren't a multiple of ep"):
        budget.memory(model, Layout(gpus=7, expert=7))


def test_the_missions_example_comes_out(tmp_path: Path) -> None:
    """23T tokens at 40 % of an H800's peak: the founding plan says 3.0 M GPU-hours and $9.1 M."""
    result = CliRunner().invoke(main, ["plan", "--megatron", str(tmp_path / "megatron.json")])
    assert result.exit_code == 0, result.output
    whole, bare = (float(hours) for hours in re.findall(r"([\d.]+) M GPU-hours", result.output))
    assert bare == pytest.approx(3.0, rel=0.15)  # it counts 32 B parameters a token, without the prediction layer
    assert float(re.findall(r"\$([\d,]+)", result.output)[-1].replace(",", "")) == pytest.approx(9.1e6, rel=0.15)
    assert whole > bare
    assert "23.00T" in result.output and "activations" in result.output
    config = json.loads((tmp_path / "megatron.json").read_text())
    transformer_config = pytest.importorskip("megatron.core.transformer.transformer_config")
    for name in ("params_dtype", "pipeline_dtype"):
        config[name] = getattr(torch, config[name])
    loaded = transformer_config.TransformerConfig(**config)
    assert (loaded.num_layers, loaded.num_moe_experts, loaded.moe_router_topk) == (92, 160, 8)


@pytest.mark.parametrize("wrong", ["mid=7X@4096", "mid", "mid=7T"])
def test_a_stage_that_is_none_is_named(wrong: str) -> None:
    result = CliRunner().invoke(main, ["plan", "--stage", wrong])
    assert result.exit_code == 1 and f"{wrong!r} is not NAME=TOKENS@LENGTH" in result.output


def test_options_alone_are_those_of_training(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["--run", str(tmp_path), "--out", str(tmp_path / "out"), "--device", "cpu"])
    assert result.exit_code == 1 and "isn't there: build the run first" in result.output
    assert "plan" in CliRunner().invoke(main, ["--help"]).output
