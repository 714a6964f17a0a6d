"""Export: Hugging Face's own model gives our logits, bit for bit, and each part of the model matters to them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM
from transformers.modeling_layers import MtpModel

from winnow.stages.shards.sequences import Sequences
from winnow.trainer.batch import make_batch
from winnow.trainer.config import ModelConfig, TrainingError
from winnow.trainer.evaluate import score
from winnow.trainer.export import export, import_checkpoint
from winnow.trainer.model import Transformer

Maker = Callable[..., Transformer]
Packer = Callable[..., Sequences]


def their_logits(folder: Path, sequences: Sequences, dtype: torch.dtype) -> torch.Tensor:
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval()
    with torch.no_grad():
        ids = torch.from_numpy(sequences.input_ids.astype("int64"))
        return model(ids, use_cache=False).logits.flatten(0, 1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("qk_norm", [True, False])
def test_transformers_gives_the_same_logits_bit_for_bit(
    tiny: ModelConfig, make_model: Maker, pack: Packer, tmp_path: Path, dtype: torch.dtype, qk_norm: bool
) -> None:
    model = make_model(replace(tiny, use_qk_norm=qk_norm)).to(dtype)
    export(model, tmp_path)
    sequences = pack([[48], [48]])
    with torch.no_grad():
        ours = model.logits(make_batch(sequences))
    theirs = their_logits(tmp_path, sequences, dtype)
    assert ours.dtype == theirs.dtype == dtype
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize("control", ["correction bias", "query and key norms", "partial rotary", "expert scale"])
def test_each_part_of_the_model_changes_the_logits(
    tiny: ModelConfig, make_model: Maker, pack: Packer, tmp_path: Path, control: str
) -> None:
    model = make_model(tiny)
    sequences = pack([[48], [48]])
    with torch.no_grad():
        ours = model.logits(make_batch(sequences))
    if control == "correction bias":
        for router in model.routers:
            router.e_score_correction_bias.zero_()
    export(model, tmp_path)
    content = json.loads((tmp_path / "config.json").read_text())
    if control == "query and key norms":
        content["use_qk_norm"] = False
    if control == "partial rotary":
        content["rope_parameters"]["partial_rotary_factor"] = content["partial_rotary_factor"] = 1.0
    if control == "expert scale":
        content["routed_scaling_factor"] = 1.0
    (tmp_path / "config.json").write_text(json.dumps(content))
    assert (ours - their_logits(tmp_path, sequences, torch.float32)).abs().max() > 0.1


def test_transformers_gives_the_same_logits_two_tokens_ahead(
    tiny: ModelConfig, make_model: Maker, pack: Packer, tmp_path: Path
) -> None:
    """At 46 layers, one of the two depths at which stock transformers looks for a prediction layer."""
    model = make_model(replace(tiny, num_hidden_layers=46, first_k_dense_replace=44, initializer_range=0.1))
    export(model, tmp_path)
    sequences = pack([[48]])
    with torch.no_grad():
        ours = model.logits_ahead(make_batch(sequences))
        main = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32).eval()
        ids = torch.from_numpy(sequences.input_ids.astype("int64"))
        state = main.model(ids, use_cache=False).last_hidden_state[:, :-1]
        ahead = MtpModel.from_pretrained(main).eval()
        theirs = main.lm_head(ahead.forward_layer(0, state, torch.arange(1, 48)[None], None, input_ids=ids[:, 1:]))[0]
    assert (ours - theirs).abs().max() <= 1e-6 * theirs.abs().max()


def test_an_exported_checkpoint_comes_back_as_it_was(tiny: ModelConfig, make_model: Maker, tmp_path: Path) -> None:
    model = make_model(tiny)
    model.rotary.base = 1_000_000.0
    export(model, tmp_path)
    back = import_checkpoint(tmp_path)
    assert back.config == replace(tiny, rope_theta=1_000_000.0)
    assert back.rotary.base == 1_000_000.0
    ours, theirs = model.state_dict(), back.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_what_transformers_saved_comes_back_without_the_prediction_layer(
    tiny: ModelConfig, make_model: Maker, pack: Packer, tmp_path: Path
) -> None:
    model = make_model(tiny)
    export(model, tmp_path / "ours")
    AutoModelForCausalLM.from_pretrained(tmp_path / "ours").save_pretrained(tmp_path / "theirs")
    back = import_checkpoint(tmp_path / "theirs")
    assert back.prediction is None
    sequences = pack([[20]])
    with torch.no_grad():
        assert torch.equal(back.logits(make_batch(sequences)), model.logits(make_batch(sequences)))
    told = score(back, iter([sequences]))
    assert told["loss"] == score(model, iter([sequences]))["loss"] and told["loss_ahead"] == 0


def test_large_models_are_written_in_several_files(
    tiny: ModelConfig, make_model: Maker, pack: Packer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("winnow.trainer.export.SHARD_BYTES", 40_000)
    model = make_model(tiny)
    export(model, tmp_path)
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 3
    sequences = pack([[20]])
    with torch.no_grad():
        assert torch.equal(model.logits(make_batch(sequences)), their_logits(tmp_path, sequences, torch.float32))
    assert torch.equal(import_checkpoint(tmp_path).lm_head.weight, model.lm_head.weight)


def test_a_folder_that_is_no_such_checkpoint_is_refused(tiny: ModelConfig, make_model: Maker, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"config\.json can't be read"):
        import_checkpoint(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(TrainingError, match="not 'glm4_moe'"):
        import_checkpoint(tmp_path)
    export(make_model(tiny), tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"short")
    with pytest.raises(TrainingError, match="safetensors can't be read"):
        import_checkpoint(tmp_path)
