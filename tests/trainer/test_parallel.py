"""Two and four gloo processes: steps sharded and in experts', tensor and pipeline parallel are one's; a run may change its ranks."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from winnow.stages.run.workspace import Workspace
from winnow.trainer.config import ModelConfig, TrainingError
from winnow.trainer.parallel import World
from winnow.trainer.tensor_parallel import check_tensor_parallel

ROOT = Path(__file__).parents[2]

_STEPS = """
import sys, torch
import torch.distributed as dist
from dataclasses import replace
from torch.distributed.tensor import DTensor
sys.path.insert(0, sys.argv[1])
from conftest import TINY, made, packed
from winnow.trainer.batch import make_batch
from winnow.trainer.objective import Objective, counts_of, gather_gradient, merged
from winnow.trainer.optimizer import OptimizerConfig, make_optimizers
from winnow.trainer.parallel import clip_gradients, joined_world, parallelise, World
from winnow.trainer.pipeline_parallel import Order, Pipeline, Stage
from winnow.trainer.router import correct

torch.set_num_threads(1)
sequences = packed([[9, 23], [32], [5, 5, 22], [16, 3], [7, 7, 7], [1, 1, 2], [30], [12, 12]], mask=True)  # of many lengths
full = lambda t: (t.full_tensor() if isinstance(t, DTensor) else t).detach().clone()

def run(model, world, pipeline):
    optimizers = make_optimizers(model, OptimizerConfig(learning_rate=0.01))
    notes = []
    for turn in range(2):  # the second step is of the weights, states and biases that the first one left
        mine = sequences.select(slice(world.data_rank, None, world.data_size))
        batches = [make_batch(mine.select(slice(i, i + 1)), depths=model.config.num_nextn_predict_layers) for i in range(len(mine))]
        counts = torch.tensor([counts_of(batch) for batch in batches]).sum(dim=0)
        _, count, *ahead = world.sum(counts).tolist()
        objective = Objective(next_count=count, ahead_counts=ahead, prediction_weight=0.3, balance_weight=0.05, sequences=len(sequences))
        found = pipeline.gather_gradient(batches, objective) if pipeline else gather_gradient(model, batches, objective)
        losses, loads = (world.sum_stages(world.sum(part)) for part in (found.losses, found.loads))
        norm = clip_gradients(model, 1e9, world)
        gradients = {name: full(p.grad) for name, p in model.named_parameters()}
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        for router, load in zip(model.routers, loads[model.rows] if pipeline else loads, strict=True):
            correct(router, load, 0.01)
        notes.append((gradients, {name: full(value) for name, value in model.state_dict().items()}, loads, norm, losses,
            merged(world.gather(dict(found.sources))[:: world.tensor])))
    return notes

def compare(alone, together, limit):
    for name in together[0]:
        error = (alone[0][name] - together[0][name]).abs().max().item()
        assert error <= limit, (name, "gradient", error)
    for name in together[1]:
        error = (alone[1][name] - together[1][name]).abs().max().item()
        assert error <= 20 * limit, (name, "after a step", error)
    assert torch.equal(alone[2], together[2]), "expert loads differ"
    assert abs(alone[3] - together[3]) < 1e-5 * alone[3], (alone[3], together[3])
    assert ((alone[4] - together[4]).abs() <= 1e-5 * alone[4]).all(), (alone[4], together[4])
    assert alone[5].keys() == together[5].keys() and all(abs(alone[5][k][0] - together[5][k][0]) < 1e-5 for k in alone[5])

with joined_world("cpu") as joined:
    alones = {}
    for layout in sys.argv[2:]:
        depths, stages, tensor_parallel, expert_parallel, order, limit = layout.split(",")
        config = replace(TINY, num_hidden_layers=5, num_nextn_predict_layers=int(depths), num_key_value_heads=4)
        alone = alones.get(depths) or run(made(config), World(), None)
        alones[depths] = alone
        world = joined.split(int(tensor_parallel), int(stages))
        model = made(config)
        if order:
            model = Stage(model, world.stage, world.stages)
        parallelise(model, world, expert_parallel=int(expert_parallel))
        together = run(model, world, Pipeline(model, world, Order(order)) if order else None)
        for mine, whole in zip(together, alone, strict=True):
            compare(whole, mine, float(limit))
        names = sorted(set().union(*world.gather(list(model.state_dict()))))
        assert names == sorted(alone[0][1]), "a parameter is on no stage"
"""

_TRAINING = """
import sys, torch
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from conftest import TINY
from winnow.trainer.checkpoint import digest_weights
from winnow.trainer.loop import Training
from winnow.trainer.optimizer import OptimizerConfig
from winnow.trainer.parallel import joined_world
from winnow.trainer.schedule import Schedule
from winnow.trainer.settings import RunConfig

torch.set_num_threads(1)
config = RunConfig(model=TINY, schedule=Schedule(steps=6), optimizer=OptimizerConfig(learning_rate=0.01),
    batch_tokens=256, held_out=0.1, checkpoint_every=2, keep=9, multiple=2, expert_parallel=int(sys.argv[4]), tensor_parallel=int(sys.argv[6]), pipeline_parallel=int(sys.argv[7]), micro_tokens=64)
