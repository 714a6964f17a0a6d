"""Checkpoints on disk: any flipped bit is refused by the name of its file, and nothing that lies there is run."""

from __future__ import annotations

import json
import os
import pickle
import random
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from winnow.stages.run.workspace import Workspace
from winnow.trainer import checkpoint, storage
from winnow.trainer.config import ModelConfig, TrainingError
from winnow.trainer.loop import Training
from winnow.trainer.optimizer import OptimizerConfig
from winnow.trainer.parallel import World
from winnow.trainer.schedule import Schedule
from winnow.trainer.settings import RunConfig

FLIPS = 300


def begun(shards: Workspace, tiny: ModelConfig, out: Path) -> Training:
    config = RunConfig(
        model=tiny,
        schedule=Schedule(steps=2, batch_warmup=0.5),
        optimizer=OptimizerConfig(learning_rate=0.01),
        batch_tokens=128,
        micro_tokens=128,
        held_out=0.1,
        checkpoint_every=1,
    )
    return Training(shards.path(""), out, replace(config), World())


@pytest.fixture
def written(shards: Workspace, tiny: ModelConfig, tmp_path: Path) -> Path:
    """The last checkpoint of a run of two steps."""
    begun(shards, tiny, tmp_path).run()
    return checkpoint.complete(tmp_path / "checkpoints")[-1]


def test_every_flipped_bit_and_missing_file_is_refused_by_name(written: Path) -> None:
    files = sorted(path for path in written.iterdir())
    assert [path.name for path in files] == ["digests", "layout.json", "state.json", "tensors-00000.safetensors"]
    checkpoint.check(written, World())
    chance = random.Random(0)
    for number in range(FLIPS):
        path = files[number % len(files)]
        content = path.read_bytes()
        place = chance.randrange(len(content))
        path.write_bytes(content[:place] + bytes([content[place] ^ 1 << chance.randrange(8)]) + content[place + 1 :])
        with pytest.raises(TrainingError) as refused:
            checkpoint.check(written, World())
        assert str(refused.value).startswith(f"{path} is damaged"), (path.name, place)
        path.write_bytes(content)
    for path in files:
        content = path.read_bytes()
        path.unlink()
        with pytest.raises(TrainingError, match=path.name):
            checkpoint.check(written, World())
        path.write_bytes(content)


@pytest.mark.parametrize("name", ["digests", "layout.json", "state.json", "tensors-00000.safetensors"])
def test_a_damaged_checkpoint_is_neither_resumed_nor_exported(
    shards: Workspace, tiny: ModelConfig, written: Path, name: str
) -> None:
    path = written / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    out = written.parents[1]
    with pytest.raises(TrainingError, match=f"{name} is damaged"):
        begun(shards, tiny, out).resume()
    from winnow.trainer.export import export_run

    with pytest.raises(TrainingError, match=f"{name} is damaged"):
        export_run(shards.path(""), out)
    assert not (out / "huggingface").exists()
    shutil.rmtree(written)
    again = begun(shards, tiny, out)
    assert again.resume() and again.progress.steps == 1  # as the message says


class Program:
    """Pickled, it runs a program where it is read."""

    def __init__(self, ran: Path) -> None:
        self.ran = ran

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.ran}",)


def test_nothing_in_a_checkpoint_is_unpickled(
    shards: Workspace, tiny: ModelConfig, written: Path, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    hostile = pickle.dumps(Program(ran))
    pickle.loads(hostile)
    assert ran.exists(), "the trap itself works"
    ran.unlink()
    for name in (".metadata", "__0_0.distcp", "tensors-00001.safetensors"):
        (written / name).write_bytes(hostile)
    assert begun(shards, tiny, tmp_path).resume()
    for name in ("layout.json", "state.json", "tensors-00000.safetensors"):
        content = (written / name).read_bytes()
        (written / name).write_bytes(hostile)
        told = {file: storage.digest_of(written / file) for file in storage.read_digests(written)}
        storage.write_digests(written, told)  # a stranger's own checkpoint has right digests
        with pytest.raises(TrainingError):
            begun(shards, tiny, tmp_path).resume()
        (written / name).write_bytes(content)
    assert not ran.exists()


def test_a_layout_leads_to_no_file_outside(shards: Workspace, tiny: ModelConfig, written: Path) -> None:
    text = (written / "layout.json").read_text().replace("tensors-00000.safetensors", "../../secret.safetensors")
    (written / "layout.json").write_text(text)
    told = {file: storage.digest_of(written / file) for file in storage.read_digests(written)}
    storage.write_digests(written, told)
    with pytest.raises(TrainingError, match="no file of a checkpoint"):
        begun(shards, tiny, written.parents[1]).resume()


def test_a_checkpoint_of_an_earlier_version_is_refused_in_one_line(
    shards: Workspace, tiny: ModelConfig, written: Path
) -> None:
    (written / "digests").unlink()
    with pytest.raises(TrainingError, match=r"digests is missing: .* of a version whose checkpoints can't be checked"):
        begun(shards, tiny, written.parents[1]).resume()


def test_the_layout_tells_where_each_tensor_lies(tiny: ModelConfig, shards: Workspace, written: Path) -> None:
    layout = json.loads((written / "layout.json").read_text())["tensors"]
    training = begun(shards, tiny, written.parents[1])
    assert training.resume()
    for name, tensor in training.model.state_dict().items():
        told = layout[f"model.{name}"]
        assert (told["shape"], told["dtype"]) == (list(tensor.shape), str(tensor.dtype).removeprefix("torch."))
        (piece,) = told["pieces"]
        with safe_open(written / piece["file"], framework="pt") as file:
            assert torch.equal(file.get_tensor(piece["key"]), tensor)
