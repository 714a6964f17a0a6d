"""Training: the loss falls, a killed run ends as an uninterrupted one, bad input is named and harms nothing."""

from __future__ import annotations

import json
import math
import os
import pkgutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.sequences import Sequences, ShardError
from winnow.stages.shards.shard import Phase, build_index, write_shard
from winnow.trainer.checkpoint import complete, digest_weights, load_weights
from winnow.trainer.config import ModelConfig, TrainingError
from winnow.trainer.export import export
from winnow.trainer.history import History
from winnow.trainer.loop import Training
from winnow.trainer.model import Transformer
from winnow.trainer.optimizer import OptimizerConfig
from winnow.trainer.parallel import World
from winnow.trainer.schedule import Schedule
from winnow.trainer.settings import RunConfig
from winnow.trainer.train import main

Trainer = Callable[..., Training]


@pytest.fixture
def training(shards: Workspace, tiny: ModelConfig) -> Trainer:
    """Makes a run of 12 steps over the two phases of the test shards."""

    def make(out: Path, **changes: object) -> Training:
        config = RunConfig(
            model=tiny,
            schedule=Schedule(steps=12, batch_warmup=0.5),
            optimizer=OptimizerConfig(learning_rate=0.01),
            batch_tokens=256,
            micro_tokens=128,
            held_out=0.1,
            checkpoint_every=3,
        )
        return Training(shards.path(""), out, replace(config, **changes), World())

    return make


def test_the_loss_falls_over_both_phases_and_the_base_changes(training: Trainer, tmp_path: Path) -> None:
    run = training(tmp_path)
    run.run()
    notes = list(run.history)
    assert [note["step"] for note in notes] == list(range(12))
    assert notes[-1]["loss"] < notes[0]["loss"] - 1.0
    assert {(note["phase"], note["rotary_base"]) for note in notes} == {("length-32", 1e4), ("length-64", 1e6)}
    for note in notes:
        assert sum(tokens for _, tokens in note["sources"].values()) <= note["tokens"]
        mean = sum(loss * tokens for loss, tokens in note["sources"].values())
        assert mean / sum(tokens for _, tokens in note["sources"].values()) == pytest.approx(note["loss"], rel=1e-5)
        assert len(note["max_violation"]) == len(note["loads"]) == 3
    assert len(complete(tmp_path / "checkpoints")) == run.config.keep


def test_micro_batches_and_checkpointing_change_nothing_but_rounding(training: Trainer, tmp_path: Path) -> None:
    losses = []
    for name, changes in (("a", {}), ("b", {"micro_tokens": 32}), ("c", {"checkpoint_activations": True})):
        run = training(tmp_path / name, schedule=Schedule(steps=4), **changes)
        run.run()
        losses.append([note["loss"] for note in run.history])
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)
    assert losses[2] == losses[0]


KILLS = {
    "before the first checkpoint": ("winnow.trainer.loop.clip_gradients", 2, "before", 0),
    "in a step, between its gradients and its update": ("winnow.trainer.loop.clip_gradients", 5, "before", 3),
    "in a step, between its update and the routers' correction": ("winnow.trainer.loop.correct", 14, "before", 3),
    "after a step, before it is noted": ("winnow.trainer.history.History.append", 5, "before", 3),
    "after a step is noted, before its checkpoint": ("winnow.trainer.history.History.append", 6, "after", 3),
    "while a checkpoint is written": ("winnow.trainer.checkpoint.dcp.save", 2, "before", 3),
    "with a checkpoint's tensors written and its state not": ("winnow.trainer.checkpoint.dcp.save", 2, "after", 3),
    "before a checkpoint gets its name": ("winnow.trainer.checkpoint.os.replace", 2, "before", 3),
    "after a checkpoint got its name": ("winnow.trainer.checkpoint.os.replace", 2, "after", 6),
    "while the oldest checkpoint is removed": ("winnow.trainer.checkpoint.shutil.rmtree", 7, "before", 9),
}
"""Where a run is killed: the function, its how manieth call, on which side of it, and the step to go on from."""


