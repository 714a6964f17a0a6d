"""The reward model learns what pairs tell, says how sure it is, and loads without Winnow."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from click.testing import CliRunner
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from winnow.stages import preferences
from winnow.stages.document import DOCUMENT, document_id
from winnow.stages.handoff.rows import pairs as stored_pairs
from winnow.stages.run.workspace import Workspace
from winnow.trainer.alignment.reward import (
    Pair,
    RewardConfig,
    body_states,
    evaluate_reward,
    make_reward_model,
    read_pairs,
    save_reward,
    split,
    train_reward,
)
from winnow.trainer.alignment.reward_model import LIMIT, RewardModel
from winnow.trainer.command import main
from winnow.trainer.config import ModelConfig, TrainingError
from winnow.trainer.export import export

CONFIG = RewardConfig(heads=3, epochs=8, batch=16, learning_rate=3e-3)


def pairs(count: int, noise: float, seed: int) -> list[Pair]:
    """Answers of small ids are preferred to those of large ones; `noise` of the pairs say the opposite."""
    drawn = np.random.default_rng(seed)
    found = []
    for number in range(count):
        prompt = drawn.integers(0, 64, 3 + number % 5).tolist()
        sides = [[*prompt, *drawn.integers(low, low + 3, 6).tolist()] for low in (0, 60)]
        good, bad = sides[::-1] if drawn.random() < noise else sides
        found.append(Pair(prompt=str(prompt), chosen=good, rejected=bad))
    return found


@pytest.fixture
def exported(tiny: ModelConfig, make_model, tmp_path: Path) -> Path:
    export(make_model(tiny), tmp_path / "exported")
    return tmp_path / "exported"


def test_it_learns_the_preference_and_not_the_noise(exported: Path) -> None:
    learned, held_out = split(pairs(300, noise=0.1, seed=0), 0.2, seed=0)
    assert not {pair.prompt for pair in learned} & {pair.prompt for pair in held_out}
    model = make_reward_model(exported, CONFIG)
    body = {name: tensor.clone() for name, tensor in model.model.state_dict().items()}
    before = evaluate_reward(model, held_out)
    train_reward(model, learned, CONFIG)
    after = evaluate_reward(model, held_out)
    assert before["accuracy"] < 0.75 and after["accuracy"] > 0.8 and after["loss"] < before["loss"]
    assert after["accuracy"] >= min(after["accuracy_of_heads"]) and after["variance"] > 0
    assert after["largest"] <= LIMIT and 0 <= after["calibration_error"] <= 1
    assert all(torch.equal(tensor, body[name]) for name, tensor in model.model.state_dict().items())  # frozen


def test_calibration_is_the_distance_of_confidence_from_truth(exported: Path) -> None:
    """A model that is certain of everything, on pairs of which it gets seven in ten right."""
    model = make_reward_model(exported, RewardConfig(heads=1))
    model.judge = lambda states: states  # type: ignore[method-assign]
    chosen = torch.tensor([[LIMIT]] * 7 + [[-LIMIT]] * 3)
    found = evaluate_reward(model, pairs(10, noise=0, seed=1), (chosen, -chosen))
    assert found["accuracy"] == pytest.approx(0.7) and found["calibration_error"] == pytest.approx(0.3, abs=1e-3)


def test_states_of_all_answers_are_those_of_each_alone(exported: Path) -> None:
    """Answers of many lengths go through the body sorted and in batches."""
    model = make_reward_model(exported, CONFIG)
    some = [Pair(prompt="", chosen=[5] * n, rejected=[6] * (40 - n)) for n in (30, 3, 17, 1, 25, 8)]
    sides = body_states(model, some, size=4)
    for side, name in zip(sides, ("chosen", "rejected"), strict=True):
        for state, pair in zip(side, some, strict=True):
            (alone,), _ = body_states(model, [Pair(prompt="", chosen=getattr(pair, name), rejected=[1])])
            assert torch.allclose(state, alone, atol=1e-5)


def test_padding_changes_no_reward(exported: Path) -> None:
    model = make_reward_model(exported, CONFIG)
    ids = torch.tensor([[5, 6, 7]])
    alone = model(input_ids=ids).rewards
    padded = torch.tensor([[5, 6, 7, 0, 0]]), torch.tensor([[1, 1, 1, 0, 0]])
    assert torch.allclose(model(input_ids=padded[0], attention_mask=padded[1]).rewards, alone, atol=1e-5)
    left = torch.tensor([[0, 0, 5, 6, 7]]), torch.tensor([[0, 0, 1, 1, 1]])
    assert torch.isfinite(model(input_ids=left[0], attention_mask=left[1]).rewards).all()


def test_the_whole_model_learns_where_asked(exported: Path) -> None:
    config = RewardConfig(heads=1, epochs=1, frozen=False, batch=8)
    model = make_reward_model(exported, config)
    before = model.model.embed_tokens.weight.clone()
    train_reward(model, pairs(16, noise=0, seed=2), config)
    assert not torch.equal(before, model.model.embed_tokens.weight)


def test_transformers_loads_it_by_the_code_beside_it(exported: Path, tmp_path: Path) -> None:
    model = make_reward_model(exported, CONFIG)
    (exported / "tokenizer.json").write_text("{}")
    save_reward(model, exported, tmp_path / "saved")
    loaded = AutoModelForSequenceClassification.from_pretrained(tmp_path / "saved", trust_remote_code=True)
    assert type(loaded) is not RewardModel and type(loaded).__module__ in sys.modules
    ids = torch.tensor([[1, 2, 3, 4], [9, 8, 7, 6]])
    with torch.no_grad():
        assert torch.allclose(loaded(input_ids=ids).logits, model(input_ids=ids).logits, atol=1e-5)
    assert loaded(input_ids=ids).logits.shape == (2, 1) and loaded.config.num_labels == 1
    assert (tmp_path / "saved" / "tokenizer.json").exists()


def test_too_few_pairs_are_refused() -> None:
    with pytest.raises(TrainingError, match="0 pairs are too few"):
        read_pairs([], None, 10)


def test_a_run_of_pairs_becomes_a_reward_model_on_the_command_line(source: Path, tmp_path: Path) -> None:
    run = Workspace(str(tmp_path / "run"))
    talks = [
        {
            "messages": [
                {"role": "user", "content": f"q {n}"},
                {"role": "assistant", "content": "aaaa", "reasoning": "r"},
            ],
            "tools": [],
            "rejected": [{"role": "assistant", "content": "zzzz"}],
        }
        for n in range(12)
    ]
    rows = [
        {"id": document_id("t", "p", str(n)), "text": "t", "source": "t", "kind": "conversations", "locator": str(n),
         "messages": json.dumps(talk)}
        for n, talk in enumerate(talks)
    ]  # fmt: skip
    run.write_table("documents/t-00000.parquet", pa.Table.from_pylist(rows, schema=DOCUMENT))
    for unit in preferences.preference_units(["t-00000"], seed=1):
        preferences.emit_part(run, unit)
    arguments = [
        "reward",
        "--run",
        run.path(""),
        "--model",
        str(source),
        "--out",
        str(tmp_path / "out"),
        "--epochs",
        "2",
    ]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert "held-out pairs: accuracy" in result.output
    told = json.loads((tmp_path / "out" / "reward.json").read_text())
    assert told["learned"] + told["after"]["pairs"] == 12 and len(told["after"]["accuracy_of_heads"]) == 3
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    found = read_pairs(list(stored_pairs(run)), tokenizer, 1_000)[0]
    text = tokenizer.decode(found.chosen)
    assert text.startswith("[gMASK]<sop><|user|>\nq") and text.endswith("<think>r</think>\naaaa")
    assert tokenizer.decode(found.rejected).endswith("<think></think>\nzzzz")