with joined_world("cpu") as world:
    run = Training(sys.argv[2], Path(sys.argv[3]), config, world)
    run.resume()
    run.steps = run.steps[: int(sys.argv[5])]
    run.run()
"""


def launch(script: str, *arguments: str, processes: int, folder: Path) -> None:
    """Runs a script in several processes with the environment that torchrun would give them."""
    path = folder / "script.py"
    path.write_text(script)
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = str(free.getsockname()[1])
    common = {"PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1", "PATH": os.environ["PATH"]}
    world = {"WORLD_SIZE": str(processes), "MASTER_ADDR": "localhost", "MASTER_PORT": port}
    command = [sys.executable, str(path), str(Path(__file__).parent), *arguments]
    started = []
    for rank in range(processes):
        environment = {**common, **world, "RANK": str(rank), "LOCAL_RANK": str(rank)}
        log = (folder / f"rank-{rank}.log").open("w")
        started.append(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log))
    codes = [process.wait(timeout=900) for process in started]
    logs = "\n".join((folder / f"rank-{rank}.log").read_text()[-3000:] for rank in range(processes))
    assert codes == [0] * processes, logs


@pytest.mark.parametrize(
    ("processes", "layouts"),
    [
        (2, ("2,1,1,1,,1e-6", "2,1,1,2,,2e-5", "2,1,2,1,,2e-5", "2,2,1,1,gpipe,2e-5", "0,2,1,1,1f1b,2e-5")),
        (4, ("2,2,2,1,gpipe,2e-5", "2,2,1,2,1f1b,2e-5")),
        pytest.param(4, ("2,1,2,1,,2e-5", "2,1,4,1,,2e-5", "2,4,1,1,1f1b,2e-5"), marks=pytest.mark.slow),
    ],
)
def test_two_steps_are_those_of_one_process(processes: int, layouts: tuple[str, ...], tmp_path: Path) -> None:
    """A layout is prediction layers, stages, ranks that share layers, ranks that share experts, the order of work in a
    pipeline, and how far gradients may be off."""
    launch(_STEPS, *layouts, processes=processes, folder=tmp_path)


@pytest.mark.parametrize(
    "layouts",
    [
        ((2, 2, 1, 1, 2), (2, 1, 2, 1, 4), (2, 1, 1, 2, 5), (1, 1, 1, 1, 6)),
        pytest.param(((4, 1, 2, 1, 2), (1, 1, 1, 1, 3), (4, 1, 1, 2, 5), (2, 2, 1, 1, 6)), marks=pytest.mark.slow),
    ],
    ids=["two", "four"],
)
def test_a_run_goes_on_with_another_number_of_ranks(
    shards: Workspace, tmp_path: Path, layouts: tuple[tuple[int, ...], ...]
) -> None:
    """Six steps alone against six by turns: a turn is ranks, those that share experts, those that share layers, stages of a
    pipeline, and the step that it ends with."""
    from winnow.trainer.history import History

    run = shards.path("")
    launch(_TRAINING, run, str(tmp_path / "alone"), "1", "6", "1", "1", processes=1, folder=tmp_path)
    for processes, experts, tensor, stages, upto in layouts:
        place = (run, str(tmp_path / "mixed"), str(experts), str(upto), str(tensor), str(stages))
        launch(_TRAINING, *place, processes=processes, folder=tmp_path)
    alone, mixed = (list(History(tmp_path / name / "steps.jsonl")) for name in ("alone", "mixed"))
    assert [note["sequences"] for note in mixed] == [note["sequences"] for note in alone]
    assert [note["loss"] for note in mixed] == pytest.approx([note["loss"] for note in alone], rel=1e-3)
    assert [note["sources"].keys() for note in mixed] == [note["sources"].keys() for note in alone]


def test_layouts_that_do_not_divide_up_are_refused_by_name(tiny: ModelConfig) -> None:
    with pytest.raises(TrainingError, match="--tensor-parallel 2 wants a multiple of 2 processes, not 3"):
        World(size=3).split(2)
    with pytest.raises(
        TrainingError, match="--tensor-parallel 2 and --pipeline-parallel 2 wants a multiple of 4 processes"
    ):
        World(size=6).split(2, 2)
    assert World(size=3).split(1) == World(size=3)
    with pytest.raises(TrainingError, match="a pipeline of 4 stages wants a layer for each; the model has 3"):
        tiny.layers_of_stages(4)
    check_tensor_parallel(tiny, 2)
    for name, value in (
        ("num_key_value_heads", 1),
        ("n_routed_experts", 7),
        ("intermediate_size", 63),
        ("moe_intermediate_size", 15),
    ):
        with pytest.raises(
            TrainingError, match=f"--tensor-parallel 2: {name}.* is {value}, which isn't a multiple of 2"
        ):
            check_tensor_parallel(replace(tiny, **{name: value}), 2)