def test_killed_at_any_point_it_goes_on_to_the_same_losses_and_weights(training: Trainer, tmp_path: Path) -> None:
    whole = training(tmp_path / "whole")
    whole.run()
    for number, (point, (place, call, side, steps)) in enumerate(KILLS.items()):
        out = tmp_path / str(number)
        child = os.fork()
        if child == 0:
            die_at(place, call, side)
            training(out).run()
            os._exit(0)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, f"{point}: it wasn't killed"
        with (out / "steps.jsonl").open("a") as stream:
            stream.write('{"step": 5, "lo')  # as a crash in the middle of a line would leave it
        again = training(out)
        assert again.resume() == (steps > 0) and again.progress.steps == steps, point
        again.run()
        assert [note["step"] for note in again.history] == list(range(12)), point
        losses = [[note["loss"] for note in run.history] for run in (whole, again)]
        assert losses[0] == losses[1], point
        assert digest_weights(whole.model) == digest_weights(again.model), point
        assert [path.name for path in complete(out / "checkpoints")] == ["step-00000009", "step-00000012"], point
    fresh = Transformer(whole.config.model)
    load_weights(complete(out / "checkpoints")[-1], fresh)
    assert digest_weights(fresh) == digest_weights(whole.model)


def die_at(place: str, call: int, side: str) -> None:
    """Kills this process before or after the n-th call of a function, given by the path that its callers use."""
    owner_path, _, name = place.rpartition(".")
    owner = pkgutil.resolve_name(owner_path)
    original, calls = getattr(owner, name), count(1)

    def deadly(*arguments: object, **options: object) -> object:
        last = next(calls) == call
        if last and side == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*arguments, **options)
        if last:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, deadly)


def test_shards_of_another_tokenizer_of_the_same_size_are_refused(
    training: Trainer, shards: Workspace, tmp_path: Path
) -> None:
    shards.write_bytes("tokenizer", b"another model with as many pieces")
    with pytest.raises(TrainingError, match=r"tokenizer has digest \w{32}, the shards were encoded with .* digest t0"):
        training(tmp_path)


def test_a_run_from_an_exported_checkpoint_is_the_run_from_its_weights(
    training: Trainer, shards: Workspace, tiny: ModelConfig, tmp_path: Path
) -> None:
    """The recipe is half the manifest's and half the command line's, which says what it changes."""
    recipe = {"steps": 12, "batch_tokens": 512, "batch_start": 64, "batch_growth": 960, "checkpoint_every": 3}
    recipe["turn"] = {"share": 0.65, "balance_rate": 0.0, "prediction_weight": 0.1}
    shards.write_bytes("lock.json", json.dumps({"manifest": {"training": recipe}}).encode())
    whole = training(tmp_path / "whole")
    whole.run()
    export(Transformer(tiny).initialise(whole.config.seed), tmp_path / "exported")
    arguments = ["--weights", str(tmp_path / "exported"), "--unchecked-tokenizer", "--seed", "7"]
    arguments += ["--learning-rate", "0.01", "--batch-tokens", "256", "--micro-tokens", "128", "--held-out", "0.1"]
    place = ["--run", shards.path(""), "--out", str(tmp_path / "out"), "--device", "cpu", "--no-export"]
    result = CliRunner().invoke(main, [*place, *arguments])
    assert result.exit_code == 0, result.output
    assert "batch_tokens 256 in place of the manifest's 512" in result.output
    assert "steps" not in result.output.partition("step ")[0].replace("batch_tokens", "")
    losses = [[note["loss"] for note in History(tmp_path / name / "steps.jsonl")] for name in ("whole", "out")]
    assert losses[0] == losses[1]


def test_changed_shards_are_refused_with_the_name_and_both_digests(
    training: Trainer, shards: Workspace, tmp_path: Path
) -> None:
    training(tmp_path, schedule=Schedule(steps=3)).run()
    shards.write_bytes("lock.json", b'{"run": 2}\n')
    with pytest.raises(TrainingError, match=r"lock\.json changed since step-00000003 was written: digest \w{32} then"):
        training(tmp_path).resume()


def test_another_plan_of_steps_is_refused_and_what_changes_no_batch_is_not(training: Trainer, tmp_path: Path) -> None:
    training(tmp_path).run()
    with pytest.raises(TrainingError, match="trained with batch_tokens 256, asked for 512"):
        training(tmp_path, batch_tokens=512).resume()
    assert training(tmp_path, micro_tokens=64, keep=1).resume()


