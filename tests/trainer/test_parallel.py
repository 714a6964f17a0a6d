"""Two and four gloo processes: steps sharded, expert-parallel and tensor-parallel are one's; a run may change its ranks."""

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

_GRADIENTS = """
import sys, torch
from dataclasses import replace
from torch.distributed.tensor import DTensor
sys.path.insert(0, sys.argv[1])
from conftest import TINY, made, packed
from winnow.trainer.batch import make_batch
from winnow.trainer.muon import Muon
from winnow.trainer.optimizer import OptimizerConfig, make_optimizers
from winnow.trainer.parallel import clip_gradients, joined_world, parallelise, World

torch.set_num_threads(1)
TINY = replace(TINY, num_nextn_predict_layers=2, num_key_value_heads=4)
sequences = packed([[9, 23], [32], [5, 5, 22], [16, 16]])
count = sum(len(make_batch(sequences.select(slice(i, i + 1))).next.tokens) for i in range(4))

def run(model, batch, world):
    optimizers = make_optimizers(model, OptimizerConfig(learning_rate=0.01))
    losses = model(batch)
    ((losses.next + 0.3 * losses.ahead.sum()) / count + 1e-4 * losses.balance / 4).backward()
    loads = world.sum(losses.loads)
    norm = clip_gradients(model, 1e9, world)
    full = lambda t: (t.full_tensor() if isinstance(t, DTensor) else t).detach().clone()
    gradients = {name: full(p.grad) for name, p in model.named_parameters()}
    sums = world.sum(torch.stack([losses.next, losses.balance, *losses.ahead]).detach())
    for optimizer in optimizers:
        optimizer.step()
    return gradients, {name: full(p) for name, p in model.named_parameters()}, loads, norm, sums

def compare(alone, together, limit):
    for name in alone[0]:
        for which, label in ((0, "gradient"), (1, "weight after a step")):
            error = (alone[which][name] - together[which][name]).abs().max().item()
            assert error <= limit * (1 if which == 0 else 20), (name, label, error)
    assert torch.equal(alone[2], together[2]), "expert loads differ"
    assert abs(alone[3] - together[3]) < 1e-5, (alone[3], together[3])
    assert (alone[4] - together[4]).abs().max() <= 1e-5 * alone[4].max(), (alone[4], together[4])

with joined_world("cpu") as joined:
    alone = run(made(TINY), make_batch(sequences, depths=2), World())
    for layout in sys.argv[2:]:
        expert_parallel, tensor_parallel, limit = layout.split(",")
        world = joined.split(int(tensor_parallel))
        mine = make_batch(sequences.select(slice(world.data_rank, None, world.data_size)), depths=2)
        together = run(parallelise(made(TINY), world, expert_parallel=int(expert_parallel)), mine, world)
        compare(alone, together, float(limit))
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
    batch_tokens=256, held_out=0.1, checkpoint_every=2, keep=9, multiple=2, expert_parallel=int(sys.argv[4]), tensor_parallel=int(sys.argv[6]))
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
    [(2, ("1,1,1e-6", "2,1,2e-5", "1,2,2e-5")), (4, ("1,2,2e-5", "1,4,2e-5"))],
)
def test_losses_gradients_loads_and_a_step_are_those_of_one_process(
    processes: int, layouts: tuple[str, ...], tmp_path: Path
) -> None:
    """A layout is the ranks that share experts, those that share layers, and how far gradients may be off."""
    launch(_GRADIENTS, *layouts, processes=processes, folder=tmp_path)


def test_a_run_goes_on_with_another_number_of_ranks(shards: Workspace, tmp_path: Path) -> None:
    """Two steps with two ranks sharing experts, two with four in pairs that share layers, one alone, one with two ranks that
    share nothing; against six alone."""
    from winnow.trainer.history import History

    run = shards.path("")
    launch(_TRAINING, run, str(tmp_path / "alone"), "1", "6", "1", processes=1, folder=tmp_path)
    for processes, experts, tensor, upto in ((2, 2, 1, 2), (4, 1, 2, 4), (1, 1, 1, 5), (2, 1, 1, 6)):
        place = (run, str(tmp_path / "mixed"), str(experts), str(upto), str(tensor))
        launch(_TRAINING, *place, processes=processes, folder=tmp_path)
    alone, mixed = (list(History(tmp_path / name / "steps.jsonl")) for name in ("alone", "mixed"))
    assert [note["sequences"] for note in mixed] == [note["sequences"] for note in alone]
    assert [note["loss"] for note in mixed] == pytest.approx([note["loss"] for note in alone], rel=1e-3)
    assert [note["sources"].keys() for note in mixed] == [note["sources"].keys() for note in alone]


def test_layouts_that_do_not_divide_up_are_refused_by_name(tiny: ModelConfig) -> None:
    with pytest.raises(TrainingError, match="--tensor-parallel 2 wants a multiple of 2 processes, not 3"):
        World(size=3).split(2)
    assert World(size=3).split(1) == World(size=3)
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