def test_a_loss_that_is_no_number_names_the_step_and_keeps_the_last_good_checkpoint(
    training: Trainer, tmp_path: Path
) -> None:
    run = training(tmp_path)

    def spoil(note: dict[str, object]) -> None:
        if note["step"] == 4:
            with torch.no_grad():
                run.model.lm_head.weight[3, 3] = float("nan")

    with pytest.raises(TrainingError, match=r"step 5: .* no longer a number .* of phase 'length-32'"):
        run.run(spoil)
    assert [path.name for path in complete(tmp_path / "checkpoints")] == ["step-00000003"]
    again = training(tmp_path)
    assert again.resume() and again.progress.steps == 3
    again.run()
    assert len(list(again.history)) == 12


def test_a_truncated_shard_is_named_and_the_checkpoint_stays(
    training: Trainer, shards: Workspace, tmp_path: Path
) -> None:
    shard = Path(shards.path("shards/length-64/part-00000.parquet"))
    shard.write_bytes(shard.read_bytes()[:-100])
    with pytest.raises(ShardError, match=r"length-64/part-00000\.parquet: truncated"):
        training(tmp_path).run()
    assert complete(tmp_path / "checkpoints")


def test_a_checkpoint_cut_short_is_named(training: Trainer, tmp_path: Path) -> None:
    training(tmp_path, schedule=Schedule(steps=3)).run()
    newest = complete(tmp_path / "checkpoints")[-1]
    for part in newest.glob("*.safetensors"):
        part.write_bytes(part.read_bytes()[:100])
    with pytest.raises(TrainingError, match=r"step-00000003/tensors-00000\.safetensors is damaged"):
        training(tmp_path, schedule=Schedule(steps=3)).resume()


def test_mistakes_on_the_command_line_end_with_a_line_not_a_traceback(shards: Workspace, tmp_path: Path) -> None:
    place = ["--out", str(tmp_path / "out"), "--device", "cpu", "--no-export"]
    for arguments, wanted in (
        (["--run", str(tmp_path)], "isn't there: build the run first"),
        (["--run", shards.path(""), "--steps", "1"], "1 steps are too few for 2 phases"),
        (
            ["--run", shards.path(""), "--phases", "length-32,lenght-64"],
            "no phase 'lenght-64'; did you mean 'length-64'?",
        ),
        (["--run", shards.path(""), "--phases", "none"], "there are length-32, length-64"),
    ):
        result = CliRunner().invoke(main, [*arguments, *place])
        assert result.exit_code == 1 and wanted in result.output and "Traceback" not in result.output


def test_the_documented_way_to_start_several_processes_reaches_the_trainer(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "trainer.md").read_text()
    documented = next(line for line in page.splitlines() if line.startswith("torchrun "))
    assert "-m winnow.trainer.train -- --run " in documented
    torchrun = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--nproc-per-node",
        "1",
        "-m",
        "winnow.trainer.train",
        "--",
    ]
    arguments = ["--run", str(tmp_path), "--out", str(tmp_path / "out"), "--device", "cpu"]
    result = subprocess.run([*torchrun, *arguments], capture_output=True, text=True, cwd=tmp_path)
    assert "isn't there: build the run first" in result.stderr and "ambiguous option" not in result.stderr


def test_sequences_of_one_token_documents_train_beside_others(
    tiny: ModelConfig, pack: Callable[..., Sequences], tmp_path: Path
) -> None:
    workspace = Workspace(str(tmp_path / "run"))
    rows = [[16] if row % 2 else [1] * 16 for row in range(16)]
    write_shard(workspace, "shards/p/00000.parquet", pack(rows))
    phases = [Phase(name="p", length=16, rotary_base=1e4)]
    tokenizer = {"path": "", "digest": "", "vocabulary_size": tiny.vocab_size}
    build_index(workspace, stage="mid", dtype=np.uint16, tokenizer=tokenizer, phases=phases)
    config = RunConfig(model=tiny, schedule=Schedule(steps=2), batch_tokens=64, micro_tokens=16)
    notes = []
    Training(workspace.path(""), tmp_path / "out", config, World()).run(notes.append)
    assert len(notes) == 2 and all(math.isfinite(note["loss"]) for note in notes)
